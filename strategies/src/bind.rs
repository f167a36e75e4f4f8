//! One trial's parameter values put into the template: nodes of the graph.

use assay_engine::Market;
use assay_lang::{BinaryOp, FunctionId, LangError, LangErrorKind, Span, Type, UnaryOp, functions, nulls};

use crate::error::StrategyError;
use crate::graph::{BitsId, BitsOp, ClockField, ColumnId, ColumnOp, Comparison, Graph, Operand, Pairwise};
use crate::series;
use crate::template::{Form, Slot, Template};

/// Binds trial after trial into one graph.
#[derive(Debug)]
pub(crate) struct Binder<'a> {
    pub(crate) template: &'a Template,
    pub(crate) graph: &'a mut Graph,
    market: &'a Market,
    values: Vec<f64>,
    /// What each slot came to for these values; what no parameter changes stays from trial to trial.
    operands: Vec<Option<Operand>>,
    /// Where each slot holds, and where it does not.
    truths: Vec<[Option<BitsId>; 2]>,
}

type Bound<T> = Result<T, StrategyError>;

impl<'a> Binder<'a> {
    pub(crate) fn new(template: &'a Template, graph: &'a mut Graph, market: &'a Market) -> Self {
        Self {
            template,
            graph,
            market,
            values: Vec::new(),
            operands: vec![None; template.parts.len()],
            truths: vec![[None; 2]; template.parts.len()],
        }
    }

    /// The values of the next trial's parameters, written by `fill`.
    pub(crate) fn start(&mut self, fill: impl FnOnce(&mut Vec<f64>)) {
        fill(&mut self.values);
        for (at, part) in self.template.parts.iter().enumerate() {
            if part.varies {
                self.operands[at] = None;
                self.truths[at] = [None; 2];
            }
        }
    }

    /// A scalar: a number, or a condition as 1 and 0; NaN is null.
    pub(crate) fn scalar(&self, slot: Slot) -> f64 {
        match &self.template.parts[slot.0 as usize].form {
            Form::Number(value) => *value,
            Form::Flag(value) => nulls::from_bool(*value),
            Form::Parameter(at) => self.values[*at],
            Form::ChoiceIs {
                parameter,
                choice,
                equal,
            } => nulls::from_bool((self.values[*parameter] == *choice) == *equal),
            Form::Unary(op, x) => nulls::unary(*op, self.scalar(*x)),
            Form::Binary(op, a, b) => nulls::binary(*op, self.scalar(*a), self.scalar(*b)),
            Form::Call(FunctionId::If, arguments) => nulls::choose(
                self.scalar(arguments[0]),
                self.scalar(arguments[1]),
                self.scalar(arguments[2]),
            ),
            Form::Call(id, arguments) => match &**arguments {
                [x] => nulls::call(*id, self.scalar(*x)),
                [first, others @ ..] => {
                    let fold = |folded, other: &Slot| nulls::call2(*id, folded, self.scalar(*other));
                    others.iter().fold(self.scalar(*first), fold)
                }
                [] => nulls::NULL,
            },
            Form::Series(_) | Form::Index(..) => nulls::NULL,
        }
    }

    /// A number per bar, or a number.
    pub(crate) fn operand(&mut self, slot: Slot) -> Bound<Operand> {
        if let Some(operand) = self.operands[slot.0 as usize] {
            return Ok(operand);
        }
        let operand = self.make_operand(slot)?;
        self.operands[slot.0 as usize] = Some(operand);
        Ok(operand)
    }

    /// The same as a column of its own.
    pub(crate) fn column(&mut self, slot: Slot) -> Bound<ColumnId> {
        let operand = self.operand(slot)?;
        Ok(self.as_column(operand))
    }

    fn as_column(&mut self, operand: Operand) -> ColumnId {
        match operand {
            Operand::Column(column) => column,
            Operand::Number(bits) => self.graph.column(ColumnOp::Constant(bits)),
        }
    }

