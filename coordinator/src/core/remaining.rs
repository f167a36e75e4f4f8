//! Blocks of a job that no task has taken yet.

use std::collections::VecDeque;
use std::ops::Range;

use assay_store::TaskRange;

/// Blocks still to be carved into tasks, in ascending order.
#[derive(Debug, Clone)]
pub(super) struct Remaining {
    ranges: VecDeque<Range<u64>>,
}

impl Remaining {
    /// Nothing.
    pub(super) fn none() -> Self {
        Self { ranges: VecDeque::new() }
    }

    /// All of `0..total` but the blocks of these tasks.
    #[cfg(test)]
    pub(super) fn new(total: u64, taken: impl IntoIterator<Item = TaskRange>) -> Self {
        let mut remaining = Self::none();
        let mut taken: Vec<TaskRange> = taken.into_iter().collect();
        taken.sort();
        remaining.add(0..total, &taken);
        remaining
    }

    /// Adds blocks after those that it has, but those of these tasks, which are in their order. Tasks are not carved across what is
    /// added at different times.
    pub(super) fn add(&mut self, blocks: Range<u64>, taken: &[TaskRange]) {
        let mut next = blocks.start;
        for range in taken {
            if range.first_block > next {
                self.push(next..range.first_block.min(blocks.end));
            }
            next = next.max(range.end());
        }
        self.push(next..blocks.end);
    }

    fn push(&mut self, range: Range<u64>) {
        if !range.is_empty() {
            self.ranges.push_back(range);
        }
    }

    /// How many.
    pub(super) fn blocks(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The next run of at most `most` blocks.
    pub(super) fn take(&mut self, most: u64) -> Option<TaskRange> {
        let first = self.ranges.front_mut()?;
        let end = first.end.min(first.start.saturating_add(most.max(1)));
        let taken = TaskRange {
            first_block: first.start,
            blocks: end - first.start,
        };
        first.start = end;
        if first.is_empty() {
            self.ranges.pop_front();
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(blocks: Range<u64>) -> TaskRange {
        TaskRange {
            first_block: blocks.start,
            blocks: blocks.end - blocks.start,
        }
    }

    #[test]
    fn what_remains_is_what_no_task_took() {
        let mut remaining = Remaining::new(10, [range(4..6), range(0..2), range(9..10)]);
        assert_eq!(remaining.blocks(), 5);
        assert_eq!(remaining.take(1), Some(range(2..3)));
        assert_eq!(remaining.take(5), Some(range(3..4)));
        assert_eq!(remaining.take(2), Some(range(6..8)));
        assert_eq!(remaining.take(2), Some(range(8..9)));
        assert_eq!(remaining.take(2), None);
        assert!(Remaining::new(3, [range(0..3)]).is_empty());
        assert_eq!(Remaining::new(0, []).take(1), None);
    }

    #[test]
    fn taking_covers_every_block_once_whatever_the_sizes() {
        for step in 1..7 {
            let mut remaining = Remaining::new(20, [range(3..5), range(11..12)]);
            let mut seen = Vec::new();
            while let Some(taken) = remaining.take(step) {
                seen.extend(taken.first_block..taken.end());
            }
            let expected: Vec<u64> = (0..20).filter(|b| !(3..5).contains(b) && *b != 11).collect();
            assert_eq!(seen, expected);
        }
    }
}
