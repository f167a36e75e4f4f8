//! Functions whose value at a bar needs the same bar of their operands only. What they give is what scalars give.

pub(crate) mod transcendental;

use assay_lang::{BinaryOp, Elementwise, nulls};

use self::transcendental::{Atan, Cos, Log, Log10, Sin, Tanh};
use crate::branchless::all;
use crate::graph::Pairwise;
use crate::simd::{self, Lane, Level, Loop, STRIP};

/// One value; null where a result would be infinite.
#[inline]
pub(crate) fn pairwise(op: Pairwise, a: f64, b: f64) -> f64 {
    match op {
        Pairwise::Operator(op) => nulls::binary(op, a, b),
        Pairwise::Function(id) => nulls::call2(id, a, b),
    }
}

/// A tile of [`pairwise`].
pub(crate) fn pairwise_tile(level: Level, op: Pairwise, a: Lane<'_>, b: Lane<'_>, out: &mut [f64]) {
    // The operator is matched outside of the loop, so that each loop is one operation.
    match op {
        Pairwise::Operator(BinaryOp::Div) if exact_reciprocal(b).is_some() => {
            let b = exact_reciprocal(b).map_or(b, Lane::Number);
            zip(level, a, b, out, |a, b| nulls::binary(BinaryOp::Mul, a, b));
        }
        Pairwise::Operator(BinaryOp::Add) => zip(level, a, b, out, |a, b| nulls::binary(BinaryOp::Add, a, b)),
        Pairwise::Operator(BinaryOp::Sub) => zip(level, a, b, out, |a, b| nulls::binary(BinaryOp::Sub, a, b)),
        Pairwise::Operator(BinaryOp::Mul) => zip(level, a, b, out, |a, b| nulls::binary(BinaryOp::Mul, a, b)),
        Pairwise::Operator(BinaryOp::Div) => zip(level, a, b, out, |a, b| nulls::binary(BinaryOp::Div, a, b)),
        Pairwise::Function(Elementwise::Max) => zip(level, a, b, out, |a, b| nulls::call2(Elementwise::Max, a, b)),
        Pairwise::Function(Elementwise::Min) => zip(level, a, b, out, |a, b| nulls::call2(Elementwise::Min, a, b)),
        Pairwise::Function(Elementwise::Mask) => zip(level, a, b, out, |a, b| nulls::call2(Elementwise::Mask, a, b)),
        Pairwise::Function(Elementwise::Ratio) => zip(level, a, b, out, |a, b| quotient(a, b, b)),
        Pairwise::Function(Elementwise::Share) => zip(level, a, b, out, |a, b| quotient(a, b, b / 100.0)),
        Pairwise::Function(Elementwise::Nz) => zip(level, a, b, out, |a, b| nulls::call2(Elementwise::Nz, a, b)),
        other => zip(level, a, b, out, |a, b| pairwise(other, a, b)),
    }
}

/// `Ratio` and `Share` without branches, so that a loop takes several at a time: 0 where b is 0.
#[inline(always)]
pub(crate) fn quotient(a: f64, b: f64, divisor: f64) -> f64 {
    let value = nulls::binary(BinaryOp::Div, a, divisor);
    if all([b == 0.0, !a.is_nan()]) { 0.0 } else { value }
}

/// Of a power of two: to multiply with it gives the same bits as to divide, and takes less time.
pub(crate) fn exact_reciprocal(b: Lane<'_>) -> Option<f64> {
    const MANTISSA: u64 = (1 << 52) - 1;
    match b {
        Lane::Number(b) if b.to_bits() & MANTISSA == 0 && b.is_normal() && (1.0 / b).is_normal() => Some(1.0 / b),
        _ => None,
    }
}

fn zip(level: Level, a: Lane<'_>, b: Lane<'_>, out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    simd::run(level, Zip { a, b, out, f });
}

struct Zip<'a, F> {
    a: Lane<'a>,
    b: Lane<'a>,
    out: &'a mut [f64],
    f: F,
}

