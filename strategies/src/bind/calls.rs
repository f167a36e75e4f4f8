//! Functions as nodes, or as arrangements of simpler ones.

use assay_lang::{BinaryOp, FunctionId, Type, nulls};

use super::{Binder, Bound};
use crate::graph::{ClockField, ColumnId, ColumnOp, Operand, Pairwise};
use crate::template::Slot;

impl Binder<'_> {
    pub(super) fn call(&mut self, id: FunctionId, arguments: &[Slot]) -> Bound<Operand> {
        use FunctionId as Id;
        let pairwise = match id {
            Id::Min => Some(Pairwise::Min),
            Id::Max => Some(Pairwise::Max),
            Id::Nz => Some(Pairwise::Nz),
            _ => None,
        };
        if let Some(op) = pairwise {
            let mut folded = self.operand(arguments[0])?;
            for other in &arguments[1..] {
                let other = self.operand(*other)?;
                folded = self.pairwise(op, folded, other);
            }
            return Ok(folded);
        }
        if id == Id::If {
            return self.choose(arguments);
        }
        let clock = match id {
            Id::Minute => Some(ClockField::Minute),
            Id::Hour => Some(ClockField::Hour),
            Id::DayOfWeek => Some(ClockField::DayOfWeek),
            Id::DayOfMonth => Some(ClockField::DayOfMonth),
            Id::Month => Some(ClockField::Month),
            _ => None,
        };
        if let Some(field) = clock {
            return Ok(Operand::Column(self.graph.column(ColumnOp::Clock(field))));
        }
        Ok(Operand::Column(self.windowed_call(id, arguments)?))
    }

    fn choose(&mut self, arguments: &[Slot]) -> Bound<Operand> {
        let [condition, a, b] = [arguments[0], arguments[1], arguments[2]];
        if self.template.parts[condition.0 as usize].ty == Type::ScalarBool {
            // Only the branch taken is ever built: `if(mode == "sma", sma(..), ema(..))` costs one average.
            let holds = self.scalar(condition);
            return match holds {
                _ if holds.is_nan() => Ok(Operand::number(f64::NAN)),
                nulls::TRUE => self.operand(a),
                _ => self.operand(b),
            };
        }
        let (holds, fails) = (self.truth(condition, true)?, self.truth(condition, false)?);
        let (then, otherwise) = (self.operand(a)?, self.operand(b)?);
        Ok(Operand::Column(self.graph.column(ColumnOp::Select {
            holds,
            fails,
            then,
            otherwise,
        })))
    }

    fn windowed_call(&mut self, id: FunctionId, arguments: &[Slot]) -> Bound<ColumnId> {
        use FunctionId as Id;
        let length = |binder: &mut Self, at: usize| binder.length(arguments[at], 1);
        let (high, low, close) = ("high", "low", "close");
        Ok(match id {
            Id::BarsSince => {
                let condition = self.truth(arguments[0], true)?;
                self.graph.column(ColumnOp::BarsSince(condition))
            }
            Id::TrueRange => self.true_range()?,
            Id::Atr => {
                let n = length(self, 0)?;
                let range = self.true_range()?;
                self.windowed(ColumnOp::Wilder(range, n))
            }
            Id::StochK | Id::StochD => {
                let (n, slow_k, slow_d) = (length(self, 0)?, length(self, 1)?, length(self, 2)?);
                let (high, low, close) = (self.series(high)?, self.series(low)?, self.series(close)?);
                let top = self.windowed(ColumnOp::Highest(high, n));
                let bottom = self.windowed(ColumnOp::Lowest(low, n));
                let (above, range) = (
                    self.operator(BinaryOp::Sub, close, bottom),
                    self.operator(BinaryOp::Sub, top, bottom),
                );
                let share = ColumnOp::Pairwise(Pairwise::Share, Operand::Column(above), Operand::Column(range));
                let fast = self.graph.column(share);
                let k = self.windowed(ColumnOp::Mean(fast, slow_k));
                let d = self.windowed(ColumnOp::Mean(k, slow_d));
                // TA-Lib gives both lines from the bar on which both exist.
                if id == Id::StochK { self.mask(k, d) } else { d }
            }
            Id::Delay => {
                let x = self.column(arguments[0])?;
                let n = self.length(arguments[1], 0)?;
                self.delay(x, n)
            }
            _ => {
                let x = self.column(arguments[0])?;
                match arguments {
                    [_] => self.graph.column(ColumnOp::Function(id, x)),
                    _ => self.rolling(id, x, arguments)?,
                }
            }
        })
    }

    fn rolling(&mut self, id: FunctionId, x: ColumnId, arguments: &[Slot]) -> Bound<ColumnId> {
        use FunctionId as Id;
        let n = self.length(arguments[1], 1)?;
        let op = match id {
            Id::Sma | Id::BbandsMiddle => ColumnOp::Mean(x, n),
            Id::Sum => ColumnOp::Sum(x, n),
            Id::Wma => ColumnOp::WeightedMean(x, n),
            Id::Ema => ColumnOp::Ema { x, n, skip: 0 },
            Id::Rma => ColumnOp::Wilder(x, n),
            Id::Rsi => ColumnOp::Rsi(x, n),
            Id::Stddev => ColumnOp::Deviation { x, n, sample: false },
            Id::Highest => ColumnOp::Highest(x, n),
            Id::Lowest => ColumnOp::Lowest(x, n),
            Id::Change => {
                let before = self.delay(x, n);
                return Ok(self.operator(BinaryOp::Sub, x, before));
            }
            Id::Roc => {
                let before = self.delay(x, n);
                let ratio = self.operator(BinaryOp::Div, x, before);
                let minus = Pairwise::Operator(BinaryOp::Sub);
                let gain = self
                    .graph
                    .column(ColumnOp::Pairwise(minus, Operand::Column(ratio), Operand::number(1.0)));
                return Ok(self.scale(gain, 100.0));
            }
            Id::Zscore => {
                let mean = self.windowed(ColumnOp::Mean(x, n));
                let deviation = self.windowed(ColumnOp::Deviation { x, n, sample: false });
                let distance = self.operator(BinaryOp::Sub, x, mean);
                return Ok(self.operator(BinaryOp::Div, distance, deviation));
            }
            Id::BbandsUpper | Id::BbandsLower => {
                let width = self.scalar(arguments[2]);
                let mean = self.windowed(ColumnOp::Mean(x, n));
                let deviation = self.windowed(ColumnOp::Deviation { x, n, sample: false });
                let band = self.scale(deviation, width);
                let op = if id == Id::BbandsUpper { BinaryOp::Add } else { BinaryOp::Sub };
                return Ok(self.operator(op, mean, band));
            }
            Id::Macd | Id::MacdSignal | Id::MacdHist => {
                let (slow, signal) = (self.length(arguments[2], 1)?, self.length(arguments[3], 1)?);
                return Ok(self.macd(id, x, n, slow, signal));
            }
            // Elementwise functions, clocks and events; written out, so that a new function cannot be forgotten.
            Id::Abs
            | Id::Min
            | Id::Max
            | Id::Sqrt
            | Id::Log
            | Id::Exp
            | Id::Floor
            | Id::Ceil
            | Id::Round
            | Id::Sign
            | Id::If
            | Id::Nz
            | Id::IsNull
            | Id::Crossover
            | Id::Crossunder
            | Id::BarsSince
            | Id::Delay
            | Id::Minute
            | Id::Hour
            | Id::DayOfWeek
            | Id::DayOfMonth
            | Id::Month
            | Id::StochK
            | Id::StochD
            | Id::Atr
            | Id::TrueRange => {
                unreachable!("{id:?} has no window of its own")
            }
        };
        Ok(self.windowed(op))
    }

    /// As `TA_MACD`: the longer period is the slow one whichever is given first, both averages begin on the same bar, and all
    /// lines are given from the bar on which the signal exists.
    fn macd(&mut self, id: FunctionId, x: ColumnId, fast: u32, slow: u32, signal: u32) -> ColumnId {
        let (fast, slow) = (fast.min(slow), fast.max(slow));
        let skip = slow - fast;
        let quick = self.windowed(ColumnOp::Ema { x, n: fast, skip });
        let steady = self.windowed(ColumnOp::Ema { x, n: slow, skip: 0 });
        let line = self.operator(BinaryOp::Sub, quick, steady);
        let smooth = self.windowed(ColumnOp::Ema {
            x: line,
            n: signal,
            skip: 0,
        });
        match id {
            FunctionId::Macd => self.mask(line, smooth),
            FunctionId::MacdSignal => smooth,
            _ => self.operator(BinaryOp::Sub, line, smooth),
        }
    }

    fn mask(&mut self, x: ColumnId, by: ColumnId) -> ColumnId {
        self.graph
            .column(ColumnOp::Pairwise(Pairwise::Mask, Operand::Column(x), Operand::Column(by)))
    }

    fn true_range(&mut self) -> Bound<ColumnId> {
        let (high, low, close) = (self.series("high")?, self.series("low")?, self.series("close")?);
        let before = self.delay(close, 1);
        let mut range = self.operator(BinaryOp::Sub, high, low);
        for edge in [high, low] {
            let distance = self.operator(BinaryOp::Sub, edge, before);
            let distance = self.graph.column(ColumnOp::Function(FunctionId::Abs, distance));
            let op = ColumnOp::Pairwise(Pairwise::Max, Operand::Column(range), Operand::Column(distance));
            range = self.graph.column(op);
        }
        Ok(range)
    }
}
