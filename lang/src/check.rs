//! Names, functions and types of a parsed expression.

mod calls;

use std::sync::Arc;

use assay_core::nearest;

use self::calls::check_call;
use crate::ast::{BinaryOp, Expr, ExprKind, Span, UnaryOp};
use crate::error::{LangError, LangErrorKind};
use crate::functions::{self, SERIES};
use crate::lexer::WORDS;
use crate::scalar::{ScalarProgram, length_error};
use crate::types::{Binding, ParameterType, Scope, Type, Typed, TypedKind, WEIGH_CONDITION};

/// Tallest typed tree, the `let`s it mentions included.
pub const MAX_TOTAL_HEIGHT: usize = 1_024;

/// Whole numbers beyond this are not exact, so a literal beyond it is not a whole number.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Resolves names and functions, fills in defaults and types every part of `expr`.
///
/// # Errors
/// The first thing that is wrong, reading left to right and inside out.
pub fn check(expr: &Expr, scope: &Scope) -> Result<Typed, LangError> {
    match &expr.kind {
        ExprKind::Number(value) => Ok(leaf(TypedKind::Number(*value), number_type(*value), expr.span)),
        ExprKind::Bool(value) => Ok(leaf(TypedKind::Bool(*value), Type::ScalarBool, expr.span)),
        ExprKind::Text(text) => Ok(leaf(TypedKind::Text(text.clone()), Type::Text, expr.span)),
        ExprKind::Name(name) => check_name(name, expr.span, scope),
        ExprKind::Call { function, arguments } => check_call(function, arguments, expr.span, scope),
        ExprKind::Unary(op, operand) => {
            let operand = check(operand, scope)?;
            let ty = match op {
                UnaryOp::Neg => {
                    need_number(&operand, || "what follows `-`".to_owned())?;
                    operand.ty
                }
                UnaryOp::Not => {
                    need_condition(&operand, || "what follows `not`".to_owned())?;
                    operand.ty
                }
            };
            let below = operand.height;
            node(TypedKind::Unary(*op, Box::new(operand)), ty, expr.span, below)
        }
        ExprKind::Binary(op, left, right) => check_binary(*op, check(left, scope)?, check(right, scope)?, expr.span, scope),
        ExprKind::Index(value, bars) => {
            let value = check(value, scope)?;
            if !matches!(value.ty, Type::NumberSeries | Type::BoolSeries) {
                let error = value.wrong("what stands before `[`".to_owned(), "a series");
                return Err(error.with_hint("only a series has earlier bars; `x[1]` is the previous one"));
            }
            let bars = check(bars, scope)?;
            check_length(&bars, 0, || "the number of bars in `[]`".to_owned())?;
            let (ty, below) = (value.ty, value.height.max(bars.height));
            node(TypedKind::Index(Box::new(value), Box::new(bars)), ty, expr.span, below)
        }
    }
}

fn leaf(kind: TypedKind, ty: Type, span: Span) -> Typed {
    Typed {
        kind,
        ty,
        span,
        height: 1,
    }
}

fn node(kind: TypedKind, ty: Type, span: Span, below: usize) -> Result<Typed, LangError> {
    if below >= MAX_TOTAL_HEIGHT {
        return Err(LangError::new(LangErrorKind::TooDeep { limit: MAX_TOTAL_HEIGHT }, span));
    }
    Ok(Typed {
        kind,
        ty,
        span,
        height: below + 1,
    })
}

fn number_type(value: f64) -> Type {
    if value == value.trunc() && value.abs() <= LARGEST_WHOLE {
        Type::Integer
    } else {
        Type::Scalar
    }
}

fn check_name(name: &str, span: Span, scope: &Scope) -> Result<Typed, LangError> {
    match scope.get(name) {
        Some(Binding::Parameter(kind)) => {
            let ty = match kind {
                ParameterType::Integer => Type::Integer,
                ParameterType::Number => Type::Scalar,
                ParameterType::Choice(_) => Type::Text,
            };
            return Ok(leaf(TypedKind::Parameter(name.to_owned()), ty, span));
        }
        Some(Binding::Let(value)) => {
            return node(
                TypedKind::Let(name.to_owned(), Arc::clone(value)),
                value.ty,
                span,
                value.height,
            );
        }
        Some(Binding::Argument(value)) => {
            return Ok(Typed {
                kind: TypedKind::Shared(Arc::clone(value)),
                ty: value.ty,
                span,
                height: value.height,
            });
        }
        None => {}
    }
    if let Some((series, _)) = SERIES.iter().find(|(series, _)| *series == name) {
        return Ok(leaf(TypedKind::Series(series), Type::NumberSeries, span));
    }
    let hint = if let Some(function) = functions::find(name) {
        format!("it is a function; write `{function}`")
    } else {
        let mut known = scope.known_names();
        let word = nearest::nearest(name, known.iter().copied()).is_none();
        if word && nearest::nearest(name, WORDS).is_some() {
            known = WORDS.to_vec();
        }
        nearest::hint(name, &known)
    };
    Err(LangError::new(LangErrorKind::UnknownName(name.to_owned()), span).with_hint(hint))
}

