//! Sums with twice the digits of an `f64`, so that what enters a window and leaves it later does not leave dust behind.
//!
//! T. J. Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18, 1971, without fused
//! multiplication.

/// The unevaluated sum `high + low`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Double {
    high: f64,
    low: f64,
}

/// The sum and what rounding it lost (D. E. Knuth).
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// The product and what rounding it lost (G. W. Veltkamp's split).
#[inline]
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let split = |x: f64| {
        let scaled = 134_217_729.0 * x;
        let high = scaled - (scaled - x);
        (high, x - high)
    };
    let product = a * b;
    let ((a_high, a_low), (b_high, b_low)) = (split(a), split(b));
    let lost = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
    (product, lost)
}

impl Double {
    #[inline]
    pub(crate) fn product(a: f64, b: f64) -> Self {
        let (high, low) = two_product(a, b);
        Self { high, low }
    }

    #[inline]
    pub(crate) fn plus(self, other: Self) -> Self {
        let (high, lost) = two_sum(self.high, other.high);
        let (low, lost_low) = two_sum(self.low, other.low);
        let (high, rest) = two_sum(high, lost + low);
        let (high, low) = two_sum(high, rest + lost_low);
        Self { high, low }
    }

    #[inline]
    pub(crate) fn plus_number(self, x: f64) -> Self {
        let (high, lost) = two_sum(self.high, x);
        let (high, low) = two_sum(high, lost + self.low);
        Self { high, low }
    }

    #[inline]
    pub(crate) fn minus(self, other: Self) -> Self {
        self.plus(Self {
            high: -other.high,
            low: -other.low,
        })
    }

    #[inline]
    pub(crate) fn times(self, x: f64) -> Self {
        let (high, lost) = two_product(self.high, x);
        let (high, low) = two_sum(high, lost + self.low * x);
        Self { high, low }
    }

    #[inline]
    pub(crate) fn square(self) -> Self {
        let (high, lost) = two_product(self.high, self.high);
        let (high, low) = two_sum(high, lost + 2.0 * (self.high * self.low));
        Self { high, low }
    }

    /// Rounded.
    #[inline]
    pub(crate) fn value(self) -> f64 {
        self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_behind_by_what_came_and_went() {
        let mut sum = Double::default();
        let values: Vec<f64> = (0..10_000)
            .map(|i| f64::from(i % 97) * 1e8 + 0.1 * f64::from(i % 13))
            .collect();
        for value in &values {
            sum = sum.plus_number(*value);
        }
        for value in &values {
            sum = sum.plus_number(-value);
        }
        assert!(sum.value().abs() < 1e-13, "{sum:?}");
        let product = Double::product(0.1, 3.0);
        assert_eq!(product.minus(Double::product(3.0, 0.1)).value(), 0.0);
        assert!((Double::product(0.1, 1.0).square().value() - 0.01).abs() < 1e-17);
    }
}
