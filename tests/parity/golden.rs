//! The files of `goldens/`, as `goldens/readings.json` describes them.

use std::collections::BTreeMap;

use assay_core::calendar::Calendar;
use assay_core::job::{Execution, MetricsSpec};
use assay_core::metrics::Metric;
use assay_core::time::BarLength;
use assay_strategies::Strategy;
use serde::Deserialize;

/// One case of one oracle.
#[derive(Debug, Deserialize)]
pub(crate) struct Golden {
    /// The file's name without its ending.
    #[serde(skip)]
    pub(crate) name: String,
    pub(crate) bars: BarsGolden,
    pub(crate) case: Case,
    pub(crate) equity: EquityGolden,
    pub(crate) instrument: InstrumentGolden,
    pub(crate) ours: BTreeMap<String, Option<f64>>,
    /// Columns that change with daily sampling, and the `metrics` table that gives them.
    pub(crate) ours_1d: Option<BTreeMap<String, serde_json::Value>>,
    pub(crate) signals: BTreeMap<String, SignalGolden>,
    pub(crate) source: SourceGolden,
    pub(crate) trade_count: TradeCount,
    pub(crate) trades: Vec<TradeGolden>,
    vectorbt: Option<BTreeMap<String, Option<f64>>>,
    backtesting: Option<BTreeMap<String, Option<f64>>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct BarsGolden {
    pub(crate) calendar: Calendar,
    pub(crate) length: BarLength,
    pub(crate) length_ns: i64,
    pub(crate) price_digits: i32,
    pub(crate) rows: usize,
    pub(crate) sha256: String,
    pub(crate) sha256_quotes: Option<String>,
    pub(crate) symbol: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) execution: Execution,
    pub(crate) metrics: MetricsSpec,
    strategy: serde_json::Value,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EquityGolden {
    pub(crate) mean: f64,
    pub(crate) mean_of_squares: f64,
    pub(crate) rows: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct InstrumentGolden {
    pub(crate) lot: f64,
    pub(crate) multiplier: f64,
    pub(crate) quote_bars: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SignalGolden {
    pub(crate) count: usize,
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) sha256_of_indices_joined_by_commas: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SourceGolden {
    pub(crate) files: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TradeCount {
    pub(crate) closed: usize,
    pub(crate) open: usize,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TradeGolden {
    pub(crate) number: usize,
    pub(crate) direction: String,
    pub(crate) entry_bar: usize,
    pub(crate) entry_time: String,
    pub(crate) entry_price: f64,
    pub(crate) exit_bar: Option<usize>,
    pub(crate) exit_time: Option<String>,
    pub(crate) exit_price: Option<f64>,
    pub(crate) exit_reason: String,
    pub(crate) units: f64,
    pub(crate) pnl: f64,
    #[serde(rename = "return")]
    pub(crate) ret: f64,
    pub(crate) fees: f64,
    pub(crate) open: bool,
}

impl Golden {
    /// The case's strategy, read as a strategy file.
    pub(crate) fn strategy(&self) -> Strategy {
        let text = toml::to_string(&self.case.strategy).unwrap();
        Strategy::parse(&text, &self.name).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// The oracle's own columns that mean what ours mean (`readings.json` names those that do not), under our names.
    pub(crate) fn own_columns(&self) -> impl Iterator<Item = (Metric, Option<f64>)> {
        let columns = self.vectorbt.iter().chain(&self.backtesting).flatten();
        // Fees of backtesting.py leave out an open trade's entry.
        let partial_fees = self.backtesting.is_some() && self.trade_count.open > 0;
        columns.filter_map(move |(name, value)| {
            let ours = match name.as_str() {
                "annualized_return" | "calmar" | "avg_duration_bars" | "max_drawdown_duration_bars" => return None,
                "fees" if partial_fees => return None,
                "annualized_volatility" => Metric::Volatility,
                name => name.parse().unwrap_or_else(|error| panic!("{}: {error}", self.name)),
            };
            Some((ours, *value))
        })
    }
}

/// All cases, by name.
pub(crate) fn goldens() -> Vec<Golden> {
    let folder = assay_tests::folder().join("goldens");
    let mut goldens: Vec<Golden> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("vectorbt_") || name.starts_with("backtesting_")
        })
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut golden: Golden = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            golden.name = path.file_stem().unwrap().to_string_lossy().into_owned();
            golden
        })
        .collect();
    goldens.sort_by(|a, b| a.name.cmp(&b.name));
    goldens
}
