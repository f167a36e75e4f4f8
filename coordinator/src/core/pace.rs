//! How large tasks are: sized by the measured rate. Their size changes no result.

use crate::settings::TaskSize;

/// Weight of the newest measurement.
const NEWEST: f64 = 0.3;

/// What the size of a job's tasks depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Seconds of one thread for a point on all instruments.
    seconds_per_point: f64,
    /// Whether that was measured.
    measured: bool,
    /// Points in a block, on average.
    points_per_block: f64,
    /// Most points in a task, for the memory of its rows.
    most_points: u64,
}

impl Pace {
    /// From a guess.
    pub(super) fn new(seconds_per_point: f64, points_per_block: f64, most_points: u64) -> Self {
        Self {
            seconds_per_point,
            measured: false,
            points_per_block,
            most_points,
        }
    }

    /// Takes note of a finished task.
    pub(super) fn measured(&mut self, points: u64, seconds: f64) {
        if points == 0 {
            return;
        }
        let found = seconds / points as f64;
        let weight = if self.measured { NEWEST } else { 1.0 };
        self.seconds_per_point += weight * (found - self.seconds_per_point);
        self.measured = true;
    }

    /// Seconds of one thread that so many blocks take.
    pub(super) fn seconds(&self, blocks: u64) -> f64 {
        (blocks as f64 * self.points_per_block * self.seconds_per_point).max(1e-9)
    }

    /// Blocks of the next task, of those left.
    pub(super) fn blocks(&self, size: &TaskSize, threads: usize, left: u64) -> u64 {
        let (threads, seconds) = (threads.max(1) as f64, self.seconds(left));
        let blocks = if seconds <= size.small_job_seconds * threads {
            left as f64
        } else {
            // Towards the end tasks shrink, so that threads end together.
            let task = (seconds / (2.0 * threads)).clamp(size.least_seconds, size.most_seconds);
            // A guess may be far off: the first tasks are there to measure, and to show something soon.
            let task = if self.measured { task } else { task.min(size.first_seconds) };
            task / self.seconds(1)
        };
        let most = self.most_points as f64 / self.points_per_block.max(1e-3);
        (blocks.min(most) as u64).clamp(1, left.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_job_is_one_task_and_a_large_one_many_of_the_wanted_length() {
        let size = TaskSize {
            small_job_seconds: 0.5,
            first_seconds: 0.25,
            least_seconds: 0.25,
            most_seconds: 1.0,
        };
        let mut pace = Pace::new(1e-4, 500.0, 1 << 20);
        assert_eq!(pace.blocks(&size, 2, 4), 4);
        assert_eq!(pace.blocks(&size, 2, 1_000_000), 5, "a guess is tried on a small task");
        pace.measured(500, 500.0 * 1e-4);
        assert_eq!(pace.blocks(&size, 2, 1_000_000), 20);
        assert!(pace.blocks(&size, 2, 25) < 10, "tasks shrink towards the end");
        assert_eq!(Pace::new(1e-4, 500.0, 1_000).blocks(&size, 2, 1_000_000), 2);
        assert_eq!(pace.blocks(&size, 2, 0), 1);
    }
}
