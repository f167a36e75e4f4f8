//! The function table: every function of the language, once, and the built-in series.

use std::fmt;

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

const fn parameter(name: &'static str, kind: Kind, default: Option<f64>) -> Parameter {
    Parameter { name, kind, default }
}

const fn window(name: &'static str, default: Option<f64>) -> Parameter {
    parameter(name, Kind::Length { minimum: 1 }, default)
}

const X: Parameter = parameter("x", Kind::Series, None);
const A: Parameter = parameter("a", Kind::Series, None);
const B: Parameter = parameter("b", Kind::Series, None);
const N: Parameter = window("n", None);
const N_14: Parameter = window("n", Some(14.0));
const BANDS: &[Parameter] = &[X, window("n", Some(20.0)), parameter("k", Kind::Scalar, Some(2.0))];
const MACD: &[Parameter] = &[
    X,
    window("fast", Some(12.0)),
    window("slow", Some(26.0)),
    window("signal", Some(9.0)),
];
const STOCH: &[Parameter] = &[
    window("fastk", Some(5.0)),
    window("slowk", Some(3.0)),
    window("slowd", Some(3.0)),
];
const HIGH_LOW_CLOSE: &[&str] = &["high", "low", "close"];

/// A function of its arguments' windows: what most are.
const fn rolling(
    id: FunctionId,
    name: &'static str,
    group: Group,
    parameters: &'static [Parameter],
    doc: &'static str,
) -> Function {
    let (output, reads) = (Output::Number, &[]);
    Function {
        id,
        name,
        group,
        parameters,
        variadic: false,
        output,
        elementwise: false,
        reads,
        selected_as: None,
        doc,
    }
}

const fn elementwise(id: FunctionId, name: &'static str, parameters: &'static [Parameter], doc: &'static str) -> Function {
    Function {
        elementwise: true,
        ..rolling(id, name, Group::Arithmetic, parameters, doc)
    }
}

const fn output_of(family: &'static str, output: &'static str, function: Function) -> Function {
    Function {
        selected_as: Some((family, output)),
        ..function
    }
}

const fn reads_prices(function: Function) -> Function {
    Function {
        reads: HIGH_LOW_CLOSE,
        ..function
    }
}

const fn condition(function: Function) -> Function {
    Function {
        output: Output::Condition,
        ..function
    }
}

const fn variadic(function: Function) -> Function {
    Function {
        variadic: true,
        ..function
    }
}

const fn clock(id: FunctionId, name: &'static str, doc: &'static str) -> Function {
    rolling(id, name, Group::Time, &[], doc)
}

use FunctionId as Id;
use Group::{Average, Choice, Event, Momentum, Statistics, Volatility};

