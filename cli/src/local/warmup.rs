//! Whether the bars are enough for the windows of the strategy.

use anstream::eprintln;
use assay_core::space::{Point, Space};
use assay_optimizer::Proposals;

use super::markets::Markets;
use super::plan::bare;
use crate::failure::Failure;
use crate::job::Job;
use crate::output::human;

/// Parameters whose lowest and highest values are combined in every way; the others go with the last of these.
const COMBINED: usize = 8;

/// Refuses a job none of whose points can trade on the bars of an instrument, and warns of one with points that cannot.
/// `sample` are points of the search.
pub(super) fn check(job: &Job, markets: &Markets, proposals: &Proposals, sample: &[Point]) -> Result<(), Failure> {
    let mut points = sample.to_vec();
    let mut block = Vec::new();
    for index in [0, proposals.blocks().saturating_sub(1)] {
        proposals.block(index, &mut block);
        points.extend(bare(&block));
    }
    let corners = corners(&job.space);
    let whole = |bars: usize| human::count(bars as i64);
    for ((symbol, _, _), sweep) in markets.sizes().zip(markets.sweeps()) {
        let bars = sweep.plan().market.window.end;
        let Some((least, most)) = sweep.warmup(&points).filter(|(_, most)| *most >= bars) else {
            continue;
        };
        // A corner need not satisfy the condition; where even it has no bars left, hardly any other point has.
        let least = sweep.warmup(&corners).map_or(least, |(corner, _)| corner.min(least));
        if least >= bars {
            let message = format!(
                "the shortest warm-up of the strategy, {} bars, leaves none of the {} bars of {symbol} to trade",
                whole(least),
                whole(bars)
            );
            return Err(Failure::usage(message)
                .at(format!("job `{}`, params", job.spec.name))
                .hint("shorten the windows under [params], use shorter bars, or import more data"));
        }
        eprintln!(
            "warning: warm-ups of up to {} bars leave none of the {} bars of {symbol}: such trials never trade",
            whole(most),
            whole(bars)
        );
    }
    Ok(())
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
