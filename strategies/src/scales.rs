//! Prices and volumes as integers, so that sums of them are exact and equal averages compare equal.
//!
//! Decimal prices become `value x 10^k`. What is not decimal (a synthetic random walk, say) becomes binary fixed point with 48
//! bits for the largest value, which leaves room for windows of 2^14 bars; longer windows get fewer bits. Sums wrap around, but
//! the sum over a window fits, and so the difference of two wrapped prefix sums is exact.

use std::collections::BTreeMap;

use assay_engine::Market;

use crate::graph::Source;
use crate::series;

/// Most decimals that a price is taken to have.
const MOST_DECIMALS: i32 = 12;
/// Values as integers stay below 2^46: beyond, an `f64` has too few digits left to tell a decimal from any other number.
const LARGEST: f64 = 70_368_744_177_664.0;
/// Sums over a window stay below this.
const LARGEST_SUM: f64 = 4_611_686_018_427_387_904.0;
/// Bits that sums of binary fixed point may take.
const SUM_BITS: i32 = 62;
/// Windows up to two to the power of this share one scale.
const WINDOW_BITS: i32 = 14;

/// What the columns of a market look like as integers: a fact of the whole dataset, like its tick size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scales(BTreeMap<Source, Shape>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Shape {
    /// Largest absolute value; NaN if a value is not finite.
    largest: f64,
    /// `k`, if all values are decimals.
    decimals: Option<i32>,
}

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
            scales
                .0
                .entry(source)
                .or_insert_with(|| shape(series::values(market, source)));
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

fn shape(values: &[f64]) -> Shape {
    let mut largest = 0.0f64;
    for value in values {
        if !value.is_finite() {
            return Shape {
                largest: f64::NAN,
                decimals: None,
            };
        }
        largest = largest.max(value.abs());
    }
    let mut k = 0;
    let mut factor = 1.0;
    for value in values {
        // The mean of bid and ask may be one rounding away from its decimal, and the product is rounded too.
        while !is_whole(value * factor) {
            k += 1;
            factor = power_of_ten(k);
            if k > MOST_DECIMALS || largest * factor > LARGEST {
                return Shape { largest, decimals: None };
            }
        }
    }
    Shape {
        largest,
        decimals: Some(k),
    }
}

fn is_whole(value: f64) -> bool {
    const TOLERANCE: f64 = 4.44e-16;
    (value - libm::rint(value)).abs() <= value.abs() * TOLERANCE
}

/// The value as an integer.
#[inline]
pub(crate) fn to_integer(value: f64, factor: f64) -> i64 {
    libm::rint(value * factor) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_found_through_rounding() {
        assert_eq!(shape(&[1.0, 250.0]).decimals, Some(0));
        assert_eq!(shape(&[1.38572, 1.3857]).decimals, Some(5));
        let mid = f64::midpoint(1.38572, 1.38573);
        assert_eq!(shape(&[mid, 0.15]).decimals, Some(6));
        assert_eq!(
            shape(&[100.0 * std::f64::consts::PI, 100.0 * std::f64::consts::E]).decimals,
            None
        );
        assert!(shape(&[1.0, f64::NAN]).largest.is_nan());
    }

    #[test]
    fn sums_fit_and_long_windows_take_coarser_scales() {
        let of = |values: &[f64], n: u32| {
            Scales(BTreeMap::from([(Source::Close, shape(values))]))
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
