//! Scalars: conditions on parameters (`where`, `when`, `require`) and lengths, evaluated without any data.

use crate::ast::{BinaryOp, Expr, ExprKind, Span, UnaryOp};
use crate::check::check;
use crate::error::{LangError, LangErrorKind};
use crate::functions::Elementwise;
use crate::nulls;
use crate::types::{ParameterType, Scope, Type, Typed, TypedKind};

/// Most parts of a scalar expression once its `let`s are written out.
pub const MAX_PARTS: usize = 4_096;

/// Longest window, in bars.
pub const MAX_LENGTH: usize = 1_000_000_000;

/// A scalar.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A condition.
    Bool(bool),
    /// One of a parameter's choices.
    Text(String),
    /// Undefined, as `1 / 0` and every comparison with it.
    Null,
}

/// Evaluates an expression of parameters once. For more than once compile a [`ScalarProgram`].
///
/// # Errors
/// A name that `value_of` does not know, a wrong type, or an expression that depends on bars.
pub fn eval_scalar(expr: &Expr, value_of: &impl Fn(&str) -> Option<Value>) -> Result<Value, LangError> {
    let mut texts = Vec::new();
    expr.visit(&mut |part| {
        if let ExprKind::Text(text) = &part.kind {
            texts.push(text.clone());
        }
    });
    let mut scope = Scope::new();
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for name in expr.names() {
        let (kind, value) = match value_of(name) {
            Some(Value::Number(number)) if number == number.trunc() => (ParameterType::Integer, number),
            Some(Value::Number(number)) => (ParameterType::Number, number),
            Some(Value::Null) => (ParameterType::Number, nulls::NULL),
            Some(Value::Text(text)) => {
                // The other choices are not known here, so every text that the expression mentions may be one.
                let choices: Vec<String> = std::iter::once(text).chain(texts.iter().cloned()).collect();
                (ParameterType::Choice(choices), 0.0)
            }
            Some(Value::Bool(value)) => {
                scope.bind(name, Typed::constant(value))?;
                continue;
            }
            None => continue,
        };
        scope.parameter(name, kind)?;
        names.push(name);
        values.push(value);
    }
    let typed = check(expr, &scope)?;
    let program = ScalarProgram::from_typed(&typed, &names)?;
    let result = program.eval_number(&values);
    Ok(match (&typed.kind, typed.ty) {
        (TypedKind::Text(text), _) => Value::Text(text.clone()),
        (TypedKind::Parameter(name), Type::Text) => value_of(name).unwrap_or(Value::Null),
        _ if result.is_nan() => Value::Null,
        (_, Type::ScalarBool) => Value::Bool(result == nulls::TRUE),
        _ => Value::Number(result),
    })
}

#[derive(Debug, Clone, Copy)]
enum Node {
    Constant(f64),
    Name(u32),
    Is { name: u32, choice: f64, equal: bool },
    Unary(UnaryOp, u32),
    Binary(BinaryOp, u32, u32),
    Call(Elementwise, u32),
    Call2(Elementwise, u32, u32),
    If(u32, u32, u32),
}

/// A scalar expression made ready to be evaluated for very many parameter sets.
///
/// Values are passed in the order of the names it was compiled for; a choice is passed as its position among the choices.
#[derive(Debug, Clone)]
pub struct ScalarProgram {
    nodes: Vec<Node>,
    root: u32,
    ty: Type,
    span: Span,
}

impl ScalarProgram {
    /// Checks and compiles an expression of these parameters.
    ///
    /// # Errors
    /// A wrong name or type, or an expression that depends on bars.
    pub fn compile(expr: &Expr, names: &[(&str, ParameterType)]) -> Result<Self, LangError> {
        let (scope, order) = scope_of(names)?;
        Self::from_typed(&check(expr, &scope)?, &order)
    }

    /// [`ScalarProgram::compile`] where a condition is asked for; `place` names it, as in `where`.
    ///
    /// # Errors
    /// As there, and if it is not a condition.
    pub fn condition(expr: &Expr, names: &[(&str, ParameterType)], place: &str) -> Result<Self, LangError> {
        let (scope, order) = scope_of(names)?;
        Self::from_typed(&check(expr, &scope)?.condition(place)?, &order)
    }

    /// Compiles a checked expression, for example a length of a call. `let`s are written out.
    ///
    /// # Errors
    /// It depends on bars, mentions a parameter that is not in `names`, or is too large.
    pub fn from_typed(typed: &Typed, names: &[&str]) -> Result<Self, LangError> {
        let mut program = Self {
            nodes: Vec::new(),
            root: 0,
            ty: typed.ty,
            span: typed.span,
        };
        program.root = program.add(typed, names)?;
        Ok(program)
    }

    /// Whether it is a condition rather than a number.
    pub fn is_condition(&self) -> bool {
        self.ty == Type::ScalarBool
    }

    /// Whether the condition holds for these values; null counts as false, and so does a program that is no condition.
    pub fn eval_bool(&self, values: &[f64]) -> bool {
        self.is_condition() && self.run(self.root, values) == nulls::TRUE
    }

