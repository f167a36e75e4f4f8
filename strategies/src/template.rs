//! Expressions with their names resolved once, so that binding a trial's parameters touches no text.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_core::time::BarLength;

use assay_lang::{BinaryOp, Elsewhere, Function, Span, Type, Typed, TypedKind, UnaryOp};

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(pub(crate) u32);

/// What a part is; names are positions.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    Number(f64),
    Flag(bool),
    Series(&'static str),
    Parameter(usize),
    ChoiceIs { parameter: usize, choice: f64, equal: bool },
    Call(&'static Function, Box<[Slot]>),
    Unary(UnaryOp, Slot),
    Binary(BinaryOp, Slot, Slot),
    Index(Slot, Slot),
    Elsewhere(Place, Slot),
}

/// On whose bars; parameters are positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Bars(BarLength),
    Symbol(String),
    Parameter(usize),
}

#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) form: Form,
    pub(crate) ty: Type,
    /// Where it stands in the text of `text`.
    pub(crate) span: Span,
    /// Index of the text that it was read from.
    pub(crate) text: u32,
    /// Whether any parameter is mentioned in it.
    pub(crate) varies: bool,
}

/// The parts of all expressions of a strategy; operands stand before those that use them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
    /// Place and text of each expression, for messages.
    pub(crate) texts: Vec<(String, String)>,
    parameters: Vec<String>,
    lets: BTreeMap<String, Slot>,
    /// Arguments of formulas, by the address of what they share; kept alive, so that it stays theirs.
    shared: BTreeMap<usize, (Arc<Typed>, Slot)>,
}

impl Template {
    pub(crate) fn new(parameters: Vec<String>) -> Self {
        Self {
            parameters,
            ..Self::default()
        }
    }

    /// Adds a let; those that it mentions are there already.
    pub(crate) fn add_let(&mut self, name: &str, place: String, source: &str, typed: &Typed) {
        let slot = self.add(place, source, typed);
        self.lets.insert(name.to_owned(), slot);
    }

    /// Adds an expression.
    pub(crate) fn add(&mut self, place: String, source: &str, typed: &Typed) -> Slot {
        self.texts.push((place, source.to_owned()));
        self.add_part(typed)
    }

    fn add_part(&mut self, typed: &Typed) -> Slot {
        let form = match &typed.kind {
            TypedKind::Number(value) => Form::Number(*value),
            TypedKind::Bool(value) => Form::Flag(*value),
            // A text stands alone only as an operand of a comparison, which is a `ChoiceIs` by now.
            TypedKind::Text(_) => Form::Number(f64::NAN),
            TypedKind::Series(name) => Form::Series(name),
            TypedKind::Parameter(name) => Form::Parameter(self.parameter(name)),
            TypedKind::Let(name, value) => match self.lets.get(name) {
                Some(slot) => return *slot,
                None => return self.add_part(value),
            },
            TypedKind::Shared(value) => {
                let address = Arc::as_ptr(value).addr();
                if let Some((_, slot)) = self.shared.get(&address) {
                    return *slot;
                }
                let slot = self.add_part(value);
                self.shared.insert(address, (Arc::clone(value), slot));
                return slot;
            }
            TypedKind::Elsewhere(elsewhere, value) => {
                let place = match elsewhere {
                    Elsewhere::Bars(length) => Place::Bars(*length),
                    Elsewhere::Symbol(symbol) => Place::Symbol(symbol.clone()),
                    Elsewhere::Parameter(name) => Place::Parameter(self.parameter(name)),
                };
                Form::Elsewhere(place, self.add_part(value))
            }
            TypedKind::ChoiceIs {
                parameter,
                choice,
                equal,
            } => Form::ChoiceIs {
                parameter: self.parameter(parameter),
                choice: *choice as f64,
                equal: *equal,
            },
            TypedKind::Call(function, arguments) => {
                let arguments = arguments.iter().map(|argument| self.add_part(argument)).collect();
                Form::Call(function, arguments)
            }
            TypedKind::Unary(op, operand) => Form::Unary(*op, self.add_part(operand)),
            TypedKind::Binary(op, left, right) => {
                let left = self.add_part(left);
                Form::Binary(*op, left, self.add_part(right))
            }
            TypedKind::Index(value, bars) => {
                let value = self.add_part(value);
                Form::Index(value, self.add_part(bars))
            }
        };
        let varies = |slot: &Slot| self.parts[slot.0 as usize].varies;
        let varies = match &form {
            Form::Number(_) | Form::Flag(_) | Form::Series(_) => false,
            Form::Parameter(_) | Form::ChoiceIs { .. } | Form::Elsewhere(Place::Parameter(_), _) => true,
            Form::Call(_, arguments) => arguments.iter().any(varies),
            Form::Unary(_, operand) | Form::Elsewhere(_, operand) => varies(operand),
            Form::Binary(_, left, right) | Form::Index(left, right) => varies(left) || varies(right),
        };
        self.parts.push(Part {
            form,
            ty: typed.ty,
            span: typed.span,
            text: self.texts.len() as u32 - 1,
            varies,
        });
        Slot(self.parts.len() as u32 - 1)
    }

    fn parameter(&self, name: &str) -> usize {
        let position = self.parameters.iter().position(|known| known == name);
        position.expect("the scope of a strategy holds its own parameters")
    }
}