impl<F: Fn(f64, f64) -> f64> Loop for Zip<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { a, b, out, f } = self;
        match (a, b) {
            (Lane::Slice(a), Lane::Slice(b)) => {
                for (strip, out) in out.chunks_mut(STRIP).enumerate() {
                    let from = strip * STRIP;
                    // Columns of the market come out of memory, two of them in turn: too little of each to be foreseen.
                    simd::prefetch(a, from + 4 * STRIP);
                    simd::prefetch(b, from + 4 * STRIP);
                    for ((out, a), b) in out.iter_mut().zip(&a[from..]).zip(&b[from..]) {
                        *out = f(*a, *b);
                    }
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
}

/// A tile of a function of one argument.
pub(crate) fn function_tile(level: Level, id: Elementwise, x: &[f64], out: &mut [f64]) {
    match id {
        Elementwise::Abs => map(level, x, out, f64::abs),
        Elementwise::Sqrt => map(level, x, out, f64::sqrt),
        Elementwise::Floor => map(level, x, out, f64::floor),
        Elementwise::Ceil => map(level, x, out, f64::ceil),
        Elementwise::Log => finite_tile::<Log>(level, x, out),
        Elementwise::Log10 => finite_tile::<Log10>(level, x, out),
        Elementwise::Sin => transcendental::tile::<Sin>(level, x, out),
        Elementwise::Cos => transcendental::tile::<Cos>(level, x, out),
        Elementwise::Atan => transcendental::tile::<Atan>(level, x, out),
        Elementwise::Tanh => transcendental::tile::<Tanh>(level, x, out),
        other => map(level, x, out, |x| nulls::call(other, x)),
    }
}

/// Of a function that may be infinite.
fn finite_tile<F: transcendental::Transcendental>(level: Level, x: &[f64], out: &mut [f64]) {
    transcendental::tile::<F>(level, x, out);
    simd::keep_finite(level, out);
}

/// A tile of `-x`.
pub(crate) fn negate_tile(level: Level, x: &[f64], out: &mut [f64]) {
    map(level, x, out, |x| -x);
}

fn map(level: Level, x: &[f64], out: &mut [f64], f: impl Fn(f64) -> f64) {
    simd::run(level, Map { x, out, f });
}

struct Map<'a, F> {
    x: &'a [f64],
    out: &'a mut [f64],
    f: F,
}

impl<F: Fn(f64) -> f64> Loop for Map<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (out, x) in self.out.iter_mut().zip(self.x) {
            *out = (self.f)(*x);
        }
    }
}

/// A tile of `if(condition, then, otherwise)`: null where the condition neither holds nor fails.
pub(crate) fn select_tile(level: Level, holds: &[u64], fails: &[u64], then: Lane<'_>, otherwise: Lane<'_>, out: &mut [f64]) {
    let work = Select {
        holds,
        fails,
        then,
        otherwise,
        out,
    };
    simd::run(level, work);
}

struct Select<'a> {
    holds: &'a [u64],
    fails: &'a [u64],
    then: Lane<'a>,
    otherwise: Lane<'a>,
    out: &'a mut [f64],
}

impl Loop for Select<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (mut then_room, mut otherwise_room) = (self.then.room(), self.otherwise.room());
        let words = self.holds.iter().zip(self.fails).enumerate();
        for ((w, (holds, fails)), out) in words.zip(self.out.chunks_mut(simd::WORD)) {
            let then = self.then.block(w, &mut then_room);
            let otherwise = self.otherwise.block(w, &mut otherwise_room);
            for (i, ((out, then), otherwise)) in out.iter_mut().zip(then).zip(otherwise).enumerate() {
                let bit = 1 << i;
                let other = if fails & bit == 0 { nulls::NULL } else { *otherwise };
                *out = if holds & bit == 0 { other } else { *then };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_what_scalars_give() {
        let values = [0.0, -0.0, 1.0, -2.5, 1e300, 1e-300, f64::NAN, f64::MAX];
        let a: Vec<f64> = values.iter().flat_map(|a| [*a; 8]).collect();
        let b: Vec<f64> = values.repeat(8);
        let operators = [BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul, BinaryOp::Div].map(Pairwise::Operator);
        let functions = [
            Elementwise::Ratio,
            Elementwise::Share,
            Elementwise::Max,
            Elementwise::Min,
            Elementwise::Nz,
        ];
        for op in operators.into_iter().chain(functions.map(Pairwise::Function)) {
            let mut out = vec![0.0; a.len()];
            pairwise_tile(Level::detect(), op, Lane::Slice(&a), Lane::Slice(&b), &mut out);
            for number in [4.0, 0.1, 0.0] {
                let mut by_number = vec![0.0; a.len()];
                pairwise_tile(Level::detect(), op, Lane::Slice(&a), Lane::Number(number), &mut by_number);
                for (a, found) in a.iter().zip(by_number) {
                    let expected = pairwise(op, *a, number);
                    assert!(
                        found == expected || (found.is_nan() && expected.is_nan()),
                        "{op:?} {a} {number}: {found}"
                    );
                }
            }
            for ((a, b), found) in a.iter().zip(&b).zip(out) {
                let expected = pairwise(op, *a, *b);
                assert!(
                    found == expected || (found.is_nan() && expected.is_nan()),
                    "{op:?} {a} {b}: {found}"
                );
            }
        }
    }
}
