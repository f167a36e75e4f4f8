//! Trades of the trials that are kept: one narrow row each, so that a dashboard can read and sum them.
//!
//! A row takes about 150 bytes with its place in the index; a blob for each trial would take a third, and be closed to SQL.

use std::collections::BTreeMap;

use assay_core::ids::{Ordinal, TrialId};
use assay_core::time::UtcNs;

use crate::database::{Database, Transaction};
use crate::error::StoreError;
use crate::sql::{Row, Set, values};

/// A trade of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeRecord {
    /// Bought first, or sold first.
    pub long: bool,
    /// First entry.
    pub entry: UtcNs,
    /// Exit.
    pub exit: UtcNs,
    /// Average price paid.
    pub entry_price: f64,
    /// Price got.
    pub exit_price: f64,
    /// Units in total.
    pub units: f64,
    /// Net profit in quote currency.
    pub pnl: f64,
    /// `pnl / (units x entry price x multiplier)`.
    pub ret: Option<f64>,
    /// Fees and accruals, in quote currency.
    pub fees: f64,
    /// Why it ended.
    pub reason: String,
}

/// All trades of a trial, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialTrades {
    /// The trial.
    pub trial: TrialId,
    /// Its trades.
    pub trades: Vec<TradeRecord>,
}

/// Adds the trades of trials that have none yet.
pub(crate) async fn add(transaction: &mut Transaction<'_>, kept: &[&TrialTrades]) -> Result<(), StoreError> {
    let rows = kept.iter().zip(1u64..).map(|(kept, line)| {
        [
            line.into(),
            kept.trial.job.to_string().into(),
            kept.trial.ordinal.0.into(),
            kept.trial.instrument.into(),
        ]
    });
    let sql = "INSERT INTO kept_trials (id, job, ordinal, instrument) \
               SELECT coalesce((SELECT max(id) FROM kept_trials), 0) + line, job, ordinal, instrument FROM r WHERE true \
               ON CONFLICT (job, ordinal, instrument) DO NOTHING RETURNING id, job, ordinal, instrument";
    let set = Set::new(["line", "job", "ordinal", "instrument"], rows);
    let mut numbers = BTreeMap::new();
    for row in transaction.rows_of(&set, sql).await? {
        let trial = TrialId {
            job: row.parse("job")?,
            instrument: row.count("instrument")? as u32,
            ordinal: Ordinal(row.count("ordinal")?),
        };
        numbers.insert(trial, row.count("id")?);
    }
    let mut rows = Vec::new();
    for kept in kept {
        // The same trial twice in a batch: the first counts.
        let Some(id) = numbers.remove(&kept.trial) else { continue };
        rows.extend(kept.trades.iter().zip(0u64..).map(|(trade, number)| {
            [
                id.into(),
                number.into(),
                if trade.long { 1i64 } else { -1 }.into(),
                trade.entry.0.into(),
                trade.exit.0.into(),
                trade.entry_price.into(),
                trade.exit_price.into(),
                trade.units.into(),
                trade.pnl.into(),
                trade.ret.into(),
                trade.fees.into(),
                trade.reason.as_str().into(),
            ]
        }));
    }
    let names = [
        "trial",
        "number",
        "side",
        "entry_ns",
        "exit_ns",
        "entry_price",
        "exit_price",
        "units",
        "pnl",
        "ret",
        "fees",
        "reason",
    ];
    let sql = "INSERT INTO trades (trial, number, side, entry_ns, exit_ns, entry_price, exit_price, units, pnl, return, fees, reason) \
               SELECT trial, number, side, entry_ns, exit_ns, entry_price, exit_price, units, pnl, ret, fees, reason FROM r";
    transaction.execute_of(&Set::new(names, rows), sql).await
}

pub(crate) async fn of(database: &Database, trial: &TrialId) -> Result<Vec<TradeRecord>, StoreError> {
    let sql = "SELECT trades.* FROM trades WHERE trial = \
               (SELECT id FROM kept_trials WHERE job = $1 AND ordinal = $2 AND instrument = $3) ORDER BY number";
    let values = values![trial.job.to_string(), trial.ordinal.0, trial.instrument];
    let rows = database.rows("read the trades", sql, values).await?;
    let trade = |row: &Row| {
        Ok(TradeRecord {
            long: row.get::<i64>("side")? > 0,
            entry: UtcNs(row.get("entry_ns")?),
            exit: UtcNs(row.get("exit_ns")?),
            entry_price: row.get("entry_price")?,
            exit_price: row.get("exit_price")?,
            units: row.get("units")?,
            pnl: row.get("pnl")?,
            ret: row.get("return")?,
            fees: row.get("fees")?,
            reason: row.get("reason")?,
        })
    };
    rows.iter().map(trade).collect()
}
