//! Bars and signals that a program hands over.

use std::sync::Arc;

use arrow::array::RecordBatch;
use assay_core::ids::Symbol;
use assay_core::instrument::Facts;
use assay_core::signals::SignalTable;
use assay_core::time::BarLength;
use assay_data::{Catalog, Frame};
use serde_json::Value;

use super::Failure;

/// Bars of an instrument.
#[derive(Debug, Clone)]
pub struct FrameOf {
    /// Its symbol.
    pub symbol: String,
    /// Facts about it as in `instruments.toml`, if others than the home knows.
    pub facts: Option<Value>,
    /// What a row covers, such as `5m`.
    pub bar: String,
    /// `time, open, high, low, close, volume`.
    pub batch: RecordBatch,
}

/// Entries and exits that a program computed.
#[derive(Debug, Clone)]
pub struct Signals(Arc<SignalTable>);

impl Signals {
    /// Columns of each rule, `enter_long`, `exit_long`, `enter_short`, `exit_short`, one a trial; a rule that never fires has none.
    ///
    /// # Errors
    /// Rules with different numbers of trials, or columns of different lengths.
    pub fn new(bars: usize, rules: [Vec<Vec<u64>>; 4]) -> Result<Self, Failure> {
        let table = SignalTable::new(bars, rules).map_err(|error| Failure::usage(error.to_string()));
        Ok(Self(Arc::new(table?)))
    }

    pub(super) fn table(&self) -> &Arc<SignalTable> {
        &self.0
    }

    /// Trials there are.
    pub fn trials(&self) -> usize {
        self.0.trials()
    }

    /// Whether a rule, by its position, has columns.
    pub fn has(&self, rule: usize) -> bool {
        self.0.has(rule)
    }

    /// What identifies them: hexadecimal.
    pub fn hash(&self) -> String {
        self.0.hash().to_owned()
    }
}

/// Keeps frames beside the home's catalog.
pub(super) fn keep(home: &Catalog, frames: Vec<FrameOf>) -> Result<Catalog, Failure> {
    let mut kept = Vec::with_capacity(frames.len());
    let mut known = home.clone();
    for frame in frames {
        let symbol: Symbol = frame
            .symbol
            .parse()
            .map_err(|error| Failure::usage(format!("`{}` cannot be a symbol: {error}", frame.symbol)))?;
        let bar: BarLength = frame.bar.parse().map_err(|error| {
            Failure::usage(format!("`{}` is no length of a bar: {error}", frame.bar)).hint("such as 5m, 1h, 1d")
        })?;
        if let Some(facts) = frame.facts {
            let facts: Facts = serde_json::from_value(facts).map_err(|error| {
                Failure::usage(format!("facts of {symbol}: {error}")).hint("about, currency, tick, lot, multiplier, calendar")
            })?;
            known = known.knowing(&symbol, facts);
        }
        kept.push(Frame {
            symbol,
            bar,
            batch: frame.batch,
        });
    }
    Ok(known.keep_frames(&kept)?)
}
