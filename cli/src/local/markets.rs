//! The bars of a job and what computes trials on them.

use std::sync::Arc;

use assay_data::Catalog;
use assay_engine::market::MarketError;
use assay_engine::{Market, SimdLevel};
use assay_strategies::sweep::Sweep;

use crate::failure::Failure;
use crate::job::{Job, JobInstrument};

/// Bytes of a bar in memory: time, five mid columns, eight quote columns and the trading day.
const BAR_BYTES: u64 = 8 * 14 + 4;

/// An instrument's bars, ready to be swept.
#[derive(Debug)]
struct Prepared {
    symbol: String,
    market: Arc<Market>,
    sweep: Sweep,
}

/// All instruments of a job, in its order.
#[derive(Debug)]
pub(crate) struct Markets {
    prepared: Vec<Prepared>,
}

/// Loads the bars of every instrument of a job.
pub(crate) fn load_markets(job: &Job, catalog: &Catalog) -> Result<Markets, Failure> {
    let prepared = job.instruments.iter().map(|item| prepare(job, item, catalog));
    Ok(Markets {
        prepared: prepared.collect::<Result<_, Failure>>()?,
    })
}

/// The bars of one instrument of a job.
pub(crate) fn load_market(job: &Job, item: &JobInstrument, catalog: &Catalog) -> Result<Market, Failure> {
    let bars = catalog.bars(&job.bar_request(item))?;
    let rates = item.funding.map(|_| catalog.funding(&item.instrument.symbol)).transpose()?;
    let data = &job.spec.data;
    let bounds = (data.from.map(|time| time.0), data.to.map(|time| time.0));
    let market = Market::new(&bars.batch, bars.instrument, bars.length.ns(), bounds.0, bounds.1);
    let market = market.and_then(|market| match &rates {
        Some(rates) => market.with_funding(rates),
        None => Ok(market),
    });
    market.map_err(|error| window_failure(job, item, &error))
}

fn window_failure(job: &Job, item: &JobInstrument, error: &MarketError) -> Failure {
    let failure = Failure::usage(format!("{}: {error}", item.instrument.symbol));
    let data = &item.dataset;
    let hint = match error {
        MarketError::FundingWindow { .. } => format!(
            "move `from` and `to` there, import more with `assay data import FILE --symbol {} --kind funding`, or leave \
             `funding` out",
            data.symbol
        ),
        _ => format!("the data of {} go from {} to {}", data.symbol, data.first, data.last),
    };
    failure
        .at(format!("job `{}`, data.from and data.to", job.spec.name))
        .hint(hint)
}

fn prepare(job: &Job, item: &JobInstrument, catalog: &Catalog) -> Result<Prepared, Failure> {
    let market = Arc::new(load_market(job, item, catalog)?);
    let sweep = Sweep::new(
        &job.strategy,
        &job.spec.execution,
        &job.spec.metrics,
        &job.space,
        Arc::clone(&market),
        SimdLevel::detect(),
    )?;
    Ok(Prepared {
        symbol: item.instrument.symbol.to_string(),
        market,
        sweep,
    })
}

impl Markets {
    /// What computes trials on an instrument, by its position in the job.
    pub(crate) fn sweep(&self, instrument: u32) -> &Sweep {
        &self.prepared[instrument as usize].sweep
    }

    pub(crate) fn sweeps(&self) -> impl Iterator<Item = &Sweep> {
        self.prepared.iter().map(|prepared| &prepared.sweep)
    }

    /// Bars traded, of all instruments together.
    pub(crate) fn bars(&self) -> u64 {
        self.prepared.iter().map(|prepared| prepared.market.window.len() as u64).sum()
    }

    /// Memory of the bars.
    pub(crate) fn bytes(&self) -> u64 {
        self.prepared
            .iter()
            .map(|prepared| prepared.market.len() as u64 * BAR_BYTES)
            .sum()
    }

    /// Symbol, bars traded, and bars there are, of each instrument.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (&str, usize, usize)> {
        let size = |p: &Prepared| (p.market.window.len(), p.market.len());
        self.prepared.iter().map(move |p| (p.symbol.as_str(), size(p).0, size(p).1))
    }
}

/// Lets the data crate use as many threads as the user allows; only the first call in a process counts.
pub(crate) fn size_rayon(threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    // An error says that the pool exists already, with the same number.
    let _ = pool.build_global();
}
