//! What is wrong with a job, in which line, and what to write instead.

use crate::failure::{Domain, Explain};
use crate::nearest;

/// A job that cannot be run as written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum JobError {
    /// Not TOML, a wrong type, an unknown key.
    #[error("{message}{}", located(*.line))]
    Syntax {
        /// What is wrong.
        message: String,
        /// 1-based line, when known.
        line: Option<usize>,
        /// What to do.
        hint: Option<String>,
    },
    /// A value that makes no sense.
    #[error("{key}: {message}")]
    Value {
        /// Dotted key.
        key: &'static str,
        /// What is wrong with it.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
}

fn located(line: Option<usize>) -> String {
    line.map(|n| format!(" (line {n})")).unwrap_or_default()
}

impl Explain for JobError {
    fn domain(&self) -> Domain {
        Domain::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { hint, .. } | Self::Value { hint, .. } => hint.clone(),
        }
    }
}

/// Explains a TOML error: the line, and for an unknown key or variant the nearest known one.
pub fn explain_toml(error: &toml::de::Error, source: &str) -> JobError {
    let line = error
        .span()
        .map(|span| source[..span.start.min(source.len())].matches('\n').count() + 1);
    let message = error.message().to_owned();
    // serde words it: unknown field `x`, expected one of `a`, `b`
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let hint = match quoted.split_first() {
        Some((name, known)) if message.starts_with("unknown ") && !known.is_empty() => Some(nearest::hint(name, known)),
        _ => None,
    };
    let message = if hint.is_some() {
        message.split(", expected").next().unwrap_or(&message).replace("field", "key")
    } else {
        message
    };
    JobError::Syntax { message, line, hint }
}
