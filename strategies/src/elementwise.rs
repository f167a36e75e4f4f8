//! Functions whose value at a bar needs the same bar of their operands only. What they give is what scalars give.

use assay_lang::{BinaryOp, Elementwise, nulls};

use crate::graph::Pairwise;
use crate::simd::Lane;

/// One value; null where a result would be infinite.
#[inline]
pub(crate) fn pairwise(op: Pairwise, a: f64, b: f64) -> f64 {
    match op {
        Pairwise::Operator(op) => nulls::binary(op, a, b),
        Pairwise::Function(id) => nulls::call2(id, a, b),
    }
}

/// A tile of [`pairwise`].
pub(crate) fn pairwise_tile(op: Pairwise, a: Lane<'_>, b: Lane<'_>, out: &mut [f64]) {
    // The operator is matched outside of the loop, so that each loop is one operation.
    match op {
        Pairwise::Operator(BinaryOp::Add) => zip(a, b, out, |a, b| nulls::binary(BinaryOp::Add, a, b)),
        Pairwise::Operator(BinaryOp::Sub) => zip(a, b, out, |a, b| nulls::binary(BinaryOp::Sub, a, b)),
        Pairwise::Operator(BinaryOp::Mul) => zip(a, b, out, |a, b| nulls::binary(BinaryOp::Mul, a, b)),
        Pairwise::Operator(BinaryOp::Div) => zip(a, b, out, |a, b| nulls::binary(BinaryOp::Div, a, b)),
        Pairwise::Function(Elementwise::Max) => zip(a, b, out, |a, b| nulls::call2(Elementwise::Max, a, b)),
        Pairwise::Function(Elementwise::Min) => zip(a, b, out, |a, b| nulls::call2(Elementwise::Min, a, b)),
        Pairwise::Function(Elementwise::Mask) => zip(a, b, out, |a, b| nulls::call2(Elementwise::Mask, a, b)),
        Pairwise::Function(Elementwise::Ratio) => zip(a, b, out, |a, b| nulls::call2(Elementwise::Ratio, a, b)),
        Pairwise::Function(Elementwise::Share) => zip(a, b, out, |a, b| nulls::call2(Elementwise::Share, a, b)),
        other => zip(a, b, out, |a, b| pairwise(other, a, b)),
    }
}

#[inline(always)]
fn zip(a: Lane<'_>, b: Lane<'_>, out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    match (a, b) {
        (Lane::Slice(a), Lane::Slice(b)) => {
            for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                *out = f(*a, *b);
            }
        }
        (Lane::Slice(a), Lane::Number(b)) => {
            for (out, a) in out.iter_mut().zip(a) {
                *out = f(*a, b);
            }
        }
        (Lane::Number(a), Lane::Slice(b)) => {
            for (out, b) in out.iter_mut().zip(b) {
                *out = f(a, *b);
            }
        }
        (Lane::Number(a), Lane::Number(b)) => out.fill(f(a, b)),
    }
}

/// A tile of a function of one argument.
pub(crate) fn function_tile(id: Elementwise, x: &[f64], out: &mut [f64]) {
    match id {
        Elementwise::Abs => map(x, out, f64::abs),
        Elementwise::Sqrt => map(x, out, f64::sqrt),
        other => map(x, out, |x| nulls::call(other, x)),
    }
}

/// A tile of `-x`.
pub(crate) fn negate_tile(x: &[f64], out: &mut [f64]) {
    map(x, out, |x| -x);
}

#[inline(always)]
fn map(x: &[f64], out: &mut [f64], f: impl Fn(f64) -> f64) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = f(*x);
    }
}

/// A tile of `if(condition, then, otherwise)`: null where the condition neither holds nor fails.
pub(crate) fn select_tile(holds: &[u64], fails: &[u64], then: Lane<'_>, otherwise: Lane<'_>, out: &mut [f64]) {
    let at = |lane: Lane<'_>, i: usize| match lane {
        Lane::Slice(values) => values[i],
        Lane::Number(value) => value,
    };
    for (i, out) in out.iter_mut().enumerate() {
        let bit = |words: &[u64]| words[i / 64] >> (i % 64) & 1 == 1;
        *out = if bit(holds) {
            at(then, i)
        } else if bit(fails) {
            at(otherwise, i)
        } else {
            nulls::NULL
        };
    }
}
