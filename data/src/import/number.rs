//! Decimal numbers to the nearest `f64`, and the digits of times.

/// Powers of ten that an `f64` holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
    1e22,
];
/// Integers up to here are exact in an `f64`.
const EXACT: u64 = 1 << 53;

/// Reads the plain decimal (`-12.345`) at the start of `bytes`, divided by `10^scale`: value and length. `None` where there is none, or
/// where the general way ([`decimal`]) has to read it.
///
/// Both the integer and the power of ten are exact in an `f64`, so that their quotient, rounded once, is the nearest `f64` (Clinger 1990).
#[inline]
pub(super) fn quick_decimal(bytes: &[u8], scale: u32) -> Option<(f64, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let mut at = usize::from(negative);
    let mut mantissa: u64 = 0;
    let start = at;
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    let mut digits = at - start;
    let mut fraction = 0;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let point = at;
        while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        fraction = at - point;
        digits += fraction;
    }
    let power = fraction + scale as usize;
    if digits == 0 || digits > 19 || mantissa > EXACT || power >= POWERS.len() {
        return None;
    }
    let value = mantissa as f64 / POWERS[power];
    Some((if negative { -value } else { value }, at))
}

/// Reads all of `text`, also with an exponent and any number of digits, divided by `10^scale`. Infinite where it is too large; `None`
/// unless it is a decimal number.
pub(super) fn decimal(text: &str, scale: u32) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if scale == 0 {
        return text.parse().ok();
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    format!("{mantissa}e{}", exponent.checked_sub(i64::from(scale))?).parse().ok()
}

/// Whether a text spells NaN or infinity in one of the ways that programs write them.
pub(super) fn spells_non_finite(text: &str) -> bool {
    let word = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    matches!(
        word.as_str(),
        "nan" | "inf" | "infinity" | "null" | "na" | "n/a" | "none" | "#n/a"
    )
}

/// Reads the decimal at the start of `bytes` times `unit` as an integer: exact down to one, digits beyond are cut off. Value and length;
/// `None` where there is no number or it is too large.
#[inline]
pub(super) fn scaled_integer(bytes: &[u8], unit: i64) -> Option<(i64, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let mut at = usize::from(negative);
    let start = at;
    let mut whole: i64 = 0;
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        whole = whole.checked_mul(10)?.checked_add(i64::from(digit))?;
        at += 1;
    }
    if at == start {
        return None;
    }
    let mut value = whole.checked_mul(unit)?;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let mut step = unit;
        let mut part: i64 = 0;
        while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            step /= 10;
            part += i64::from(digit) * step;
            at += 1;
        }
        value = value.checked_add(part)?;
    }
    Some((if negative { -value } else { value }, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_the_nearest_f64_whatever_the_way() {
        for text in [
            "1.38727",
            "0.1",
            "-36.98",
            "1800100",
            "0.00139676",
            "123456789.123456",
            "9007199254740992",
            "0",
            "-0",
            "5.",
            ".5",
        ] {
            let exact: f64 = text.parse().unwrap();
            let (value, length) = quick_decimal(text.as_bytes(), 0).unwrap();
            assert_eq!((value.to_bits(), length), (exact.to_bits(), text.len()), "{text}");
            assert_eq!(decimal(text, 0).map(f64::to_bits), Some(exact.to_bits()), "{text}");
        }
        for text in ["9007199254740993", "0.12345678901234567890", "1e5", "99999999999999999999999"] {
            let quick = quick_decimal(text.as_bytes(), 0).filter(|(_, length)| *length == text.len());
            assert!(quick.is_none(), "{text}");
            assert_eq!(decimal(text, 0), text.parse().ok(), "{text}");
        }
    }

    #[test]
    fn a_scale_divides_once_and_exactly() {
        assert_eq!(quick_decimal(b"1836300,", 4), Some((183.63, 7)));
        for mantissa in 1_000_000..1_003_000_u32 {
            let text = mantissa.to_string();
            let exact: f64 = format!("{text}e-4").parse().unwrap();
            assert_eq!(
                quick_decimal(text.as_bytes(), 4).map(|(value, _)| value.to_bits()),
                Some(exact.to_bits())
            );
            assert_eq!(decimal(&text, 4).map(f64::to_bits), Some(exact.to_bits()));
        }
        assert_eq!(decimal("12e3", 4), Some(1.2));
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
        assert_eq!(scaled_integer(b"62.2662,1", 1_000_000), Some((62_266_200, 7)));
        assert_eq!(
            scaled_integer(b"1398902400123456789", 1),
            Some((1_398_902_400_123_456_789, 19))
        );
        assert_eq!(
            scaled_integer(b"1398902400.1234567891", 1_000_000_000),
            Some((1_398_902_400_123_456_789, 21))
        );
        assert_eq!(scaled_integer(b"-1.5", 1_000), Some((-1_500, 4)));
        assert_eq!(scaled_integer(b"99999999999999999999", 1), None);
        assert_eq!(scaled_integer(b"x", 1), None);
    }
}
