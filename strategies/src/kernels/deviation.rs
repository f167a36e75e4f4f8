//! Standard deviation over windows.

use crate::buffers::Window;
use crate::kernels::double::Double;

/// Below this share of the sum of squares a variance is the rounding of equal values: 0.
const DUST: f64 = 1e-27;

/// `sqrt((n sum(x^2) - sum(x)^2) / (n d))`, where `d` is `n`, or `n - 1` for a sample.
#[derive(Debug, Clone)]
pub(crate) struct Deviation {
    n: usize,
    divisor: f64,
    sum: Double,
    squares: Double,
    run: usize,
}

impl Deviation {
    pub(crate) fn new(n: u32, sample: bool) -> Self {
        let length = f64::from(n);
        Self {
            n: n as usize,
            divisor: length * if sample { length - 1.0 } else { length },
            sum: Double::default(),
            squares: Double::default(),
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
                (self.run, self.sum, self.squares) = (0, Double::default(), Double::default());
                continue;
            }
            self.run += 1;
            self.sum = self.sum.plus_number(value);
            self.squares = self.squares.plus(Double::product(value, value));
            if self.run > self.n {
                let old = x.values[at - self.n];
                self.sum = self.sum.plus_number(-old);
                self.squares = self.squares.minus(Double::product(old, old));
            }
            if self.run >= self.n {
                *out = self.value();
            }
        }
    }

    fn value(&self) -> f64 {
        let squares = self.squares.times(self.n as f64);
        let variance = squares.minus(self.sum.square()).value();
        let variance = if variance <= squares.value() * DUST { 0.0 } else { variance };
        let deviation = (variance / self.divisor).sqrt();
        if deviation.is_finite() { deviation } else { f64::NAN }
    }
}