    fn make_operand(&mut self, slot: Slot) -> Bound<Operand> {
        let template = self.template;
        let part = &template.parts[slot.0 as usize];
        if part.ty.is_scalar() {
            return Ok(Operand::number(self.scalar(slot)));
        }
        Ok(match &part.form {
            Form::Series(name) => Operand::Column(self.series(name)?),
            Form::Unary(_, x) => {
                let x = self.operand(*x)?;
                self.negate(x)
            }
            Form::Binary(op, a, b) => {
                let (a, b) = (self.operand(*a)?, self.operand(*b)?);
                self.pairwise(Pairwise::Operator(*op), a, b)
            }
            Form::Index(x, n) => {
                let x = self.column(*x)?;
                let n = self.length(*n, 0)?;
                Operand::Column(self.delay(x, n))
            }
            Form::Call(id, arguments) => self.call(*id, arguments)?,
            Form::Number(_) | Form::Flag(_) | Form::Parameter(_) | Form::ChoiceIs { .. } => Operand::number(f64::NAN),
        })
    }

    fn negate(&mut self, x: Operand) -> Operand {
        match x {
            Operand::Column(x) => Operand::Column(self.graph.column(ColumnOp::Negate(x))),
            Operand::Number(bits) => Operand::number(-f64::from_bits(bits)),
        }
    }

    pub(crate) fn pairwise(&mut self, op: Pairwise, a: Operand, b: Operand) -> Operand {
        if let (Operand::Number(a), Operand::Number(b)) = (a, b) {
            return Operand::number(crate::elementwise::pairwise(op, f64::from_bits(a), f64::from_bits(b)));
        }
        Operand::Column(self.graph.column(ColumnOp::Pairwise(op, a, b)))
    }

    fn operator(&mut self, op: BinaryOp, a: ColumnId, b: ColumnId) -> ColumnId {
        let op = Pairwise::Operator(op);
        self.graph
            .column(ColumnOp::Pairwise(op, Operand::Column(a), Operand::Column(b)))
    }

    fn scale(&mut self, a: ColumnId, factor: f64) -> ColumnId {
        let op = Pairwise::Operator(BinaryOp::Mul);
        let factor = Operand::number(factor);
        self.graph.column(ColumnOp::Pairwise(op, Operand::Column(a), factor))
    }

    pub(crate) fn delay(&mut self, x: ColumnId, n: u32) -> ColumnId {
        if n == 0 { x } else { self.windowed(ColumnOp::Delay(x, n)) }
    }

    /// A node with a window, unless the window is longer than there are bars: then nothing needs to be kept or computed.
    pub(crate) fn windowed(&mut self, op: ColumnOp) -> ColumnId {
        let lookback = self.graph.lookback_of(op);
        if lookback as usize >= self.market.len() {
            return self.graph.column(ColumnOp::Never(lookback));
        }
        self.graph.column(op)
    }

    /// A number of bars.
    fn length(&mut self, slot: Slot, minimum: usize) -> Bound<u32> {
        let found = self.scalar(slot);
        if found == found.trunc() && found >= minimum as f64 && found <= assay_lang::MAX_LENGTH as f64 {
            return Ok(found as u32);
        }
        let part = &self.template.parts[slot.0 as usize];
        let maximum = assay_lang::MAX_LENGTH;
        let kind = if minimum == 0 && found < 0.0 {
            LangErrorKind::Future(-found)
        } else {
            LangErrorKind::BadLength { minimum, maximum, found }
        };
        Err(self.located(part.text, kind, part.span))
    }

    fn located(&self, text: u32, kind: LangErrorKind, span: Span) -> StrategyError {
        let hint = Some("some parameters of the space lead here; exclude them with `where`".to_owned());
        let (place, source) = &self.template.texts[text as usize];
        StrategyError::expression(place.clone(), source, LangError { kind, span, hint })
    }

