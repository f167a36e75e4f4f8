//! `assay trades import`: trades that were made elsewhere, by the measures of a trial, and beside one.

use std::io::Write;

use assay_core::calendar::Calendar;
use assay_core::metrics::{Metric, Metrics};
use assay_data::history::{History, HistoryOptions, PastTrade, read_history};
use assay_data::{Catalog, DataError};
use assay_engine::history::{ClosedTrade, metrics};
use assay_store::TradeRecord;
use serde_json::{Value, json};

use super::show::replay;
use super::trades;
use crate::args::{HistoryArgs, OutputFormat};
use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Kind, Rows, human, print_json, print_rows, stdout, table};
use crate::settings::Settings;

pub(super) fn run(args: &HistoryArgs, settings: &Settings) -> Outcome {
    if let Some(size) = args.lot_size.filter(|size| !(size.is_finite() && *size > 0.0)) {
        return Err(Failure::usage(format!("a lot has no {size} units")).hint("--lot-size is a positive number"));
    }
    let options = HistoryOptions {
        format: args.format,
        zone: args.tz.clone(),
        lot_size: args.lot_size,
    };
    let history = read_history(&args.file, &options).map_err(DataError::from)?;
    let capital = args.capital.or(history.capital).ok_or_else(|| {
        Failure::usage(format!("{} does not say with how much money it began", args.file.display()))
            .hint("say it with --capital, in the currency of the profits")
    })?;
    if !(capital.is_finite() && capital > 0.0) {
        return Err(Failure::usage(format!("nobody begins with {capital} of money")).hint("--capital is a positive number"));
    }
    let records: Vec<TradeRecord> = history.trades.iter().map(record).collect();
    if matches!(settings.format(), OutputFormat::Csv | OutputFormat::Parquet) {
        print_rows(&trades::rows(&records), settings.format())?;
        return Ok(0);
    }
    let calendar = match &args.symbol {
        Some(symbol) => Catalog::open(&settings.home)?.instrument(symbol).facts.calendar,
        None => Calendar::always_open(),
    };
    let found = measured(&history, capital, &calendar, args.risk_free);
    let beside = args.beside.map(|trial| replay(trial, settings)).transpose()?;
    let other = beside.as_ref().map(|shown| (shown.trial.to_string(), &shown.metrics));
    if settings.format() == OutputFormat::Json {
        print_json(&json!({
            "file": args.file,
            "capital": capital,
            "open": history.open,
            "units_known": units_known(&history),
            "metrics": found,
            "beside": other.map(|(trial, metrics)| json!({"trial": trial, "metrics": metrics})),
            "trades": records.iter().map(trades::to_json).collect::<Vec<Value>>(),
        }))?;
        return Ok(0);
    }
    print(&history, &found, other.as_ref())?;
    Ok(0)
}

fn record(trade: &PastTrade) -> TradeRecord {
    TradeRecord {
        long: trade.long,
        entry: trade.entry,
        exit: trade.exit,
        entry_price: trade.entry_price,
        exit_price: trade.exit_price,
        units: trade.units,
        pnl: trade.pnl,
        ret: Some(trade.pnl / (trade.units * trade.entry_price)).filter(|ret| trade.units_known && ret.is_finite()),
        fees: trade.fees,
        reason: trade.reason.clone(),
    }
}

/// The metrics of a trial; without those that need to know how much was traded where nobody says it.
fn measured(history: &History, capital: f64, calendar: &Calendar, risk_free: f64) -> Metrics {
    let mut found = metrics(&closed(history), capital, calendar, risk_free);
    if !units_known(history) {
        found.set(Metric::AvgTrade, f64::NAN);
        found.set(Metric::Turnover, f64::NAN);
    }
    found
}

fn units_known(history: &History) -> bool {
    history.trades.iter().all(|trade| trade.units_known)
}

fn closed(history: &History) -> Vec<ClosedTrade> {
    let trades = history.trades.iter().map(|trade| ClosedTrade {
        entry_time: trade.entry.0,
        exit_time: trade.exit.0,
        entry_value: trade.units * trade.entry_price,
        exit_value: trade.units * trade.exit_price,
        pnl: trade.pnl,
        fees: trade.fees,
    });
    trades.collect()
}

/// A line a metric that either side has.
fn print(history: &History, found: &Metrics, other: Option<&(String, &Metrics)>) -> Result<(), Failure> {
    let mut out = stdout();
    let (first, last) = (&history.trades[0], &history.trades[history.trades.len() - 1]);
    let begin = history.trades.iter().map(|trade| trade.entry).min().unwrap_or(first.entry);
    writeln!(
        out,
        "{} closed trades from {} to {}",
        human::count(history.trades.len() as i64),
        human::time(begin.0),
        human::time(last.exit.0)
    )?;
    if history.open > 0 {
        writeln!(
            out,
            "{} positions that were still open are left out",
            human::count(history.open as i64)
        )?;
    }
    writeln!(out)?;
    let mut columns = vec![("metric".to_owned(), Kind::Text), ("history".to_owned(), Kind::Text)];
    columns.extend(other.map(|(trial, _)| (trial.clone(), Kind::Text)));
    let mut rows = Rows::new(columns);
    for metric in Metric::ALL {
        let values = [Some(found), other.map(|(_, metrics)| *metrics)];
        let shown: Vec<Option<f64>> = values.into_iter().flatten().map(|metrics| metrics.get(metric)).collect();
        if shown.iter().any(Option::is_some) {
            let mut row: Vec<Cell> = vec![metric.name().into()];
            row.extend(shown.into_iter().map(|value| Cell::from(human::metric(metric, value))));
            rows.push(row);
        }
    }
    writeln!(out, "{}", table(&rows))?;
    let units = if units_known(history) {
        "Units x price are taken for money."
    } else {
        "How many units were traded is not said:\nno avg_trade and no turnover without --lot-size (1 where the file counts units)."
    };
    writeln!(
        out,
        "\nEquity is known at exits only: drawdowns within trades are not in it. {units}"
    )?;
    Ok(out.flush()?)
}
