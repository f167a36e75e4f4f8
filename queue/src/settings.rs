//! How a queue is used.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use assay_core::{Domain, Explain};

use crate::QueueAddress;

/// What the names of a cluster's exchange and queues begin with, so that several share a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

/// A text that cannot begin a queue's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot begin the names of queues; expected letters, digits, `-`, `_`, starting with a letter, at most 64")]
pub struct PrefixError(String);

impl Explain for PrefixError {
    fn domain(&self) -> Domain {
        Domain::Usage
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self("assay".to_owned())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        // No dot: it separates the parts of a queue's name, and means any character in a permission's pattern.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.len() <= 64 && text.chars().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PrefixError(text.to_owned()))
        }
    }
}

/// Where the queue is, under which name, and how long anything may take.
#[derive(Debug, Clone)]
pub struct QueueSettings {
    /// Where.
    pub address: QueueAddress,
    /// Under which name; of no meaning in-process.
    pub prefix: Prefix,
    /// Certificates of the authority to trust in addition to the system's, as PEM, for `amqps://`.
    pub authority: Option<String>,
    /// How long reaching the broker may take at the start, and each question to it from then on.
    pub answer_within: Duration,
    /// How long publishing a batch may take until the broker has confirmed all of it.
    pub publish_within: Duration,
    /// After how long without a message a worker looks whether the coordinator has moved on to a newer queue. The broker logs
    /// each of these questions.
    pub look_around_after: Duration,
}

impl QueueSettings {
    /// With the usual name and limits of time.
    pub fn new(address: QueueAddress) -> Self {
        Self {
            address,
            prefix: Prefix::default(),
            authority: None,
            answer_within: Duration::from_secs(10),
            publish_within: Duration::from_secs(10),
            look_around_after: Duration::from_mins(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_that_a_pattern_would_misread_are_refused() {
        assert_eq!("night-2_b".parse::<Prefix>().unwrap().to_string(), "night-2_b");
        for bad in ["", "2", "a.b", "a b", "a/b", "amq.", &"a".repeat(65)] {
            assert!(bad.parse::<Prefix>().is_err(), "{bad}");
        }
    }
}
