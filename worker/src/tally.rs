//! What a coordinator wants to know of a task's rows.

use assay_core::rank::{self, Ranked};
use assay_core::row::TrialRow;
use assay_optimizer::{JobStatistics, Leaderboard};
use assay_proto::Grant;
use assay_store::RANKED;
use assay_strategies::Job;
use std::cmp::Ordering;

/// Statistics of a task's blocks, and its points that may be among the best of the job. `observations` are the returns of a trial, of the
/// instrument with the fewest.
pub(crate) fn tally(job: &Job, grant: &Grant, rows: &[Vec<TrialRow>], observations: u64) -> (JobStatistics, Vec<Ranked>) {
    let objective = &job.spec.objective;
    let capacity = match job.spec.results.keep {
        assay_core::job::Keep::All => RANKED,
        assay_core::job::Keep::Best(count) => RANKED.max(count as usize),
    };
    let slices: Vec<&[TrialRow]> = rows.iter().map(Vec::as_slice).collect();
    let mut statistics = JobStatistics::default();
    statistics.push_block(objective, &slices);
    statistics.observe(observations);
    let mut board = Leaderboard::new(capacity, objective, rows.len());
    board.push_block(&slices);
    let mut best = board.into_ranked();
    if let Some(threshold) = grant.threshold {
        best.retain(|point| {
            let score = point.objective.map(|value| objective.score_of(value));
            rank::by_score((score, point.ordinal), threshold) == Ordering::Less
        });
    }
    (statistics, best)
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
