//! Arithmetic, comparison and logic with null: what every operator gives, for scalars and, bar by bar, for series.
//!
//! Numbers are `f64`, conditions are 1 and 0, null is NaN in both. Null in, null out: whatever is computed or compared with
//! null is null. `and` and `or` know better where one side decides (`false and null` is false, `true or null` is true), and
//! `nz` and `is_null` exist for it. A number too large for an `f64` is null too, so no infinity ever appears. Where a
//! condition is finally acted upon, null counts as false.

use crate::ast::{BinaryOp, UnaryOp};
use crate::functions::FunctionId;

/// A condition that holds.
pub const TRUE: f64 = 1.0;
/// A condition that does not hold.
pub const FALSE: f64 = 0.0;
/// What is undefined.
pub const NULL: f64 = f64::NAN;

/// A condition as a number.
#[inline]
pub fn from_bool(value: bool) -> f64 {
    if value { TRUE } else { FALSE }
}

#[inline]
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { NULL }
}

/// `-x`, `not x`
#[inline]
pub fn unary(op: UnaryOp, x: f64) -> f64 {
    match op {
        UnaryOp::Neg => -x,
        UnaryOp::Not => TRUE - x,
    }
}

/// `a op b`
#[inline]
pub fn binary(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => finite(a + b),
        BinaryOp::Sub => finite(a - b),
        BinaryOp::Mul => finite(a * b),
        BinaryOp::Div => finite(a / b),
        BinaryOp::Rem => finite(a % b),
        BinaryOp::And if a == FALSE || b == FALSE => FALSE,
        BinaryOp::Or if a == TRUE || b == TRUE => TRUE,
        _ if a.is_nan() || b.is_nan() => NULL,
        BinaryOp::Lt => from_bool(a < b),
        BinaryOp::Le => from_bool(a <= b),
        BinaryOp::Gt => from_bool(a > b),
        BinaryOp::Ge => from_bool(a >= b),
        BinaryOp::Eq => from_bool(a == b),
        BinaryOp::Ne => from_bool(a != b),
        BinaryOp::And => TRUE,
        BinaryOp::Or => FALSE,
    }
}

/// An elementwise function of one argument; null for any other function.
#[inline]
pub fn call(id: FunctionId, x: f64) -> f64 {
    match id {
        FunctionId::Abs => x.abs(),
        FunctionId::Sqrt => x.sqrt(),
        FunctionId::Log => finite(libm::log(x)),
        FunctionId::Exp => finite(libm::exp(x)),
        FunctionId::Floor => x.floor(),
        FunctionId::Ceil => x.ceil(),
        FunctionId::Round => x.round(),
        FunctionId::Sign if x == 0.0 => 0.0,
        FunctionId::Sign => x.signum(),
        FunctionId::IsNull => from_bool(x.is_nan()),
        _ => NULL,
    }
}

/// An elementwise function of two arguments (`min` and `max` of more are applied again); null for any other function.
#[inline]
pub fn call2(id: FunctionId, a: f64, b: f64) -> f64 {
    match id {
        FunctionId::Nz if a.is_nan() => b,
        FunctionId::Nz => a,
        _ if a.is_nan() || b.is_nan() => NULL,
        FunctionId::Min if b < a => b,
        FunctionId::Max if b > a => b,
        FunctionId::Min | FunctionId::Max => a,
        _ => NULL,
    }
}

/// `if(condition, a, b)`
#[inline]
pub fn choose(condition: f64, a: f64, b: f64) -> f64 {
    if condition.is_nan() {
        NULL
    } else if condition == TRUE {
        a
    } else {
        b
    }
}
