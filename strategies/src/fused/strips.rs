//! The loop over strips.

use std::ops::Range;

use assay_lang::{BinaryOp, Elementwise, nulls};

use super::Fused;
use crate::elementwise::quotient;
use crate::kernels::Recursion;
use crate::simd::{self, Level, Loop, STRIP, Strip};

/// How far ahead memory is told what will be wanted: a strip is too short for it to find out itself.
const AHEAD: usize = 4 * STRIP;

/// Values of an operand in registers at a time.
const PART: usize = 16;

/// What is read: a strip of a column, one number, or the strip of an item before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    Input(usize),
    Constant(usize),
    Item(usize),
}

#[derive(Debug)]
pub(super) enum Op {
    Negate,
    Abs,
    /// Of the difference.
    Distance,
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
    /// The greater of the third and the distance of the others.
    MaxDistance,
    /// Of two steps, the first of the first two operands, the second with the third.
    AddAdd,
    MultiplyAdd,
    AddMultiply,
    SubtractMultiply,
    AddDivide,
    SubtractDivide,
    DivideSubtract,
    SubtractSubtract,
    /// From the third.
    SubtractFrom,
    Recursion(Box<Recursion>),
}

/// One step of a chain; operands that it has not are the first again.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) op: Op,
    pub(super) operands: [Reference; 3],
    /// The bar from which on nothing is null or infinite.
    pub(super) plain_from: usize,
    /// Whether it goes together with the next one, which does not read it: both are averages.
    pub(super) with_next: bool,
}

/// Where a column is written: a tile, or the end of all its values so far.
pub(crate) enum Target<'a> {
    Tile(&'a mut [f64]),
    End(&'a mut Vec<f64>),
}

impl Target<'_> {
    #[inline(always)]
    fn put(&mut self, from: usize, strip: &Strip, bars: usize) {
        match self {
            Self::Tile(tile) => match tile[from..].first_chunk_mut() {
                Some(out) => *out = *strip,
                None => tile[from..].copy_from_slice(&strip[..bars]),
            },
            Self::End(values) => {
                simd::prefetch(values, values.len() + AHEAD);
                if bars < STRIP {
                    return values.extend_from_slice(&strip[..bars]);
                }
                // Parts that are copied in place, not by a call.
                for part in strip.as_chunks::<PART>().0 {
                    values.extend_from_slice(part);
                }
            }
        }
    }
}

pub(super) fn run(level: Level, fused: &mut Fused, bars: Range<usize>, inputs: &[&[f64]], out: &mut [Target<'_>]) {
    simd::run(
        level,
        Walk {
            fused,
            bars,
            inputs,
            out,
        },
    );
}

struct Walk<'a, 'b> {
    fused: &'a mut Fused,
    bars: Range<usize>,
    inputs: &'a [&'a [f64]],
    out: &'a mut [Target<'b>],
}

impl Loop for Walk<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self {
            fused,
            bars,
            inputs,
            out,
        } = self;
        let (start, bars) = (bars.start, bars.len());
        // The strip at the end may be shorter. Nulls behind it change no recursion.
        let mut rooms = Vec::new();
        for from in (0..bars).step_by(STRIP) {
            if bars - from < STRIP {
                rooms = inputs.iter().map(|input| padded(&input[from..])).collect();
            }
            let Fused {
                constants,
                items,
                stored,
                strips,
                ..
            } = &mut *fused;
            let whole = bars - from >= STRIP;
            let mut at = 0;
            while at < items.len() {
                // A few lines at a time: memory takes no more of them at once.
                if let Some(input) = inputs.get(at) {
                    simd::prefetch(input, from + AHEAD);
                }
                let (done, rest) = strips.split_at_mut(at);
                let places = Places {
                    inputs,
                    rooms: &rooms,
                    constants,
                    done,
                };
                match (&mut items[at..], rest) {
                    ([item, next, ..], [out, next_out, ..]) if item.with_next => {
                        let plain = whole && item.plain_from.max(next.plain_from) <= start + from;
                        let x = [places.strip(item.operands[0], from), places.strip(next.operands[0], from)];
                        if let (Op::Recursion(a), Op::Recursion(b)) = (&mut item.op, &mut next.op) {
                            Recursion::run_two([a, b], x, [out, next_out], plain);
                        }
                        if let Some(input) = inputs.get(at + 1) {
                            simd::prefetch(input, from + AHEAD);
                        }
                        at += 2;
                    }
                    ([item, ..], [out, ..]) => {
                        let [a, b, c] = item.operands;
                        let (a, b, c) = (places.strip(a, from), places.strip(b, from), places.strip(c, from));
                        if whole && item.plain_from <= start + from {
                            item.op.run_plain(a, b, c, out);
                        } else {
                            item.op.run(a, b, c, out);
                        }
                        at += 1;
                    }
                    _ => break,
                }
            }
            for input in inputs.iter().skip(items.len()) {
                simd::prefetch(input, from + AHEAD);
            }
            for (out, item) in out.iter_mut().zip(&*stored) {
                out.put(from, &strips[*item], STRIP.min(bars - from));
            }
        }
    }
}

