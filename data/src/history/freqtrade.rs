//! freqtrade's result of a backtest.

use std::collections::BTreeMap;

use assay_core::time::UtcNs;
use serde::Deserialize;

use super::{History, PastTrade, at, milliseconds, wrong_json};
use crate::import::{ImportError, Input, Problem};

#[derive(Deserialize)]
struct Backtest {
    strategy: BTreeMap<String, Strategy>,
}

#[derive(Deserialize)]
struct Strategy {
    trades: Vec<Trade>,
    starting_balance: Option<f64>,
}

#[derive(Deserialize)]
struct Trade {
    pair: String,
    amount: f64,
    open_rate: f64,
    close_rate: Option<f64>,
    #[serde(default)]
    fee_open: f64,
    #[serde(default)]
    fee_close: f64,
    profit_abs: Option<f64>,
    exit_reason: Option<String>,
    #[serde(default)]
    is_open: bool,
    #[serde(default)]
    is_short: bool,
    open_timestamp: Option<f64>,
    close_timestamp: Option<f64>,
    open_date: Option<String>,
    close_date: Option<String>,
}

pub(super) fn read(input: &Input, bytes: &[u8]) -> Result<History, ImportError> {
    let backtest: Backtest = serde_json::from_slice(bytes).map_err(|e| wrong_json(input, &e))?;
    let mut strategies = backtest.strategy.into_values();
    let (Some(strategy), None) = (strategies.next(), strategies.next()) else {
        return Err(input.error(Problem::WrongContent {
            found: "the result is not of exactly one strategy",
            hint: "run freqtrade with one --strategy",
        }));
    };
    let mut history = History {
        capital: strategy.starting_balance,
        ..History::default()
    };
    for (index, trade) in strategy.trades.into_iter().enumerate() {
        let line = index as u64 + 1;
        let (Some(exit_price), Some(pnl), false) = (trade.close_rate, trade.profit_abs, trade.is_open) else {
            history.open += 1;
            continue;
        };
        history.trades.push(PastTrade {
            entry: time(input, line, trade.open_timestamp, trade.open_date.as_deref())?,
            exit: time(input, line, trade.close_timestamp, trade.close_date.as_deref())?,
            instrument: trade.pair,
            long: !trade.is_short,
            entry_price: trade.open_rate,
            exit_price,
            units: trade.amount,
            units_known: true,
            pnl,
            fees: trade.amount * (trade.open_rate * trade.fee_open + exit_price * trade.fee_close),
            reason: trade.exit_reason.unwrap_or_default(),
        });
    }
    Ok(history)
}

/// Older results have dates only.
fn time(input: &Input, line: u64, ms: Option<f64>, date: Option<&str>) -> Result<UtcNs, ImportError> {
    match (ms, date) {
        (Some(ms), _) => milliseconds(input, line, ms),
        (None, Some(date)) => date.replacen(' ', "T", 1).parse().map_err(|_| {
            let problem = Problem::BadTime {
                text: date.to_owned(),
                expected: "2018-01-10 07:15:00+00:00".to_owned(),
            };
            at(input, line, problem)
        }),
        (None, None) => Err(at(input, line, Problem::EmptyCell)),
    }
}
