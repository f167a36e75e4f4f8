//! The tree that the parser builds, and how it is printed.

use std::collections::BTreeSet;
use std::fmt;

/// A range of bytes of the source, end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From byte offsets.
    pub fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The smallest range that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// An expression as written. Two of them are equal when they mean the same tree, wherever in a text they stand.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The forms of an expression. `if(condition, a, b)` is a call like any other.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `14`, `0.5`, `1e-4`, `1_000`; finite and not negative when it comes from the parser.
    Number(f64),
    /// `true`, `false`.
    Bool(bool),
    /// `"sma"` or `'sma'`: one value of a choice.
    Text(String),
    /// A series, a parameter or a `let`.
    Name(String),
    /// `sma(close, n = 20)`. The selection of an output, `macd(close).signal`, is already `macd_signal(close)` here.
    Call {
        /// The function.
        function: Identifier,
        /// What it is given, as written.
        arguments: Vec<Argument>,
    },
    /// `-x`, `not x`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`, `a < b`, `a and b`.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `x[n]`: the value `n` bars ago.
    Index(Box<Expr>, Box<Expr>),
}

/// A name and where it stands; equal by name.
#[derive(Debug, Clone)]
pub struct Identifier {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// One argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// The parameter it is for, when it is written `key = value`.
    pub name: Option<Identifier>,
    /// The value.
    pub value: Expr,
}

/// Operators before their operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UnaryOp {
    /// `-x`
    Neg,
    /// `not x`, `!x`
    Not,
}

/// Operators between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BinaryOp {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a * b`
    Mul,
    /// `a / b`; null where `b` is 0.
    Div,
    /// `a % b`: the remainder with the sign of `a`; null where `b` is 0.
    Rem,
    /// `a < b`
    Lt,
    /// `a <= b`
    Le,
    /// `a > b`
    Gt,
    /// `a >= b`
    Ge,
    /// `a == b`
    Eq,
    /// `a != b`
    Ne,
    /// `a and b`, `a && b`
    And,
    /// `a or b`, `a || b`
    Or,
}

/// Binding strengths, shared by the parser and the printer; stronger binds tighter.
pub(crate) mod strength {
    pub(crate) const OR: u8 = 1;
    pub(crate) const AND: u8 = 2;
    pub(crate) const NOT: u8 = 3;
    pub(crate) const COMPARISON: u8 = 4;
    pub(crate) const SUM: u8 = 5;
    pub(crate) const PRODUCT: u8 = 6;
    pub(crate) const NEGATION: u8 = 7;
    pub(crate) const ATOM: u8 = 8;
}

impl BinaryOp {
    /// `< <= > >= == !=`
    pub fn is_comparison(self) -> bool {
        self.strength() == strength::COMPARISON
    }

    /// `and`, `or`
    pub fn is_logical(self) -> bool {
        matches!(self, Self::And | Self::Or)
    }

    /// `+ - * / %`
    pub fn is_arithmetic(self) -> bool {
        self.strength() > strength::COMPARISON
    }

    pub(crate) fn strength(self) -> u8 {
        match self {
            Self::Or => strength::OR,
            Self::And => strength::AND,
            Self::Lt | Self::Le | Self::Gt | Self::Ge | Self::Eq | Self::Ne => strength::COMPARISON,
            Self::Add | Self::Sub => strength::SUM,
            Self::Mul | Self::Div | Self::Rem => strength::PRODUCT,
        }
    }

    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::And => "and",
            Self::Or => "or",
        }
    }
}

