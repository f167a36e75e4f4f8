//! What a user submits: one TOML file, unknown keys refused, every default filled in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::failure::{Domain, Explain};
use crate::ids::Symbol;
use crate::metrics::Metric;
use crate::nearest;
use crate::space::{ParamValue, Space};
use crate::time::{BarLength, DurationNs, UtcNs};

/// A job as written, defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// A name for people.
    pub name: String,
    /// Which data.
    pub data: DataSpec,
    /// Which strategy.
    pub strategy: StrategyRef,
    /// The space; without it, the strategy's own. Parameters left out take the strategy's defaults.
    #[serde(default)]
    pub params: Option<Space>,
    /// How signals become fills.
    #[serde(default)]
    pub execution: Execution,
    /// How returns are sampled and annualised.
    #[serde(default)]
    pub metrics: MetricsSpec,
    /// How the space is searched.
    #[serde(default)]
    pub search: SearchSpec,
    /// What is better.
    #[serde(default)]
    pub objective: Objective,
    /// What is kept.
    #[serde(default)]
    pub results: ResultsSpec,
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// Symbols in the catalog.
    pub instruments: Vec<Symbol>,
    /// Length of the bars.
    pub bars: BarLength,
    /// First moment traded (bars before it are warm-up).
    #[serde(default)]
    pub from: Option<UtcNs>,
    /// First moment no longer traded.
    #[serde(default)]
    pub to: Option<UtcNs>,
    /// What stands where no bar exists.
    #[serde(default)]
    pub fill_gaps: FillGaps,
    /// Which dataset bars are made from; by default quotes, else trades, else bars.
    #[serde(default)]
    pub source: Option<DataKind>,
}

/// Kind of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    /// Ticks with bid and ask.
    Quotes,
    /// Ticks with price and size.
    Trades,
    /// Time bars.
    Bars,
}

impl fmt::Display for DataKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quotes => "quotes",
            Self::Trades => "trades",
            Self::Bars => "bars",
        })
    }
}

/// `fill_gaps`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillGaps {
    /// Bars exist only where there was data.
    #[default]
    None,
    /// A missing bar repeats the last close, with volume 0.
    Forward,
}

/// `[strategy]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyRef {
    /// Path of a file beside the job, or a library name.
    #[serde(rename = "use")]
    pub name: String,
}

/// When an order fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// Open of the next bar.
    #[default]
    NextOpen,
    /// Close of the signal's bar.
    Close,
    /// First tick after the signal's bar and the latency.
    NextTick,
}

/// Which sides are traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Long only.
    #[default]
    Long,
    /// Short only.
    Short,
    /// Both.
    Both,
}

/// What an entry against the position does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnOpposite {
    /// Close and enter the other side.
    #[default]
    Reverse,
    /// Close only.
    Close,
    /// Nothing.
    Ignore,
}

/// Which of stop and target counts when one bar reaches both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intrabar {
    /// The stop.
    #[default]
    Worst,
    /// The target.
    Best,
    /// Whichever the bar's ticks reached first.
    Ticks,
}

/// A number, or a scalar expression over the parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Amount {
    /// A number.
    Number(f64),
    /// An expression such as `risk / 2`.
    Expression(String),
}

/// How many units an entry takes.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// As many as equity and leverage pay for.
    #[default]
    AllIn,
    /// This share of that.
    Fraction(Amount),
    /// A fixed number of units.
    Units(Amount),
    /// A fixed value in quote currency.
    Notional(Amount),
    /// So many that reaching the stop loses this share of equity.
    Risk(Amount),
    /// So many that the annual volatility of the position is this share of equity.
    VolTarget {
        /// The share.
        target: Amount,
        /// Bars over which volatility is measured.
        bars: Amount,
    },
}

/// Distance of a stop, target or trailing stop from the price paid.
#[derive(Debug, Clone, PartialEq)]
pub enum Level {
    /// Price distance: an expression read on the signal's bar.
    Distance(String),
    /// Share of the price paid: a scalar expression, already divided by 100 (`"2%"` has the text `(2) / 100`).
    Percent(String),
}

impl Level {
    /// From its text: `"1.5%"`, `"sl%"`, `"2.5 * atr(14)"`.
    pub fn from_text(text: &str) -> Self {
        match text.trim().strip_suffix('%') {
            Some(percent) => Self::Percent(percent.trim().to_owned()),
            None => Self::Distance(text.trim().to_owned()),
        }
    }

    /// The expression inside: per cent for [`Level::Percent`], price for [`Level::Distance`].
    pub fn expression(&self) -> &str {
        match self {
            Self::Distance(text) | Self::Percent(text) => text,
        }
    }
}

