//! What makes a bar.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::time::BarLength;

/// What makes a bar: a length of time, a number of ticks, or a traded volume. Written `5m`, `1d`; `ticks`, `100t`; `1000v`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BarSpec {
    /// So much time, by the clock.
    Time(BarLength),
    /// So many ticks, counted from the dataset's first.
    Ticks(NonZeroU32),
    /// Ticks until their sizes sum up to at least this, counted from the dataset's first. Positive and finite.
    Volume(f64),
}

/// A text that names no bars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` makes no bars; expected a length of time such as 30s, 5m, 4h, 1d, 1w, a number of ticks such as 100t, a volume such as 1000v, \
     or ticks, which makes each a bar"
)]
pub struct BarError(String);

impl BarSpec {
    /// Each tick is a bar.
    pub const EVERY_TICK: Self = Self::Ticks(NonZeroU32::MIN);

    /// Length of bars of time.
    pub const fn length(self) -> Option<BarLength> {
        match self {
            Self::Time(length) => Some(length),
            Self::Ticks(_) | Self::Volume(_) => None,
        }
    }

    /// Length in nanoseconds; 0 for bars that count ticks or volume, which may be of any length.
    pub const fn bar_ns(self) -> i64 {
        match self {
            Self::Time(length) => length.ns(),
            Self::Ticks(_) | Self::Volume(_) => 0,
        }
    }
}

impl From<BarLength> for BarSpec {
    fn from(length: BarLength) -> Self {
        Self::Time(length)
    }
}

impl FromStr for BarSpec {
    type Err = BarError;

    fn from_str(text: &str) -> Result<Self, BarError> {
        let bad = || BarError(text.to_owned());
        if text == "ticks" {
            return Ok(Self::EVERY_TICK);
        }
        let number = |digits: &str| digits.starts_with(|c: char| c.is_ascii_digit()).then(|| digits.to_owned());
        if let Some(count) = text.strip_suffix('t').and_then(number) {
            return count.parse().map(Self::Ticks).map_err(|_| bad());
        }
        if let Some(volume) = text.strip_suffix('v').and_then(number) {
            let volume = volume.parse().map_err(|_| bad())?;
            return if volume > 0.0 && f64::is_finite(volume) {
                Ok(Self::Volume(volume))
            } else {
                Err(bad())
            };
        }
        text.parse().map(Self::Time).map_err(|_| bad())
    }
}

impl fmt::Display for BarSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(length) => length.fmt(f),
            Self::Ticks(NonZeroU32::MIN) => f.write_str("ticks"),
            Self::Ticks(count) => write!(f, "{count}t"),
            Self::Volume(volume) => write!(f, "{volume}v"),
        }
    }
}

crate::text::serde_as_text!(BarSpec);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_read_and_print() {
        for (text, printed) in [
            ("5m", "5m"),
            ("1d", "1d"),
            ("ticks", "ticks"),
            ("1t", "ticks"),
            ("100t", "100t"),
            ("1000v", "1000v"),
            ("0.5v", "0.5v"),
        ] {
            assert_eq!(text.parse::<BarSpec>().unwrap().to_string(), printed);
        }
        for bad in [
            "", "t", "v", "0t", "-1t", "1.5t", "0v", "-1v", "infv", "nanv", "1e999v", "5", "5y", "tick",
        ] {
            let error = bad.parse::<BarSpec>().unwrap_err();
            assert!(error.to_string().contains("100t"), "{bad}: {error}");
        }
    }
}
