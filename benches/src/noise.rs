//! How often verdicts err: searches on markets in which there is nothing to find, and among trials one of which has an edge.
//!
//! All numbers are drawn from a seed, so that a study comes out the same everywhere.

use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
use assay_core::distinct::scatter;
use assay_core::ids::Ordinal;
use assay_core::instrument::Instrument;
use assay_core::job::JobSpec;
use assay_core::metrics::Metric;
use assay_core::row::{Outcome, TrialRow};
use assay_core::space::Point;
use assay_core::time::DAY_NS;
use assay_engine::{Market, SimdLevel};
use assay_optimizer::Moments;
use assay_optimizer::statistics::{SharpeEstimate, Sketches, overfitting};
use assay_optimizer::verdict::{BeyondMarket, Evidence, Grade, Returns, judge, measure_returns, plateau};
use assay_strategies::Strategy;
use assay_strategies::sweep::Sweep;

/// Days of a series: five years.
pub const DAYS: usize = 1260;
/// Trading days of a year.
const YEAR: f64 = 252.0;
/// Daily volatility of the markets that are made up.
const VOLATILITY: f64 = 0.01;

/// A market in which no rule has an edge.
#[derive(Debug, Clone)]
pub enum Null {
    /// Independent normal returns without drift.
    RandomWalk,
    /// GARCH(1, 1) with Student's t of four degrees of freedom, without drift.
    Garch,
    /// A random walk that rises: annual Sharpe ratio 1.
    Drift,
    /// Stretches of real returns, 20 days long on average, drift and all.
    Bootstrap(Arc<[f64]>),
}

/// Numbers of a seed.
struct Draws {
    key: u64,
    counter: u64,
}

impl Draws {
    fn new(seed: u64, stream: u64) -> Self {
        Self {
            key: scatter(seed ^ scatter(stream)),
            counter: 0,
        }
    }

