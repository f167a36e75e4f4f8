//! What of the language is no function and yet looked for: other bars, earlier bars, series, output names.

use assay_core::nearest;
use assay_lang::SERIES;
use assay_lang::functions::needs_quotes;

/// A page of help.
pub(super) struct Topic {
    /// What it may be called.
    names: &'static [&'static str],
    /// How it is written.
    pub(super) form: &'static str,
    /// What it is.
    pub(super) about: &'static str,
    /// An expression with it.
    pub(super) example: &'static str,
}

const TOPICS: &[Topic] = &[
    Topic {
        names: &["tf"],
        form: "tf(\"1h\", x)",
        about: "x on longer bars of the same instrument: hours and minutes counted from UTC midnight, 1d the instrument's trading days, 1w \
                weeks from Monday. A bar sees the last of them that has ended by its own end: it cannot see the future. x is any number \
                or condition, with its own warm-up on its own bars; a series in it, such as close, is the longer bar's.",
        example: "tf(\"1d\", close > sma(close, 200))",
    },
    Topic {
        names: &["ref"],
        form: "ref(\"SPY\", x)",
        about: "x on the bars of another instrument, of the same length. A bar sees the last of them that has ended by its own end. \
                Instead of a text in quotes a parameter with choices may stand: ref(other, close).",
        example: "close / ref(\"SPY\", close)",
    },
    Topic {
        names: &["x[n]", "[n]", "[]", "x[1]", "close[1]", "lag", "previous", "index"],
        form: "x[n]",
        about: "x as it was n bars ago; null where there was no bar yet. n is a whole number known before the data: a number, or an \
                expression of parameters. There is no way to write a later bar. delay(x, n) is the same.",
        example: "close > close[1]",
    },
    Topic {
        names: &["series", "bar", "price", "prices"],
        form: "open, high, low, close, volume, hl2, hlc3, ohlc4",
        about: "what every bar has. Of bars from quotes open to close are the mid, (bid + ask) / 2, and there are bid_open to ask_close and \
                spread as well. `assay help fn NAME` says what one of them is.",
        example: "hlc3 - close[1]",
    },
    Topic {
        names: &["_", "outputs", "output", ".", "names"],
        form: "macd(close).signal, macd_signal(close)",
        about: "a function with several outputs is written with the one that is meant, behind a dot or as one name with `_`: both are the \
                same. Names that begin with `_` are not for users: no function is called so.",
        example: "macd(close).macd > macd(close).signal",
    },
    Topic {
        names: &["null", "nan", "na", "none"],
        form: "null",
        about: "the value of what is undefined: warm-up, 1 / 0, a root below 0. Null in, null out, but in nz and is_null, and where the \
                other side of and, or decides. Where a rule is acted upon, null counts as false.",
        example: "nz(close[1], close)",
    },
    Topic {
        names: &["and", "or", "not", "operators", "&&", "||", "!", "<", ">", "=="],
        form: "or, and, not, < <= > >= == !=, + -, * / %, -x, x[n]",
        about: "the operators, the weakest first. Comparisons do not chain: a < b and b < c. % is the remainder.",
        example: "close > open and volume > volume[1]",
    },
];

/// The page of that name.
pub(super) fn find(name: &str) -> Option<&'static Topic> {
    let name = name.trim_end_matches("(...)").trim_end_matches("()");
    TOPICS.iter().find(|topic| topic.names.contains(&name))
}

/// What a built-in series is.
pub(super) fn series(name: &str) -> Option<String> {
    let (_, about) = SERIES.iter().find(|(known, _)| *known == name)?;
    let quotes = if needs_quotes(name) {
        ", of bars from quotes only"
    } else {
        ""
    };
    Some(format!("{about}{quotes}"))
}

/// What to do about a name that means nothing: a near one, or how to list them all.
pub(super) fn hint<'a>(name: &str, functions: impl Iterator<Item = &'a str>) -> String {
    let topics = ["tf", "ref", "series", "x[n]"];
    let series = SERIES.iter().map(|(name, _)| *name);
    match nearest::nearest(name, functions.chain(series).chain(topics)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`assay help fn` lists the functions, `assay help fn WORD` those that speak of a word".to_owned(),
    }
}

/// Names of pages, for shells to complete.
pub(crate) const NAMES: [&str; 4] = ["tf", "ref", "series", "null"];