    /// A built-in series.
    pub(crate) fn series(&mut self, name: &str) -> Bound<ColumnId> {
        if functions::needs_quotes(name) && self.market.quotes.is_none() {
            return Err(StrategyError::NeedsQuotes {
                series: name.to_owned(),
                symbol: self.market.instrument.symbol.to_string(),
            });
        }
        if let Some(source) = series::source(name) {
            return Ok(self.graph.column(ColumnOp::Source(source)));
        }
        let mut sum = |names: &[&str]| -> Bound<ColumnId> {
            let mut total = self.series(names[0])?;
            for name in &names[1..] {
                let next = self.series(name)?;
                total = self.operator(BinaryOp::Add, total, next);
            }
            let count = Operand::number(names.len() as f64);
            let division = Pairwise::Operator(BinaryOp::Div);
            Ok(self.graph.column(ColumnOp::Pairwise(division, Operand::Column(total), count)))
        };
        match name {
            "hl2" => sum(&["high", "low"]),
            "hlc3" => sum(&["high", "low", "close"]),
            "ohlc4" => sum(&["open", "high", "low", "close"]),
            _ => {
                debug_assert_eq!(name, "spread");
                let (ask, bid) = (self.series("ask_close")?, self.series("bid_close")?);
                Ok(self.operator(BinaryOp::Sub, ask, bid))
            }
        }
    }

