//! Types, the names in scope, and the typed tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_core::time::BarLength;

use crate::ast::{BinaryOp, Span, UnaryOp};
use crate::error::{LangError, LangErrorKind};
use crate::functions::{Function, SERIES};
use crate::lexer::{WORDS, is_name_part, is_name_start};

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// A number per bar.
    NumberSeries,
    /// A condition per bar.
    BoolSeries,
    /// A number known once the parameters are.
    Scalar,
    /// A whole number known once the parameters are.
    Integer,
    /// A condition known once the parameters are.
    ScalarBool,
    /// One of a parameter's choices, or a text to compare it with.
    Text,
}

impl Type {
    /// Whether it is known once the parameters are.
    pub fn is_scalar(self) -> bool {
        !matches!(self, Self::NumberSeries | Self::BoolSeries)
    }

    /// Whether it is a number, per bar or not.
    pub fn is_number(self) -> bool {
        matches!(self, Self::NumberSeries | Self::Scalar | Self::Integer)
    }

    /// Whether it is a condition, per bar or not.
    pub fn is_condition(self) -> bool {
        matches!(self, Self::BoolSeries | Self::ScalarBool)
    }

    /// How messages call it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::NumberSeries => "a number per bar",
            Self::BoolSeries => "a condition per bar",
            Self::Scalar => "a number",
            Self::Integer => "a whole number",
            Self::ScalarBool => "a condition",
            Self::Text => "a text",
        }
    }
}

/// What a parameter of a strategy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterType {
    /// Whole numbers: good for lengths.
    Integer,
    /// Numbers.
    Number,
    /// One of these texts, passed around as its position in this list.
    Choice(Vec<String>),
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub(crate) enum Binding {
    Parameter(ParameterType),
    Let(Arc<Typed>),
    /// What the parameter of a formula stands for.
    Argument(Arc<Typed>),
}

/// The parameters and `let`s that an expression may mention. The built-in series are always there.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    names: BTreeMap<String, Binding>,
    /// Whether it is that of a formula of the function table, which may call helpers.
    pub(crate) formula: bool,
}

impl Scope {
    /// The built-in series alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter.
    ///
    /// # Errors
    /// The name cannot be read, or is taken.
    pub fn parameter(&mut self, name: &str, kind: ParameterType) -> Result<(), LangError> {
        self.declare(name, Binding::Parameter(kind))
    }

    /// Adds a `let`. Mentions of it share the one tree.
    ///
    /// # Errors
    /// The name cannot be read, or is taken; the value is a text, which only a comparison with a parameter can use.
    pub fn bind(&mut self, name: &str, value: Typed) -> Result<(), LangError> {
        if value.ty == Type::Text {
            let place = format!("the value of `{name}`");
            let kind = LangErrorKind::WrongType {
                place,
                expected: "a number or a condition",
                found: value.ty.describe(),
            };
            return Err(LangError::new(kind, value.span).with_hint("name the comparison, as in `mode == \"sma\"`"));
        }
        self.declare(name, Binding::Let(Arc::new(value)))
    }

