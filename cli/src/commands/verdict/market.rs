//! The best trial once more on the bars of this home: without the market's share, at other costs, with other luck inside the bars.

use assay_core::ids::Ordinal;
use assay_core::job::{Aggregate, Execution, Intrabar};
use assay_core::metrics::{Metric, Metrics};
use assay_core::rank::Ranked;
use assay_core::space::Point;
use assay_data::Catalog;
use assay_optimizer::statistics::SharpeEstimate;
use assay_optimizer::verdict::BeyondMarket;
use assay_store::JobRecord;
use assay_strategies::Job;
use assay_strategies::sweep::Sweep;
use assay_worker::Markets;

use super::Cost;
use crate::failure::Failure;
use crate::job;
use crate::local::of_years;

/// Multiples of the costs that are shown.
const MULTIPLES: [f64; 4] = [0.5, 1.0, 2.0, 4.0];
/// The largest multiple at which the end of the profit is looked for.
const LARGEST: f64 = 1024.0;
/// How closely.
const PRECISION: f64 = 1e-3;

/// One instrument of a job on its bars.
struct Instrument {
    job: Job,
    markets: Markets,
}

/// The instruments of a job on their bars.
pub(super) struct Replays {
    catalog: Catalog,
    instruments: Vec<Instrument>,
    aggregate: Aggregate,
}

impl Replays {
    /// Loads the bars that the job's best trial ran on, over the window with this index; an error if this home no longer has them.
    pub(super) fn new(record: &JobRecord, aggregate: Aggregate, window: u32, catalog: &Catalog) -> Result<Self, Failure> {
        let instruments = (0..record.layout.instruments.len()).map(|at| {
            let mut job = job::restore(record, at, catalog)?;
            if let Some(window) = record.layout.windows.get(window as usize) {
                (job.spec.data.from, job.spec.data.to) = (window.from, window.to);
            }
            let markets = Markets::load(&job, catalog)?;
            Ok(Instrument { job, markets })
        });
        Ok(Self {
            catalog: catalog.clone(),
            instruments: instruments.collect::<Result<_, Failure>>()?,
            aggregate,
        })
    }

