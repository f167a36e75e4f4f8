//! The function table.

use crate::functions::Group::{Average, Choice, Event, Momentum, Statistics, Time, Volatility};
use crate::functions::{Function, FunctionId as Id, Group, Kind, Output, Parameter};

/// Every function, in the order of the reference. Null is the value of what is undefined: null in, null out, except for `nz`
/// and `is_null`.
pub static FUNCTIONS: &[Function] = &[
    elementwise(Id::Abs, "abs", &[X], "distance from 0"),
    elementwise(Id::Min, "min", &[A, B], "the least of two or more, bar by bar").variadic(),
    elementwise(Id::Max, "max", &[A, B], "the greatest of two or more, bar by bar").variadic(),
    elementwise(Id::Sqrt, "sqrt", &[X], "square root; null below 0"),
    elementwise(Id::Log, "log", &[X], "natural logarithm; null at and below 0"),
    elementwise(Id::Exp, "exp", &[X], "e to the power of x"),
    elementwise(Id::Floor, "floor", &[X], "the next whole number at or below x"),
    elementwise(Id::Ceil, "ceil", &[X], "the next whole number at or above x"),
    elementwise(Id::Round, "round", &[X], "the nearest whole number, halves away from 0"),
    elementwise(Id::Sign, "sign", &[X], "-1, 0 or 1"),
    elementwise(
        Id::If,
        "if",
        IF,
        "a where the condition holds, b where it does not, null where it is null",
    )
    .gives(Output::Branches)
    .about(Choice),
    elementwise(Id::Nz, "nz", NZ, "x, or the fallback where x is null").about(Choice),
    elementwise(Id::IsNull, "is_null", &[ANY], "whether x is null")
        .gives(Output::Condition)
        .about(Choice),
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
    rolling(
        Id::Rsi,
        "rsi",
        Momentum,
        &[X, N_14],
        "relative strength index, 0 to 100, smoothed by Wilder's average",
    ),
    rolling(Id::Macd, "macd", Momentum, MACD, "fast less slow exponential average").output_of("macd", "macd"),
    rolling(Id::MacdSignal, "macd_signal", Momentum, MACD, "exponential average of macd").output_of("macd", "signal"),
    rolling(Id::MacdHist, "macd_hist", Momentum, MACD, "macd less its signal").output_of("macd", "hist"),
    rolling(
        Id::StochK,
        "stoch_k",
        Momentum,
        STOCH,
        "slow stochastic %K, 0 to 100, simple averages",
    )
    .output_of("stoch", "k")
    .reads(HIGH_LOW_CLOSE),
    rolling(
        Id::StochD,
        "stoch_d",
        Momentum,
        STOCH,
        "simple average of stoch_k over slowd bars",
    )
    .output_of("stoch", "d")
    .reads(HIGH_LOW_CLOSE),
    rolling(
        Id::Roc,
        "roc",
        Momentum,
        &[X, N],
        "change over n bars in percent of the value n bars ago",
    ),
    rolling(Id::Change, "change", Momentum, &[X, N_1], "x less its value n bars ago"),
    rolling(Id::Change, "delta", Momentum, &[X, N_1], "the same as change"),
    rolling(
        Id::Atr,
        "atr",
        Volatility,
        &[N_14],
        "average true range, smoothed by Wilder's average",
    )
    .reads(HIGH_LOW_CLOSE),
    rolling(
        Id::TrueRange,
        "true_range",
        Volatility,
        &[],
        "greatest of high - low and both distances from close[1]",
    )
    .reads(HIGH_LOW_CLOSE),
    rolling(
        Id::BbandsUpper,
        "bbands_upper",
        Volatility,
        BANDS,
        "Bollinger band k deviations above the average",
    )
    .output_of("bbands", "upper"),
    rolling(
        Id::BbandsMiddle,
        "bbands_middle",
        Volatility,
        BANDS,
        "average between the Bollinger bands",
    )
    .output_of("bbands", "middle"),
    rolling(
        Id::BbandsLower,
        "bbands_lower",
        Volatility,
        BANDS,
        "Bollinger band k deviations below the average",
    )
    .output_of("bbands", "lower"),
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
        "distance from the average of n bars in their standard deviations",
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
    rolling(Id::Delay, "delay", Statistics, &[X, N_BACK], "the value n bars ago, as x[n]"),
    rolling(
        Id::Crossover,
        "crossover",
        Event,
        &[A, B],
        "a is above b and was not at the bar before",
    )
    .gives(Output::Condition),
    rolling(
        Id::Crossunder,
        "crossunder",
        Event,
        &[A, B],
        "a is below b and was not at the bar before",
    )
    .gives(Output::Condition),
    rolling(
        Id::BarsSince,
        "barssince",
        Event,
        &[CONDITION],
        "bars since the condition held, 0 where it does; null before",
    ),
    rolling(Id::Minute, "minute", Time, &[], "minute of the hour, 0 to 59"),
    rolling(Id::Hour, "hour", Time, &[], "hour of the day, 0 to 23"),
    rolling(Id::DayOfWeek, "dayofweek", Time, &[], "day of the week, Monday 1 to Sunday 7"),
    rolling(Id::DayOfMonth, "dayofmonth", Time, &[], "day of the month, 1 to 31"),
    rolling(Id::Month, "month", Time, &[], "month of the year, 1 to 12"),
];

const fn parameter(name: &'static str, kind: Kind, default: Option<f64>) -> Parameter {
    Parameter { name, kind, default }
}

const fn window(name: &'static str, default: Option<f64>) -> Parameter {
    parameter(name, Kind::Length { minimum: 1 }, default)
}

const X: Parameter = parameter("x", Kind::Series, None);
const A: Parameter = parameter("a", Kind::Series, None);
const B: Parameter = parameter("b", Kind::Series, None);
const ANY: Parameter = parameter("x", Kind::Any, None);
const CONDITION: Parameter = parameter("condition", Kind::Condition, None);
const N: Parameter = window("n", None);
const N_1: Parameter = window("n", Some(1.0));
const N_14: Parameter = window("n", Some(14.0));
const N_BACK: Parameter = parameter("n", Kind::Length { minimum: 0 }, Some(1.0));
const IF: &[Parameter] = &[CONDITION, parameter("a", Kind::Any, None), parameter("b", Kind::Any, None)];
const NZ: &[Parameter] = &[X, parameter("fallback", Kind::Series, Some(0.0))];
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

type Parameters = &'static [Parameter];

/// A function of more than this bar: what most are.
const fn rolling(id: Id, name: &'static str, group: Group, parameters: Parameters, doc: &'static str) -> Function {
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

const fn elementwise(id: Id, name: &'static str, parameters: Parameters, doc: &'static str) -> Function {
    Function {
        elementwise: true,
        ..rolling(id, name, Group::Arithmetic, parameters, doc)
    }
}

impl Function {
    const fn variadic(self) -> Self {
        Self { variadic: true, ..self }
    }

    const fn gives(self, output: Output) -> Self {
        Self { output, ..self }
    }

    const fn about(self, group: Group) -> Self {
        Self { group, ..self }
    }

    const fn reads(self, reads: &'static [&'static str]) -> Self {
        Self { reads, ..self }
    }

    const fn output_of(self, family: &'static str, output: &'static str) -> Self {
        Self {
            selected_as: Some((family, output)),
            ..self
        }
    }
}
