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
/// Values looked at together.
const PART: usize = 512;
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
    let largest = largest(values);
    if !largest.is_finite() {
        return Shape {
            largest: f64::NAN,
            decimals: None,
        };
    }
    let mut k = 0;
    let mut factor = 1.0;
    for part in values.chunks(PART) {
        if largest * factor <= LARGEST && all_whole(part, factor) {
            continue;
        }
        for value in part {
            // The mean of bid and ask may be one rounding away from its decimal, and the product is rounded too.
            while !is_whole(value * factor, libm::rint) {
                k += 1;
                factor = power_of_ten(k);
                if k > MOST_DECIMALS || largest * factor > LARGEST {
                    return Shape { largest, decimals: None };
                }
            }
        }
    }
    Shape {
        largest,
        decimals: Some(k),
    }
}

/// Largest absolute value; not finite if one is not.
fn largest(values: &[f64]) -> f64 {
    // Absolute values are ordered like their bits, those that are not finite above all others: a loop of integers, some side by side.
    let mut most = [0u64; 8];
    let (parts, rest) = values.as_chunks::<8>();
    for part in parts {
        for (most, value) in most.iter_mut().zip(part) {
            *most = (*most).max(value.abs().to_bits());
        }
    }
    let rest = rest.iter().map(|value| value.abs().to_bits());
    f64::from_bits(most.into_iter().chain(rest).max().unwrap_or(0))
}

/// Whether all values are whole numbers once multiplied. None may leave [`LARGEST`] by it.
fn all_whole(values: &[f64], factor: f64) -> bool {
    // A sum rather than `all`, which would stop at the first and so take one value at a time.
    let broken = values.iter().map(|value| u64::from(!is_whole(value * factor, nearest_whole)));
    broken.sum::<u64>() == 0
}

#[inline(always)]
fn is_whole(value: f64, round: impl Fn(f64) -> f64) -> bool {
    const TOLERANCE: f64 = 4.44e-16;
    (value - round(value)).abs() <= value.abs() * TOLERANCE
}

/// Added to a number below 2^51 it leaves no digits after the point; the bits of the sum less its own are the integer.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// The nearest whole number, the even one of two, of a number below 2^51.
#[inline(always)]
fn nearest_whole(value: f64) -> f64 {
    value + WHOLE - WHOLE
}

/// The value as an integer. It lies below 2^51: see [`LARGEST`] and [`SUM_BITS`].
#[inline(always)]
pub(crate) fn to_integer(value: f64, factor: f64) -> i64 {
    ((value * factor + WHOLE).to_bits() as i64).wrapping_sub(WHOLE.to_bits() as i64)
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
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(shape(&[1.0, odd, 2.0]).largest.is_nan());
        }
        // Beyond 2^52 every number is whole, and cannot be made ten times as large.
        assert_eq!(shape(&[9.1e15, -2.0]).decimals, Some(0));
        assert_eq!(shape(&[9.1e15, 0.5]).decimals, None);
        // A finer decimal far back is found, and what comes before stays what it was.
        let late: Vec<f64> = (0..2_000).map(|i| if i == 1_500 { 0.125 } else { f64::from(i) }).collect();
        let found = shape(&late);
        assert_eq!((found.largest, found.decimals), (1_999.0, Some(3)));
    }

    #[test]
    fn integers_are_the_nearest_with_ties_to_even() {
        let mut value = 0.123_f64;
        for i in 0..100_000 {
            value = (value * 1_103.515_245 + 12.345).rem_euclid(1.0);
            let signed = (value - 0.5) * libm::scalbn(1.0, i % 52);
            assert_eq!(to_integer(signed, 1.0), libm::rint(signed) as i64, "{signed}");
            assert_eq!(nearest_whole(signed), libm::rint(signed), "{signed}");
        }
        let halves = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5].map(|half| to_integer(half, 1.0));
        assert_eq!(halves, [0, 2, 2, 0, -2, -2]);
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
