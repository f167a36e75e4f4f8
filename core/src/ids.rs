//! Identifiers. Each begins with a letter, so that no reader of a Hive path takes one for a number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An identifier that is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a job id.
    #[error("`{0}` is not a job id; expected `j_` and 16 hexadecimal digits")]
    Job(String),
    /// Not a trial id.
    #[error("`{0}` is not a trial id; expected `t_<16 hexadecimal digits>_<instrument>_<ordinal>`")]
    Trial(String),
    /// Not a worker's name.
    #[error("`{0}` is not a worker's name; expected letters, digits, `.`, `-`, `_`, starting with a letter, at most 64")]
    Worker(String),
    /// Not a symbol.
    #[error("`{0}` is not a symbol; expected letters, digits, `.`, `-`, `_`, starting with a letter or digit, at most 64")]
    Symbol(String),
}

/// A job: hash of the canonical job, the values of its data, and the semantics version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u64);

impl JobId {
    /// From the first eight bytes of a content hash.
    pub fn from_hash(hash: [u8; 32]) -> Self {
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        Self(u64::from_be_bytes(first))
    }

    /// From the number that [`JobId::to_bits`] gave.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// As a number, for messages that carry nothing but numbers.
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "j_{:016x}", self.0)
    }
}

fn hex16(text: &str) -> Option<u64> {
    (text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
        .then(|| u64::from_str_radix(text, 16).ok())?
}

impl FromStr for JobId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.strip_prefix("j_")
            .and_then(hex16)
            .map(Self)
            .ok_or_else(|| IdError::Job(text.to_owned()))
    }
}

/// A point's position in its job: the raw index for a grid, the draw's number for a random search. Breaks ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ordinal(pub u64);

/// One point on one instrument over the job's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrialId {
    /// The job it belongs to.
    pub job: JobId,
    /// Index into the job's instruments.
    pub instrument: u32,
    /// The point.
    pub ordinal: Ordinal,
}

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t_{:016x}_{}_{}", self.job.0, self.instrument, self.ordinal.0)
    }
}

impl FromStr for TrialId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parse = || {
            let mut parts = text.strip_prefix("t_")?.split('_');
            let job = JobId(hex16(parts.next()?)?);
            let instrument = parts.next()?.parse().ok()?;
            let ordinal = Ordinal(parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Self {
                job,
                instrument,
                ordinal,
            })
        };
        parse().ok_or_else(|| IdError::Trial(text.to_owned()))
    }
}

/// An instrument's name; safe as a folder name on every file system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(String);

impl Symbol {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Symbol {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && is_plain_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Symbol(text.to_owned()))
        }
    }
}

/// A task: its number in the coordinator's database, in the order in which tasks were carved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u64);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k{}", self.0)
    }
}

/// Which try of a task: 1 for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub u32);

/// The reign of one coordinator. Every change carries it, so that a coordinator that was replaced can change nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// A worker's name, chosen by itself and its own as long as it lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(String);

impl WorkerId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for WorkerId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) && is_plain_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Worker(text.to_owned()))
        }
    }
}

/// At most 64 letters, digits and `.-_`.
fn is_plain_name(text: &str) -> bool {
    text.len() <= 64
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

crate::text::serde_as_text!(JobId, TrialId, Symbol, WorkerId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_refuse_rubbish() {
        let job = JobId::from_hash([7; 32]);
        assert_eq!(job.to_string().parse(), Ok(job));
        assert_eq!(JobId::from_bits(job.to_bits()), job);
        let trial = TrialId {
            job,
            instrument: 2,
            ordinal: Ordinal(1_000_000_007),
        };
        assert_eq!(trial.to_string().parse(), Ok(trial));
        assert!("t_0707070707070707_2".parse::<TrialId>().is_err());
        assert!("j_XYZ".parse::<JobId>().is_err());
        for bad in ["", "../etc", "a b", ".hidden", "ä"] {
            assert!(bad.parse::<Symbol>().is_err(), "{bad}");
        }
        assert_eq!("host-1.a_b".parse::<WorkerId>().unwrap().as_str(), "host-1.a_b");
        assert!(["", "1", "a/b"].iter().all(|bad| bad.parse::<WorkerId>().is_err()));
        assert_eq!("BRK.B".parse::<Symbol>().unwrap().as_str(), "BRK.B");
    }
}
