//! What a column looks like as a whole.

/// Most decimals that a price is taken to have.
const MOST_DECIMALS: i32 = 12;
/// Values as integers stay below 2^46: beyond, an `f64` has too few digits left to tell a decimal from any other number.
const LARGEST: f64 = 70_368_744_177_664.0;
/// Values looked at together.
const PART: usize = 512;
/// Added to a number below 2^51 it leaves no digits after the point.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// Facts of all values of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnShape {
    /// Largest absolute value; NaN if a value is not finite.
    pub largest: f64,
    /// Least absolute value; NaN if a value is not finite.
    pub least: f64,
    /// Least absolute value that is not 0; infinite if there is none, NaN if a value is not finite.
    pub least_above_0: f64,
    /// `k`, if all values are whole numbers times `10^-k`.
    pub decimals: Option<i32>,
}

impl ColumnShape {
    /// Looks at all values.
    pub fn measure(values: &[f64]) -> Self {
        let (largest, [least, least_above_0]) = (largest(values), least(values));
        if !largest.is_finite() {
            return Self {
                largest: f64::NAN,
                least: f64::NAN,
                least_above_0: f64::NAN,
                decimals: None,
            };
        }
        Self {
            largest,
            least,
            least_above_0,
            decimals: decimals(values, largest),
        }
    }
}

fn power_of_ten(k: i32) -> f64 {
    (0..k).fold(1.0, |power, _| power * 10.0)
}

/// Fewest decimals that all values have.
fn decimals(values: &[f64], largest: f64) -> Option<i32> {
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
                    return None;
                }
            }
        }
    }
    Some(k)
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

/// Least absolute value, and the least that is not 0.
fn least(values: &[f64]) -> [f64; 2] {
    let mut least = [[f64::INFINITY.to_bits(); 8]; 2];
    let (parts, rest) = values.as_chunks::<8>();
    let mut take = |at: usize, value: f64| {
        let bits = value.abs().to_bits();
        least[0][at] = least[0][at].min(bits);
        least[1][at] = least[1][at].min(if bits == 0 { f64::INFINITY.to_bits() } else { bits });
    };
    for part in parts {
        for (at, value) in part.iter().enumerate() {
            take(at, *value);
        }
    }
    for value in rest {
        take(0, *value);
    }
    least.map(|least| f64::from_bits(least.into_iter().min().unwrap_or(f64::INFINITY.to_bits())))
}

/// The nearest whole number, the even one of two, of a number below 2^51.
#[inline(always)]
fn nearest_whole(value: f64) -> f64 {
    value + WHOLE - WHOLE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(values: &[f64]) -> ColumnShape {
        ColumnShape::measure(values)
    }

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
    fn the_least_is_told_from_the_least_above_0() {
        let found = shape(&[2.0, -0.5, 0.0, 3.0, -7.0, 1.0, 1.0, 1.0, 1.0, -0.25]);
        assert_eq!((found.largest, found.least, found.least_above_0), (7.0, 0.0, 0.25));
        assert_eq!(shape(&[-2.0, 4.0]).least, 2.0);
        assert_eq!(shape(&[0.0]).least_above_0, f64::INFINITY);
        assert!(shape(&[f64::NAN, 1.0]).least.is_nan());
    }

    #[test]
    fn whole_numbers_are_the_nearest_with_ties_to_even() {
        let mut value = 0.123_f64;
        for i in 0..100_000 {
            value = (value * 1_103.515_245 + 12.345).rem_euclid(1.0);
            let signed = (value - 0.5) * libm::scalbn(1.0, i % 52);
            assert_eq!(nearest_whole(signed), libm::rint(signed), "{signed}");
        }
    }
}
