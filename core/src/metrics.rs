//! The result columns: one table from which rows, schemas, docs and rankings are made.

use std::fmt;
use std::str::FromStr;

use serde::ser::SerializeMap;

/// Unit of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A ratio: 0.05 is five per cent.
    Ratio,
    /// Quote currency of the instrument.
    Money,
    /// Seconds.
    Seconds,
    /// A whole number.
    Count,
    /// A number without a unit.
    Plain,
}

impl Unit {
    /// As written in schemas.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ratio => "ratio",
            Self::Money => "quote currency",
            Self::Seconds => "s",
            Self::Count => "count",
            Self::Plain => "",
        }
    }
}

macro_rules! columns {
    ($($variant:ident $name:literal $unit:ident $about:literal;)*) => {
        /// A metric of a trial.
        #[allow(clippy::doc_markdown, reason = "the texts are also printed as they are")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(usize)]
        pub enum Metric { $(#[doc = $about] $variant,)* }

        impl Metric {
            /// All metrics in the order of the result columns.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// Column name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Unit.
            pub const fn unit(self) -> Unit {
                match self { $(Self::$variant => Unit::$unit,)* }
            }

            /// Meaning and formula.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

columns! {
    TotalReturn "total_return" Ratio "final equity / capital - 1";
    Cagr "cagr" Ratio "(final equity / capital)^(365 d / elapsed) - 1, elapsed from the first bar's start to the last bar's end";
    Volatility "volatility" Ratio "std(r, ddof 1) x sqrt(periods_per_year)";
    Sharpe "sharpe" Plain "(mean(r) - rf/ppy) / std(r, ddof 1) x sqrt(ppy)";
    Sortino "sortino" Plain "(mean(r) - rf/ppy) / sqrt(mean(min(r - rf/ppy, 0)^2)) x sqrt(ppy)";
    MaxDrawdown "max_drawdown" Ratio "min over bars of equity / peak - 1, the first peak being the capital";
    MaxDrawdownDuration "max_drawdown_duration" Seconds "longest run of bars below a peak, from the start of its first bar to the end of its last";
    Calmar "calmar" Plain "cagr / |max_drawdown|";
    RecoveryFactor "recovery_factor" Plain "net profit / largest peak-to-trough loss in money";
    Trades "trades" Count "closed trades";
    OpenTrades "open_trades" Count "trades still open at the end, left out of the trade statistics";
    WinRate "win_rate" Ratio "share of closed trades with pnl > 0";
    ProfitFactor "profit_factor" Plain "sum of wins / |sum of losses|";
    Expectancy "expectancy" Money "mean pnl of a closed trade";
    AvgTrade "avg_trade" Ratio "mean trade return, net pnl / (units x entry price x multiplier)";
    Payoff "payoff" Plain "mean win / |mean loss|";
    Sqn "sqn" Plain "sqrt(n) x mean(pnl) / std(pnl, ddof 1)";
    AvgDuration "avg_duration" Seconds "mean time in a closed trade";
    Exposure "exposure" Ratio "share of bars with a position at the close";
    Turnover "turnover" Plain "traded value / capital";
    Fees "fees" Money "fees and accruals paid";
    CostShare "cost_share" Plain "fees / gross profit (the sum of wins)";
    Skew "skew" Plain "biased skewness of r";
    Kurtosis "kurtosis" Plain "biased excess kurtosis of r";
    Psr "psr" Ratio "probability that the true Sharpe is above 0 (Bailey and Lopez de Prado, 2012)";
    BuyHoldReturn "buy_hold_return" Ratio "total return of all-in buy-and-hold with the same costs";
    Alpha "alpha" Ratio "annual intercept of r on buy-and-hold's r, both above rf/ppy";
    Beta "beta" Plain "slope of r on buy-and-hold's r";
    ExcessSharpe "excess_sharpe" Plain "Sharpe of r minus buy-and-hold's r";
    AmbiguousBars "ambiguous_bars" Count "bars in which stop and target were both reachable and the order mattered";
    SkippedOrders "skipped_orders" Count "orders below a lot, or without a usable size, stop or target";
    MarginCalls "margin_calls" Count "positions closed because equity fell below the maintenance margin";
    FinalEquity "final_equity" Money "equity at the last close";
    PeriodsPerYear "periods_per_year" Plain "returns a year by which ratios are annualised";
}

/// Number of metrics.
pub const METRICS: usize = Metric::ALL.len();

/// A metric name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric `{name}`; {hint}")]
pub struct UnknownMetric {
    /// As given.
    pub name: String,
    /// Nearest name or all names.
    pub hint: String,
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        Self::ALL.into_iter().find(|m| m.name() == text).ok_or_else(|| UnknownMetric {
            name: text.to_owned(),
            hint: crate::nearest::hint(text, &Self::ALL.map(Self::name)),
        })
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The metrics of one trial. Undefined is `None`; inside, a NaN marks it, and no defined metric is ever NaN or infinite.
#[derive(Debug, Clone, Copy)]
pub struct Metrics([f64; METRICS]);

impl Default for Metrics {
    fn default() -> Self {
        Self([f64::NAN; METRICS])
    }
}

impl PartialEq for Metrics {
    /// Equal bits, undefined equal to undefined.
    fn eq(&self, other: &Self) -> bool {
        Metric::ALL
            .iter()
            .all(|m| self.get(*m).map(f64::to_bits) == other.get(*m).map(f64::to_bits))
    }
}

impl Metrics {
    /// The value, `None` where undefined.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        let value = self.0[metric as usize];
        (!value.is_nan()).then_some(value)
    }

    /// Sets a value; a NaN or an infinity makes it undefined, a negative zero becomes zero.
    pub fn set(&mut self, metric: Metric, value: f64) {
        self.0[metric as usize] = if value.is_finite() { value + 0.0 } else { f64::NAN };
    }

    /// Values in column order, NaN where undefined.
    pub fn values(&self) -> &[f64; METRICS] {
        &self.0
    }

    /// From values in column order, NaN where undefined.
    pub fn from_values(values: [f64; METRICS]) -> Self {
        Self(values)
    }

    /// Metrics that differ from `other` by more than `tolerance x max(|a|, |b|, 1)`, or in being defined.
    pub fn differences(&self, other: &Self, tolerance: f64) -> Vec<Metric> {
        let differs = |m: &Metric| match (self.get(*m), other.get(*m)) {
            (None, None) => false,
            (Some(a), Some(b)) => (a - b).abs() > tolerance * a.abs().max(b.abs()).max(1.0),
            _ => true,
        };
        Metric::ALL.into_iter().filter(differs).collect()
    }
}

impl serde::Serialize for Metrics {
    /// A map by column name; undefined is null, counts are integers.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(METRICS))?;
        for metric in Metric::ALL {
            match (metric.unit(), self.get(metric)) {
                (Unit::Count, Some(value)) => map.serialize_entry(metric.name(), &(value as u64))?,
                (_, value) => map.serialize_entry(metric.name(), &value)?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_is_null_and_never_a_sentinel() {
        let mut metrics = Metrics::default();
        metrics.set(Metric::Sharpe, f64::INFINITY);
        metrics.set(Metric::Trades, 12.0);
        metrics.set(Metric::TotalReturn, -0.0);
        assert_eq!(metrics.get(Metric::Sharpe), None);
        let json = serde_json::to_value(metrics).unwrap();
        assert_eq!(json["sharpe"], serde_json::Value::Null);
        assert_eq!(json["trades"], 12);
        assert_eq!(metrics.get(Metric::TotalReturn).unwrap().to_bits(), 0);
    }

    #[test]
    fn names_are_unique_and_found_again() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse(), Ok(metric));
        }
        assert!("sharp".parse::<Metric>().unwrap_err().hint.contains("`sharpe`"));
    }
}
