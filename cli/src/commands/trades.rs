//! `assay trades`: the trades of one trial, as they are kept, or replayed where they are not.

use assay_core::ids::TrialId;
use assay_store::TradeRecord;
use serde_json::{Value, json};

use super::history;
use super::show::replay;
use crate::args::{OutputFormat, TradesArgs, TradesCommand};
use crate::failure::{Failure, Outcome};
use crate::local::Ledger;
use crate::output::{Kind, Rows, print_json, print_rows};
use crate::settings::Settings;

pub(super) fn run(args: &TradesArgs, settings: &Settings) -> Outcome {
    if let Some(TradesCommand::Import(args)) = &args.command {
        return history::run(args, settings);
    }
    let trial = args.trial.expect("required without a subcommand");
    let trades = trades(trial, args, settings)?;
    match settings.format() {
        OutputFormat::Json => print_json(&trades.iter().map(to_json).collect::<Vec<_>>())?,
        format => print_rows(&rows(&trades), format)?,
    }
    Ok(0)
}

/// The trades of a trial as rows.
#[cfg(feature = "cluster")]
pub(crate) fn kept_rows(trial: TrialId, cluster: &crate::args::ClusterArgs, settings: &Settings) -> Result<Rows, Failure> {
    let args = TradesArgs {
        command: None,
        trial: Some(trial),
        cluster: cluster.clone(),
    };
    Ok(rows(&trades(trial, &args, settings)?))
}

fn trades(trial: TrialId, args: &TradesArgs, settings: &Settings) -> Result<Vec<TradeRecord>, Failure> {
    #[cfg(feature = "cluster")]
    if let Some(session) = args.cluster.session()? {
        let trades = session.ask(|remote| async move { remote.trades(trial).await })?;
        if trades.is_empty() {
            let message = format!("no trades of trial {trial} are kept");
            let hint = "those of the best points are, soon after the job is done: `[results] trades = n`; `assay show` replays any trial";
            return Err(Failure::not_found(message).hint(hint));
        }
        return Ok(trades);
    }
    let kept = Ledger::new(&settings.home)?.trades(&trial)?;
    if !kept.is_empty() {
        return Ok(kept);
    }
    let shown = replay(trial, settings)?;
    Ok(shown.replay.trades.iter().map(assay_worker::trade_record).collect())
}

fn direction(trade: &TradeRecord) -> &'static str {
    if trade.long { "long" } else { "short" }
}

/// A trade as JSON has it.
pub(super) fn to_json(trade: &TradeRecord) -> Value {
    json!({
        "direction": direction(trade),
        "entry_time": trade.entry,
        "exit_time": trade.exit,
        "entry_price": trade.entry_price,
        "exit_price": trade.exit_price,
        "units": trade.units,
        "pnl": trade.pnl,
        "return": trade.ret,
        "fees": trade.fees,
        "exit_reason": trade.reason,
        "open": trade.reason == OPEN,
    })
}

const COLUMNS: [(&str, Kind); 11] = [
    ("direction", Kind::Text),
    ("entry_time", Kind::Time),
    ("exit_time", Kind::Time),
    ("entry_price", Kind::Price),
    ("exit_price", Kind::Price),
    ("units", Kind::Number),
    ("pnl", Kind::Money),
    ("return", Kind::Ratio),
    ("fees", Kind::Money),
    ("exit_reason", Kind::Text),
    ("open", Kind::Flag),
];
/// The reason of a trade that is not over.
const OPEN: &str = "open";

/// Trades as rows, for tables and files.
pub(super) fn rows(trades: &[TradeRecord]) -> Rows {
    let mut rows = Rows::new(COLUMNS);
    for trade in trades {
        rows.push(vec![
            direction(trade).into(),
            trade.entry.into(),
            trade.exit.into(),
            trade.entry_price.into(),
            trade.exit_price.into(),
            trade.units.into(),
            trade.pnl.into(),
            trade.ret.into(),
            trade.fees.into(),
            trade.reason.as_str().into(),
            (trade.reason == OPEN).into(),
        ]);
    }
    rows
}
