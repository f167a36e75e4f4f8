//! Which work is handed out next: a pure model of blocks, tasks and units.
//!
//! A task is a run of blocks; it is what is stored and never done again. A unit is a share of a task's points on one instrument,
//! computed by one thread in one go: the larger it is, the more indicators its trials share. Neither changes any result.

use std::collections::VecDeque;
use std::ops::Range;

/// Work below this many seconds a thread is not worth more than one task.
const SMALL_JOB_SECONDS: f64 = 0.5;
/// A task is about this much work of one thread.
const TASK_SECONDS: f64 = 1.0;
/// Towards the end tasks shrink, so that threads end together, but not below this.
const LEAST_TASK_SECONDS: f64 = 0.25;

/// Blocks still to be done, in ascending order.
#[derive(Debug, Clone)]
pub(crate) struct Remaining {
    ranges: VecDeque<Range<u64>>,
}

impl Remaining {
    /// All of `0..total` but the blocks of tasks already recorded.
    pub(crate) fn new(total: u64, done: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut done: Vec<Range<u64>> = done.into_iter().collect();
        done.sort_by_key(|range| range.start);
        let mut ranges = VecDeque::new();
        let mut next = 0;
        for range in done {
            if range.start > next {
                ranges.push_back(next..range.start.min(total));
            }
            next = next.max(range.end);
        }
        if next < total {
            ranges.push_back(next..total);
        }
        Self { ranges }
    }

    /// How many.
    pub(crate) fn blocks(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// The next run of at most `most` blocks.
    pub(crate) fn take(&mut self, most: u64) -> Option<Range<u64>> {
        let first = self.ranges.front_mut()?;
        let end = first.end.min(first.start.saturating_add(most.max(1)));
        let taken = first.start..end;
        first.start = end;
        if first.is_empty() {
            self.ranges.pop_front();
        }
        Some(taken)
    }
}

/// What the size of tasks depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Threads that compute.
    pub(crate) threads: usize,
    /// Seconds of one thread for a point on all instruments.
    pub(crate) seconds_per_point: f64,
    /// Points in a block, on average.
    pub(crate) points_per_block: f64,
    /// Most points in a task, for the memory of its rows.
    pub(crate) most_points: u64,
}

impl Pace {
    /// Blocks of the next task.
    pub(crate) fn blocks(&self, remaining: u64) -> u64 {
        let block_seconds = (self.points_per_block * self.seconds_per_point).max(1e-9);
        let left = remaining as f64 * block_seconds;
        let threads = self.threads as f64;
        let blocks = if left <= SMALL_JOB_SECONDS * threads {
            remaining as f64
        } else {
            (left / (2.0 * threads)).clamp(LEAST_TASK_SECONDS, TASK_SECONDS) / block_seconds
        };
        let most = self.most_points as f64 / self.points_per_block.max(1e-3);
        (blocks.min(most) as u64).clamp(1, remaining.max(1))
    }

    /// How many units each instrument's share of a task is split into: enough for all threads if the task is all there is.
    pub(crate) fn splits(&self, whole_job: bool, points: usize, instruments: usize, most_unit: usize) -> usize {
        let for_threads = if whole_job { self.threads.div_ceil(instruments) } else { 1 };
        let for_memory = points.div_ceil(most_unit.max(1));
        for_threads.max(for_memory).clamp(1, points.max(1))
    }
}

/// `points` positions in `splits` runs of nearly the same length.
pub(crate) fn split(points: usize, splits: usize) -> impl Iterator<Item = Range<usize>> {
    (0..splits).map(move |i| points * i / splits..points * (i + 1) / splits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
    fn what_remains_is_what_no_task_recorded() {
        let mut remaining = Remaining::new(10, [4..6, 0..2, 9..10]);
        assert_eq!(remaining.blocks(), 5);
        assert_eq!(remaining.take(1), Some(2..3));
        assert_eq!(remaining.take(5), Some(3..4));
        assert_eq!(remaining.take(2), Some(6..8));
        assert_eq!(remaining.take(2), Some(8..9));
        assert_eq!(remaining.take(2), None);
        assert_eq!(Remaining::new(3, [0..3]).blocks(), 0);
        assert_eq!(Remaining::new(0, []).take(1), None);
    }

    #[test]
    fn taking_covers_every_block_once_whatever_the_sizes() {
        for step in 1..7 {
            let mut remaining = Remaining::new(20, [3..5, 11..12]);
            let mut seen = Vec::new();
            while let Some(range) = remaining.take(step) {
                seen.extend(range);
            }
            let expected: Vec<u64> = (0..20).filter(|b| !(3..5).contains(b) && *b != 11).collect();
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn a_small_job_is_one_task_and_a_large_one_many_of_about_a_second() {
        let pace = Pace {
            threads: 2,
            seconds_per_point: 1e-4,
            points_per_block: 500.0,
            most_points: 1 << 20,
        };
        assert_eq!(pace.blocks(4), 4);
        assert_eq!(pace.splits(true, 1_711, 1, 10_000), 2);
        assert_eq!(pace.blocks(1_000_000), 20);
        assert_eq!(pace.splits(false, 10_000, 1, 100_000), 1);
        assert_eq!(pace.splits(false, 10_000, 1, 1_000), 10);
        assert!(pace.blocks(25) < 10, "tasks shrink towards the end");
        let tight = Pace {
            most_points: 1_000,
            ..pace
        };
        assert_eq!(tight.blocks(1_000_000), 2);
    }

    #[test]
    fn a_split_covers_all_points() {
        let ranges: Vec<_> = split(10, 3).collect();
        assert_eq!(ranges, [0..3, 3..6, 6..10]);
        assert_eq!(split(0, 1).next(), Some(0..0));
    }
}
