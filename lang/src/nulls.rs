//! Arithmetic, comparison and logic with null: what every operator gives, for scalars and, bar by bar, for series.
//!
//! Numbers are `f64`, conditions are 1 and 0, null is NaN in both. Null in, null out: whatever is computed or compared with
//! null is null. `and` and `or` know better where one side decides (`false and null` is false, `true or null` is true), and
//! `nz` and `is_null` exist for it. A number too large for an `f64` is null too, so no infinity ever appears. Where a
//! condition is finally acted upon, null counts as false.

use crate::ast::{BinaryOp, UnaryOp};
use crate::functions::Elementwise;

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
pub fn call(id: Elementwise, x: f64) -> f64 {
    match id {
        Elementwise::Abs => x.abs(),
        Elementwise::Sqrt => x.sqrt(),
        Elementwise::Log => finite(libm::log(x)),
        Elementwise::Log10 => finite(libm::log10(x)),
        Elementwise::Exp => finite(libm::exp(x)),
        Elementwise::Sin => libm::sin(x),
        Elementwise::Cos => libm::cos(x),
        Elementwise::Tan => libm::tan(x),
        Elementwise::Asin => libm::asin(x),
        Elementwise::Acos => libm::acos(x),
        Elementwise::Atan => libm::atan(x),
        Elementwise::Sinh => finite(libm::sinh(x)),
        Elementwise::Cosh => finite(libm::cosh(x)),
        Elementwise::Tanh => libm::tanh(x),
        Elementwise::Floor => x.floor(),
        Elementwise::Ceil => x.ceil(),
        Elementwise::Round => x.round(),
        Elementwise::Sign if x == 0.0 => 0.0,
        Elementwise::Sign => x.signum(),
        Elementwise::IsNull => from_bool(x.is_nan()),
        _ => NULL,
    }
}

/// An elementwise function of two arguments (`min` and `max` of more are applied again); null for any other function.
#[inline]
pub fn call2(id: Elementwise, a: f64, b: f64) -> f64 {
    match id {
        Elementwise::Nz if a.is_nan() => b,
        Elementwise::Nz => a,
        _ if a.is_nan() || b.is_nan() => NULL,
        Elementwise::Min if b < a => b,
        Elementwise::Max if b > a => b,
        Elementwise::Min | Elementwise::Max | Elementwise::Mask => a,
        Elementwise::Pow if b == 2.0 => finite(a * a),
        Elementwise::Pow => finite(libm::pow(a, b)),
        Elementwise::Ratio | Elementwise::Share if b == 0.0 => 0.0,
        Elementwise::Ratio => finite(a / b),
        Elementwise::Share => finite(a / (b / 100.0)),
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
