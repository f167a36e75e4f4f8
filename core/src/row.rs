//! The result of one trial.

use crate::fingerprint::Fingerprint;
use crate::ids::Ordinal;
use crate::metrics::Metrics;
use crate::space::Point;

/// Blocks of time in a sketch.
pub const SKETCH_BLOCKS: usize = 16;

/// A point that is to be run over one of the job's windows, on every instrument.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The point's position in the job.
    pub ordinal: Ordinal,
    /// The point.
    pub point: Point,
    /// Index into the job's windows.
    pub window: u32,
}

/// One result row: a point on one instrument over one window.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRow {
    /// Index into the job's instruments.
    pub instrument: u32,
    /// The point's position in the job.
    pub ordinal: Ordinal,
    /// The point's coordinates.
    pub point: Point,
    /// Index into the job's windows: 0 for the whole of its data.
    pub window: u32,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "nearly every outcome is `Done`")]
pub enum Outcome {
    /// It ran.
    Done {
        /// Its metrics.
        metrics: Metrics,
        /// Its returns in brief; `None` where the window is too short for one.
        sketch: Option<Box<Sketch>>,
    },
    /// It could not be run; the text says why.
    Failed(String),
}

/// Sums of a trial's returns in equal blocks of time, on one grid for all trials of a job: enough for the probability of
/// backtest overfitting by combinatorially symmetric cross-validation.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sketch {
    /// Sum of returns in each block.
    pub sums: [f64; SKETCH_BLOCKS],
    /// Sum of squared returns in each block.
    pub squares: [f64; SKETCH_BLOCKS],
    /// Returns in each block.
    pub counts: [u32; SKETCH_BLOCKS],
}

impl TrialRow {
    /// The metrics, if it ran.
    pub fn metrics(&self) -> Option<&Metrics> {
        match &self.outcome {
            Outcome::Done { metrics, .. } => Some(metrics),
            Outcome::Failed(_) => None,
        }
    }

    /// Adds this row to a fingerprint: ordinal, instrument, window, coordinates, metric bits with undefined as one fixed mark; of a
    /// failed trial only that it failed, not how.
    pub fn fingerprint(&self, into: &mut Fingerprint) {
        let mut bytes = Vec::with_capacity(16 + 8 * (self.point.0.len() + crate::metrics::METRICS));
        bytes.extend(self.ordinal.0.to_le_bytes());
        bytes.extend(self.instrument.to_le_bytes());
        if self.window > 0 {
            bytes.extend(b"window");
            bytes.extend(self.window.to_le_bytes());
        }
        self.point.0.iter().for_each(|x| bytes.extend(x.to_bits().to_le_bytes()));
        match self.metrics() {
            Some(metrics) => {
                let mark = f64::NAN.to_bits();
                let bits = metrics.values().iter().map(|x| if x.is_nan() { mark } else { x.to_bits() });
                bits.for_each(|x| bytes.extend(x.to_le_bytes()));
            }
            None => bytes.extend(b"failed"),
        }
        into.add_row(&bytes);
    }
}