    /// In (0, 1).
    fn uniform(&mut self) -> f64 {
        self.counter += 1;
        ((scatter(self.key ^ self.counter.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    fn normal(&mut self) -> f64 {
        let (a, b) = (self.uniform(), self.uniform());
        (-2.0 * libm::log(a)).sqrt() * libm::cos(std::f64::consts::TAU * b)
    }

    /// Student's t of four degrees of freedom, scaled to a variance of 1.
    fn student(&mut self) -> f64 {
        let chi: f64 = (0..4).map(|_| self.normal()).map(|x| x * x).sum();
        self.normal() / (chi / 4.0).sqrt() / 2f64.sqrt()
    }
}

impl Null {
    /// Daily returns of the market.
    fn returns(&self, seed: u64) -> Vec<f64> {
        let mut draws = Draws::new(seed, 1);
        match self {
            Self::RandomWalk => (0..DAYS).map(|_| VOLATILITY * draws.normal()).collect(),
            Self::Drift => (0..DAYS).map(|_| VOLATILITY * (draws.normal() + 1.0 / YEAR.sqrt())).collect(),
            Self::Garch => {
                let (alpha, beta) = (0.08, 0.9);
                let long = VOLATILITY * VOLATILITY;
                let mut variance = long;
                let next = |_| {
                    let r = variance.sqrt() * draws.student();
                    variance = long * (1.0 - alpha - beta) + alpha * r * r + beta * variance;
                    r
                };
                (0..DAYS).map(next).collect()
            }
            Self::Bootstrap(real) => {
                let mut at = 0;
                let next = |i| {
                    if i == 0 || draws.uniform() < 1.0 / 20.0 {
                        at = (draws.uniform() * real.len() as f64) as usize;
                    }
                    at = (at + 1) % real.len();
                    real[at]
                };
                (0..DAYS).map(next).collect()
            }
        }
    }

    /// The market: closes from the returns, opens at the close before, so that nothing but closes moves.
    fn market(&self, seed: u64) -> Result<Arc<Market>> {
        let mut close = Vec::with_capacity(DAYS);
        let mut price = 100.0;
        for r in self.returns(seed) {
            price *= 1.0 + r;
            close.push(price);
        }
        let open: Vec<f64> = std::iter::once(100.0).chain(close.iter().copied()).take(DAYS).collect();
        let pick = |of: fn(f64, f64) -> f64| open.iter().zip(&close).map(|(o, c)| of(*o, *c)).collect::<Vec<f64>>();
        let (high, low) = (pick(f64::max), pick(f64::min));
        let times = TimestampNanosecondArray::from_iter_values((0..DAYS as i64).map(|i| i * DAY_NS)).with_timezone("UTC");
        let number = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
        let batch = RecordBatch::try_from_iter([
            ("time", Arc::new(times) as ArrayRef),
            ("open", number(open)),
            ("high", number(high)),
            ("low", number(low)),
            ("close", number(close)),
            ("volume", number(vec![1.0; DAYS])),
        ])?;
        Ok(Arc::new(Market::new(
            &batch,
            Instrument::unknown("NULL".parse()?),
            DAY_NS,
            None,
            None,
        )?))
    }
}

/// Daily returns of the closes of a file of comma-separated bars, its sixth column the adjusted close.
pub fn real_returns(text: &str) -> Result<Arc<[f64]>> {
    let close = |line: &str| line.split(',').nth(5)?.parse::<f64>().ok();
    let closes: Option<Vec<f64>> = text.lines().skip(1).filter(|line| !line.is_empty()).map(close).collect();
    let closes = closes.context("a line without an adjusted close")?;
    Ok(closes.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect())
}

const CROSS: &str = "name = 'cross'\n[params]\nfast = { int = [2, 40], default = 5 }\nslow = { int = [3, 120], default = 20 }\n\
    [rules]\nenter_long = 'crossover(sma(close, fast), sma(close, slow))'\nexit_long = 'crossunder(sma(close, fast), sma(close, slow))'\n\
    enter_short = 'crossunder(sma(close, fast), sma(close, slow))'\nexit_short = 'crossover(sma(close, fast), sma(close, slow))'";

/// The verdict on the best of some 1,000 pairs of averages on a market in which there is nothing to find, at no cost.
pub fn verdict_on_null(null: &Null, direction: &str, seed: u64) -> Result<Grade> {
    let strategy = Strategy::parse(CROSS, "cross.toml")?;
    let job = JobSpec::from_toml(&format!(
        "name = 'null'\n[data]\ninstruments = ['NULL']\nbars = '1d'\n[strategy]\nuse = 'cross'\n\
         [execution]\nfill = 'close'\ndirection = '{direction}'\n[metrics]\nperiods_per_year = 252"
    ))?;
    let sweep = Sweep::new(
        &strategy,
        &job.execution,
        &job.metrics,
        &strategy.space,
        null.market(seed)?,
        SimdLevel::detect(),
    )?;
    let pairs = (2..=40u32).flat_map(|fast| (fast + 1..=120).step_by(3).map(move |slow| (fast, slow)));
    let points: Vec<(Ordinal, Point)> = (0..)
        .map(Ordinal)
        .zip(pairs.map(|(fast, slow)| Point(Box::from([f64::from(fast), f64::from(slow)]))))
        .collect();
    let rows = sweep.run(0, &points);
    let evidence = evidence(&sweep, &rows, &points)?;
    Ok(judge(&evidence).grade)
}

fn evidence(sweep: &Sweep, rows: &[TrialRow], points: &[(Ordinal, Point)]) -> Result<Evidence> {
    let value = |row: &TrialRow, metric| row.metrics().and_then(|metrics| metrics.get(metric));
    let scores: Vec<Option<f64>> = rows.iter().map(|row| value(row, Metric::Sharpe)).collect();
    let mut moments = Moments::default();
    scores.iter().flatten().for_each(|sharpe| moments.push(sharpe / YEAR.sqrt()));
    let best = (0..rows.len()).max_by(|a, b| {
        let of = |at: usize| scores[at].unwrap_or(f64::NEG_INFINITY);
        of(*a).total_cmp(&of(*b))
    });
    let best = best.context("no trial")?;
    let mut sketches: Option<Sketches> = None;
    for row in rows {
        if let Outcome::Done {
            sketch: Some(sketch), ..
        } = &row.outcome
        {
            let into = match &mut sketches {
                Some(into) => into,
                None => sketches.insert(Sketches::new(&sketch.counts)?),
            };
            into.push_sketch(sketch)?;
        }
    }
    let replay = sweep.replay(&points[best].1)?;
    let only: Vec<Point> = points.iter().map(|(_, point)| point.clone()).collect();
    let space = Strategy::parse(CROSS, "cross.toml")?.space;
    let row = &rows[best];
    Ok(Evidence {
        best: SharpeEstimate::measure(&replay.returns, 0.0),
        beyond_market: BeyondMarket::Market(SharpeEstimate::beyond(
            &replay.returns,
            &sweep.plan().benchmark_returns(),
            0.0,
        )),
        periods_per_year: YEAR,
        variance: moments.variance(),
        trials_job: rows.len() as u64,
        trials_family: rows.len() as u64,
        overfitting: sketches
            .and_then(|sketches| overfitting(&sketches))
            .map(|found| found.probability)
            .ok_or_else(|| "no sketches".to_owned()),
        trades: value(row, Metric::Trades),
        excess_sharpe: value(row, Metric::ExcessSharpe),
        out_of_sample: None,
        plateau: plateau(&space, &only, &scores, best).and_then(|plateau| plateau.share),
        cost_break_even: None,
        ambiguous: None,
    })
}

/// The verdict on `trials` series of normal returns with a common factor, so that any two correlate by `correlation`; the true annual
/// Sharpe ratio of one of them is `edge`, of all others 0.
pub fn verdict_on_planted(trials: usize, correlation: f64, edge: f64, seed: u64) -> Result<Grade> {
    let mut common = Draws::new(seed, 2);
    let factor: Vec<f64> = (0..DAYS).map(|_| common.normal()).collect();
    let planted = trials / 3;
    let series: Vec<Vec<f64>> = (0..trials)
        .map(|trial| {
            let mut own = Draws::new(seed, 16 + trial as u64);
            let mean = if trial == planted { edge / YEAR.sqrt() } else { 0.0 };
            let mut next = |f: &f64| VOLATILITY * (mean + correlation.sqrt() * f + (1.0 - correlation).sqrt() * own.normal());
            factor.iter().map(&mut next).collect()
        })
        .collect();
    let found = measure_returns(&Returns {
        trials: &series,
        benchmark: None,
        periods_per_year: YEAR,
        risk_free: 0.0,
        trials_family: 0,
    })?;
    Ok(judge(&found.evidence).grade)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The small form of the study whose figures are in README.md.
    #[test]
    fn nothing_is_found_where_there_is_nothing() {
        // Where the real ones are absent: something with their skew and fat tails.
        let mut draws = Draws::new(9, 9);
        let made_up: Vec<f64> = (0..2_000).map(|_| 0.0004 + 0.012 * draws.student()).collect();
        for null in [Null::RandomWalk, Null::Garch, Null::Drift, Null::Bootstrap(made_up.into())] {
            for direction in ["long", "both"] {
                for seed in 1..=3 {
                    let grade = verdict_on_null(&null, direction, seed).unwrap();
                    assert_ne!(grade, Grade::Gold, "{null:?} {direction} {seed}");
                }
            }
        }
        for correlation in [0.0, 0.5] {
            assert_ne!(verdict_on_planted(300, correlation, 0.0, 1).unwrap(), Grade::Gold);
        }
    }

    #[test]
    fn an_edge_is_found() {
        for correlation in [0.0, 0.5] {
            for seed in 1..=2 {
                let grade = verdict_on_planted(1_000, correlation, 3.5, seed).unwrap();
                assert_eq!(grade, Grade::Gold, "{correlation} {seed}");
            }
        }
    }
}
