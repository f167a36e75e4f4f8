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

/// A number to five significant digits, whole numbers in full.
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
        money(value)
    } else {
        let before = if size >= 100.0 {
            2
        } else if size >= 10.0 {
            3
        } else if size >= 0.1 {
            4
        } else {
            7
        };
        trimmed(value, before)
    }
}

/// `12.34 %` of a ratio.
pub fn percent(ratio: f64) -> String {
    if ratio.abs() >= 100.0 {
        format!("{} %", count((ratio * 100.0).round() as i64))
    } else {
        format!("{:.2} %", ratio * 100.0)
    }
}

/// `10,234.56`
pub fn money(value: f64) -> String {
    let cents = (value.abs() * 100.0).round();
    if cents >= 1e17 {
        return format!("{value:.3e}");
    }
    let cents = cents as i64;
    let sign = if value < 0.0 && cents > 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", count(cents / 100), cents % 100)
}

/// A price to eight significant digits: more are dust of averaging or slippage.
pub fn price(value: f64) -> String {
    let whole_digits = value.abs().max(1.0).to_string().find('.').unwrap_or(8);
    trimmed(value, 8usize.saturating_sub(whole_digits).min(7))
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
    let text = format!("{value:.places$}");
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
        assert_eq!([money(10_234.555), money(-0.001)], ["10,234.56", "0.00"]);
        assert_eq!(seconds(93_600.0), "1 d 2 h");
        assert_eq!(
            [seconds(725.0), seconds(1.25), seconds(0.34)],
            ["12 min 5 s", "1.25 s", "340 ms"]
        );
        assert_eq!(time(1_398_947_400_000_000_000), "2014-05-01 12:30:00");
        assert_eq!(time(1_398_947_400_123_456_789), "2014-05-01 12:30:00.123");
        assert_eq!([price(1.387_249_999_999_999_9), price(1282.345)], ["1.38725", "1282.345"]);
    }

    #[test]
    fn a_sparkline_rises_with_its_values_and_survives_flat_ones() {
        assert_eq!(sparkline(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 8), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[5.0; 4], 2), "▁▁");
        assert_eq!(sparkline(&[], 10), "");
    }
}