    /// The scope of a formula: its parameters and the built-in series.
    pub(crate) fn of_formula(arguments: impl Iterator<Item = (&'static str, Typed)>) -> Self {
        let names = arguments.map(|(name, value)| (name.to_owned(), Binding::Argument(Arc::new(value))));
        Self {
            names: names.collect(),
            formula: true,
        }
    }

    fn declare(&mut self, name: &str, binding: Binding) -> Result<(), LangError> {
        let reason = if !name.starts_with(is_name_start) || !name.chars().all(is_name_part) {
            Some("names are letters, digits and `_`, and do not begin with a digit")
        } else if WORDS.contains(&name) {
            Some("it is a word of the language")
        } else if SERIES.iter().any(|(series, _)| *series == name) {
            Some("it is a built-in series")
        } else if self.names.contains_key(name) {
            Some("it is declared twice")
        } else {
            None
        };
        if let Some(reason) = reason {
            let kind = LangErrorKind::BadName {
                name: name.to_owned(),
                reason,
            };
            return Err(LangError::new(kind, Span::new(0, name.len())).with_hint("choose another name"));
        }
        self.names.insert(name.to_owned(), binding);
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Binding> {
        self.names.get(name)
    }

    /// Parameters and `let`s first, then the built-in series.
    pub(crate) fn known_names(&self) -> Vec<&str> {
        self.names
            .keys()
            .map(String::as_str)
            .chain(SERIES.iter().map(|(name, _)| *name))
            .collect()
    }
}

/// Whose bars an expression is computed on, if not on those of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// Longer bars of the same instrument.
    Bars(BarLength),
    /// Bars of another instrument, by its symbol.
    Symbol(String),
    /// Bars of the instrument that a parameter with choices names.
    Parameter(String),
}

/// An expression whose names, functions and types are known to be right.
#[derive(Debug, Clone)]
pub struct Typed {
    /// What it is.
    pub kind: TypedKind,
    /// Its type.
    pub ty: Type,
    /// Where it stands in the source it was read from.
    pub span: Span,
    /// Levels of the tree, those of the `let`s it mentions included; bounded, so that it is safe to recurse.
    pub height: usize,
}

/// The forms of a typed expression.
#[derive(Debug, Clone)]
pub enum TypedKind {
    /// A number.
    Number(f64),
    /// A condition.
    Bool(bool),
    /// A text; only ever the whole expression, because comparisons with it become [`TypedKind::ChoiceIs`].
    Text(String),
    /// A built-in series.
    Series(&'static str),
    /// A parameter.
    Parameter(String),
    /// A `let`. Every mention of one shares its value: remember results by name instead of computing them again.
    Let(String, Arc<Typed>),
    /// An argument of a formula, wherever the formula mentions it.
    Shared(Arc<Typed>),
    /// `tf("1h", x)`, `ref("SPY", x)`: computed on other bars.
    Elsewhere(Elsewhere, Arc<Typed>),
    /// `mode == "sma"`, or `mode != "sma"` if not `equal`; `choice` is the position of the text among the parameter's choices.
    ChoiceIs {
        /// The parameter.
        parameter: String,
        /// Position of the text among its choices.
        choice: usize,
        /// `==` rather than `!=`.
        equal: bool,
    },
    /// A call with every argument in the order of the parameters, defaults filled in.
    Call(&'static Function, Vec<Typed>),
    /// `-x`, `not x`.
    Unary(UnaryOp, Box<Typed>),
    /// `a + b`, `a < b`, `a and b`.
    Binary(BinaryOp, Box<Typed>, Box<Typed>),
    /// `x[n]`; `n` is a scalar.
    Index(Box<Typed>, Box<Typed>),
}

impl Typed {
    /// This expression where a condition is asked for; `place` names it, as in `enter_long`.
    ///
    /// # Errors
    /// It is something else.
    pub fn condition(self, place: &str) -> Result<Self, LangError> {
        if self.ty.is_condition() {
            return Ok(self);
        }
        let error = self.wrong(place.to_owned(), "a condition");
        Err(if self.ty.is_number() {
            error.with_hint("compare it with something, as in `x > 0`")
        } else {
            error
        })
    }

    /// This expression where a number is asked for; `place` names it, as in `stop_loss`.
    ///
    /// # Errors
    /// It is something else.
    pub fn number(self, place: &str) -> Result<Self, LangError> {
        if self.ty.is_number() {
            return Ok(self);
        }
        let error = self.wrong(place.to_owned(), "a number");
        Err(if self.ty.is_condition() {
            error.with_hint(WEIGH_CONDITION)
        } else {
            error
        })
    }

    /// Calls `see` on every place elsewhere in this expression, but not on those inside of `let`s.
    pub fn visit_places<'a>(&'a self, see: &mut impl FnMut(&'a Elsewhere)) {
        match &self.kind {
            TypedKind::Elsewhere(place, value) => {
                see(place);
                value.visit_places(see);
            }
            TypedKind::Shared(value) => value.visit_places(see),
            TypedKind::Call(_, arguments) => {
                for argument in arguments {
                    argument.visit_places(see);
                }
            }
            TypedKind::Unary(_, operand) => operand.visit_places(see),
            TypedKind::Binary(_, left, right) | TypedKind::Index(left, right) => {
                left.visit_places(see);
                right.visit_places(see);
            }
            _ => {}
        }
    }

    /// A condition that is always the same.
    pub(crate) fn constant(value: bool) -> Self {
        Self {
            kind: TypedKind::Bool(value),
            ty: Type::ScalarBool,
            span: Span::default(),
            height: 1,
        }
    }

    pub(crate) fn wrong(&self, place: String, expected: &'static str) -> LangError {
        LangError::new(
            LangErrorKind::WrongType {
                place,
                expected,
                found: self.ty.describe(),
            },
            self.span,
        )
    }
}

/// What to do with a condition where a number is needed.
pub(crate) const WEIGH_CONDITION: &str = "to count or weigh a condition write `if(condition, 1, 0)`";
