//! One trial's parameter values put into the template: nodes of the graph.

mod calls;
mod conditions;
mod elsewhere;

use std::sync::Arc;

use assay_engine::Market;
use assay_lang::{BinaryOp, Elementwise, LangError, LangErrorKind, Span, functions, nulls};

use crate::error::StrategyError;
use crate::graph::{BitsId, ColumnId, ColumnOp, Graph, Operand, Pairwise};
use crate::series;
use crate::template::{Form, Slot, Template};

/// Binds trial after trial into one graph.
#[derive(Debug)]
pub(crate) struct Binder<'a> {
    pub(crate) template: &'a Template,
    pub(crate) graph: &'a mut Graph,
    market: On<'a>,
    /// The texts of each parameter with choices.
    choices: &'a [Vec<String>],
    values: Vec<f64>,
    /// What each slot came to for these values; what no parameter changes stays from trial to trial.
    operands: Vec<Option<Operand>>,
    /// Where each slot holds, and where it does not.
    truths: Vec<[Option<BitsId>; 2]>,
    /// What is computed on other bars.
    places: Vec<elsewhere::Place>,
}

/// The bars that are bound to: those of the rules, or those of a place.
#[derive(Debug)]
enum On<'a> {
    Rules(&'a Market),
    Place(Arc<Market>),
}

impl std::ops::Deref for On<'_> {
    type Target = Market;

    fn deref(&self) -> &Market {
        match self {
            Self::Rules(market) => market,
            Self::Place(market) => market,
        }
    }
}

type Bound<T> = Result<T, StrategyError>;

impl<'a> Binder<'a> {
    /// `choices` are the texts of each parameter, none of one without choices.
    pub(crate) fn new(template: &'a Template, graph: &'a mut Graph, market: &'a Market, choices: &'a [Vec<String>]) -> Self {
        Self {
            template,
            graph,
            market: On::Rules(market),
            choices,
            values: Vec::new(),
            operands: vec![None; template.parts.len()],
            truths: vec![[None; 2]; template.parts.len()],
            places: Vec::new(),
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
        let template = self.template;
        self.places.iter_mut().for_each(|place| place.start(template));
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
            Form::Call(function, arguments) => match (function.elementwise(), &**arguments) {
                (Some(Elementwise::If), [condition, a, b]) => {
                    nulls::choose(self.scalar(*condition), self.scalar(*a), self.scalar(*b))
                }
                (Some(id), [x]) => nulls::call(id, self.scalar(*x)),
                (Some(id), [first, others @ ..]) => {
                    let fold = |folded, other: &Slot| nulls::call2(id, folded, self.scalar(*other));
                    others.iter().fold(self.scalar(*first), fold)
                }
                _ => nulls::NULL,
            },
            Form::Series(_) | Form::Index(..) | Form::Elsewhere(..) => nulls::NULL,
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
            Form::Call(function, arguments) => self.call(function, arguments)?,
            Form::Elsewhere(place, x) => Operand::Column(self.elsewhere(place, *x)?),
            Form::Number(_) | Form::Flag(_) | Form::Parameter(_) | Form::ChoiceIs { .. } => Operand::number(f64::NAN),
        })
    }

    fn negate(&mut self, x: Operand) -> Operand {
        match x {
            Operand::Column(x) => Operand::Column(self.graph.column(ColumnOp::Negate(x))),
            Operand::Number(bits) => Operand::number(-f64::from_bits(bits)),
        }
    }

    fn pairwise(&mut self, op: Pairwise, a: Operand, b: Operand) -> Operand {
        if let (Operand::Number(a), Operand::Number(b)) = (a, b) {
            return Operand::number(crate::elementwise::pairwise(op, f64::from_bits(a), f64::from_bits(b)));
        }
        Operand::Column(self.graph.column(ColumnOp::Pairwise(op, a, b)))
    }

    pub(crate) fn operator(&mut self, op: BinaryOp, a: ColumnId, b: ColumnId) -> ColumnId {
        let op = Pairwise::Operator(op);
        self.graph
            .column(ColumnOp::Pairwise(op, Operand::Column(a), Operand::Column(b)))
    }

    pub(crate) fn scale(&mut self, a: ColumnId, factor: f64) -> ColumnId {
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
}