/// Every function, in the order of the reference. Null is the value of what is undefined: null in, null out, except for `nz`,
/// `is_null`, `and` and `or`.
pub static FUNCTIONS: &[Function] = &[
    elementwise(Id::Abs, "abs", &[X], "distance from 0"),
    variadic(elementwise(Id::Min, "min", &[A, B], "the least of two or more, bar by bar")),
    variadic(elementwise(
        Id::Max,
        "max",
        &[A, B],
        "the greatest of two or more, bar by bar",
    )),
    elementwise(Id::Sqrt, "sqrt", &[X], "square root; null below 0"),
    elementwise(Id::Log, "log", &[X], "natural logarithm; null at and below 0"),
    elementwise(Id::Exp, "exp", &[X], "e to the power of x"),
    elementwise(Id::Floor, "floor", &[X], "the next whole number at or below x"),
    elementwise(Id::Ceil, "ceil", &[X], "the next whole number at or above x"),
    elementwise(Id::Round, "round", &[X], "the nearest whole number, halves away from 0"),
    elementwise(Id::Sign, "sign", &[X], "-1, 0 or 1"),
    Function {
        output: Output::Branches,
        group: Choice,
        ..elementwise(
            Id::If,
            "if",
            &[
                parameter("condition", Kind::Condition, None),
                parameter("a", Kind::Any, None),
                parameter("b", Kind::Any, None),
            ],
            "a where the condition holds, b where it does not, null where it is null",
        )
    },
    Function {
        group: Choice,
        ..elementwise(
            Id::Nz,
            "nz",
            &[X, parameter("fallback", Kind::Series, Some(0.0))],
            "x, or the fallback where x is null",
        )
    },
    Function {
        group: Choice,
        ..condition(elementwise(
            Id::IsNull,
            "is_null",
            &[parameter("x", Kind::Any, None)],
            "whether x is null",
        ))
    },
    rolling(Id::Sma, "sma", Average, &[X, N], "simple moving average of n bars"),
    rolling(
        Id::Ema,
        "ema",
        Average,
        &[X, N],
        "exponential moving average, alpha 2 / (n + 1), from the mean of the first n",
    ),
    rolling(
        Id::Wma,
        "wma",
        Average,
        &[X, N],
        "moving average with weights 1 to n, the newest bar heaviest",
    ),
    rolling(
        Id::Rma,
        "rma",
        Average,
        &[X, N],
        "Wilder's moving average, alpha 1 / n, from the mean of the first n",
    ),
    output_of(
        "bbands",
        "upper",
        rolling(
            Id::BbandsUpper,
            "bbands_upper",
            Volatility,
            BANDS,
            "Bollinger band k deviations above the average",
        ),
    ),
    output_of(
        "bbands",
        "middle",
        rolling(
            Id::BbandsMiddle,
            "bbands_middle",
            Volatility,
            BANDS,
            "average between the Bollinger bands",
        ),
    ),
    output_of(
        "bbands",
        "lower",
        rolling(
            Id::BbandsLower,
            "bbands_lower",
            Volatility,
            BANDS,
            "Bollinger band k deviations below the average",
        ),
    ),
    rolling(
        Id::Rsi,
        "rsi",
        Momentum,
        &[X, N_14],
        "relative strength index, 0 to 100, smoothed by Wilder's average",
    ),
    output_of(
        "macd",
        "macd",
        rolling(Id::Macd, "macd", Momentum, MACD, "fast less slow exponential average"),
    ),
    output_of(
        "macd",
        "signal",
        rolling(
            Id::MacdSignal,
            "macd_signal",
            Momentum,
            MACD,
            "exponential average of macd over signal bars",
        ),
    ),
    output_of(
        "macd",
        "hist",
        rolling(Id::MacdHist, "macd_hist", Momentum, MACD, "macd less its signal"),
    ),
    output_of(
        "stoch",
        "k",
        reads_prices(rolling(
            Id::StochK,
            "stoch_k",
            Momentum,
            STOCH,
            "slow stochastic %K, 0 to 100, simple averages",
        )),
    ),
    output_of(
        "stoch",
        "d",
        reads_prices(rolling(
            Id::StochD,
            "stoch_d",
            Momentum,
            STOCH,
            "simple average of stoch_k over slowd bars",
        )),
    ),
    rolling(
        Id::Roc,
        "roc",
        Momentum,
        &[X, N],
        "change over n bars in percent of the value n bars ago",
    ),
    rolling(
        Id::Change,
        "change",
        Momentum,
        &[X, window("n", Some(1.0))],
        "x less its value n bars ago",
    ),
    rolling(
        Id::Change,
        "delta",
        Momentum,
        &[X, window("n", Some(1.0))],
        "the same as change",
    ),
    reads_prices(rolling(
        Id::Atr,
        "atr",
        Volatility,
        &[N_14],
        "average true range, smoothed by Wilder's average",
    )),
    reads_prices(rolling(
        Id::TrueRange,
        "true_range",
        Volatility,
        &[],
        "greatest of high - low and both distances to close[1]",
    )),
    rolling(
        Id::Stddev,
        "stddev",
        Volatility,
        &[X, N],
        "standard deviation of n bars (of the population: divided by n)",
    ),
    rolling(
        Id::Zscore,
        "zscore",
        Statistics,
        &[X, N],
        "distance from the average of n bars in their deviations",
    ),
    rolling(
        Id::Highest,
        "highest",
        Statistics,
        &[X, N],
        "greatest of the last n bars, this one included",
    ),
    rolling(
        Id::Lowest,
        "lowest",
        Statistics,
        &[X, N],
        "least of the last n bars, this one included",
    ),
    rolling(
        Id::Sum,
        "sum",
        Statistics,
        &[X, N],
        "sum of the last n bars, this one included",
    ),
    rolling(
        Id::Delay,
        "delay",
        Statistics,
        &[X, parameter("n", Kind::Length { minimum: 0 }, Some(1.0))],
        "the value n bars ago, as x[n]",
    ),
    condition(rolling(
        Id::Crossover,
        "crossover",
        Event,
        &[A, B],
        "a is above b and was not at the bar before",
    )),
    condition(rolling(
        Id::Crossunder,
        "crossunder",
        Event,
        &[A, B],
        "a is below b and was not at the bar before",
    )),
    rolling(
        Id::BarsSince,
        "barssince",
        Event,
        &[parameter("condition", Kind::Condition, None)],
        "bars since the condition last held, 0 where it holds; null before it first does",
    ),
    clock(Id::Minute, "minute", "minute of the hour, 0 to 59"),
    clock(Id::Hour, "hour", "hour of the day, 0 to 23"),
    clock(Id::DayOfWeek, "dayofweek", "day of the week, Monday 1 to Sunday 7"),
    clock(Id::DayOfMonth, "dayofmonth", "day of the month, 1 to 31"),
    clock(Id::Month, "month", "month of the year, 1 to 12"),
];

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