/// What a step may read.
struct Places<'a> {
    inputs: &'a [&'a [f64]],
    rooms: &'a [Strip],
    constants: &'a [Strip],
    done: &'a [Strip],
}

impl Places<'_> {
    #[inline(always)]
    fn strip(&self, reference: Reference, from: usize) -> &Strip {
        match reference {
            Reference::Input(input) => match self.inputs[input][from..].first_chunk() {
                Some(strip) => strip,
                None => &self.rooms[input],
            },
            Reference::Constant(constant) => &self.constants[constant],
            Reference::Item(item) => &self.done[item],
        }
    }
}

fn padded(values: &[f64]) -> Strip {
    let mut room = [f64::NAN; STRIP];
    room[..values.len()].copy_from_slice(values);
    room
}

impl Op {
    #[inline(always)]
    fn run(&mut self, a: &Strip, b: &Strip, c: &Strip, out: &mut Strip) {
        match self {
            Self::Negate => each(a, b, out, |a, _| -a),
            Self::Abs => each(a, b, out, |a, _| a.abs()),
            Self::Distance => each(a, b, out, |a, b| nulls::binary(BinaryOp::Sub, a, b).abs()),
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
            Self::MaxDistance => each_of_three(a, b, c, out, |a, b, c| {
                nulls::call2(Elementwise::Max, c, nulls::binary(BinaryOp::Sub, a, b).abs())
            }),
            Self::AddAdd => each_of_three(a, b, c, out, |a, b, c| {
                nulls::binary(BinaryOp::Add, nulls::binary(BinaryOp::Add, a, b), c)
            }),
            Self::MultiplyAdd => each_of_three(a, b, c, out, |a, b, c| {
                nulls::binary(BinaryOp::Add, nulls::binary(BinaryOp::Mul, a, b), c)
            }),
            Self::AddMultiply => each_of_three(a, b, c, out, |a, b, c| {
                nulls::binary(BinaryOp::Mul, nulls::binary(BinaryOp::Add, a, b), c)
            }),
            Self::SubtractMultiply => each_of_three(a, b, c, out, |a, b, c| {
                nulls::binary(BinaryOp::Mul, nulls::binary(BinaryOp::Sub, a, b), c)
            }),
            Self::AddDivide => each_of_three(a, b, c, out, |a, b, c| {
                nulls::binary(BinaryOp::Div, nulls::binary(BinaryOp::Add, a, b), c)
            }),
            Self::SubtractDivide => each_of_three(a, b, c, out, |a, b, c| {
                nulls::binary(BinaryOp::Div, nulls::binary(BinaryOp::Sub, a, b), c)
            }),
            Self::DivideSubtract => each_of_three(a, b, c, out, |a, b, c| {
                nulls::binary(BinaryOp::Sub, nulls::binary(BinaryOp::Div, a, b), c)
            }),
            Self::SubtractSubtract => each_of_three(a, b, c, out, |a, b, c| {
                nulls::binary(BinaryOp::Sub, nulls::binary(BinaryOp::Sub, a, b), c)
            }),
            Self::SubtractFrom => each_of_three(a, b, c, out, |a, b, c| {
                nulls::binary(BinaryOp::Sub, c, nulls::binary(BinaryOp::Sub, a, b))
            }),
            Self::Recursion(recursion) => recursion.run(a, out),
        }
    }
}

