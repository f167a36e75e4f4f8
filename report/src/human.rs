//! Numbers as people read them.

use assay_core::metrics::{Metric, Unit};
use assay_core::time::UtcNs;

/// Shown where a value is undefined.
pub const UNDEFINED: &str = "-";

/// `1,234,567`
pub fn count(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    if value < 0 {
        text.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12.3 MB`, in powers of 1000.
pub fn bytes(value: u64) -> String {
    const NAMES: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut scaled = value as f64;
    let mut name = 0;
    while scaled >= 999.5 && name + 1 < NAMES.len() {
        scaled /= 1000.0;
        name += 1;
    }
    if name == 0 || scaled >= 99.95 {
        format!("{scaled:.0} {}", NAMES[name])
    } else {
        format!("{scaled:.1} {}", NAMES[name])
    }
}

/// A length of time by its two largest units: `3 d 4 h`, `12 min 5 s`, `1.25 s`, `340 ms`.
pub fn seconds(value: f64) -> String {
    if !value.is_finite() || value < 0.0 {
        return UNDEFINED.to_owned();
    }
    if value == 0.0 {
        return "0 s".to_owned();
    }
    if value < 0.9995 {
        return format!("{:.0} ms", (value * 1e3).max(1.0));
    }
    if value < 59.95 {
        return format!("{} s", trimmed(value, if value < 9.95 { 2 } else { 1 }));
    }
    let whole = value.round() as u64;
    let (days, hours, minutes, rest) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    let pair = |a: u64, a_name: &str, b: u64, b_name: &str| match b {
        0 => format!("{} {a_name}", count(a as i64)),
        _ => format!("{} {a_name} {b} {b_name}", count(a as i64)),
    };
    if days > 0 {
        pair(days, "d", hours, "h")
    } else if hours > 0 {
        pair(hours, "h", minutes, "min")
    } else {
        pair(minutes, "min", rest, "s")
    }
}

/// `1 trial`, `9,026 trials`: a noun that takes an s.
pub fn counted(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(value as i64), if value == 1 { "" } else { "s" })
}

/// A number to four or five significant digits, whole numbers in full.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        UNDEFINED.to_owned()
    } else if value == 0.0 {
        "0".to_owned()
    } else if value.fract() == 0.0 && size < 1e15 {
        count(value as i64)
    } else if !(1e-5..1e15).contains(&size) {
        format!("{value:.3e}")
    } else if size >= 1000.0 {
        grouped(value, 2)
    } else {
        let places = if size >= 100.0 {
            2
        } else if size >= 10.0 {
            3
        } else {
            (3 - libm::floor(libm::log10(size)) as i32).max(4) as usize
        };
        trimmed(value, places)
    }
}

/// `12.34 %` of a ratio; `1,446 %` of a large one, and of one that two decimals would hide its first two digits: `0.0012 %`.
pub fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    let size = percent.abs();
    let text = if size >= 1e15 {
        format!("{percent:.3e}")
    } else if size >= 999.995 {
        grouped(percent, 0)
    } else {
        telling(percent, 2, 2)
    };
    format!("{text} %")
}

/// `10,234.56`; less than 10, as gains in coins may be, with four digits that tell something: `0.01234`.
pub fn money(value: f64) -> String {
    let size = value.abs();
    if size >= 1e15 {
        format!("{value:.3e}")
    } else if size >= 9.9995 {
        grouped(value, 2)
    } else {
        telling(value, 2, 4)
    }
}

/// With so many decimals and commas between thousands, never `-0`.
pub fn grouped(value: f64, places: usize) -> String {
    let text = format!("{:.places$}", value.abs());
    let (whole, decimals) = text.split_at(text.find('.').unwrap_or(text.len()));
    let sign = if value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        "-"
    } else {
        ""
    };
    match whole.parse() {
        Ok(whole) => format!("{sign}{}{decimals}", count(whole)),
        Err(_) => format!("{sign}{text}"),
    }
}

/// With `least` decimals, or as many more as show `digits` significant ones; zeros beyond the least are cut.
fn telling(value: f64, least: usize, digits: i32) -> String {
    const MOST: usize = 12;
    let size = value.abs();
    if !(size > 0.0 && size.is_finite()) {
        return grouped(0.0, least);
    }
    let first = libm::floor(libm::log10(size)) as i32;
    let places = ((digits - 1 - first).max(0) as usize).clamp(least, MOST);
    let mut text = grouped(value, places);
    let end = text.find('.').map_or(text.len(), |point| point + 1 + least);
    while text.len() > end && text.ends_with('0') {
        text.pop();
    }
    text
}

/// A price to eight significant digits: more are dust of averaging or slippage.
pub fn price(value: f64) -> String {
    const DIGITS: i32 = 8;
    if value == 0.0 || !value.is_finite() {
        return number(value);
    }
    let first = libm::floor(libm::log10(value.abs())) as i32;
    trimmed(value, (DIGITS - 1 - first).clamp(0, 12) as usize)
}

/// `2014-05-01 12:30:00`, UTC, with milliseconds only where there are some.
pub fn time(ns: i64) -> String {
    UtcNs(ns - ns.rem_euclid(1_000_000))
        .to_rfc3339()
        .replacen('T', " ", 1)
        .trim_end_matches('Z')
        .to_owned()
}

/// A metric in its unit.
pub fn metric(metric: Metric, value: Option<f64>) -> String {
    let Some(value) = value else {
        return UNDEFINED.to_owned();
    };
    match metric.unit() {
        Unit::Ratio => percent(value),
        Unit::Money => money(value),
        Unit::Seconds => seconds(value),
        Unit::Count => count(value as i64),
        Unit::Plain => number(value),
    }
}

/// Values as a line of blocks, `width` at most; each block is the mean of its share.
pub fn sparkline(values: &[f64], width: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let width = width.min(values.len());
    let means: Vec<f64> = (0..width)
        .map(|i| {
            let share = &values[i * values.len() / width..(i + 1) * values.len() / width];
            share.iter().sum::<f64>() / share.len() as f64
        })
        .collect();
    let low = means.iter().copied().fold(f64::INFINITY, f64::min);
    let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let block = |mean: &f64| match (mean - low) / (high - low) {
        share if share.is_finite() => BLOCKS[((share * 8.0) as usize).min(7)],
        _ => BLOCKS[0],
    };
    means.iter().map(block).collect()
}

/// With `places` decimals, zeros at the end cut.
fn trimmed(value: f64, places: usize) -> String {
    let text = grouped(value, places);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([count(0), count(-1234), count(1_234_567)], ["0", "-1,234", "1,234,567"]);
        assert_eq!([bytes(999), bytes(1_500), bytes(350_000_000)], ["999 B", "1.5 kB", "350 MB"]);
        assert_eq!(
            [number(1.25), number(-0.000_125), number(12345.678)],
            ["1.25", "-0.000125", "12,345.68"]
        );
        assert_eq!([number(3.0), number(1e-9), number(0.0)], ["3", "1.000e-9", "0"]);
        assert_eq!([percent(0.1234), percent(-0.5)], ["12.34 %", "-50.00 %"]);
        assert_eq!(
            [money(10_234.555), money(12.345), money(-5.0)],
            ["10,234.56", "12.35", "-5.00"]
        );
        assert_eq!(seconds(93_600.0), "1 d 2 h");
        assert_eq!(
            [seconds(725.0), seconds(1.25), seconds(0.34)],
            ["12 min 5 s", "1.25 s", "340 ms"]
        );
        assert_eq!(time(1_398_947_400_000_000_000), "2014-05-01 12:30:00");
        assert_eq!(time(1_398_947_400_123_456_789), "2014-05-01 12:30:00.123");
        assert_eq!([price(1.387_249_999_999_999_9), price(1282.345)], ["1.38725", "1,282.345"]);
    }

    #[test]
    fn what_is_small_keeps_the_digits_that_tell_something() {
        assert_eq!(
            [money(0.012_344), money(-0.001), money(1e-7), money(0.5), money(9.999_9)],
            ["0.01234", "-0.001", "0.0000001", "0.50", "10.00"]
        );
        assert_eq!(
            [percent(0.000_012_3), percent(-0.000_5), percent(0.001), percent(0.000_996)],
            ["0.0012 %", "-0.05 %", "0.10 %", "0.10 %"]
        );
        assert_eq!(
            [price(0.85), price(0.000_012_34), number(0.000_012_34)],
            ["0.85", "0.00001234", "0.00001234"]
        );
    }

    #[test]
    fn thousands_have_commas_everywhere_and_nothing_is_minus_zero() {
        assert_eq!(
            [percent(14.459_3), percent(197.52), percent(-2.5), percent(9.999_99)],
            ["1,446 %", "19,752 %", "-250.00 %", "1,000 %"]
        );
        assert_eq!([grouped(-1_234.5, 1), grouped(9_000.0, 0)], ["-1,234.5", "9,000"]);
        let nothing = [percent(-0.0), percent(-1e-20), money(-0.0), money(-1e-15), grouped(-0.04, 1)];
        assert_eq!(nothing, ["0.00 %", "0.00 %", "0.00", "0.00", "0.0"]);
        assert_eq!([number(-0.0), price(-0.0), price(-1e-14)], ["0", "0", "0"]);
        assert_eq!([counted(1, "trial"), counted(9_026, "trial")], ["1 trial", "9,026 trials"]);
    }

    #[test]
    fn a_sparkline_rises_with_its_values_and_survives_flat_ones() {
        assert_eq!(sparkline(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 8), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[5.0; 4], 2), "▁▁");
        assert_eq!(sparkline(&[], 10), "");
    }
}
