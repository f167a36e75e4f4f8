//! Prices and volumes as integers, so that sums of them are exact and equal averages compare equal.
//!
//! Decimal prices become `value x 10^k`. What is not decimal (a synthetic random walk, say) becomes binary fixed point with 48
//! bits for the largest value, which leaves room for windows of 2^14 bars; longer windows get fewer bits. Sums wrap around, but
//! the sum over a window fits, and so the difference of two wrapped prefix sums is exact.

use std::collections::BTreeMap;

use assay_engine::Market;
use assay_engine::market::ColumnShape;

use crate::graph::Source;
use crate::series;

/// Sums over a window stay below this.
const LARGEST_SUM: f64 = 4_611_686_018_427_387_904.0;
/// Bits that sums of binary fixed point may take.
const SUM_BITS: i32 = 62;
/// Windows up to two to the power of this share one scale.
const WINDOW_BITS: i32 = 14;

/// What the columns of a market look like as integers: a fact of the whole dataset, like its tick size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scales(BTreeMap<Source, ColumnShape>);

/// How a column becomes integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    /// Integer = value x this.
    pub(crate) factor: f64,
    /// Sums over the window lie within 2^51.
    pub(crate) small: bool,
}

impl Scales {
    /// Measures the columns that are summed.
    pub(crate) fn measure(market: &Market, sources: impl Iterator<Item = Source>) -> Self {
        let mut scales = Self::default();
        for source in sources {
            if let Some(column) = series::column(market, source) {
                scales.0.entry(source).or_insert_with(|| market.shape(column));
            }
        }
        scales
    }

    /// The scale for windows of `n` bars; `None` if values are not finite, or the column was not measured.
    pub(crate) fn for_window(&self, source: Source, n: u32) -> Option<Scale> {
        let shape = self.0.get(&source)?;
        if shape.largest.is_nan() {
            return None;
        }
        if let Some(k) = shape.decimals {
            let factor = power_of_ten(k);
            let largest_sum = shape.largest * factor * f64::from(n);
            if largest_sum < LARGEST_SUM {
                let small = largest_sum < 2_251_799_813_685_248.0;
                return Some(Scale { factor, small });
            }
        }
        let window_bits = WINDOW_BITS.max(ceil_log2(f64::from(n)));
        let bits = SUM_BITS - window_bits - ceil_log2(shape.largest);
        let factor = libm::scalbn(1.0, bits.clamp(-1_000, 1_000));
        Some(Scale { factor, small: false })
    }
}

/// The smallest `i` with `x <= 2^i`; 0 for 0.
fn ceil_log2(x: f64) -> i32 {
    if x == 0.0 {
        return 0;
    }
    let (mantissa, exponent) = libm::frexp(x);
    if mantissa == 0.5 { exponent - 1 } else { exponent }
}

fn power_of_ten(k: i32) -> f64 {
    (0..k).fold(1.0, |power, _| power * 10.0)
}

/// Added to a number below 2^51 it leaves no digits after the point; the bits of the sum less its own are the integer.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// The value as an integer. It lies below 2^51: see [`LARGEST`] and [`SUM_BITS`].
#[inline(always)]
pub(crate) fn to_integer(value: f64, factor: f64) -> i64 {
    ((value * factor + WHOLE).to_bits() as i64).wrapping_sub(WHOLE.to_bits() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_the_nearest_with_ties_to_even() {
        let mut value = 0.123_f64;
        for i in 0..100_000 {
            value = (value * 1_103.515_245 + 12.345).rem_euclid(1.0);
            let signed = (value - 0.5) * libm::scalbn(1.0, i % 52);
            assert_eq!(to_integer(signed, 1.0), libm::rint(signed) as i64, "{signed}");
        }
        let halves = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5].map(|half| to_integer(half, 1.0));
        assert_eq!(halves, [0, 2, 2, 0, -2, -2]);
    }

    #[test]
    fn sums_fit_and_long_windows_take_coarser_scales() {
        let of = |values: &[f64], n: u32| {
            Scales(BTreeMap::from([(Source::Close, ColumnShape::measure(values))]))
                .for_window(Source::Close, n)
                .unwrap()
        };
        assert_eq!(
            of(&[1.5], 20),
            Scale {
                factor: 10.0,
                small: true
            }
        );
        let odd = [100.0 * std::f64::consts::PI];
        for n in [1, 1 << 14, 1 << 20, 1_000_000_000] {
            let scale = of(&odd, n);
            assert!(odd[0] * scale.factor * f64::from(n) < LARGEST_SUM, "{n}");
        }
        assert_eq!(of(&odd, 2), of(&odd, 1 << 14));
        assert_eq!((ceil_log2(8.0), ceil_log2(8.1), ceil_log2(0.3)), (3, 4, -1));
    }
}
