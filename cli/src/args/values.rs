//! Values of options that are more than text or a number.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use serde::Deserialize;

/// Form of what comes out on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutputFormat {
    /// For people.
    Table,
    /// One JSON value.
    Json,
    /// Comma-separated, with a header.
    Csv,
    /// Apache Parquet; redirect it into a file.
    Parquet,
}

impl OutputFormat {
    /// As typed.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// How many threads compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreadCount {
    /// One per core that the process may use.
    All,
    /// So many.
    Count(NonZeroUsize),
}

impl FromStr for ThreadCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            _ => text
                .parse()
                .map(Self::Count)
                .map_err(|_| format!("`{text}` is not a number of threads; expected a number above 0, or `all`")),
        }
    }
}

/// How much memory a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryLimit {
    /// Half of what the process may use: of the cgroup's limit, else of the machine's memory.
    Half,
    /// So many bytes.
    Bytes(u64),
}

const UNITS: [(&str, u64); 9] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];

impl FromStr for MemoryLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "half" {
            return Ok(Self::Half);
        }
        let bytes = bytes_of(text).map(Self::Bytes);
        bytes.ok_or_else(|| format!("`{text}` is not an amount of memory; expected one such as 500MB, 4GB, 2GiB, or `half`"))
    }
}

/// An amount of bytes.
#[cfg(feature = "cluster")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

#[cfg(feature = "cluster")]
impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        bytes_of(text)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a size; expected one such as 500kB, 4MB, 2MiB"))
    }
}

fn bytes_of(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim().to_ascii_lowercase();
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let bytes = number * *scale as f64;
    (1.0..1e18).contains(&bytes).then_some(bytes as u64)
}

/// A number in a settings file counts as its text.
#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl fmt::Display for NumberOrText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

macro_rules! deserialize_by_text {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = NumberOrText::deserialize(deserializer)?;
                value.to_string().parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
deserialize_by_text!(ThreadCount, MemoryLimit);
#[cfg(feature = "cluster")]
deserialize_by_text!(Bytes);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_reads_decimal_and_binary_units() {
        assert_eq!("4GB".parse(), Ok(MemoryLimit::Bytes(4_000_000_000)));
        assert_eq!("1.5 GiB".parse(), Ok(MemoryLimit::Bytes(3 << 29)));
        assert_eq!("500mb".parse(), Ok(MemoryLimit::Bytes(500_000_000)));
        assert_eq!("half".parse(), Ok(MemoryLimit::Half));
        for bad in ["", "GB", "4XB", "-1GB", "0", "1.2.3GB"] {
            assert!(bad.parse::<MemoryLimit>().is_err(), "{bad}");
        }
    }

    #[test]
    fn threads_are_a_positive_number_or_all() {
        assert_eq!("all".parse(), Ok(ThreadCount::All));
        assert!(matches!("3".parse(), Ok(ThreadCount::Count(n)) if n.get() == 3));
        for bad in ["0", "-1", "two"] {
            assert!(bad.parse::<ThreadCount>().is_err(), "{bad}");
        }
    }
}