/// `[execution]`: how signals become fills.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Execution {
    /// When orders fill.
    pub fill: Fill,
    /// Sides traded.
    pub direction: Direction,
    /// What an entry against the position does.
    pub on_opposite: OnOpposite,
    /// Entries in total in one position.
    pub pyramiding: u32,
    /// Starting equity in quote currency.
    pub capital: f64,
    /// How many times equity a position may be worth.
    pub leverage: f64,
    /// Share of the position's value below which equity triggers a margin call.
    pub maintenance_margin: f64,
    /// Share of the value, per side.
    pub commission: f64,
    /// Quote currency per side.
    pub commission_fixed: f64,
    /// Quote currency per unit and side.
    pub commission_per_unit: f64,
    /// Least fee per side.
    pub commission_min: f64,
    /// Share of the price, paid on every fill.
    pub slippage: f64,
    /// Full width in price, for bars without quotes.
    pub spread: f64,
    /// Annual rate paid on long positions.
    pub financing_long: f64,
    /// Annual rate paid on short positions.
    pub financing_short: f64,
    /// Annual rate paid on borrowed units (short positions).
    pub borrow: f64,
    /// Delay between the end of the signal's bar and the first tick that may fill it.
    pub latency: DurationNs,
    /// Stop against target inside one bar.
    pub intrabar: Intrabar,
    /// Units of an entry; overrides the strategy's.
    pub size: Option<Size>,
    /// Stop loss; overrides the strategy's.
    pub stop_loss: Option<Level>,
    /// Take profit; overrides the strategy's.
    pub take_profit: Option<Level>,
    /// Trailing stop; overrides the strategy's.
    pub trailing_stop: Option<Level>,
    /// Bars after which a position is left; overrides the strategy's.
    pub max_bars: Option<Amount>,
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            fill: Fill::default(),
            direction: Direction::default(),
            on_opposite: OnOpposite::default(),
            pyramiding: 1,
            capital: 10_000.0,
            leverage: 1.0,
            maintenance_margin: 0.0,
            commission: 0.0,
            commission_fixed: 0.0,
            commission_per_unit: 0.0,
            commission_min: 0.0,
            slippage: 0.0,
            spread: 0.0,
            financing_long: 0.0,
            financing_short: 0.0,
            borrow: 0.0,
            latency: DurationNs(0),
            intrabar: Intrabar::default(),
            size: None,
            stop_loss: None,
            take_profit: None,
            trailing_stop: None,
            max_bars: None,
        }
    }
}

/// How often equity is sampled for returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sampling {
    /// Every bar.
    #[serde(rename = "bar")]
    Bar,
    /// Every trading day.
    #[serde(rename = "1d")]
    Day,
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsSpec {
    /// By default `1d` for bars shorter than a day, else `bar`.
    pub sampling: Option<Sampling>,
    /// Returns a year; by default from the calendar.
    pub periods_per_year: Option<f64>,
    /// Annual risk-free rate.
    pub risk_free: f64,
}

/// How the space is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Every point.
    #[default]
    Grid,
    /// Independent draws.
    Random,
    /// A scrambled Sobol sequence.
    Sobol,
}

/// `[search]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchSpec {
    /// How.
    pub method: Method,
    /// How many draws; a grid needs none.
    pub trials: Option<u64>,
    /// Seed of the draws.
    pub seed: u64,
}

/// How a point's objective follows from those of its trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Mean over instruments.
    #[default]
    Mean,
    /// Median over instruments.
    Median,
    /// Worst instrument.
    Min,
}

/// `[objective]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objective {
    /// Metric to maximize; a leading `-` minimizes.
    pub maximize: Goal,
    /// Over instruments.
    pub aggregate: Aggregate,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            maximize: Goal {
                metric: Metric::Sharpe,
                negated: false,
            },
            aggregate: Aggregate::default(),
        }
    }
}

/// A metric and whether more of it is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// The metric.
    pub metric: Metric,
    /// Smaller is better.
    pub negated: bool,
}

impl Goal {
    /// The number to maximize.
    pub fn score(&self, value: f64) -> f64 {
        if self.negated { -value } else { value }
    }
}

/// How many rows are kept in the result files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Every trial.
    #[default]
    All,
    /// The best so many points.
    Best(u64),
}

/// `[results]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResultsSpec {
    /// Rows kept.
    pub keep: Keep,
}

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

impl JobSpec {
    /// Reads and validates a job. Paths in it are not resolved here.
    pub fn from_toml(source: &str) -> Result<Self, JobError> {
        let job: Self = toml::from_str(source).map_err(|error| explain_toml(&error, source))?;
        job.validate()?;
        Ok(job)
    }

