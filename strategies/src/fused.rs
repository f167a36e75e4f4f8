//! Chains of steps run together, strip by strip: what only the next step wants stays in registers and the nearest cache.
//!
//! Each value is what it would be if each step had a pass of its own. Fused are steps of which a value needs the same bar of its
//! operands only, and recursions of one series, where nothing but some results is asked for: no other column can be read then.

mod joined;
mod strips;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use assay_lang::{BinaryOp, Elementwise};

use self::joined::{Joined, side_by_side};
pub(crate) use self::strips::Target;
use self::strips::{Item, Op, Reference};
use crate::elementwise::exact_reciprocal;
use crate::graph::{BitsOp, ColumnId, ColumnOp, Graph, Operand, Pairwise, Step};
use crate::kernels::Recursion;
use crate::simd::{Lane, Level, STRIP, Strip};

/// Steps to a chain: their strips, half a kilobyte each, stay in the nearest cache.
const MOST: usize = 32;

/// A chain of steps.
#[derive(Debug)]
pub(crate) struct Fused {
    inputs: Vec<ColumnId>,
    constants: Vec<Strip>,
    items: Vec<Item>,
    /// The column that each item gives.
    columns: Vec<ColumnId>,
    /// Items that are read elsewhere.
    stored: Vec<usize>,
    /// A strip of each item.
    strips: Vec<Strip>,
}

/// Chains by the step after which all they need is there, and the steps that are in them.
pub(crate) type Chains = (BTreeMap<usize, Fused>, BTreeSet<usize>);

/// Finds chains among the steps of a graph. Those of which `grouped` holds stay out; from `known_from` on a column is never null.
pub(crate) fn plan(
    graph: &Graph,
    results: &BTreeSet<ColumnId>,
    known_from: &[usize],
    grouped: impl Fn(ColumnId) -> bool,
) -> Chains {
    let mut plan = Plan {
        graph,
        results,
        known_from,
        readers: readers(graph),
        pending: Vec::new(),
        chains: Chains::default(),
    };
    for (at, step) in graph.steps.iter().enumerate() {
        let read = reads(graph, *step);
        let fusible = column_of(graph, *step).filter(|id| !grouped(*id) && op_of(graph, *id).is_some());
        match fusible {
            Some(id) if plan.pending.len() < MOST => plan.pending.push((at, id)),
            Some(id) => {
                plan.close(at);
                plan.pending.push((at, id));
            }
            None if read.iter().any(|id| plan.is_pending(*id)) => plan.close(at),
            None => {}
        }
    }
    plan.close(graph.steps.len());
    plan.chains
}

struct Plan<'a> {
    graph: &'a Graph,
    results: &'a BTreeSet<ColumnId>,
    known_from: &'a [usize],
    /// The steps that read a column.
    readers: BTreeMap<ColumnId, Vec<usize>>,
    pending: Vec<(usize, ColumnId)>,
    chains: Chains,
}

impl Plan<'_> {
    fn is_pending(&self, id: ColumnId) -> bool {
        self.pending.iter().any(|(_, pending)| *pending == id)
    }

    /// What is pending becomes a chain, in the place of its last step, before step `before`.
    fn close(&mut self, before: usize) {
        let pending = std::mem::take(&mut self.pending);
        debug_assert!(pending.iter().all(|(at, _)| *at < before));
        let Some((last, _)) = pending.last().copied() else {
            return;
        };
        let steps: BTreeSet<usize> = pending.iter().map(|(at, _)| *at).collect();
        let is_read = |id: &ColumnId| {
            let readers = self.readers.get(id).map_or(&[][..], Vec::as_slice);
            self.results.contains(id) || readers.iter().any(|reader| !steps.contains(reader))
        };
        let joined = Joined::new(self.graph, &pending, self.results, &self.readers);
        let columns = pending.iter().map(|(_, id)| *id).filter(|id| !joined.contains(*id));
        let columns = side_by_side(&joined, columns.collect());
        let stored: Vec<usize> = (0..columns.len()).filter(|item| is_read(&columns[*item])).collect();
        // Where every value is wanted by others, a strip would only be one more place to write it.
        let recurs = |id: &ColumnId| matches!(op_of(self.graph, *id), Some((Op::Recursion(_), ..)));
        if stored.len() == columns.len() && joined.is_empty() && !columns.iter().any(recurs) {
            return;
        }
        let chain = Fused::new(&joined, self.known_from, columns, stored);
        self.chains.0.insert(last, chain);
        self.chains.1.extend(steps);
    }
}

