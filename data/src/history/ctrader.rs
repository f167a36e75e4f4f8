//! cTrader's list of events: a position is created, its stop is moved, it is closed.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{History, PastTrade, at, milliseconds, wrong_json};
use crate::import::{ImportError, Input, Problem};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    position_id: i64,
    #[serde(rename = "event")]
    what: String,
    time: f64,
    /// Lots.
    quantity: f64,
    /// Units.
    volume: Option<f64>,
    #[serde(rename = "type")]
    side: String,
    entry_price: Option<f64>,
    close_price: Option<f64>,
    gross_profit: Option<f64>,
    /// After the event; only closing changes it.
    balance: Option<f64>,
    equity: Option<f64>,
}

struct Opened {
    time: f64,
    price: f64,
    quantity: f64,
}

/// A close takes what the balance says: it holds swaps and commissions, which the gross profit does not.
pub(super) fn read(input: &Input, bytes: &[u8]) -> Result<History, ImportError> {
    let events: Vec<Event> = serde_json::from_slice(bytes).map_err(|e| wrong_json(input, &e))?;
    let capital = events.first().and_then(|event| event.balance.or(event.equity));
    let mut balance = capital;
    let mut positions: BTreeMap<i64, Opened> = BTreeMap::new();
    let mut trades = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let line = index as u64 + 1;
        let missing = |name: &str| {
            let text = format!("no {name} in a `{}`", event.what);
            at(input, line, Problem::NotANumber { text })
        };
        let Some(exit_price) = event.close_price else {
            if event.what.starts_with("Create") {
                let opened = Opened {
                    time: event.time,
                    price: event.entry_price.ok_or_else(|| missing("entryPrice"))?,
                    quantity: event.quantity,
                };
                positions.insert(event.position_id, opened);
            }
            continue;
        };
        let Some(opened) = positions.get_mut(&event.position_id) else {
            let found = "a position is closed that was never created";
            let hint = "the list is cut off at its beginning: export the whole of it";
            return Err(at(input, line, Problem::WrongContent { found, hint }));
        };
        let gross = event.gross_profit.ok_or_else(|| missing("grossProfit"))?;
        let pnl = match (event.balance, balance) {
            (Some(after), Some(before)) => after - before,
            _ => gross,
        };
        balance = event.balance.or(balance.map(|before| before + pnl));
        trades.push(PastTrade {
            instrument: String::new(),
            long: event.side.eq_ignore_ascii_case("buy"),
            entry: milliseconds(input, line, opened.time)?,
            exit: milliseconds(input, line, event.time)?,
            entry_price: opened.price,
            exit_price,
            units: event.volume.unwrap_or(event.quantity),
            units_known: true,
            pnl,
            fees: gross - pnl,
            reason: event.what.clone(),
        });
        opened.quantity -= event.quantity;
        if opened.quantity <= 0.0 {
            positions.remove(&event.position_id);
        }
    }
    Ok(History {
        trades,
        open: positions.len() as u64,
        capital,
    })
}
