//! What carries state from bar to bar.
//!
//! Every kernel takes its input bar by bar in order, so that its values do not depend on where tiles begin. A windowed kernel is
//! null until its window is defined from end to end; a recursive one holds its state over a null and gives null at that bar.

pub(crate) mod clock;
pub(crate) mod deviation;
pub(crate) mod double;
pub(crate) mod extreme;
pub(crate) mod smoothing;
pub(crate) mod sums;

/// Bars since a condition last held.
#[derive(Debug, Clone, Default)]
pub(crate) struct BarsSince(Option<u64>);

impl BarsSince {
    pub(crate) fn run(&mut self, holds: &[u64], out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate() {
            self.0 = if holds[i / 64] >> (i % 64) & 1 == 1 {
                Some(0)
            } else {
                self.0.map(|bars| bars + 1)
            };
            *out = self.0.map_or(f64::NAN, |bars| bars as f64);
        }
    }
}