    /// What makes the numbers of the job other than they look.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        self.instruments.iter().flat_map(|of| of_years(&of.markets))
    }

    /// What computes trials, one an instrument.
    pub(super) fn sweeps(&self) -> impl Iterator<Item = &Sweep> {
        self.instruments.iter().map(|of| of.markets.sweep(0))
    }

    /// What a point does on the data that the job held back, from before it is looked at; `None` without a holdout.
    pub(super) fn held_back(&self, catalog: &Catalog) -> Result<Option<Vec<Markets>>, Failure> {
        let markets = self
            .instruments
            .iter()
            .map(|of| Ok(Markets::load_held_back(&of.job, catalog)?));
        markets.collect()
    }

    /// Metrics of a point on other bars than those of the search, aggregated over the instruments.
    pub(super) fn on(&self, markets: &[Markets], point: &Point) -> Metrics {
        let rows = markets.iter().map(|of| of.sweep(0).run(0, &[(Ordinal(0), point.clone())]));
        let metrics: Vec<Option<Metrics>> = rows.map(|rows| rows[0].metrics().copied()).collect();
        let mut all = Metrics::default();
        for metric in Metric::ALL {
            if let Some(value) = self.value(&metrics, metric) {
                all.set(metric, value);
            }
        }
        all
    }

    /// Returns of a point without the market's share in them: the mean over the instruments.
    pub(super) fn beyond_market(&self, point: &Point) -> Result<BeyondMarket, Failure> {
        let mut all = Vec::new();
        for of in &self.instruments {
            let sweep = of.markets.sweep(0);
            let replay = sweep.replay(point)?;
            let periods = replay.metrics.get(Metric::PeriodsPerYear).unwrap_or(1.0);
            let risk_free = of.job.spec.metrics.risk_free / periods;
            all.push(SharpeEstimate::beyond(
                &replay.returns,
                &sweep.plan().benchmark_returns(),
                risk_free,
            ));
        }
        let known: Option<Vec<SharpeEstimate>> = all.into_iter().collect();
        let Some(known) = known else {
            return Ok(BeyondMarket::Market(None));
        };
        let mean = |of: fn(&SharpeEstimate) -> f64| known.iter().map(of).sum::<f64>() / known.len() as f64;
        Ok(BeyondMarket::Market(known.iter().map(|one| one.observations).min().map(
            |observations| SharpeEstimate {
                sharpe: mean(|one| one.sharpe),
                observations,
                skew: mean(|one| one.skew),
                kurtosis: mean(|one| one.kurtosis),
            },
        )))
    }

    /// A point's trials traded in another way.
    fn run(&self, point: &Point, change: &dyn Fn(&mut Execution)) -> Result<Vec<Option<Metrics>>, Failure> {
        let mut all = Vec::new();
        for of in &self.instruments {
            let mut job = of.job.clone();
            change(&mut job.spec.execution);
            let markets = of.markets.traded_as(&job, &self.catalog)?;
            let rows = markets.sweep(0).run(0, &[(Ordinal(0), point.clone())]);
            all.push(rows[0].metrics().copied());
        }
        Ok(all)
    }

    fn value(&self, metrics: &[Option<Metrics>], metric: Metric) -> Option<f64> {
        self.aggregate
            .over(metrics.iter().map(|of| of.as_ref().and_then(|m| m.get(metric))))
    }

    /// The point at multiples of its costs.
    pub(super) fn costs(&self, point: &Point) -> Result<Vec<Cost>, Failure> {
        let at = |multiple: &f64| {
            let metrics = self.run(point, &|execution| scale(execution, *multiple))?;
            Ok(Cost {
                multiple: *multiple,
                total_return: self.value(&metrics, Metric::TotalReturn),
                sharpe: self.value(&metrics, Metric::Sharpe),
            })
        };
        MULTIPLES.iter().map(at).collect()
    }

    /// Whether the job has costs that can be multiplied: the spread of quotes cannot.
    pub(super) fn has_costs(&self) -> bool {
        self.instruments.iter().any(|of| {
            let e = &of.job.spec.execution;
            let all = [
                e.commission,
                e.commission_fixed,
                e.commission_per_unit,
                e.commission_min,
                e.slippage,
                e.spread,
                e.financing_long,
                e.financing_short,
                e.borrow,
            ];
            all.iter().any(|cost| *cost != 0.0)
        })
    }

    /// The multiple of its costs at which nothing is left of a point's return; `None` if there is something at 1,024 times, or nothing
    /// without any.
    pub(super) fn break_even(&self, point: &Point) -> Result<Option<f64>, Failure> {
        let gains = |multiple: f64| -> Result<bool, Failure> {
            let metrics = self.run(point, &|execution| scale(execution, multiple))?;
            Ok(self.value(&metrics, Metric::TotalReturn).is_some_and(|total| total > 0.0))
        };
        if !gains(0.0)? {
            return Ok(Some(0.0));
        }
        let (mut low, mut high) = (0.0, 1.0);
        while gains(high)? {
            (low, high) = (high, high * 2.0);
            if high > LARGEST {
                return Ok(None);
            }
        }
        while high - low > PRECISION * high {
            let middle = f64::midpoint(low, high);
            if gains(middle)? { low = middle } else { high = middle }
        }
        Ok(Some(low))
    }

    /// Total return if every bar that reaches both stop and target had reached the target first.
    pub(super) fn lucky_bars(&self, point: &Point) -> Result<Option<f64>, Failure> {
        let metrics = self.run(point, &|execution| execution.intrabar = Intrabar::Best)?;
        Ok(self.value(&metrics, Metric::TotalReturn))
    }
}

/// What running the best trial again tells.
pub(super) struct Again {
    pub(super) beyond_market: BeyondMarket,
    pub(super) costs: Vec<Cost>,
    pub(super) break_even: Option<f64>,
    pub(super) has_costs: bool,
    pub(super) lucky_bars: Option<f64>,
}

impl Again {
    pub(super) fn run(replays: &Replays, best: &Ranked, metrics: &Metrics) -> Result<Self, Failure> {
        let point = &best.point;
        let has_costs = replays.has_costs();
        let ambiguous = metrics.get(Metric::AmbiguousBars).is_some_and(|bars| bars > 0.0);
        Ok(Self {
            beyond_market: replays.beyond_market(point)?,
            costs: if has_costs { replays.costs(point)? } else { Vec::new() },
            break_even: if has_costs { replays.break_even(point)? } else { None },
            has_costs,
            lucky_bars: if ambiguous { replays.lucky_bars(point)? } else { None },
        })
    }
}

/// Multiplies what is paid. Shares of a value stay below the whole of it.
fn scale(execution: &mut Execution, multiple: f64) {
    for share in [&mut execution.commission, &mut execution.slippage] {
        *share = (*share * multiple).min(0.999);
    }
    for cost in [
        &mut execution.commission_fixed,
        &mut execution.commission_per_unit,
        &mut execution.commission_min,
        &mut execution.spread,
        &mut execution.financing_long,
        &mut execution.financing_short,
        &mut execution.borrow,
    ] {
        *cost *= multiple;
    }
}