    fn call(&mut self, id: FunctionId, arguments: &[Slot]) -> Bound<Operand> {
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
            // Every other function is bound elsewhere: elementwise ones, events and clocks.
            _ => ColumnOp::Never(0),
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

    /// Where a condition holds, or where it is known not to.
    pub(crate) fn truth(&mut self, slot: Slot, holds: bool) -> Bound<BitsId> {
        if let Some(bits) = self.truths[slot.0 as usize][usize::from(holds)] {
            return Ok(bits);
        }
        let bits = self.make_truth(slot, holds)?;
        self.truths[slot.0 as usize][usize::from(holds)] = Some(bits);
        Ok(bits)
    }

    fn make_truth(&mut self, slot: Slot, holds: bool) -> Bound<BitsId> {
        let template = self.template;
        let part = &template.parts[slot.0 as usize];
        if part.ty.is_scalar() {
            let value = self.scalar(slot);
            return Ok(self.flag(value == nulls::from_bool(holds)));
        }
        match &part.form {
            Form::Unary(UnaryOp::Not, x) => self.truth(*x, !holds),
            Form::Binary(op, a, b) if op.is_logical() => {
                let (a, b) = (self.truth(*a, holds)?, self.truth(*b, holds)?);
                // Not (a and b) is (not a) or (not b).
                Ok(if (*op == BinaryOp::And) == holds {
                    self.and(a, b)
                } else {
                    self.or(a, b)
                })
            }
            Form::Binary(op, a, b) if template.parts[a.0 as usize].ty.is_condition() => {
                self.same_condition(*a, *b, (*op == BinaryOp::Eq) == holds)
            }
            Form::Binary(op, a, b) => {
                let (a, b) = (self.operand(*a)?, self.operand(*b)?);
                Ok(self.compare(*op, a, b, holds))
            }
            Form::Index(x, n) => {
                let x = self.truth(*x, holds)?;
                let n = self.length(*n, 0)?;
                Ok(self.delay_bits(x, n))
            }
            Form::Call(FunctionId::If, arguments) => {
                let [condition, a, b] = [arguments[0], arguments[1], arguments[2]];
                if template.parts[condition.0 as usize].ty == Type::ScalarBool {
                    let taken = self.scalar(condition);
                    return match taken {
                        _ if taken.is_nan() => Ok(self.flag(false)),
                        nulls::TRUE => self.truth(a, holds),
                        _ => self.truth(b, holds),
                    };
                }
                let (yes, no) = (self.truth(condition, true)?, self.truth(condition, false)?);
                let (a, b) = (self.truth(a, holds)?, self.truth(b, holds)?);
                let (a, b) = (self.and(yes, a), self.and(no, b));
                Ok(self.or(a, b))
            }
            Form::Call(FunctionId::IsNull, arguments) => self.is_null(arguments[0], holds),
            Form::Call(id, arguments) => {
                let (a, b) = (self.operand(arguments[0])?, self.operand(arguments[1])?);
                let (a, b) = if *id == FunctionId::Crossover { (a, b) } else { (b, a) };
                Ok(if holds { self.cross(a, b) } else { self.no_cross(a, b) })
            }
            _ => Ok(self.flag(false)),
        }
    }

    pub(crate) fn flag(&mut self, value: bool) -> BitsId {
        self.graph.bits(BitsOp::Flag(value))
    }

    fn and(&mut self, a: BitsId, b: BitsId) -> BitsId {
        if a == b {
            a
        } else {
            self.graph.bits(BitsOp::And(a.min(b), a.max(b)))
        }
    }

    fn or(&mut self, a: BitsId, b: BitsId) -> BitsId {
        if a == b {
            a
        } else {
            self.graph.bits(BitsOp::Or(a.min(b), a.max(b)))
        }
    }

    fn delay_bits(&mut self, x: BitsId, n: u32) -> BitsId {
        match n {
            0 => x,
            _ if n as usize >= self.market.len() => self.flag(false),
            _ => self.graph.bits(BitsOp::Delay(x, n)),
        }
    }

    fn same_condition(&mut self, a: Slot, b: Slot, same: bool) -> Bound<BitsId> {
        let (a_holds, a_fails) = (self.truth(a, true)?, self.truth(a, false)?);
        let (b_holds, b_fails) = (self.truth(b, same)?, self.truth(b, !same)?);
        let (both, neither) = (self.and(a_holds, b_holds), self.and(a_fails, b_fails));
        Ok(self.or(both, neither))
    }

    fn compare(&mut self, op: BinaryOp, a: Operand, b: Operand, holds: bool) -> BitsId {
        // Where `<` is known not to hold, `>=` holds: both are false at null.
        let (comparison, swap) = match (op, holds) {
            (BinaryOp::Gt, true) | (BinaryOp::Le, false) => (Comparison::Gt, false),
            (BinaryOp::Lt, true) | (BinaryOp::Ge, false) => (Comparison::Gt, true),
            (BinaryOp::Ge, true) | (BinaryOp::Lt, false) => (Comparison::Ge, false),
            (BinaryOp::Le, true) | (BinaryOp::Gt, false) => (Comparison::Ge, true),
            (BinaryOp::Eq, true) | (BinaryOp::Ne, false) => (Comparison::Eq, b < a),
            _ => (Comparison::Ne, b < a),
        };
        let (a, b) = if swap { (b, a) } else { (a, b) };
        self.graph.bits(BitsOp::Compare(comparison, a, b))
    }

    fn is_null(&mut self, slot: Slot, holds: bool) -> Bound<BitsId> {
        if self.template.parts[slot.0 as usize].ty.is_condition() {
            let (yes, no) = (self.truth(slot, true)?, self.truth(slot, false)?);
            return Ok(if holds {
                self.graph.bits(BitsOp::Nor(yes.min(no), yes.max(no)))
            } else {
                self.or(yes, no)
            });
        }
        let x = self.column(slot)?;
        let null = self.graph.bits(BitsOp::IsNull(x));
        Ok(if holds {
            null
        } else {
            self.graph.bits(BitsOp::Nor(null, null))
        })
    }

    /// Where `a` crosses over `b`.
    fn cross(&mut self, a: Operand, b: Operand) -> BitsId {
        let up = a <= b;
        let (a, b) = if up { (a, b) } else { (b, a) };
        self.graph.bits(BitsOp::Cross { a, b, up })
    }

    /// Where all four values are defined and `a` does not cross over `b`: not above, or above already.
    fn no_cross(&mut self, a: Operand, b: Operand) -> BitsId {
        let above = self.graph.bits(BitsOp::Compare(Comparison::Gt, a, b));
        let below = self.graph.bits(BitsOp::Compare(Comparison::Ge, b, a));
        let (above_before, below_before) = (self.delay_bits(above, 1), self.delay_bits(below, 1));
        let defined_before = self.or(above_before, below_before);
        let (stays_below, stays_above) = (self.and(below, defined_before), self.and(above, above_before));
        self.or(stays_below, stays_above)
    }
}