    /// The number for these values (1 or 0 for a condition); NaN stands for null.
    pub fn eval_number(&self, values: &[f64]) -> f64 {
        self.run(self.root, values)
    }

    /// The number for these values as a number of bars.
    ///
    /// # Errors
    /// It is null, not whole, below `minimum` or absurdly large. The span is that of the expression it was compiled from.
    pub fn eval_length(&self, values: &[f64], minimum: usize) -> Result<usize, LangError> {
        let found = self.eval_number(values);
        length_error(found, minimum, self.span).map_or(Ok(found as usize), Err)
    }

    fn add(&mut self, typed: &Typed, names: &[&str]) -> Result<u32, LangError> {
        let position = |name: &String| {
            let found = names.iter().position(|known| known == name).map(|at| at as u32);
            found.ok_or_else(|| LangError::new(LangErrorKind::UnknownName(name.clone()), typed.span))
        };
        let node = match &typed.kind {
            TypedKind::Number(value) => Node::Constant(*value),
            TypedKind::Bool(value) => Node::Constant(nulls::from_bool(*value)),
            TypedKind::Text(_) => Node::Constant(f64::NAN),
            TypedKind::Series(_) | TypedKind::Index(..) | TypedKind::Elsewhere(..) => {
                return Err(LangError::new(LangErrorKind::NotScalar, typed.span));
            }
            TypedKind::Parameter(name) => Node::Name(position(name)?),
            TypedKind::ChoiceIs {
                parameter,
                choice,
                equal,
            } => Node::Is {
                name: position(parameter)?,
                choice: *choice as f64,
                equal: *equal,
            },
            TypedKind::Let(_, value) | TypedKind::Shared(value) => return self.add(value, names),
            TypedKind::Unary(op, operand) => Node::Unary(*op, self.add(operand, names)?),
            TypedKind::Binary(op, left, right) => Node::Binary(*op, self.add(left, names)?, self.add(right, names)?),
            TypedKind::Call(function, arguments) => match (function.elementwise(), arguments.as_slice()) {
                (Some(id), [x]) => Node::Call(id, self.add(x, names)?),
                (Some(Elementwise::If), [condition, a, b]) => {
                    Node::If(self.add(condition, names)?, self.add(a, names)?, self.add(b, names)?)
                }
                (Some(id), [first, others @ ..]) => {
                    let mut folded = self.add(first, names)?;
                    for other in others {
                        let other = self.add(other, names)?;
                        folded = self.push(Node::Call2(id, folded, other), typed.span)?;
                    }
                    return Ok(folded);
                }
                _ => return Err(LangError::new(LangErrorKind::NotScalar, typed.span)),
            },
        };
        self.push(node, typed.span)
    }

    fn push(&mut self, node: Node, span: Span) -> Result<u32, LangError> {
        if self.nodes.len() >= MAX_PARTS {
            return Err(LangError::new(LangErrorKind::TooLarge { limit: MAX_PARTS }, span));
        }
        self.nodes.push(node);
        Ok(self.nodes.len() as u32 - 1)
    }

    fn run(&self, at: u32, values: &[f64]) -> f64 {
        match self.nodes[at as usize] {
            Node::Constant(value) => value,
            Node::Name(name) => value_at(values, name),
            Node::Is { name, choice, equal } => nulls::from_bool((value_at(values, name) == choice) == equal),
            Node::Unary(op, operand) => nulls::unary(op, self.run(operand, values)),
            Node::Binary(op, left, right) => {
                let left = self.run(left, values);
                // Most points of a coupled space fail its first condition.
                if op == BinaryOp::And && left == nulls::FALSE {
                    return left;
                }
                nulls::binary(op, left, self.run(right, values))
            }
            Node::Call(id, x) => nulls::call(id, self.run(x, values)),
            Node::Call2(id, a, b) => nulls::call2(id, self.run(a, values), self.run(b, values)),
            Node::If(condition, a, b) => nulls::choose(self.run(condition, values), self.run(a, values), self.run(b, values)),
        }
    }
}

fn scope_of<'a>(names: &[(&'a str, ParameterType)]) -> Result<(Scope, Vec<&'a str>), LangError> {
    let mut scope = Scope::new();
    for (name, kind) in names {
        scope.parameter(name, kind.clone())?;
    }
    Ok((scope, names.iter().map(|(name, _)| *name).collect()))
}

/// A value that was not passed is null.
fn value_at(values: &[f64], name: u32) -> f64 {
    values.get(name as usize).copied().unwrap_or(f64::NAN)
}

/// What is wrong with a length, if anything.
pub(crate) fn length_error(found: f64, minimum: usize, span: Span) -> Option<LangError> {
    if minimum == 0 && found < 0.0 {
        let hint = "`x[1]` is the previous bar, `x[0]` this one; nothing later can be read";
        return Some(LangError::new(LangErrorKind::Future(-found), span).with_hint(hint));
    }
    let good = found == found.trunc() && found >= minimum as f64 && found <= MAX_LENGTH as f64;
    (!good).then(|| {
        LangError::new(
            LangErrorKind::BadLength {
                minimum,
                maximum: MAX_LENGTH,
                found,
            },
            span,
        )
    })
}