impl Fused {
    fn new(joined: &Joined<'_>, known_from: &[usize], columns: Vec<ColumnId>, stored: Vec<usize>) -> Self {
        let (mut inputs, mut constants) = (Vec::new(), Vec::new());
        let mut reference = |operand: Operand| match operand {
            Operand::Number(bits) => {
                constants.push([f64::from_bits(bits); STRIP]);
                Reference::Constant(constants.len() - 1)
            }
            Operand::Column(id) => columns.iter().position(|column| *column == id).map_or_else(
                || {
                    let known = inputs.iter().position(|input| *input == id);
                    Reference::Input(known.unwrap_or_else(|| {
                        inputs.push(id);
                        inputs.len() - 1
                    }))
                },
                Reference::Item,
            ),
        };
        let items = columns.iter().filter_map(|id| {
            let (op, operands) = joined.formula(*id)?;
            let known = |operand: Operand| match operand {
                Operand::Column(id) => known_from[id.0 as usize],
                Operand::Number(bits) if f64::from_bits(bits).is_finite() => 0,
                Operand::Number(_) => usize::MAX,
            };
            let (given, own) = (operands.into_iter().flatten().map(known).max()?, known_from[id.0 as usize]);
            let plain_from = match op {
                // Its own warm-up is its own matter.
                Op::Recursion(_) if own < usize::MAX => given,
                _ => given.max(own),
            };
            let [a, b, c] = operands;
            let a = reference(a?);
            let b = b.map_or(a, &mut reference);
            let c = c.map_or(a, &mut reference);
            Some(Item {
                op,
                operands: [a, b, c],
                plain_from,
                with_next: false,
            })
        });
        let mut items: Vec<Item> = items.collect();
        for at in 1..items.len() {
            let (before, item) = (&items[at - 1], &items[at]);
            let both = [before, item]
                .into_iter()
                .all(|item| matches!(&item.op, Op::Recursion(one) if one.pairs()));
            let apart = item.operands[0] != Reference::Item(at - 1) && !(at > 1 && items[at - 2].with_next);
            items[at - 1].with_next = both && apart;
        }
        Self {
            strips: vec![[0.0; STRIP]; items.len()],
            inputs,
            constants,
            items,
            columns,
            stored,
        }
    }

    /// The columns that it reads.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = ColumnId> {
        self.inputs.iter().copied()
    }

    /// The columns that it writes.
    pub(crate) fn stored(&self) -> impl Iterator<Item = ColumnId> {
        self.stored.iter().map(|item| self.columns[*item])
    }

    /// The next tile of these bars.
    pub(crate) fn run(&mut self, level: Level, bars: Range<usize>, inputs: &[&[f64]], out: &mut [Target<'_>]) {
        strips::run(level, self, bars, inputs, out);
    }
}

/// The column that a step gives, if it is one.
fn column_of(graph: &Graph, step: Step) -> Option<ColumnId> {
    match step {
        Step::Column(id) => Some(id),
        Step::Call(id) => {
            let placed = &graph.calls[id.0 as usize];
            (placed.outputs == 1).then_some(placed.first)
        }
        Step::Bits(_) | Step::Cross { .. } => None,
    }
}

