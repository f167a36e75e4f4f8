//! Sums and means over windows.

use crate::buffers::Window;
use crate::kernels::double::Double;

/// Sum or mean of any series, in compensated arithmetic.
#[derive(Debug, Clone)]
pub(crate) struct RunningSum {
    n: usize,
    divisor: f64,
    sum: Double,
    /// Defined values in a row up to now.
    run: usize,
}

impl RunningSum {
    /// `divisor` is 1 for a sum and `n` for a mean.
    pub(crate) fn new(n: u32, divisor: f64) -> Self {
        Self {
            n: n as usize,
            divisor,
            sum: Double::default(),
            run: 0,
        }
    }

    /// Reads `n` values of history.
    pub(crate) fn run(&mut self, x: Window<'_, f64>, out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate() {
            let at = x.at + i;
            let value = x.values[at];
            *out = f64::NAN;
            if value.is_nan() {
                (self.run, self.sum) = (0, Double::default());
                continue;
            }
            self.sum = self.sum.plus_number(value);
            self.run += 1;
            if self.run > self.n {
                self.sum = self.sum.plus_number(-x.values[at - self.n]);
            }
            if self.run >= self.n {
                *out = finite(self.sum.value() / self.divisor);
            }
        }
    }
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

/// Mean with weights 1 to n: `n x + (n - 1) x[1] + ... + x[n - 1]` over `n (n + 1) / 2`.
#[derive(Debug, Clone)]
pub(crate) struct WeightedMean {
    n: usize,
    divisor: f64,
    weighted: Double,
    sum: Double,
    run: usize,
}

impl WeightedMean {
    pub(crate) fn new(n: u32) -> Self {
        let length = f64::from(n);
        Self {
            n: n as usize,
            divisor: length * (length + 1.0) / 2.0,
            weighted: Double::default(),
            sum: Double::default(),
            run: 0,
        }
    }

    /// Reads `n` values of history.
    pub(crate) fn run(&mut self, x: Window<'_, f64>, out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate() {
            let at = x.at + i;
            let value = x.values[at];
            *out = f64::NAN;
            if value.is_nan() {
                *self = Self::new(self.n as u32);
                continue;
            }
            self.run += 1;
            // While the window fills, its newest value has the weight of its length; later every weight falls by one first.
            if self.run > self.n {
                self.weighted = self.weighted.minus(self.sum);
                self.sum = self.sum.plus_number(-x.values[at - self.n]);
            }
            let weight = self.run.min(self.n) as f64;
            self.weighted = self.weighted.plus(Double::product(value, weight));
            self.sum = self.sum.plus_number(value);
            if self.run >= self.n {
                *out = finite(self.weighted.value() / self.divisor);
            }
        }
    }
}
