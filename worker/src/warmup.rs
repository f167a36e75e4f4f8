//! Whether the bars are enough for the windows of the strategy.

use assay_core::space::{Point, Space};
use assay_optimizer::Proposals;
use assay_strategies::Job;

use crate::error::WorkerError;
use crate::markets::Markets;
use crate::prepared::bare;

/// Parameters whose lowest and highest values are combined in every way; the others go with the last of these.
const COMBINED: usize = 8;

/// Some points of a job need all bars of an instrument for their warm-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeverTrades {
    /// The instrument.
    pub symbol: String,
    /// Bars of the longest warm-up.
    pub warmup: usize,
    /// Bars there are.
    pub bars: usize,
}

/// Refuses a job none of whose points can trade on the bars of an instrument, and tells where only some cannot. `sample` are points
/// of the search.
pub(crate) fn check(
    job: &Job,
    markets: &Markets,
    proposals: &Proposals,
    sample: &[Point],
) -> Result<Vec<NeverTrades>, WorkerError> {
    let mut points = sample.to_vec();
    let mut block = Vec::new();
    for index in [0, proposals.blocks().saturating_sub(1)] {
        proposals.block(index, &mut block);
        points.extend(bare(&block));
    }
    let corners = corners(&job.space);
    let mut found = Vec::new();
    for ((symbol, _, _), sweep) in markets.sizes().zip(markets.sweeps()) {
        let bars = sweep.plan().market.window.end;
        let Some((least, most)) = sweep.warmup(&points).filter(|(_, most)| *most >= bars) else {
            continue;
        };
        // A corner need not satisfy the condition; where even it has no bars left, hardly any other point has.
        let warmup = sweep.warmup(&corners).map_or(least, |(corner, _)| corner.min(least));
        let symbol = symbol.to_owned();
        if warmup >= bars {
            return Err(WorkerError::Warmup { warmup, bars, symbol });
        }
        found.push(NeverTrades {
            symbol,
            warmup: most,
            bars,
        });
    }
    Ok(found)
}

/// The lowest and highest values of the parameters, combined.
fn corners(space: &Space) -> Vec<Point> {
    let combined = space.params.len().min(COMBINED);
    let corner = |bits: usize| {
        let coordinate = |(axis, parameter): (usize, &assay_core::space::Parameter)| {
            let high = bits >> axis.min(combined - 1) & 1 == 1;
            // A range without steps has its ends at 0 and 1.
            let last = parameter.domain.grid_len().map_or(1, |len| len - 1);
            parameter.domain.grid_coordinate(if high { last } else { 0 })
        };
        Point(space.params.iter().enumerate().map(coordinate).collect())
    };
    (0..1usize << combined).map(corner).collect()
}
