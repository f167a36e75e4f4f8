//! How a memory limit is divided.

use assay_core::row::TrialRow;
use assay_core::space::Point;

use crate::error::WorkerError;
use crate::markets::Markets;

/// What a process takes before it holds any data: code, database, thread stacks.
const BASE: u64 = 40_000_000;
/// Rows of a task on the heap: the row itself, its sketch and its point.
const ROW_BYTES: u64 = size_of::<TrialRow>() as u64 + size_of::<assay_core::row::Sketch>() as u64 + 64;
/// Most points of a unit: beyond it sharing indicators gains nothing.
pub const MOST_UNIT: usize = 1 << 16;
/// Share of the free memory for computing; the rest is for rows on their way to the disk.
const COMPUTE_SHARE: f64 = 0.7;

/// How much of a job may be in memory at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Threads that compute: fewer than allowed where memory is short.
    pub threads: usize,
    /// Most points in a unit.
    pub most_unit: usize,
    /// Most points in a task.
    pub most_points: u64,
    /// Bytes at the peak, if units and tasks are as large as they may be.
    pub peak: u64,
}

impl Budget {
    /// Divides `limit` bytes.
    pub fn new(limit: u64, threads: usize, markets: &Markets, sample: &[Point]) -> Result<Self, WorkerError> {
        let instruments = markets.sweeps().count() as u64;
        Self::divide(
            limit,
            threads,
            BASE + markets.bytes(),
            instruments,
            unit_bytes(markets, sample),
        )
    }

    fn divide(
        limit: u64,
        threads: usize,
        fixed: u64,
        instruments: u64,
        unit_bytes: impl Fn(usize) -> u64,
    ) -> Result<Self, WorkerError> {
        let free = limit.saturating_sub(fixed);
        let for_units = (free as f64 * COMPUTE_SHARE) as u64;
        let fits = |points: usize, threads: usize| unit_bytes(points).saturating_mul(threads as u64) <= for_units;
        // Fewer threads rather than none.
        let threads = (1..=threads).rev().find(|threads| fits(1, *threads));
        let Some(threads) = threads else {
            let least = fixed + (unit_bytes(1) as f64 / COMPUTE_SHARE) as u64;
            return Err(WorkerError::Memory { limit, least });
        };
        let (mut low, mut high) = (1, MOST_UNIT);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if fits(middle, threads) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        // Every thread may be filling a task while another one of it is being written.
        let task_bytes = ROW_BYTES * instruments.max(1) * (threads as u64 + 1);
        let most_points = ((free - for_units) / task_bytes).clamp(1, 1 << 20);
        Ok(Self {
            threads,
            most_unit: low,
            most_points,
            peak: fixed + unit_bytes(low) * threads as u64 + task_bytes * most_points,
        })
    }

    /// Bytes at the peak of a job of so many points: small jobs do not fill the largest units.
    pub fn peak_of(&self, points: u64, markets: &Markets, sample: &[Point]) -> u64 {
        let instruments = markets.sweeps().count() as u64;
        let unit = (points.div_ceil(self.threads as u64) as usize).clamp(1, self.most_unit);
        let units = unit_bytes(markets, sample)(unit) * self.threads as u64;
        let rows = ROW_BYTES * instruments * points.min(self.most_points * (self.threads as u64 + 1));
        (BASE + markets.bytes() + units + rows).min(self.peak)
    }
}

/// Bytes of a unit of so many points: what the trials that share a pass over the bars need, and the rows of all.
fn unit_bytes(markets: &Markets, sample: &[Point]) -> impl Fn(usize) -> u64 {
    let most = |points: usize| {
        let sample = &sample[..points.min(sample.len())];
        markets.sweeps().map(|sweep| sweep.bytes(sample) as u64).max().unwrap_or(0)
    };
    // The first thousands of points share a pass, more of them only add rows.
    let sizes: Vec<(usize, u64)> = [1, 64, 512, sample.len()]
        .into_iter()
        .map(|points| (points, most(points)))
        .collect();
    move |points| {
        let pass = sizes
            .iter()
            .find(|(size, _)| *size >= points)
            .or(sizes.last())
            .map_or(0, |(_, bytes)| *bytes);
        pass + ROW_BYTES * points as u64
    }
}

#[cfg(test)]
mod tests {
    use assay_core::Explain;

    use super::*;

    #[test]
    fn units_and_tasks_stay_below_the_limit() {
        let unit_bytes = |points: usize| 1_000_000 + 2_000 * points as u64;
        for limit in [60_000_000, 200_000_000, 4_000_000_000] {
            let budget = Budget::divide(limit, 4, 50_000_000, 2, unit_bytes).unwrap();
            assert!(budget.peak <= limit, "{budget:?} of {limit}");
            assert!(budget.most_unit > 10 && budget.most_points > 10, "{budget:?}");
        }
    }

    #[test]
    fn too_little_is_refused_and_little_takes_fewer_threads() {
        let unit_bytes = |_: usize| 30_000_000;
        let failure = Budget::divide(60_000_000, 4, 50_000_000, 1, unit_bytes).unwrap_err();
        assert!(failure.hint().unwrap().contains("--memory"));
        assert_eq!(Budget::divide(150_000_000, 4, 50_000_000, 1, unit_bytes).unwrap().threads, 2);
    }
}