fn check_binary(op: BinaryOp, left: Typed, right: Typed, span: Span, scope: &Scope) -> Result<Typed, LangError> {
    let side = |which: &str| format!("the {which} side of `{}`", op.symbol());
    let equality = matches!(op, BinaryOp::Eq | BinaryOp::Ne);
    if equality && (left.ty == Type::Text || right.ty == Type::Text) {
        return check_choice(op, &left, &right, span, scope);
    }
    if op.is_logical() {
        need_condition(&left, || side("left"))?;
        need_condition(&right, || side("right"))?;
    } else if equality && left.ty.is_condition() {
        need_condition(&right, || side("right"))?;
    } else {
        need_number(&left, || side("left"))?;
        need_number(&right, || side("right"))?;
    }
    let scalar = left.ty.is_scalar() && right.ty.is_scalar();
    let whole = op != BinaryOp::Div && left.ty == Type::Integer && right.ty == Type::Integer;
    let ty = match (op.is_arithmetic(), scalar) {
        (true, true) if whole => Type::Integer,
        (true, true) => Type::Scalar,
        (true, false) => Type::NumberSeries,
        (false, true) => Type::ScalarBool,
        (false, false) => Type::BoolSeries,
    };
    let below = left.height.max(right.height);
    node(TypedKind::Binary(op, Box::new(left), Box::new(right)), ty, span, below)
}

/// `mode == "sma"`: one side a parameter, the other one of its choices.
fn check_choice(op: BinaryOp, left: &Typed, right: &Typed, span: Span, scope: &Scope) -> Result<Typed, LangError> {
    let (parameter, text, text_span) = match (&left.kind, &right.kind) {
        (TypedKind::Parameter(parameter), TypedKind::Text(text)) => (parameter, text, right.span),
        (TypedKind::Text(text), TypedKind::Parameter(parameter)) => (parameter, text, left.span),
        _ => {
            let (wrong, which) = if left.ty == Type::Text {
                (right, "right")
            } else {
                (left, "left")
            };
            let expected = match (&left.kind, &right.kind) {
                (TypedKind::Text(_), _) | (_, TypedKind::Text(_)) => "a parameter with choices",
                _ => "one of the choices in quotes",
            };
            return Err(wrong.wrong(format!("the {which} side of `{}`", op.symbol()), expected));
        }
    };
    let Some(Binding::Parameter(ParameterType::Choice(choices))) = scope.get(parameter) else {
        let (text, which) = if left.ty == Type::Text {
            (left, "left")
        } else {
            (right, "right")
        };
        return Err(text.wrong(format!("the {which} side of `{}`", op.symbol()), "a number"));
    };
    let Some(choice) = choices.iter().position(|choice| choice == text) else {
        let known: Vec<&str> = choices.iter().map(String::as_str).collect();
        let kind = LangErrorKind::UnknownChoice {
            parameter: parameter.clone(),
            text: text.clone(),
        };
        return Err(LangError::new(kind, text_span).with_hint(nearest::hint(text, &known)));
    };
    let kind = TypedKind::ChoiceIs {
        parameter: parameter.clone(),
        choice,
        equal: op == BinaryOp::Eq,
    };
    Ok(leaf(kind, Type::ScalarBool, span))
}

fn need_number(value: &Typed, place: impl Fn() -> String) -> Result<(), LangError> {
    if value.ty.is_number() {
        return Ok(());
    }
    let error = value.wrong(place(), "a number");
    Err(if value.ty.is_condition() {
        error.with_hint(WEIGH_CONDITION)
    } else {
        error
    })
}

fn need_condition(value: &Typed, place: impl Fn() -> String) -> Result<(), LangError> {
    if value.ty.is_condition() {
        return Ok(());
    }
    let error = value.wrong(place(), "a condition");
    Err(if value.ty.is_number() {
        error.with_hint("compare it with something, as in `x > 0`")
    } else {
        error
    })
}

fn need_scalar(value: &Typed, place: impl Fn() -> String) -> Result<(), LangError> {
    if value.ty.is_number() && value.ty.is_scalar() {
        return Ok(());
    }
    let error = value.wrong(place(), "a number known before the data");
    Err(error.with_hint("a number or an expression of parameters"))
}

fn check_length(value: &Typed, minimum: usize, place: impl Fn() -> String) -> Result<(), LangError> {
    if value.ty != Type::Integer {
        let error = value.wrong(place(), "a whole number known before the data");
        return Err(match value.ty {
            Type::Scalar => error.with_hint("wrap it, as in `round(x)`"),
            _ => error.with_hint("it cannot change from bar to bar: use a number or an expression of whole parameters"),
        });
    }
    // A length without parameters is known already.
    match ScalarProgram::from_typed(value, &[])
        .ok()
        .map(|program| program.eval_number(&[]))
    {
        Some(found) => length_error(found, minimum, value.span).map_or(Ok(()), Err),
        None => Ok(()),
    }
}
