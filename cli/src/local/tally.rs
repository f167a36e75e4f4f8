//! What a run learns from its rows as they come: the best points, and how lucky they may be.

use assay_core::job::{Keep, Objective};
use assay_core::rank::Ranked;
use assay_core::row::TrialRow;
use assay_optimizer::{JobStatistics, Leaderboard, SearchStatistics};
use assay_store::RANKED;

use crate::job::Job;

/// Best points and statistics of some tasks. Adding the same tasks in another order gives the same.
#[derive(Debug)]
pub(super) struct Tally {
    board: Leaderboard,
    statistics: JobStatistics,
}

impl Tally {
    /// Of no task.
    pub(super) fn new(job: &Job) -> Self {
        let capacity = match job.spec.results.keep {
            Keep::All => RANKED,
            Keep::Best(count) => RANKED.max(count as usize),
        };
        Self {
            board: Leaderboard::new(capacity, &job.spec.objective, job.instruments.len()),
            statistics: JobStatistics::default(),
        }
    }

    /// Of a task's rows by instrument.
    pub(super) fn of_task(job: &Job, rows: &[Vec<TrialRow>]) -> Self {
        let mut tally = Self::new(job);
        let slices: Vec<&[TrialRow]> = rows.iter().map(Vec::as_slice).collect();
        tally.board.push_block(&slices);
        tally.statistics.push_block(objective(job), &slices);
        tally
    }

    /// Of a task's rows by (ordinal, instrument), as stored.
    pub(super) fn of_rows(job: &Job, rows: &[TrialRow]) -> Self {
        let mut tally = Self::new(job);
        tally.board.push_rows(rows);
        tally.statistics.push_rows(objective(job), job.instruments.len(), rows);
        tally
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.board.merge(other.board);
        self.statistics.merge(other.statistics);
    }

    pub(super) fn best(&self) -> Option<&Ranked> {
        self.board.best()
    }

    /// The best points, best first, and the statistics of all.
    pub(super) fn finish(&self) -> (Vec<Ranked>, SearchStatistics) {
        (self.board.ranked(), self.statistics.total())
    }
}

fn objective(job: &Job) -> &Objective {
    &job.spec.objective
}