    /// Refuses values without a meaning.
    pub fn validate(&self) -> Result<(), JobError> {
        let bad = |key, message: String, hint: &str| {
            Err(JobError::Value {
                key,
                message,
                hint: Some(hint.to_owned()),
            })
        };
        if self.data.instruments.is_empty() {
            return bad(
                "data.instruments",
                "no instrument named".to_owned(),
                "name at least one; `assay data ls` lists what is imported",
            );
        }
        let mut symbols = self.data.instruments.clone();
        symbols.sort();
        if let Some([twice, _]) = symbols.array_windows().find(|[a, b]| a == b) {
            return bad(
                "data.instruments",
                format!("{twice} is named twice"),
                "name each instrument once",
            );
        }
        if let (Some(from), Some(to)) = (self.data.from, self.data.to)
            && from >= to
        {
            return bad(
                "data.to",
                format!("the window from {from} to {to} is empty"),
                "`to` is the first moment no longer traded",
            );
        }
        let e = &self.execution;
        for (key, value) in [("execution.capital", e.capital), ("execution.leverage", e.leverage)] {
            if !(value.is_finite() && value > 0.0) {
                return bad(key, format!("{value} is not a positive number"), "give a number above 0");
            }
        }
        for (key, value, below) in [
            ("execution.commission", e.commission, 1.0),
            ("execution.slippage", e.slippage, 1.0),
            ("execution.maintenance_margin", e.maintenance_margin, 1.0),
            ("execution.commission_fixed", e.commission_fixed, f64::MAX),
            ("execution.commission_per_unit", e.commission_per_unit, f64::MAX),
            ("execution.commission_min", e.commission_min, f64::MAX),
            ("execution.spread", e.spread, f64::MAX),
        ] {
            if !(0.0..below).contains(&value) {
                return bad(
                    key,
                    format!("{value} is out of range"),
                    "ratios are written as such: 0.0005 is five hundredths of a per cent",
                );
            }
        }
        for (key, value) in [
            ("execution.financing_long", e.financing_long),
            ("execution.financing_short", e.financing_short),
            ("execution.borrow", e.borrow),
            ("metrics.risk_free", self.metrics.risk_free),
        ] {
            if !value.is_finite() {
                return bad(
                    key,
                    format!("{value} is not a number"),
                    "an annual rate: 0.03 is three per cent a year",
                );
            }
        }
        if e.pyramiding == 0 {
            return bad(
                "execution.pyramiding",
                "0 allows no entry".to_owned(),
                "1 allows one entry and no further ones",
            );
        }
        if e.latency.0 > 0 && e.fill != Fill::NextTick {
            return bad(
                "execution.latency",
                "only `fill = \"next_tick\"` has a latency".to_owned(),
                "set fill = \"next_tick\" or leave latency out",
            );
        }
        if self
            .metrics
            .periods_per_year
            .is_some_and(|ppy| !(ppy.is_finite() && ppy > 0.0))
        {
            return bad(
                "metrics.periods_per_year",
                "not a positive number".to_owned(),
                "leave it out to use the instrument's calendar",
            );
        }
        match (self.search.method, self.search.trials) {
            (Method::Random | Method::Sobol, None) => {
                bad("search.trials", "missing".to_owned(), "random and sobol need `trials = n`")
            }
            (_, Some(0)) => bad("search.trials", "0 trials are none".to_owned(), "give a number above 0"),
            (Method::Grid, Some(_)) => bad(
                "search.trials",
                "a grid runs every point".to_owned(),
                "leave `trials` out or choose method = \"random\"",
            ),
            _ => Ok(()),
        }
    }
}

// The forms below are written by hand because serde's untagged enums lose the reason when nothing fits.

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match ParamValue::deserialize(deserializer) {
            Ok(ParamValue::Int(value)) => Ok(Self::Number(value as f64)),
            Ok(ParamValue::Float(value)) => Ok(Self::Number(value)),
            Ok(ParamValue::Text(text)) => Ok(text.trim().parse().map_or(Self::Expression(text), Self::Number)),
            Err(_) => Err(serde::de::Error::custom("expected a number or an expression in quotes")),
        }
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match ParamValue::deserialize(deserializer) {
            Ok(value) => Ok(Self::from_text(&value.to_string())),
            Err(_) => Err(serde::de::Error::custom(
                "expected a percentage such as \"2%\" or a price distance such as \"2.5 * atr(14)\"",
            )),
        }
    }
}

