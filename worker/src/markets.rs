//! The bars of a job and what computes trials on them.

use std::sync::Arc;

use assay_core::time::UtcNs;
use assay_data::{BarRequest, Catalog};
use assay_engine::market::Others;
use assay_engine::{Market, SimdLevel};
use assay_strategies::sweep::Sweep;
use assay_strategies::{Job, JobInstrument};

use crate::error::WorkerError;

/// An instrument's bars, ready to be swept.
#[derive(Debug)]
struct Prepared {
    symbol: String,
    market: Arc<Market>,
    sweep: Sweep,
}

/// All instruments of a job, in its order.
#[derive(Debug)]
pub struct Markets {
    prepared: Vec<Prepared>,
}

/// The bars of one instrument of a job, of which those are traded that it searches, with those of the instruments that its strategy
/// looks at besides.
pub fn load_market(job: &Job, item: &JobInstrument, catalog: &Catalog) -> Result<Market, WorkerError> {
    let others = load_others(job, catalog)?;
    Ok(load_searched(job, item, catalog)?.with_others(others))
}

/// The bars of the instruments that the strategy looks at: all of them, whatever window the job trades.
fn load_others(job: &Job, catalog: &Catalog) -> Result<Others, WorkerError> {
    let load = |item: &JobInstrument| {
        let market = load_window(job, item, catalog, (None, None))?;
        Ok((item.instrument.symbol.to_string(), Arc::new(market)))
    };
    let others = job.references.iter().map(load).collect::<Result<_, WorkerError>>()?;
    Ok(Arc::new(others))
}

fn load_searched(job: &Job, item: &JobInstrument, catalog: &Catalog) -> Result<Market, WorkerError> {
    let data = &job.spec.data;
    let to = job.held_back(item).map(|held| held.searched_to);
    load_window(job, item, catalog, (data.from, to.or(data.to)))
}

/// The bars of one instrument of a job, of which those that begin in a window are traded.
fn load_window(
    job: &Job,
    item: &JobInstrument,
    catalog: &Catalog,
    window: (Option<UtcNs>, Option<UtcNs>),
) -> Result<Market, WorkerError> {
    let symbol = &item.instrument.symbol;
    let request = BarRequest {
        symbol: symbol.clone(),
        bars: job.spec.data.bars,
        fill_gaps: job.spec.data.fill_gaps,
        source: Some(item.kind),
    };
    let manifest = catalog.bar_source(&request)?;
    if manifest.hash.to_string() != item.values {
        return Err(WorkerError::OtherValues {
            symbol: symbol.to_string(),
        });
    }
    let bars = catalog.bars_of(item.instrument.clone(), &request)?;
    let rates = item.funding.as_ref().map(|_| catalog.funding(symbol)).transpose()?;
    let bounds = (window.0.map(|time| time.0), window.1.map(|time| time.0));
    let market = Market::new(&bars.batch, bars.instrument, bars.bars.bar_ns(), bounds.0, bounds.1);
    let market = market.and_then(|market| match &rates {
        Some(rates) => market.with_funding(rates),
        None => Ok(market),
    });
    let market = match (&item.ticks, market) {
        (Some(wanted), Ok(market)) => {
            let manifest = catalog.tick_source(symbol, Some(wanted.kind))?;
            if manifest.hash.to_string() != wanted.values {
                return Err(WorkerError::OtherValues {
                    symbol: symbol.to_string(),
                });
            }
            market.with_ticks(&catalog.ticks(&manifest)?, item.other_ticks().is_none())
        }
        (_, market) => market,
    };
    market.map_err(|error| WorkerError::Market {
        error,
        instrument: Box::new(item.clone()),
    })
}

fn prepare(job: &Job, item: &JobInstrument, market: Market, catalog: &Catalog) -> Result<Prepared, WorkerError> {
    let market = Arc::new(market);
    Ok(Prepared {
        symbol: item.instrument.symbol.to_string(),
        sweep: sweep(job, &market, catalog)?,
        market,
    })
}

