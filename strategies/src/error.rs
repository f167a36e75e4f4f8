//! What can be wrong with a strategy, and with a strategy on some data.

use std::fmt;

use assay_core::job::JobError;
use assay_core::{Domain, Explain};
use assay_lang::LangError;

/// A strategy that cannot be read, or cannot run where it is asked to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StrategyError {
    /// The file is not what a strategy file looks like.
    #[error("{origin}: {error}")]
    File {
        /// Where the text came from.
        origin: String,
        /// What is wrong, and in which line.
        error: JobError,
    },
    /// An expression is wrong.
    #[error("{0}")]
    Expression(Box<LocatedError>),
    /// Lets that mention each other in a circle.
    #[error("{origin}: let.{} in a circle: {}", .names[0], .names.join(" -> "))]
    Cycle {
        /// Where the text came from.
        origin: String,
        /// The names around the circle, the first one repeated at the end.
        names: Vec<String>,
    },
    /// More lets than anybody writes.
    #[error("{origin}: {found} lets, at most {limit} are allowed")]
    TooManyLets {
        /// Where the text came from.
        origin: String,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Neither side has an entry.
    #[error("{origin}: the strategy never enters a position")]
    NoEntry {
        /// Where the text came from.
        origin: String,
    },
    /// `[signals]` that do not fit the strategy or the bars.
    #[error("{origin}, signals: {reason}")]
    Signals {
        /// Where the text came from.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// `tf` of bars that are not longer than those of the job.
    #[error("`tf(\"{wanted}\", ...)` cannot be made of bars of {bars}")]
    BadFrame {
        /// What is asked for.
        wanted: assay_core::time::BarLength,
        /// What there is.
        bars: assay_core::time::BarLength,
    },
    /// `ref` of an instrument whose bars are not at hand.
    #[error("`ref(\"{symbol}\", ...)` needs the bars of {symbol}, which are not at hand")]
    NoReference {
        /// The instrument.
        symbol: String,
    },
    /// A job gives a parameter that the strategy does not declare.
    #[error("{strategy} has no parameter `{name}`")]
    UnknownParameter {
        /// Name of the strategy.
        strategy: String,
        /// The parameter.
        name: String,
        /// What to write instead.
        hint: String,
    },
    /// A job gives a parameter values that the strategy cannot use.
    #[error("parameter `{name}` of {strategy} is {expected}, found {found}")]
    WrongParameter {
        /// Name of the strategy.
        strategy: String,
        /// The parameter.
        name: String,
        /// What the strategy declares.
        expected: String,
        /// What the job gives.
        found: String,
    },
    /// A parameter is left out and has no default.
    #[error("parameter `{name}` of {strategy} has no default")]
    NoDefault {
        /// Name of the strategy.
        strategy: String,
        /// The parameter.
        name: String,
    },
    /// A `when` that depends on a parameter with a `when`.
    #[error("params.{name}.when mentions `{other}`, which has a `when` itself")]
    Nested {
        /// The parameter.
        name: String,
        /// The other one.
        other: String,
    },
    /// A series of quotes is asked of bars without them.
    #[error("`{series}` needs bars made from quotes, {symbol} has none")]
    NeedsQuotes {
        /// The series.
        series: String,
        /// The instrument.
        symbol: String,
    },
    /// A scalar of the rules, such as a size, is undefined or out of range for some parameters.
    #[error("{place} is {found} for some parameters, expected {expected}")]
    BadAmount {
        /// Dotted key.
        place: String,
        /// What it came to.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// No library strategy of that name.
    #[error("no library strategy is called `{name}`")]
    UnknownStrategy {
        /// The name.
        name: String,
        /// What to write instead.
        hint: String,
    },
}

/// An error in an expression, with the text it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatedError {
    /// File and place, as in `my_cross.toml, let.f`.
    pub place: String,
    /// The expression.
    pub source: String,
    /// What is wrong with it.
    pub error: LangError,
}

impl fmt::Display for LocatedError {
    /// The message, the place and the expression with the error underlined; the hint is left to [`Explain::hint`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = LangError {
            hint: None,
            ..self.error.clone()
        };
        let text = error.render(&self.source, &self.place);
        f.write_str(text.strip_prefix("error: ").unwrap_or(&text))
    }
}

impl StrategyError {
    pub(crate) fn expression(place: String, source: &str, error: LangError) -> Self {
        let source = source.to_owned();
        Self::Expression(Box::new(LocatedError { place, source, error }))
    }

    /// Whether it is about the bars, and so the same for every trial.
    pub(crate) fn is_of_the_data(&self) -> bool {
        matches!(
            self,
            Self::NeedsQuotes { .. } | Self::BadFrame { .. } | Self::NoReference { .. }
        )
    }
}

impl Explain for StrategyError {
    fn domain(&self) -> Domain {
        match self {
            Self::UnknownStrategy { .. } => Domain::NotFound,
            _ => Domain::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File { error, .. } => return error.hint(),
            Self::Expression(located) => return located.error.hint.clone(),
            Self::Cycle { .. } => {
                "a let may use others, but not, through them, itself; x[1] of itself cannot be written".to_owned()
            }
            Self::TooManyLets { .. } => "write those used once where they are used".to_owned(),
            Self::NoEntry { .. } => "give at least one of rules.enter_long and rules.enter_short".to_owned(),
            Self::Signals { .. } => {
                "signals come from the Python package: `assay.sweep(df, signals = {...})` writes such a strategy".to_owned()
            }
            Self::UnknownParameter { hint, .. } | Self::UnknownStrategy { hint, .. } => hint.clone(),
            Self::WrongParameter { .. } => {
                "a job may narrow or widen a range, but not change what kind of value it is".to_owned()
            }
            Self::NoDefault { .. } => "give it in the job's [params], or a `default` in the strategy".to_owned(),
            Self::Nested { other, .. } => return Some(format!("write the condition of `{other}` into it, with `and`")),
            Self::NeedsQuotes { .. } => "import quote ticks or quote bars, or leave the series out".to_owned(),
            Self::BadFrame { bars, .. } => format!("use a multiple of {bars}, or whole days such as `1d`"),
            Self::NoReference { symbol } => format!("import them with `assay data import FILE --symbol {symbol}`"),
            Self::BadAmount { expected, .. } => {
                format!("write {expected}; where parameters decide it, narrow them, or couple them with `where`")
            }
        })
    }
}
