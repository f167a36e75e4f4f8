//! What can be wrong with an expression, and how it is shown.

use std::fmt::Write;

use assay_core::{Domain, Explain};

use crate::ast::Span;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are named by the messages")]
pub enum LangErrorKind {
    /// The source is longer than the language allows.
    #[error("the expression has {length} characters, at most {limit} are allowed")]
    SourceTooLong { length: usize, limit: usize },
    /// Brackets, operators or `let`s nest deeper than the language allows.
    #[error("the expression nests deeper than {limit} levels")]
    TooDeep { limit: usize },
    /// With its `let`s written out, a scalar expression is larger than the language allows.
    #[error("the expression has more than {limit} parts once its `let`s are written out")]
    TooLarge { limit: usize },
    /// A character that begins nothing.
    #[error("unexpected character `{}`", .0.escape_default())]
    UnexpectedCharacter(char),
    /// Digits that are no number, or one too large.
    #[error("`{0}` is not a number")]
    MalformedNumber(String),
    /// A text without its closing quote.
    #[error("the text is not closed")]
    UnclosedText,
    /// The grammar asks for something else here.
    #[error("expected {expected}, found {found}")]
    Unexpected { expected: &'static str, found: String },
    /// `a < b < c`
    #[error("comparisons cannot be chained")]
    ChainedComparison,
    /// `a = b`
    #[error("`=` is not a comparison")]
    Assignment,
    /// A name that nothing declares.
    #[error("unknown name `{0}`")]
    UnknownName(String),
    /// A function that does not exist.
    #[error("unknown function `{0}`")]
    UnknownFunction(String),
    /// `macd(close)` where `macd(close).signal` is meant
    #[error("`{0}` has several outputs, and which one is not said")]
    WhichOutput(String),
    /// `macd(close).middle`
    #[error("`{function}` has no output `{output}`")]
    UnknownOutput { function: String, output: String },
    /// An argument named after no parameter of the function.
    #[error("`{function}` has no parameter `{argument}`")]
    UnknownArgument { function: &'static str, argument: String },
    /// An argument given twice.
    #[error("`{argument}` is given twice")]
    RepeatedArgument { argument: String },
    /// An argument without a default is left out.
    #[error("`{function}` needs `{parameter}`")]
    MissingArgument {
        function: &'static str,
        parameter: &'static str,
    },
    /// More arguments than parameters.
    #[error("`{function}` takes at most {limit} arguments, found {found}")]
    TooManyArguments {
        function: &'static str,
        limit: usize,
        found: usize,
    },
    /// `sma(x = close, 20)`
    #[error("an argument without a name follows one with a name")]
    PositionalAfterNamed,
    /// A value of the wrong type.
    #[error("{place} must be {expected}, found {found}")]
    WrongType {
        place: String,
        expected: &'static str,
        found: &'static str,
    },
    /// A text that is not among a parameter's choices.
    #[error("`{parameter}` is never \"{text}\"")]
    UnknownChoice { parameter: String, text: String },
    /// `x[-1]`
    #[error("cannot read the future: {0} bars ago lies ahead")]
    Future(f64),
    /// `tf("hourly", x)`
    #[error("`{0}` is not a length of bars")]
    BadBars(String),
    /// `ref("not a symbol", x)`
    #[error("`{0}` cannot be a symbol")]
    BadSymbol(String),
    /// A length that is null, not whole, too small or absurdly large; `found` is null where it is undefined.
    #[error("a length must be a whole number from {minimum} to {maximum}, found {}", shown(*.found))]
    BadLength { minimum: usize, maximum: usize, found: f64 },
    /// A value that depends on bars where one is asked for before there are any.
    #[error("the value depends on bars, a number known before the data is needed")]
    NotScalar,
    /// A parameter or `let` whose name the language cannot read, or has taken.
    #[error("`{name}` cannot be a name: {reason}")]
    BadName { name: String, reason: &'static str },
}

fn shown(value: f64) -> String {
    if value.is_nan() {
        "null".to_owned()
    } else {
        value.to_string()
    }
}

/// An error in an expression: what, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{kind}")]
pub struct LangError {
    /// What is wrong.
    pub kind: LangErrorKind,
    /// Where, in bytes of the source.
    pub span: Span,
    /// What to do about it.
    pub hint: Option<String>,
}

impl LangError {
    pub(crate) fn new(kind: LangErrorKind, span: Span) -> Self {
        Self { kind, span, hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The message over the line of `source` it is about, underlined; `origin` says where the source came from, for example
    /// `my_cross.toml, let.f`. Columns count characters from 1. No newline at the end.
    pub fn render(&self, source: &str, origin: &str) -> String {
        let boundary = |offset: u32| {
            (0..=source.len().min(offset as usize))
                .rev()
                .find(|i| source.is_char_boundary(*i))
        };
        let start = boundary(self.span.start).unwrap_or(0);
        let end = boundary(self.span.end).unwrap_or(0).max(start);
        let line_start = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |newline| start + newline);
        let column = source[line_start..start].chars().count();
        let width = source[start..end.min(line_end)].chars().count().max(1);
        let line = match source[..start].matches('\n').count() {
            0 => String::new(),
            lines => format!("line {}, ", lines + 1),
        };
        // A long line is shown around the place, so that a terminal shows the underline below what it is about.
        let first = if column + width.min(40) > 100 {
            column.saturating_sub(40)
        } else {
            0
        };
        let window = source[line_start..line_end].chars().skip(first).take(120);
        let text: String = window.map(|c| if c.is_control() { ' ' } else { c }).collect();
        let indent = column - first;
        let width = width.min(120_usize.saturating_sub(indent).max(1));

        let mut out = format!(
            "error: {self}\n  --> {origin}, {line}column {}\n   |  {}\n",
            column + 1,
            text.trim_end()
        );
        let _ = write!(out, "   |  {}{}", " ".repeat(indent), "^".repeat(width));
        if let Some(hint) = &self.hint {
            let _ = write!(out, "\n   hint: {hint}");
        }
        out
    }
}

impl Explain for LangError {
    fn domain(&self) -> Domain {
        Domain::Usage
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