impl Op {
    /// [`Op::run`] where nothing is null or infinite.
    #[inline(always)]
    fn run_plain(&mut self, a: &Strip, b: &Strip, c: &Strip, out: &mut Strip) {
        match self {
            Self::Add => each(a, b, out, |a, b| a + b),
            Self::Subtract => each(a, b, out, |a, b| a - b),
            Self::Multiply => each(a, b, out, |a, b| a * b),
            Self::Divide => each(a, b, out, |a, b| a / b),
            Self::Distance => each(a, b, out, |a, b| (a - b).abs()),
            Self::Max => each(a, b, out, |a, b| if b > a { b } else { a }),
            Self::Min => each(a, b, out, |a, b| if b < a { b } else { a }),
            Self::Mask | Self::Nz => *out = *a,
            Self::Ratio => each(a, b, out, |a, b| if b == 0.0 { 0.0 } else { a / b }),
            Self::Share => each(a, b, out, |a, b| if b == 0.0 { 0.0 } else { a / (b / 100.0) }),
            Self::Negate | Self::Abs | Self::Sqrt => self.run(a, b, c, out),
            Self::MaxDistance => each_of_three(a, b, c, out, |a, b, c| {
                let distance = (a - b).abs();
                if distance > c { distance } else { c }
            }),
            Self::AddAdd => each_of_three(a, b, c, out, |a, b, c| a + b + c),
            Self::MultiplyAdd => each_of_three(a, b, c, out, |a, b, c| a * b + c),
            Self::AddMultiply => each_of_three(a, b, c, out, |a, b, c| (a + b) * c),
            Self::SubtractMultiply => each_of_three(a, b, c, out, |a, b, c| (a - b) * c),
            Self::AddDivide => each_of_three(a, b, c, out, |a, b, c| (a + b) / c),
            Self::SubtractDivide => each_of_three(a, b, c, out, |a, b, c| (a - b) / c),
            Self::DivideSubtract => each_of_three(a, b, c, out, |a, b, c| a / b - c),
            Self::SubtractSubtract => each_of_three(a, b, c, out, |a, b, c| a - b - c),
            Self::SubtractFrom => each_of_three(a, b, c, out, |a, b, c| c - (a - b)),
            Self::Recursion(recursion) => recursion.run_defined(a, out),
        }
    }
}

#[inline(always)]
fn each(a: &Strip, b: &Strip, out: &mut Strip, f: impl Fn(f64, f64) -> f64) {
    // All of a part is read before any of it is written: the operands might be one place for all that is known here.
    let parts = a.as_chunks::<PART>().0.iter().zip(b.as_chunks::<PART>().0);
    for (out, (a, b)) in out.as_chunks_mut::<PART>().0.iter_mut().zip(parts) {
        let (a, b) = (*a, *b);
        *out = std::array::from_fn(|i| f(a[i], b[i]));
    }
}

#[inline(always)]
fn each_of_three(a: &Strip, b: &Strip, c: &Strip, out: &mut Strip, f: impl Fn(f64, f64, f64) -> f64) {
    let parts = a
        .as_chunks::<PART>()
        .0
        .iter()
        .zip(b.as_chunks::<PART>().0)
        .zip(c.as_chunks::<PART>().0);
    for (out, ((a, b), c)) in out.as_chunks_mut::<PART>().0.iter_mut().zip(parts) {
        let (a, b, c) = (*a, *b, *c);
        let mut values = [0.0; PART];
        for i in 0..PART {
            values[i] = f(a[i], b[i], c[i]);
        }
        *out = values;
    }
}