/// How a column is computed in a strip, if it can be.
fn op_of(graph: &Graph, id: ColumnId) -> Option<(Op, Operand, Option<Operand>)> {
    let column = Operand::Column;
    Some(match graph.columns[id.0 as usize].op {
        ColumnOp::Negate(x) => (Op::Negate, column(x), None),
        ColumnOp::Function(Elementwise::Abs, x) => (Op::Abs, column(x), None),
        ColumnOp::Function(Elementwise::Sqrt, x) => (Op::Sqrt, column(x), None),
        ColumnOp::Pairwise(pairwise, a, b) => {
            let (op, b) = pairwise_op(pairwise, b)?;
            (op, a, Some(b))
        }
        ColumnOp::Ema { x, n, skip } => (Op::Recursion(Box::new(Recursion::exponential(n, skip))), column(x), None),
        ColumnOp::Wilder(x, n) => (Op::Recursion(Box::new(Recursion::wilder(n))), column(x), None),
        ColumnOp::Output(call, 0) => {
            let call = &graph.calls[call.0 as usize].call;
            let recursion = Recursion::of(call.kernel, &call.numbers())?;
            (Op::Recursion(Box::new(recursion)), column(call.inputs[0]), None)
        }
        _ => return None,
    })
}

fn pairwise_op(pairwise: Pairwise, b: Operand) -> Option<(Op, Operand)> {
    use Pairwise::{Function, Operator};
    if let (Operator(BinaryOp::Div), Operand::Number(bits)) = (pairwise, b)
        && let Some(reciprocal) = exact_reciprocal(Lane::Number(f64::from_bits(bits)))
    {
        return Some((Op::Multiply, Operand::Number(reciprocal.to_bits())));
    }
    let op = match pairwise {
        Operator(BinaryOp::Add) => Op::Add,
        Operator(BinaryOp::Sub) => Op::Subtract,
        Operator(BinaryOp::Mul) => Op::Multiply,
        Operator(BinaryOp::Div) => Op::Divide,
        Function(Elementwise::Max) => Op::Max,
        Function(Elementwise::Min) => Op::Min,
        Function(Elementwise::Mask) => Op::Mask,
        Function(Elementwise::Ratio) => Op::Ratio,
        Function(Elementwise::Share) => Op::Share,
        Function(Elementwise::Nz) => Op::Nz,
        _ => return None,
    };
    Some((op, b))
}

/// The steps that read each column.
fn readers(graph: &Graph) -> BTreeMap<ColumnId, Vec<usize>> {
    let mut readers: BTreeMap<ColumnId, Vec<usize>> = BTreeMap::new();
    for (at, step) in graph.steps.iter().enumerate() {
        for id in reads(graph, *step) {
            readers.entry(id).or_default().push(at);
        }
    }
    readers
}

/// The columns that a step reads.
fn reads(graph: &Graph, step: Step) -> Vec<ColumnId> {
    let columns = |operands: &[Operand]| {
        let column = |operand: &Operand| match operand {
            Operand::Column(id) => Some(*id),
            Operand::Number(_) => None,
        };
        operands.iter().filter_map(column).collect()
    };
    match step {
        Step::Call(id) => graph.calls[id.0 as usize].call.inputs.to_vec(),
        Step::Cross { a, b, .. } => columns(&[a, b]),
        Step::Bits(id) => match graph.bits[id.0 as usize].op {
            BitsOp::Compare(_, a, b) | BitsOp::Cross { a, b, .. } => columns(&[a, b]),
            BitsOp::IsNull(x) => vec![x],
            BitsOp::Flag(_) | BitsOp::And(..) | BitsOp::Or(..) | BitsOp::Nor(..) | BitsOp::Delay(..) => Vec::new(),
        },
        Step::Column(id) => match graph.columns[id.0 as usize].op {
            ColumnOp::Pairwise(_, a, b) => columns(&[a, b]),
            ColumnOp::Select { then, otherwise, .. } => columns(&[then, otherwise]),
            ColumnOp::Negate(x)
            | ColumnOp::Function(_, x)
            | ColumnOp::Delay(x, _)
            | ColumnOp::Sum(x, _)
            | ColumnOp::Mean(x, _)
            | ColumnOp::Ema { x, .. }
            | ColumnOp::Wilder(x, _) => vec![x],
            ColumnOp::Source(_)
            | ColumnOp::Constant(_)
            | ColumnOp::Never(_)
            | ColumnOp::Clock(_)
            | ColumnOp::BarsSince(_)
            | ColumnOp::Elsewhere { .. }
            | ColumnOp::Output(..) => Vec::new(),
        },
    }
}
