//! Decimal numbers to the nearest `f64`, and times in units to nanoseconds.

/// Reads a decimal number divided by `10^scale`, rounded once. Infinite where it is too large; `None` unless it is a number.
#[inline]
pub(super) fn decimal(text: &str, scale: u32) -> Option<f64> {
    if scale == 0 {
        return text.parse().ok();
    }
    // Both the integer and the power of ten are exact in an `f64`, so that only their quotient is rounded.
    if let Ok(integer) = text.parse::<i64>()
        && integer.unsigned_abs() <= 1 << 53
    {
        return Some(integer as f64 / 10_u64.pow(scale) as f64);
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = exponent.parse::<i64>().ok()?.checked_sub(i64::from(scale))?;
    format!("{mantissa}e{exponent}").parse().ok()
}

/// Whether a text spells NaN or infinity in one of the ways that programs write them.
pub(super) fn spells_non_finite(text: &str) -> bool {
    let word = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    matches!(
        word.as_str(),
        "nan" | "inf" | "infinity" | "null" | "na" | "n/a" | "none" | "#n/a"
    )
}

/// Reads a decimal number of units as whole nanoseconds; what is below one is cut off. `None` where there is no number or it is too large.
#[inline]
pub(super) fn nanoseconds(text: &str, unit_ns: i64) -> Option<i64> {
    if let Ok(units) = text.parse::<i64>() {
        return units.checked_mul(unit_ns);
    }
    let (whole, fraction) = text.split_once('.')?;
    let power = 10_i128.checked_pow(fraction.len() as u32)?;
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    i64::try_from(digits.checked_mul(i128::from(unit_ns))? / power).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_the_nearest_f64() {
        for (text, exact) in [
            ("1.38727", 1.387_27),
            ("-36.98", -36.98),
            ("0.00139676", 0.001_396_76),
            ("123456789.123456", 123_456_789.123_456),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("99999999999999999999999", 1e23),
            ("0.1000000000000000055511151231257827021181583404541015625", 0.1),
            ("-0", -0.0),
            ("5.", 5.0),
            (".5", 0.5),
            ("1e5", 100_000.0),
        ] {
            assert_eq!(decimal(text, 0).map(f64::to_bits), Some(f64::to_bits(exact)), "{text}");
        }
    }

    #[test]
    fn a_scale_divides_once() {
        let exact = |text: &str| format!("{text}e-4").parse::<f64>().ok().map(f64::to_bits);
        for mantissa in 1_000_000..1_003_000_u32 {
            let text = mantissa.to_string();
            assert_eq!(decimal(&text, 4).map(f64::to_bits), exact(&text), "{text}");
        }
        // Rounded to an `f64` first and divided then, these would be another one.
        for text in ["9007199254740993", "1836300.7", "-90071992547409931"] {
            assert_eq!(decimal(text, 4).map(f64::to_bits), exact(text), "{text}");
        }
        assert_eq!(decimal("12e3", 4), Some(1.2));
        assert_eq!(decimal("1836300", 4), Some(183.63));
    }

    #[test]
    fn words_are_not_numbers() {
        for text in ["", "-", ".", "nan", "inf", "-inf", "abc", "1,5", "1.2.3", "0x10", "--1"] {
            assert_eq!(decimal(text, 0).filter(|value| value.is_finite()), None, "{text}");
            assert_eq!(decimal(text, 4).filter(|value| value.is_finite()), None, "{text}");
        }
    }

    #[test]
    fn times_keep_every_digit() {
        assert_eq!(nanoseconds("62.2662", 1_000_000), Some(62_266_200));
        assert_eq!(nanoseconds("1398902400123456789", 1), Some(1_398_902_400_123_456_789));
        assert_eq!(
            nanoseconds("1398902400.1234567891", 1_000_000_000),
            Some(1_398_902_400_123_456_789)
        );
        assert_eq!(nanoseconds("-1.5", 1_000), Some(-1_500));
        assert_eq!(nanoseconds("-0.5", 1_000), Some(-500));
        for text in ["99999999999999999999", "x", "", ".", "1.x", "1.2.3", "1.-5", "62.2662,1"] {
            assert_eq!(nanoseconds(text, 1), None, "{text}");
        }
    }
}