impl Expr {
    /// The series, parameters and `let`s that it mentions (not the functions).
    pub fn names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.visit(&mut |expr| {
            if let ExprKind::Name(name) = &expr.kind {
                names.insert(name.as_str());
            }
        });
        names
    }

    /// Calls `see` on this expression and on every expression inside it, outermost first.
    pub fn visit<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        see(self);
        match &self.kind {
            ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Text(_) | ExprKind::Name(_) => {}
            ExprKind::Call { arguments, .. } => arguments.iter().for_each(|argument| argument.value.visit(see)),
            ExprKind::Unary(_, operand) => operand.visit(see),
            ExprKind::Binary(_, left, right) | ExprKind::Index(left, right) => {
                left.visit(see);
                right.visit(see);
            }
        }
    }

    /// Levels of its tree, where a name has those that `of_name` says, else one: `a + b` has two.
    pub fn depth(&self, of_name: &impl Fn(&str) -> Option<usize>) -> usize {
        let below = match &self.kind {
            ExprKind::Name(name) => return of_name(name).unwrap_or(1),
            ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Text(_) => 0,
            ExprKind::Call { arguments, .. } => {
                let depths = arguments.iter().map(|argument| argument.value.depth(of_name));
                depths.max().unwrap_or(0)
            }
            ExprKind::Unary(_, operand) => operand.depth(of_name),
            ExprKind::Binary(_, left, right) | ExprKind::Index(left, right) => left.depth(of_name).max(right.depth(of_name)),
        };
        below + 1
    }

    /// Lets all of it stand at one place: a formula has none of its own in the text that calls it.
    pub(crate) fn stand_at(&mut self, span: Span) {
        self.span = span;
        match &mut self.kind {
            ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Text(_) | ExprKind::Name(_) => {}
            ExprKind::Call { function, arguments } => {
                function.span = span;
                for argument in arguments {
                    argument.value.stand_at(span);
                }
            }
            ExprKind::Unary(_, operand) => operand.stand_at(span),
            ExprKind::Binary(_, left, right) | ExprKind::Index(left, right) => {
                left.stand_at(span);
                right.stand_at(span);
            }
        }
    }

    fn strength(&self) -> u8 {
        match &self.kind {
            ExprKind::Binary(op, ..) => op.strength(),
            ExprKind::Unary(UnaryOp::Not, _) => strength::NOT,
            ExprKind::Unary(UnaryOp::Neg, _) => strength::NEGATION,
            ExprKind::Number(value) if value.is_sign_negative() => strength::NEGATION,
            _ => strength::ATOM,
        }
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl PartialEq for Identifier {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Prints with brackets if the expression binds more loosely than its place asks for.
struct Placed<'a>(&'a Expr, u8);

impl fmt::Display for Placed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.strength() < self.1 {
            write!(f, "({})", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

impl fmt::Display for Expr {
    /// The canonical text: one spelling per operator, single spaces, no bracket that could be left out except around a `not`
    /// that is an operand. Reading it back gives an equal expression.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(value) if *value == value.trunc() && value.abs() < 1e15 => write!(f, "{value}"),
            ExprKind::Number(value) => write!(f, "{value:?}"),
            ExprKind::Bool(value) => write!(f, "{value}"),
            ExprKind::Text(text) if text.contains('"') => write!(f, "'{text}'"),
            ExprKind::Text(text) => write!(f, "\"{text}\""),
            ExprKind::Name(name) => f.write_str(name),
            ExprKind::Call { function, arguments } => {
                write!(f, "{}(", function.name)?;
                for (i, argument) in arguments.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    if let Some(name) = &argument.name {
                        write!(f, "{} = ", name.name)?;
                    }
                    write!(f, "{}", argument.value)?;
                }
                f.write_str(")")
            }
            ExprKind::Unary(UnaryOp::Neg, operand) => write!(f, "-{}", Placed(operand, strength::NEGATION)),
            ExprKind::Unary(UnaryOp::Not, operand) => write!(f, "not {}", Placed(operand, strength::NOT)),
            ExprKind::Binary(op, left, right) => {
                let tighter = op.strength() + 1;
                let left_place = if op.is_comparison() { tighter } else { op.strength() };
                write!(f, "{} {} {}", Placed(left, left_place), op.symbol(), Placed(right, tighter))
            }
            ExprKind::Index(value, bars) => write!(f, "{}[{bars}]", Placed(value, strength::ATOM)),
        }
    }
}
