//! What a function is, how one is found, and the built-in series. The functions themselves are in [`FUNCTIONS`].

use std::fmt;

pub use crate::table::FUNCTIONS;

/// Which function it is. Whoever computes functions matches on this, so that a new one cannot be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "documented by the entries of the table")]
pub enum FunctionId {
    Abs,
    Min,
    Max,
    Sqrt,
    Log,
    Exp,
    Floor,
    Ceil,
    Round,
    Sign,
    If,
    Nz,
    IsNull,
    Sma,
    Ema,
    Wma,
    Rma,
    BbandsUpper,
    BbandsMiddle,
    BbandsLower,
    Rsi,
    Macd,
    MacdSignal,
    MacdHist,
    StochK,
    StochD,
    Roc,
    Change,
    Atr,
    TrueRange,
    Stddev,
    Zscore,
    Highest,
    Lowest,
    Sum,
    Delay,
    Crossover,
    Crossunder,
    BarsSince,
    Minute,
    Hour,
    DayOfWeek,
    DayOfMonth,
    Month,
}

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number per bar; a number known before the data stands for the same number at every bar.
    Series,
    /// A condition per bar; a condition known before the data stands for the same one at every bar.
    Condition,
    /// Either of the two.
    Any,
    /// A number known before the data.
    Scalar,
    /// A whole number of bars known before the data, at least `minimum`.
    Length {
        /// 1 for a window, 0 for a distance.
        minimum: usize,
    },
}

/// A parameter of a function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Its name, for `name = value`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Its value when it is left out.
    pub default: Option<f64>,
}

/// What a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A number per bar.
    Number,
    /// A condition per bar.
    Condition,
    /// What its last two arguments are.
    Branches,
}

/// What a function is about; the order of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "their names say it")]
pub enum Group {
    Arithmetic,
    Choice,
    Average,
    Momentum,
    Volatility,
    Statistics,
    Time,
    Event,
}

/// A function of the language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Function {
    /// Which one it is; two names may share one (`change` and `delta`).
    pub id: FunctionId,
    /// How it is called.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    /// Its parameters, in order.
    pub parameters: &'static [Parameter],
    /// Whether the last parameter may be given any number of times.
    pub variadic: bool,
    /// What it gives.
    pub output: Output,
    /// Whether each of its values needs the same bar of its arguments only. Such a function of scalars is a scalar.
    pub elementwise: bool,
    /// The built-in series that it reads without being given them.
    pub reads: &'static [&'static str],
    /// `("macd", "signal")` if it can also be written `macd(...).signal`.
    pub selected_as: Option<(&'static str, &'static str)>,
    /// What it is, in a line.
    pub doc: &'static str,
}

impl fmt::Display for Function {
    /// `macd(x, fast = 12, slow = 26, signal = 9)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (i, parameter) in self.parameters.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { ", " }, parameter.name)?;
            if let Some(default) = parameter.default {
                write!(f, " = {default}")?;
            }
        }
        f.write_str(if self.variadic { ", ...)" } else { ")" })
    }
}

/// The function of that name.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// The function written `family(...).output`.
pub fn output(family: &str, output: &str) -> Option<&'static Function> {
    FUNCTIONS
        .iter()
        .find(|function| function.selected_as == Some((family, output)))
}

/// The outputs of `family(...)`; none if it has only one, or does not exist.
pub fn outputs_of(family: &str) -> Vec<&'static str> {
    FUNCTIONS
        .iter()
        .filter_map(|f| f.selected_as)
        .filter(|(name, _)| *name == family)
        .map(|(_, output)| output)
        .collect()
}

/// The built-in series, each with what it is. Those from `bid_open` on exist only for quote data.
pub static SERIES: &[(&str, &str)] = &[
    ("open", "first price of the bar"),
    ("high", "highest price of the bar"),
    ("low", "lowest price of the bar"),
    ("close", "last price of the bar"),
    ("volume", "traded volume of the bar"),
    ("hl2", "(high + low) / 2"),
    ("hlc3", "(high + low + close) / 3"),
    ("ohlc4", "(open + high + low + close) / 4"),
    ("bid_open", "first bid of the bar"),
    ("bid_high", "highest bid of the bar"),
    ("bid_low", "lowest bid of the bar"),
    ("bid_close", "last bid of the bar"),
    ("ask_open", "first ask of the bar"),
    ("ask_high", "highest ask of the bar"),
    ("ask_low", "lowest ask of the bar"),
    ("ask_close", "last ask of the bar"),
    ("spread", "ask_close - bid_close"),
];

/// Whether a built-in series exists only for quote data.
pub fn needs_quotes(series: &str) -> bool {
    series == "spread" || series.starts_with("bid_") || series.starts_with("ask_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_defaults_come_last() {
        for (i, function) in FUNCTIONS.iter().enumerate() {
            assert!(
                FUNCTIONS[..i].iter().all(|other| other.name != function.name),
                "{function} twice"
            );
            let mut defaults = function.parameters.iter().skip_while(|parameter| parameter.default.is_none());
            assert!(
                defaults.all(|parameter| parameter.default.is_some()),
                "{function}: a default before a required one"
            );
            assert!(
                function.reads.iter().all(|read| SERIES.iter().any(|(name, _)| name == read)),
                "{function}"
            );
            assert!(!function.doc.is_empty() && !function.doc.ends_with('.'), "{function}");
        }
    }

    #[test]
    fn outputs_are_found_by_family() {
        assert_eq!(outputs_of("macd"), ["macd", "signal", "hist"]);
        assert_eq!(output("bbands", "upper").map(|f| f.name), Some("bbands_upper"));
        assert!(output("sma", "upper").is_none() && outputs_of("sma").is_empty());
        assert_eq!(find("macd").unwrap().to_string(), "macd(x, fast = 12, slow = 26, signal = 9)");
        assert_eq!(find("max").unwrap().to_string(), "max(a, b, ...)");
    }
}
