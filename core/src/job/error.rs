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

/// Explains a TOML error: the line, for an unknown key or variant the nearest known one, and for a wrong type the key and what to write.
pub fn explain_toml(error: &toml::de::Error, source: &str) -> JobError {
    let start = error.span().map(|span| span.start.min(source.len()));
    let line = start.map(|start| source[..start].matches('\n').count() + 1);
    let message = error.message().to_owned();
    if let Some((message, hint)) = wrong_type(&message, start.and_then(|start| key_at(source, start))) {
        let hint = Some(hint);
        return JobError::Syntax { message, line, hint };
    }
    // An error that names what is near says so once.
    for mark in ["; did you mean", "; known names"] {
        if let Some((message, hint)) = message.split_once(mark) {
            return JobError::Syntax {
                message: message.to_owned(),
                line,
                hint: Some(format!("{}{hint}", &mark[2..])),
            };
        }
    }
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

/// The dotted key whose value is at a position.
fn key_at(source: &str, start: usize) -> Option<String> {
    let line_start = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let lines = || std::iter::once(&source[line_start..start]).chain(source[..line_start].lines().rev());
    let (key, _) = lines().find_map(|line| line.split_once('='))?;
    let section = lines().find_map(|line| line.trim().strip_prefix('[')?.split(']').next());
    let key = key.trim();
    Some(section.map_or_else(|| key.to_owned(), |section| format!("{}.{key}", section.trim())))
}

/// What serde says of a value of a wrong type, in the words of those who write TOML, and what to write instead.
fn wrong_type(message: &str, key: Option<String>) -> Option<(String, String)> {
    let (place, found) = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|mark| message.split_once(mark))?;
    let (found, expected) = found.rsplit_once(", expected ")?;
    let place = match (place.strip_suffix(": "), key) {
        (Some(place), _) => place.to_owned(),
        (None, Some(key)) => format!("`{key}`"),
        (None, None) => "the value".to_owned(),
    };
    let found = found
        .strip_prefix("string ")
        .or_else(|| found.split('`').nth(1))
        .unwrap_or(match found {
            "sequence" => "a list",
            "map" => "a table",
            other => other,
        });
    let text = found.trim_matches('"');
    let (expected, hint) = match expected {
        "f64" | "f32" => ("a number".to_owned(), number_hint(text)),
        "u8" | "u16" | "u32" | "u64" | "usize" => (
            "a whole number, 0 or above".to_owned(),
            "write it in digits, without quotes".to_owned(),
        ),
        "i8" | "i16" | "i32" | "i64" | "isize" => {
            ("a whole number".to_owned(), "write it in digits, without quotes".to_owned())
        }
        "a sequence" => ("a list".to_owned(), format!("write it in brackets: [{found}]")),
        "a string" => ("a text".to_owned(), format!("write it in quotes: \"{text}\"")),
        "a boolean" => ("true or false".to_owned(), "write true or false, without quotes".to_owned()),
        "an array of length 2" => (
            "two numbers in brackets".to_owned(),
            "write both ends, as in [5, 50]".to_owned(),
        ),
        other if other == "a map" || other.starts_with("struct ") => (
            "a table".to_owned(),
            "write its keys below a line `[name]`, or in braces: { key = value }".to_owned(),
        ),
        other => (other.to_owned(), "write it as the documentation of the key says".to_owned()),
    };
    Some((format!("{place} is {found}, expected {expected}"), hint))
}

/// How a number is written; a percentage as a share.
fn number_hint(text: &str) -> String {
    let share = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match share {
        // Twelve digits hide that a hundredth is no binary fraction.
        Some(percent) => {
            let share = format!("{:.12}", percent / 100.0);
            format!(
                "write the share, without quotes: {}",
                share.trim_end_matches('0').trim_end_matches('.')
            )
        }
        None => "write it in digits, without quotes, with a point before decimals".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::failure::Explain;
    use crate::job::JobSpec;

    #[test]
    fn wrong_types_are_told_in_the_words_of_the_file() {
        let job = |line: &str| {
            let text = format!(
                "name = \"x\"\n[data]\ninstruments = [\"X\"]\nbars = \"1m\"\n[strategy]\nuse = \"s\"\n[execution]\n{line}\n"
            );
            let error = JobSpec::from_toml(&text).unwrap_err();
            format!("{error} | {}", error.hint().unwrap_or_default())
        };
        for (line, expected) in [
            (
                "commission = \"0.1%\"",
                "`execution.commission` is \"0.1%\", expected a number (line 8) | write the share, without quotes: 0.001",
            ),
            ("commission = \"a\"", "expected a number (line 8) | write it in digits"),
            ("funding = \"yes\"", "`execution.funding` is \"yes\", expected true or false"),
            (
                "[results]\ntrades = -1",
                "`results.trades` is -1, expected a whole number, 0 or above (line 9)",
            ),
            (
                "[objective]\nrequire = \"trades > 3\"",
                "expected a list (line 9) | write it in brackets: [\"trades > 3\"]",
            ),
            (
                "[params]\nn = { int = [1.5, 3] }",
                "parameter `n` is 1.5, expected a whole number",
            ),
            (
                "[params]\nn = { int = 3 }",
                "parameter `n` is 3, expected two numbers in brackets",
            ),
            (
                "[objective]\nmaximize = \"sharp\"",
                "unknown metric `sharp` (line 9) | did you mean `sharpe`?",
            ),
        ] {
            let found = job(line);
            assert!(found.contains(expected), "{line}: {found}");
        }
        let error = JobSpec::from_toml("name = \"x\"\n[data]\ninstruments = \"BTCUSD\"\nbars = \"1m\"\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`data.instruments` is \"BTCUSD\", expected a list (line 3)"
        );
        assert_eq!(error.hint().unwrap(), "write it in brackets: [\"BTCUSD\"]");
    }
}
