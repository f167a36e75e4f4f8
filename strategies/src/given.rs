//! Signals that a program computed, in the place of those of rules.

use std::ops::Range;

use assay_core::job::Direction;
use assay_core::signals::{RULES, SignalTable};
use assay_core::space::{Point, Space};
use assay_engine::SignalTile;

use crate::error::StrategyError;
use crate::parameters::ParameterValues;
use crate::strategy::{GivenSignals, Strategy};

/// A table of signals, and which trials take which columns.
#[derive(Debug)]
pub(crate) struct Given {
    table: SignalTable,
    parameters: ParameterValues,
    /// Which parameter of the strategy names the column.
    column: usize,
    /// Rules of sides that are traded.
    traded: [bool; 4],
    origin: String,
}

impl Given {
    pub(crate) fn new(
        table: SignalTable,
        strategy: &Strategy,
        space: &Space,
        direction: Direction,
        bars: usize,
    ) -> Result<Self, StrategyError> {
        let bad = |reason: String| StrategyError::Signals {
            origin: strategy.origin.clone(),
            reason,
        };
        if table.bars() != bars {
            return Err(bad(format!("they are of {} bars, and there are {bars}", table.bars())));
        }
        let wanted = strategy.signals.iter().flat_map(|signals| &signals.rules);
        let position = |rule: &String| RULES.iter().position(|known| known == rule);
        let mut traded = [false; 4];
        for rule in wanted.filter_map(position) {
            traded[rule] = match direction {
                Direction::Both => true,
                Direction::Long => rule < 2,
                Direction::Short => rule >= 2,
            };
        }
        let column = strategy.space.index_of(GivenSignals::PARAMETER);
        Ok(Self {
            parameters: ParameterValues::new(strategy, space)?,
            column: column.ok_or_else(|| bad("no parameter names the column".to_owned()))?,
            table,
            traded,
            origin: strategy.origin.clone(),
        })
    }

    /// The columns of points.
    pub(crate) fn columns(&self, points: &[Point]) -> Vec<Result<usize, StrategyError>> {
        let mut values = Vec::new();
        let column = |point: &Point| {
            self.parameters.read(point, &mut values);
            let value = values[self.column];
            let there = (0.0..self.table.trials() as f64).contains(&value);
            there.then_some(value as usize).ok_or_else(|| StrategyError::Signals {
                origin: self.origin.clone(),
                reason: format!("trial {value} of a table of {} trials", self.table.trials()),
            })
        };
        points.iter().map(column).collect()
    }

    /// The signals of a tile, with those of a column in the place of the rules that the table has.
    pub(crate) fn over<'a>(&'a self, signals: SignalTile<'a>, column: usize, tile: &Range<usize>) -> SignalTile<'a> {
        let words = |rule: usize, own: &'a [u64]| {
            if self.traded[rule] && self.table.has(rule) {
                self.table.words(rule, column, tile.clone())
            } else {
                own
            }
        };
        SignalTile {
            enter_long: words(0, signals.enter_long),
            exit_long: words(1, signals.exit_long),
            enter_short: words(2, signals.enter_short),
            exit_short: words(3, signals.exit_short),
            ..signals
        }
    }
}
