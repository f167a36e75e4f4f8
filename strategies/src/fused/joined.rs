//! Two steps as one: where nobody but the next step wants what a step gives, its values need not leave the registers.

use std::collections::{BTreeMap, BTreeSet};

use super::op_of;
use super::strips::Op;
use crate::graph::{ColumnId, Graph, Operand};

/// An operation with its operands.
pub(super) type Formula = (Op, [Option<Operand>; 3]);

/// The columns of a chain that the next step computes along with its own.
#[derive(Debug)]
pub(super) struct Joined<'a> {
    graph: &'a Graph,
    within: BTreeSet<ColumnId>,
}

impl<'a> Joined<'a> {
    /// Joins what can be of a chain of `pending` steps and columns. `results` are wanted for themselves.
    pub(super) fn new(
        graph: &'a Graph,
        pending: &[(usize, ColumnId)],
        results: &BTreeSet<ColumnId>,
        readers: &BTreeMap<ColumnId, Vec<usize>>,
    ) -> Self {
        let within = BTreeSet::new();
        let mut joined = Self { graph, within };
        for (at, id) in pending {
            let Some((op, [a, b, _])) = joined.formula(*id) else {
                continue;
            };
            let for_this_alone = |x: ColumnId| {
                let only = readers.get(&x).is_some_and(|readers| readers[..] == [*at]);
                only && !results.contains(&x) && pending.iter().any(|(_, pending)| *pending == x)
            };
            for (operand, left) in [(b, false), (a, true)] {
                if let Some(Operand::Column(x)) = operand
                    && for_this_alone(x)
                    && let Some((inner, _)) = joined.formula(x)
                    && join(&op, &inner, left).is_some()
                {
                    joined.within.insert(x);
                    break;
                }
            }
        }
        joined
    }

    pub(super) fn is_empty(&self) -> bool {
        self.within.is_empty()
    }

    pub(super) fn contains(&self, id: ColumnId) -> bool {
        self.within.contains(&id)
    }

    /// How a column is computed, along with what it is joined with.
    pub(super) fn formula(&self, id: ColumnId) -> Option<Formula> {
        let (op, a, b) = op_of(self.graph, id)?;
        for (operand, other, left) in [(Some(a), b, true), (b, Some(a), false)] {
            if let Some(Operand::Column(x)) = operand
                && self.within.contains(&x)
                && let Some((inner, [p, q, _])) = self.formula(x)
                && let Some(op) = join(&op, &inner, left)
            {
                return Some((op, [p, q, other]));
            }
        }
        Some((op, [Some(a), b, None]))
    }

    /// Whether a column reads one of these.
    pub(super) fn waits_for(&self, id: ColumnId, left: &[ColumnId]) -> bool {
        let operands = self.formula(id).map_or([None; 3], |(_, operands)| operands);
        let waits = |operand: Operand| matches!(operand, Operand::Column(x) if left.contains(&x));
        operands.into_iter().flatten().any(waits)
    }
}

/// An operation of which one operand, the left or the right one, is what another operation gives.
fn join(outer: &Op, inner: &Op, left: bool) -> Option<Op> {
    Some(match (outer, inner, left) {
        (Op::Abs, Op::Subtract, true) => Op::Distance,
        (Op::Max, Op::Distance, false) => Op::MaxDistance,
        (Op::Add, Op::Add, _) => Op::AddAdd,
        (Op::Add, Op::Multiply, _) => Op::MultiplyAdd,
        (Op::Multiply, Op::Add, _) => Op::AddMultiply,
        (Op::Multiply, Op::Subtract, _) => Op::SubtractMultiply,
        (Op::Divide, Op::Add, true) => Op::AddDivide,
        (Op::Divide, Op::Subtract, true) => Op::SubtractDivide,
        (Op::Subtract, Op::Divide, true) => Op::DivideSubtract,
        (Op::Subtract, Op::Subtract, true) => Op::SubtractSubtract,
        (Op::Subtract, Op::Subtract, false) => Op::SubtractFrom,
        _ => return None,
    })
}

/// The columns in an order in which averages that do not wait for each other stand side by side.
pub(super) fn side_by_side(joined: &Joined<'_>, mut left: Vec<ColumnId>) -> Vec<ColumnId> {
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let averages = |id: &ColumnId| matches!(op_of(joined.graph, *id), Some((Op::Recursion(one), ..)) if one.pairs());
        let waits = |id: &ColumnId| joined.waits_for(*id, &left);
        let ready: Vec<ColumnId> = left.iter().copied().filter(|id| !waits(id)).collect();
        // All else that need not wait comes before them, so that more of them are ready.
        let (averages, others): (Vec<_>, Vec<_>) = ready.into_iter().partition(averages);
        let next = if others.is_empty() { averages } else { others };
        left.retain(|id| !next.contains(id));
        ordered.extend(next);
    }
    ordered
}