impl Serialize for Level {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Distance(text) => serializer.serialize_str(text),
            Self::Percent(text) => serializer.collect_str(&format_args!("{text}%")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SizeTable {
    fraction: Option<Amount>,
    units: Option<Amount>,
    notional: Option<Amount>,
    risk: Option<Amount>,
    vol_target: Option<Amount>,
    bars: Option<Amount>,
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        const FORMS: &str = "expected \"all_in\" or one of { fraction = f }, { units = n }, { notional = x }, { risk = r }, { vol_target = v, bars = n }";
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) if text == "all_in" => Ok(Self::AllIn),
            toml::Value::Table(table) => {
                let t: SizeTable = toml::Value::Table(table)
                    .try_into()
                    .map_err(|e: toml::de::Error| D::Error::custom(e.message()))?;
                match (t.fraction, t.units, t.notional, t.risk, t.vol_target, t.bars) {
                    (Some(x), None, None, None, None, None) => Ok(Self::Fraction(x)),
                    (None, Some(x), None, None, None, None) => Ok(Self::Units(x)),
                    (None, None, Some(x), None, None, None) => Ok(Self::Notional(x)),
                    (None, None, None, Some(x), None, None) => Ok(Self::Risk(x)),
                    (None, None, None, None, Some(target), Some(bars)) => Ok(Self::VolTarget { target, bars }),
                    _ => Err(D::Error::custom(FORMS)),
                }
            }
            _ => Err(D::Error::custom(FORMS)),
        }
    }
}

impl<'de> Deserialize<'de> for Goal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (negated, name) = text.strip_prefix('-').map_or((false, text.as_str()), |name| (true, name));
        let metric = name.trim().parse().map_err(serde::de::Error::custom)?;
        Ok(Self { metric, negated })
    }
}

impl Serialize for Goal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negated { "-" } else { "" }, self.metric)
    }
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match ParamValue::deserialize(deserializer) {
            Ok(ParamValue::Text(text)) if text == "all" => Ok(Self::All),
            Ok(ParamValue::Int(count)) if count > 0 => Ok(Self::Best(count as u64)),
            _ => Err(serde::de::Error::custom("expected \"all\" or a number above 0")),
        }
    }
}

impl Serialize for Keep {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Best(count) => serializer.serialize_u64(*count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
name = "eurusd-cross"
[data]
instruments = ["EURUSD"]
bars = "5m"
from = "2014-05-01"
[strategy]
use = "./my_cross.toml"
[params]
fast = { int = [2, 60] }
mode = { choice = ["sma", "ema"] }
where = "fast < 50"
[execution]
fill = "close"
size = { vol_target = 0.1, bars = "n" }
stop_loss = "1%"
take_profit = "2.5 * atr(14)"
max_bars = 20
[metrics]
sampling = "1d"
[search]
method = "random"
trials = 5000
seed = 7
[objective]
maximize = "-max_drawdown"
[results]
keep = 100
"#;

    #[test]
    fn a_whole_job_reads_and_survives_its_own_canonical_form() {
        let job = JobSpec::from_toml(WHOLE).unwrap();
        assert_eq!(job.execution.stop_loss, Some(Level::Percent("1".to_owned())));
        assert_eq!(job.execution.max_bars, Some(Amount::Number(20.0)));
        assert_eq!(job.results.keep, Keep::Best(100));
        assert!(job.objective.maximize.negated);
        let json = serde_json::to_string(&job).unwrap();
        assert!(json.contains(r#""stop_loss":"1%""#), "{json}");
    }

    #[test]
    fn errors_name_the_key_the_line_and_the_nearest_name() {
        let with = |from: &str, to: &str| JobSpec::from_toml(&WHOLE.replace(from, to)).unwrap_err();
        let error = with("seed = 7", "sead = 7");
        assert_eq!(error.to_string(), "unknown key `sead` (line 24)");
        assert_eq!(error.hint().unwrap(), "did you mean `seed`?");
        let error = with("\"close\"", "\"closed\"");
        assert_eq!(error.hint().unwrap(), "did you mean `close`?");
        assert!(with("-max_drawdown", "sharp").to_string().contains("did you mean `sharpe`?"));
        assert!(with("trials = 5000\n", "").to_string().contains("search.trials"));
        assert!(with("keep = 100", "keep = 0").to_string().contains("expected \"all\""));
        assert!(
            with("{ vol_target = 0.1, bars = \"n\" }", "{ fration = 1 }")
                .to_string()
                .contains("unknown key `fration`")
        );
        assert!(
            with("from = \"2014-05-01\"", "from = \"May\"")
                .to_string()
                .contains("`May` is not a time")
        );
    }
}
