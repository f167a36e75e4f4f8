//! The folds of a walk forward: where its windows lie in the data.

use assay_core::job::{Extent, JobSpec, ValidationSpec, WalkForwardSpec};
use assay_core::time::{DurationNs, UtcNs};
use assay_core::window::Fold;
use assay_data::{BarRequest, Catalog};
use assay_engine::Market;
use assay_optimizer::OptimizerError;
use assay_optimizer::validation::WalkForward;
use assay_strategies::{JobInstrument, common_window};

use crate::failure::Failure;
use crate::output::human;

/// The folds of a job; none unless it walks forward. Windows in bars are counted on its first instrument.
pub(crate) fn folds(spec: &JobSpec, instruments: &[JobInstrument], catalog: &Catalog) -> Result<Vec<Fold>, Failure> {
    let ValidationSpec::WalkForward(walk) = &spec.validation else {
        return Ok(Vec::new());
    };
    let (from, to) = common_window(spec, instruments);
    let (Some(first), false) = (instruments.first(), from >= to) else {
        return Err(Failure::usage("the instruments have no time in common").hint("`assay data ls` shows when they have data"));
    };
    // Positions are nanoseconds from the first moment, or bars.
    let times = if walk.counts_bars() {
        Some(times(spec, first, from, to, catalog)?)
    } else {
        None
    };
    let there = times.as_ref().map_or((to.0 - from.0) as usize, Vec::len);
    let found = walk_of(walk).folds(there).map_err(|error| explain(error, walk))?;
    let moment = |position: usize| match &times {
        Some(times) => times.get(position).map_or(to, |time| UtcNs(*time)),
        None => UtcNs(from.0 + position as i64),
    };
    let fold = |fold: &assay_optimizer::validation::Fold| Fold {
        train_from: moment(fold.train.start),
        train_to: moment(fold.train.end),
        test_from: moment(fold.test.start),
        test_to: moment(fold.test.end),
    };
    Ok(found.iter().map(fold).collect())
}

fn walk_of(walk: &WalkForwardSpec) -> WalkForward {
    let length = |extent: Extent| extent.amount() as usize;
    WalkForward {
        anchored: walk.anchored,
        train: length(walk.train),
        test: length(walk.test),
        step: Some(length(walk.step())),
        purge: length(walk.purge),
        embargo: length(walk.embargo),
    }
}

/// Starts of the traded bars of an instrument.
fn times(spec: &JobSpec, item: &JobInstrument, from: UtcNs, to: UtcNs, catalog: &Catalog) -> Result<Vec<i64>, Failure> {
    let request = BarRequest {
        symbol: item.instrument.symbol.clone(),
        bars: spec.data.bars,
        fill_gaps: spec.data.fill_gaps,
        source: Some(item.kind),
    };
    let bars = catalog.bars_of(item.instrument.clone(), &request)?;
    let market = Market::new(&bars.batch, bars.instrument, bars.bars.bar_ns(), Some(from.0), Some(to.0));
    let market = market.map_err(|error| Failure::usage(error.to_string()))?;
    Ok(market.time[market.window].to_vec())
}

fn explain(error: OptimizerError, walk: &WalkForwardSpec) -> Failure {
    let OptimizerError::TooFewBars { needed, bars } = error else {
        return error.into();
    };
    let length = |amount: usize| {
        if walk.counts_bars() {
            format!("{} bars", human::count(amount as i64))
        } else {
            human::seconds(DurationNs(amount as i64).0 as f64 / 1e9)
        }
    };
    let message = format!(
        "validation: a fold takes {} (train {}, test {}), and there are {}",
        length(needed),
        walk.train,
        walk.test,
        length(bars)
    );
    Failure::usage(message).hint("shorten the windows under [validation], or take more data")
}
