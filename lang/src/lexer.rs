//! Text to tokens.

use std::fmt;

use crate::ast::Span;
use crate::error::{LangError, LangErrorKind};

/// Longest source, in characters.
pub const MAX_SOURCE: usize = 4_096;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind {
    Number(f64),
    Text(String),
    Name(String),
    /// An operator, a bracket, a comma, a dot, or one of the words `and or not true false`, in one spelling.
    Symbol(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => write!(f, "the number {value:?}"),
            Self::Text(text) => write!(f, "the text \"{text}\""),
            Self::Name(name) => write!(f, "`{name}`"),
            Self::Symbol(symbol) => write!(f, "`{symbol}`"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// Spelling and canonical spelling; longer ones first.
const SYMBOLS: [(&str, &str); 23] = [
    ("&&", "and"),
    ("||", "or"),
    ("<=", "<="),
    (">=", ">="),
    ("==", "=="),
    ("!=", "!="),
    ("<", "<"),
    (">", ">"),
    ("=", "="),
    ("!", "not"),
    ("+", "+"),
    ("-", "-"),
    ("*", "*"),
    ("/", "/"),
    ("%", "%"),
    ("(", "("),
    (")", ")"),
    ("[", "["),
    ("]", "]"),
    (",", ","),
    (".", "."),
    ("\u{2264}", "<="),
    ("\u{2265}", ">="),
];

/// Names with a meaning of their own; no parameter or `let` may take one.
pub(crate) const WORDS: [&str; 5] = ["and", "or", "not", "true", "false"];

pub(crate) fn lex(source: &str) -> Result<Vec<Token>, LangError> {
    let length = source.chars().count();
    if length > MAX_SOURCE {
        let kind = LangErrorKind::SourceTooLong {
            length,
            limit: MAX_SOURCE,
        };
        return Err(LangError::new(kind, Span::default()).with_hint("split it into several `[let]` entries"));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let rest = &source[at..];
        let digit_follows = rest[first.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
        let (kind, length) = if first.is_ascii_digit() || (first == '.' && digit_follows) {
            number(rest, at)?
        } else if is_name_start(first) {
            name(rest)
        } else if first == '"' || first == '\'' {
            text(rest, first, at)?
        } else {
            symbol(rest, first, at)?
        };
        tokens.push(Token {
            kind,
            span: Span::new(at, at + length),
        });
        at += length;
    }
    tokens.push(Token {
        kind: TokenKind::End,
        span: Span::new(source.len(), source.len()),
    });
    Ok(tokens)
}

pub(crate) fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

pub(crate) fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn name(rest: &str) -> (TokenKind, usize) {
    let word = &rest[..rest.find(|c| !is_name_part(c)).unwrap_or(rest.len())];
    let known = WORDS.into_iter().find(|known| *known == word);
    (
        known.map_or_else(|| TokenKind::Name(word.to_owned()), TokenKind::Symbol),
        word.len(),
    )
}

/// Takes everything that a person could mean as one number, then asks whether it is one.
fn number(rest: &str, at: usize) -> Result<(TokenKind, usize), LangError> {
    let bytes = rest.as_bytes();
    let mut end = 0;
    while let Some(&byte) = bytes.get(end) {
        let exponent_sign = matches!(byte, b'+' | b'-')
            && end > 1
            && matches!(bytes[end - 1], b'e' | b'E')
            && bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
            && bytes[..end - 1]
                .iter()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_'));
        let fraction = byte == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !(byte.is_ascii_alphanumeric() || byte == b'_' || exponent_sign || fraction) {
            break;
        }
        end += 1;
    }
    let written = &rest[..end];
    let underscores_between_digits = written.split('_').enumerate().all(|(i, part)| {
        (i == 0 || part.starts_with(|c: char| c.is_ascii_digit())) && part.ends_with(|c: char| c.is_ascii_digit())
    });
    let value = written
        .replace('_', "")
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite() && underscores_between_digits);
    match value {
        Some(value) => Ok((TokenKind::Number(value), end)),
        None => Err(
            LangError::new(LangErrorKind::MalformedNumber(written.to_owned()), Span::new(at, at + end))
                .with_hint("numbers look like `14`, `0.5`, `1_000` or `1e-4`; units and `2x` for `2 * x` are not read"),
        ),
    }
}

fn text(rest: &str, quote: char, at: usize) -> Result<(TokenKind, usize), LangError> {
    let inside = &rest[1..];
    match inside.find(|c: char| c == quote || c.is_control()) {
        Some(end) if inside[end..].starts_with(quote) => Ok((TokenKind::Text(inside[..end].to_owned()), end + 2)),
        other => {
            let end = other.map_or(rest.len(), |end| end + 1);
            Err(LangError::new(LangErrorKind::UnclosedText, Span::new(at, at + end))
                .with_hint(format!("close it with `{quote}` on the same line")))
        }
    }
}

fn symbol(rest: &str, first: char, at: usize) -> Result<(TokenKind, usize), LangError> {
    if let Some((spelling, canonical)) = SYMBOLS.into_iter().find(|(spelling, _)| rest.starts_with(spelling)) {
        return Ok((TokenKind::Symbol(canonical), spelling.len()));
    }
    let error = LangError::new(
        LangErrorKind::UnexpectedCharacter(first),
        Span::new(at, at + first.len_utf8()),
    );
    Err(match first {
        '&' => error.with_hint("write `and`"),
        '|' => error.with_hint("write `or`"),
        '^' => error.with_hint("there is no power operator; write `x * x`, `sqrt(x)` or `exp(y * log(x))`"),
        '?' | ':' => error.with_hint("write `if(condition, a, b)`"),
        '{' | '}' | ';' => error.with_hint("an expression is one value; name intermediate ones in `[let]`"),
        _ => error,
    })
}
