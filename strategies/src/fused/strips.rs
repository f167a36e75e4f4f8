//! The loop over strips.

use assay_lang::{BinaryOp, Elementwise, nulls};

use super::Fused;
use crate::elementwise::quotient;
use crate::kernels::Recursion;
use crate::simd::{self, Block, Level, Loop, WORD};

/// What is read: a strip of a column, one number, or the strip of an item before.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reference {
    Input(usize),
    Constant(usize),
    Item(usize),
}

#[derive(Debug)]
pub(super) enum Op {
    Negate,
    Abs,
    Sqrt,
    Add,
    Subtract,
    Multiply,
    Divide,
    Max,
    Min,
    Mask,
    Ratio,
    Share,
    Nz,
    Recursion(Recursion),
}

/// One step of a chain; `b` is `a` again where there is one operand.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) op: Op,
    pub(super) a: Reference,
    pub(super) b: Reference,
}

pub(super) fn run(level: Level, fused: &mut Fused, inputs: &[&[f64]], out: &mut [&mut [f64]]) {
    simd::run(level, Strips { fused, inputs, out });
}

struct Strips<'a, 'b> {
    fused: &'a mut Fused,
    inputs: &'a [&'a [f64]],
    out: &'a mut [&'b mut [f64]],
}

impl Loop for Strips<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { fused, inputs, out } = self;
        let bars = out.first().map_or(0, |out| out.len());
        // The strip at the end may be shorter. Nulls behind it change no recursion.
        let mut rooms = Vec::new();
        for from in (0..bars).step_by(WORD) {
            if bars - from < WORD {
                rooms = inputs.iter().map(|input| padded(&input[from..])).collect();
            }
            let Fused {
                constants,
                items,
                stored,
                strips,
                ..
            } = &mut *fused;
            for (at, item) in items.iter_mut().enumerate() {
                let (done, rest) = strips.split_at_mut(at);
                let strip = |reference: Reference| match reference {
                    Reference::Input(input) => inputs[input][from..].first_chunk().unwrap_or_else(|| &rooms[input]),
                    Reference::Constant(constant) => &constants[constant],
                    Reference::Item(item) => &done[item],
                };
                if let Some(out) = rest.first_mut() {
                    item.op.run(strip(item.a), strip(item.b), out);
                }
            }
            for (out, item) in out.iter_mut().zip(&*stored) {
                match out[from..].first_chunk_mut() {
                    Some(out) => *out = strips[*item],
                    None => out[from..].copy_from_slice(&strips[*item][..bars - from]),
                }
            }
        }
    }
}

fn padded(values: &[f64]) -> Block {
    let mut room = [f64::NAN; WORD];
    room[..values.len()].copy_from_slice(values);
    room
}

impl Op {
    #[inline(always)]
    fn run(&mut self, a: &Block, b: &Block, out: &mut Block) {
        match self {
            Self::Negate => each(a, b, out, |a, _| -a),
            Self::Abs => each(a, b, out, |a, _| a.abs()),
            Self::Sqrt => each(a, b, out, |a, _| a.sqrt()),
            Self::Add => each(a, b, out, |a, b| nulls::binary(BinaryOp::Add, a, b)),
            Self::Subtract => each(a, b, out, |a, b| nulls::binary(BinaryOp::Sub, a, b)),
            Self::Multiply => each(a, b, out, |a, b| nulls::binary(BinaryOp::Mul, a, b)),
            Self::Divide => each(a, b, out, |a, b| nulls::binary(BinaryOp::Div, a, b)),
            Self::Max => each(a, b, out, |a, b| nulls::call2(Elementwise::Max, a, b)),
            Self::Min => each(a, b, out, |a, b| nulls::call2(Elementwise::Min, a, b)),
            Self::Mask => each(a, b, out, |a, b| nulls::call2(Elementwise::Mask, a, b)),
            Self::Ratio => each(a, b, out, |a, b| quotient(a, b, b)),
            Self::Share => each(a, b, out, |a, b| quotient(a, b, b / 100.0)),
            Self::Nz => each(a, b, out, |a, b| nulls::call2(Elementwise::Nz, a, b)),
            Self::Recursion(recursion) => recursion.run(a, out),
        }
    }
}

#[inline(always)]
fn each(a: &Block, b: &Block, out: &mut Block, f: impl Fn(f64, f64) -> f64) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = f(*a, *b);
    }
}
