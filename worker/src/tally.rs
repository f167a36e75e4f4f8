//! What a coordinator wants to know of a task's rows.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use assay_core::rank::Ranked;
use assay_core::row::TrialRow;
use assay_optimizer::{JobStatistics, Leaderboard, block_of};
use assay_proto::{Grant, PointOutcome, Work};
use assay_store::RANKED;

use crate::prepared::Prepared;

/// What a coordinator is told of a task.
pub(crate) struct Tally {
    /// Statistics of its blocks.
    pub(crate) statistics: JobStatistics,
    /// Its points that may be among the best of the job.
    pub(crate) best: Vec<Ranked>,
    /// What became of its points: of all for a search that learns, of the best one in a fold.
    pub(crate) outcomes: Vec<PointOutcome>,
}

pub(crate) fn tally(prepared: &Prepared, grant: &Grant, rows: &[Vec<TrialRow>]) -> Tally {
    let Prepared { job, target, layout, .. } = prepared;
    let objective = &job.spec.objective;
    let capacity = match job.spec.results.keep {
        assay_core::job::Keep::All => RANKED,
        assay_core::job::Keep::Best(count) => RANKED.max(count as usize),
    };
    let slices: Vec<&[TrialRow]> = rows.iter().map(Vec::as_slice).collect();
    let mut statistics = JobStatistics::of_blocks(block_of(&job.spec.search));
    statistics.push_block(objective, &slices);
    // Of the windows in which points are ranked: a Sharpe ratio is judged by the returns that it was made of.
    let first = slices.first().copied().unwrap_or_default();
    let windows: BTreeSet<u32> = first
        .iter()
        .map(|row| row.window)
        .filter(|window| layout.ranks(*window))
        .collect();
    let observations = windows.into_iter().map(|window| prepared.markets.observations(window));
    statistics.observe(observations.min().unwrap_or_default());
    let mut board = Leaderboard::new(capacity, target, rows.len());
    let mut outcomes = Vec::new();
    for i in 0..slices.first().map_or(0, |rows| rows.len()) {
        let point: Vec<&TrialRow> = slices.iter().map(|rows| &rows[i]).collect();
        if layout.ranks(point[0].window) {
            board.push_point(&point);
        }
        if job.spec.search.method.learns() {
            let metrics: Vec<_> = point.iter().map(|row| row.metrics()).collect();
            outcomes.push(PointOutcome {
                ordinal: point[0].ordinal,
                outcome: target.outcome(&metrics),
            });
        }
    }
    if let (Work::Blocks { .. }, Some(best), false) = (&grant.work, board.best(), job.folds.is_empty()) {
        let metrics: Vec<_> = best.metrics.iter().map(Option::as_ref).collect();
        outcomes.push(PointOutcome {
            ordinal: best.ordinal,
            outcome: target.outcome(&metrics),
        });
    }
    let mut best = board.into_ranked();
    if let Some(threshold) = grant.threshold {
        best.retain(|point| point.standing(objective).compare(&threshold) == Ordering::Less);
    }
    Tally {
        statistics,
        best,
        outcomes,
    }
}

/// From rows by instrument to rows by (ordinal, instrument).
pub(crate) fn interleave(mut by_instrument: Vec<Vec<TrialRow>>) -> Vec<TrialRow> {
    if by_instrument.len() == 1 {
        return by_instrument.swap_remove(0);
    }
    let mut columns: Vec<_> = by_instrument.into_iter().map(Vec::into_iter).collect();
    let mut rows = Vec::new();
    loop {
        let before = rows.len();
        rows.extend(columns.iter_mut().filter_map(Iterator::next));
        if rows.len() == before {
            return rows;
        }
    }
}