fn sweep(job: &Job, market: &Arc<Market>, catalog: &Catalog) -> Result<Sweep, WorkerError> {
    let sweep = Sweep::new(
        &job.strategy,
        &job.spec.execution,
        &job.spec.metrics,
        &job.space,
        Arc::clone(market),
        SimdLevel::detect(),
    )?
    .over(&job.windows, &job.spec.metrics)?;
    Ok(match &job.strategy.signals {
        Some(signals) => sweep.with_signals(catalog.signals(&signals.table)?)?,
        None => sweep,
    })
}

impl Markets {
    /// Loads the bars of every instrument of a job.
    pub fn load(job: &Job, catalog: &Catalog) -> Result<Self, WorkerError> {
        let others = load_others(job, catalog)?;
        let prepared = job.instruments.iter().map(|item| {
            let market = load_searched(job, item, catalog)?;
            prepare(job, item, market.with_others(Arc::clone(&others)), catalog)
        });
        Ok(Self {
            prepared: prepared.collect::<Result<_, WorkerError>>()?,
        })
    }

    /// Loads the same for the part that a holdout holds back; `None` for a job without one. For verdicts alone.
    pub fn load_held_back(job: &Job, catalog: &Catalog) -> Result<Option<Self>, WorkerError> {
        let mut prepared = Vec::new();
        let others = load_others(job, catalog)?;
        for item in &job.instruments {
            let Some(held) = job.held_back(item) else { return Ok(None) };
            let market = load_window(job, item, catalog, (Some(held.from), Some(held.to)))?;
            prepared.push(prepare(job, item, market.with_others(Arc::clone(&others)), catalog)?);
        }
        Ok(Some(Self { prepared }))
    }

    /// The same bars for a job that differs in how it trades only.
    pub fn traded_as(&self, job: &Job, catalog: &Catalog) -> Result<Self, WorkerError> {
        let prepared = self.prepared.iter().map(|known| {
            Ok(Prepared {
                symbol: known.symbol.clone(),
                market: Arc::clone(&known.market),
                sweep: sweep(job, &known.market, catalog)?,
            })
        });
        Ok(Self {
            prepared: prepared.collect::<Result<_, WorkerError>>()?,
        })
    }

    /// What computes trials on an instrument, by its position in the job.
    pub fn sweep(&self, instrument: u32) -> &Sweep {
        &self.prepared[instrument as usize].sweep
    }

    /// One after the other.
    pub fn sweeps(&self) -> impl Iterator<Item = &Sweep> {
        self.prepared.iter().map(|prepared| &prepared.sweep)
    }

    /// Bars traded, of all instruments together.
    pub fn bars(&self) -> u64 {
        self.prepared.iter().map(|prepared| prepared.market.window.len() as u64).sum()
    }

    /// Returns of a trial over one of the job's windows, of the instrument with the fewest.
    pub fn observations(&self, window: u32) -> u64 {
        let of = |prepared: &Prepared| prepared.sweep.plan_of(window).observations() as u64;
        self.prepared.iter().map(of).min().unwrap_or_default()
    }

    /// Memory of the bars, and of what is kept of ticks.
    pub fn bytes(&self) -> u64 {
        let others = self.prepared.first().map(|prepared| &prepared.market.others);
        let others = others.into_iter().flat_map(|others| others.values());
        let own = self.prepared.iter().map(|prepared| &prepared.market);
        own.chain(others).map(|market| market.bytes()).sum()
    }

    /// Symbol, bars traded, and bars there are, of each instrument.
    pub fn sizes(&self) -> impl Iterator<Item = (&str, usize, usize)> {
        let size = |p: &Prepared| (p.market.window.len(), p.market.len());
        self.prepared.iter().map(move |p| (p.symbol.as_str(), size(p).0, size(p).1))
    }
}
