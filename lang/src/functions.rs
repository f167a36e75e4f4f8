//! What a function is, how one is found, and the built-in series. The functions themselves are in [`FUNCTIONS`].

use std::fmt;

pub use crate::kernels::{Candle, Kernel};
use crate::table::DEFINITIONS;
pub use crate::table::FUNCTIONS;

/// Functions whose value at a bar needs the same bar of their arguments only. Of scalars they give a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "documented by the rows of the table")]
pub enum Elementwise {
    Abs,
    Min,
    Max,
    Sqrt,
    Log,
    Log10,
    Exp,
    Pow,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Floor,
    Ceil,
    Round,
    Sign,
    If,
    Nz,
    IsNull,
    /// `a` where `b` is defined.
    Mask,
    /// `a / b`, 0 where b is 0.
    Ratio,
    /// `100 a / b`, 0 where b is 0.
    Share,
}

/// What the evaluator has operations of its own for: sums that are exact, averages that run side by side, and what is about time
/// or conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "documented by the rows of the table")]
pub enum Native {
    Sma,
    Sum,
    Ema,
    /// `ema` of all but the first `skip` values.
    EmaAfter,
    Rma,
    Delay,
    Crossover,
    Crossunder,
    BarsSince,
    Clock(Clock),
}

/// A part of the time at which a bar begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "documented by the rows of the table")]
pub enum Clock {
    Minute,
    Hour,
    DayOfWeek,
    DayOfMonth,
    DayOfYear,
    WeekOfYear,
    Month,
    Quarter,
    Year,
    MinuteOfDay,
    /// The trading day, in days since 1970-01-01.
    TradingDay,
    /// Minutes since the trading day began, by the instrument's calendar.
    SessionMinute,
}

/// How a function is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Bar by bar, from the same bar.
    Elementwise(Elementwise),
    /// By an operation of the evaluator.
    Native(Native),
    /// By a kernel that walks from bar to bar: which one, and which of its outputs.
    Kernel(Kernel, u8),
    /// By an expression of its parameters in the language itself.
    Formula(&'static str),
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
#[allow(missing_docs, reason = "their titles say it")]
pub enum Group {
    Math,
    Choice,
    Overlap,
    Momentum,
    Volume,
    Volatility,
    Price,
    Statistics,
    Cycle,
    Candles,
    Event,
    Time,
    Session,
}

impl Group {
    /// Its heading in the reference.
    pub fn title(self) -> &'static str {
        match self {
            Self::Math => "Math",
            Self::Choice => "Choice and null",
            Self::Overlap => "Averages, bands and levels",
            Self::Momentum => "Momentum",
            Self::Volume => "Volume",
            Self::Volatility => "Volatility",
            Self::Price => "Price transforms",
            Self::Statistics => "Windows and statistics",
            Self::Cycle => "Cycles",
            Self::Candles => "Candle patterns",
            Self::Event => "Events",
            Self::Time => "Time, in UTC, of the bar's start",
            Self::Session => "Sessions, by the instrument's calendar",
        }
    }
}

/// A function of the language.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// How it is called.
    pub name: String,
    /// What it is about.
    pub group: Group,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// Whether the last parameter may be given any number of times.
    pub variadic: bool,
    /// The built-in series that it reads without being given them, in the order of its kernel.
    pub reads: Vec<&'static str>,
    /// How it is computed.
    pub body: Body,
    /// `("macd", "signal")` if it can also be written `macd(...).signal`.
    pub selected_as: Option<(&'static str, &'static str)>,
    /// What it is, in a line.
    pub doc: &'static str,
    /// Who described it first, or whose it is; empty for what is arithmetic.
    pub source: &'static str,
}

impl Function {
    /// Whether each of its values needs the same bar of its arguments only.
    pub fn elementwise(&self) -> Option<Elementwise> {
        match self.body {
            Body::Elementwise(id) => Some(id),
            _ => None,
        }
    }

    /// What it gives; what a formula gives follows from its expression instead.
    pub fn output(&self) -> Output {
        match self.body {
            Body::Elementwise(Elementwise::If) => Output::Branches,
            Body::Elementwise(Elementwise::IsNull) | Body::Native(Native::Crossover | Native::Crossunder) => Output::Condition,
            _ => Output::Number,
        }
    }

    /// How it is computed, in terms that users can write: nothing for what is too long for a line, or said by its name.
    pub fn definition(&self) -> Option<&'static str> {
        let written = DEFINITIONS.iter().find(|(name, _)| *name == self.name);
        if let Some((_, text)) = written {
            return Some(text);
        }
        // Names that begin with `_` are not for users.
        let of_helpers = |text: &str| {
            text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .any(|word| word.starts_with('_'))
        };
        match self.body {
            Body::Formula(text) if !of_helpers(text) => Some(text),
            _ => None,
        }
    }

    /// A call with an argument for every parameter that has no default, such as `sma(close, 20)`.
    pub fn example(&self) -> String {
        let mut series = ["close", "open", "volume"].into_iter().cycle();
        let needed = self.parameters.iter().take_while(|parameter| parameter.default.is_none());
        let arguments = needed.map(|parameter| match parameter.kind {
            Kind::Series | Kind::Any => series.next().unwrap_or("close"),
            Kind::Condition => "close > open",
            Kind::Scalar => "0.5",
            Kind::Length { .. } => "20",
        });
        let arguments: Vec<&str> = arguments.collect();
        format!("{}({})", self.name, arguments.join(", "))
    }
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
    use crate::{Scope, check, parse};

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
    fn every_formula_can_be_read() {
        for function in FUNCTIONS.iter() {
            let call = function.example();
            let typed = parse(&call).and_then(|expr| check(&expr, &Scope::new()));
            assert!(typed.is_ok(), "{call}: {typed:?}");
        }
    }

    #[test]
    fn outputs_are_found_by_family() {
        assert_eq!(outputs_of("macd"), ["macd", "signal", "hist"]);
        assert_eq!(output("bbands", "upper").map(|f| f.name.as_str()), Some("bbands_upper"));
        assert!(output("sma", "upper").is_none() && outputs_of("sma").is_empty());
        assert_eq!(find("macd").unwrap().to_string(), "macd(x, fast = 12, slow = 26, signal = 9)");
        assert_eq!(find("max").unwrap().to_string(), "max(a, b, ...)");
    }
}
