//! The graph: every distinct computation once, however many trials ask for it.
//!
//! Nodes are numbers per bar (columns) or conditions per bar (bits). A condition with null is kept as two bit columns, where it
//! holds and where it does not; a bar in neither is null. So `not` swaps, `and` and `or` are one operation each, and the
//! second column is only computed where a rule asks for it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use assay_lang::{BinaryOp, Clock, Elementwise, Kernel};

use crate::kernels;

/// A number per bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId(pub(crate) u32);

/// One bit per bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BitsId(pub(crate) u32);

/// A column, or one number for all bars (its bits, so that operands can be hashed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Operand {
    Column(ColumnId),
    Number(u64),
}

impl Operand {
    /// Every NaN is the same null, and -0 is 0.
    pub(crate) fn number(value: f64) -> Self {
        Self::Number(if value.is_nan() {
            f64::NAN.to_bits()
        } else {
            (value + 0.0).to_bits()
        })
    }
}

/// A column that the market holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    Open,
    High,
    Low,
    Close,
    Volume,
    Bid(Price),
    Ask(Price),
}

/// A price of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Price {
    Open,
    High,
    Low,
    Close,
}

/// Two numbers to one, bar by bar; null where either is, except for `nz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Pairwise {
    /// An arithmetic operator.
    Operator(BinaryOp),
    /// A function of two numbers.
    Function(Elementwise),
}

/// A kernel with its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CallId(pub(crate) u32);

/// What a kernel is given; all its outputs are computed at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Call {
    pub(crate) kernel: Kernel,
    pub(crate) inputs: Box<[ColumnId]>,
    /// Bits of its numbers.
    pub(crate) numbers: Box<[u64]>,
}

/// A call in the graph, with the first of its output columns; the others follow.
#[derive(Debug, Clone)]
pub(crate) struct PlacedCall {
    pub(crate) call: Call,
    pub(crate) first: ColumnId,
    pub(crate) outputs: u32,
    /// A bit for each output that is asked for.
    pub(crate) wanted: u32,
}

/// How a column is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ColumnOp {
    Source(Source),
    /// One number at every bar.
    Constant(u64),
    /// Null at every bar there is: the first value would come so many bars in.
    Never(u32),
    Clock(Clock),
    Negate(ColumnId),
    Function(Elementwise, ColumnId),
    Pairwise(Pairwise, Operand, Operand),
    Select {
        holds: BitsId,
        fails: BitsId,
        then: Operand,
        otherwise: Operand,
    },
    Delay(ColumnId, u32),
    Sum(ColumnId, u32),
    Mean(ColumnId, u32),
    /// Exponential average seeded with the mean of the `n` values after the first `skip` defined ones.
    Ema {
        x: ColumnId,
        n: u32,
        skip: u32,
    },
    Wilder(ColumnId, u32),
    BarsSince(BitsId),
    /// A column of another program, computed on the bars of that place.
    Elsewhere {
        place: u32,
        column: ColumnId,
        lookback: u32,
    },
    /// One of the outputs of a call.
    Output(CallId, u8),
}

/// A comparison; `<` and `<=` are these with the operands exchanged. All are false where an operand is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Gt,
    Ge,
    Eq,
    Ne,
}

/// How bits are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BitsOp {
    Flag(bool),
    Compare(Comparison, Operand, Operand),
    /// `up`: a crosses over b, computed together with the other direction; a < b as operands.
    Cross {
        a: Operand,
        b: Operand,
        up: bool,
    },
    IsNull(ColumnId),
    And(BitsId, BitsId),
    Or(BitsId, BitsId),
    /// Neither of the two.
    Nor(BitsId, BitsId),
    Delay(BitsId, u32),
}

/// One thing to compute; steps stand after those whose results they read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Column(ColumnId),
    Call(CallId),
    Bits(BitsId),
    /// Both directions of a crossing: `up` and the bits after it.
    Cross {
        a: Operand,
        b: Operand,
        up: BitsId,
    },
}

/// A node with what follows from its structure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<Op> {
    pub(crate) op: Op,
    /// Bars before the first value, at least.
    pub(crate) lookback: u32,
}

/// The nodes of many trials.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    pub(crate) columns: Vec<Node<ColumnOp>>,
    pub(crate) bits: Vec<Node<BitsOp>>,
    pub(crate) calls: Vec<PlacedCall>,
    pub(crate) steps: Vec<Step>,
    column_ids: HashMap<ColumnOp, ColumnId, BuildHasherDefault<MultiplyHasher>>,
    bits_ids: HashMap<BitsOp, BitsId, BuildHasherDefault<MultiplyHasher>>,
    call_ids: HashMap<Call, CallId, BuildHasherDefault<MultiplyHasher>>,
}

impl Graph {
    pub(crate) fn column(&mut self, op: ColumnOp) -> ColumnId {
        if let Some(id) = self.column_ids.get(&op) {
            return *id;
        }
        let lookback = self.lookback_of(op);
        let id = ColumnId(self.columns.len() as u32);
        self.columns.push(Node { op, lookback });
        self.steps.push(Step::Column(id));
        self.column_ids.insert(op, id);
        id
    }

    /// Bars before the first value of an output of a call.
    pub(crate) fn lookback_of_call(&self, call: &Call, output: u8) -> u32 {
        if let Some(id) = self.call_ids.get(call) {
            return self.lookback(ColumnId(self.calls[id.0 as usize].first.0 + u32::from(output)));
        }
        let own = kernels::make(call.kernel, &call.numbers()).lookback(usize::from(output));
        self.lookback_before(call)
            .saturating_add(u32::try_from(own).unwrap_or(u32::MAX))
    }

    fn lookback_before(&self, call: &Call) -> u32 {
        call.inputs.iter().map(|input| self.lookback(*input)).max().unwrap_or(0)
    }

    /// A call with its outputs, each with its own lookback.
    pub(crate) fn call(&mut self, call: Call, output: u8) -> ColumnId {
        let known = self.call_ids.get(&call).copied();
        let id = known.unwrap_or_else(|| self.place(call));
        let placed = &mut self.calls[id.0 as usize];
        placed.wanted |= 1 << output;
        ColumnId(placed.first.0 + u32::from(output))
    }

    fn place(&mut self, call: Call) -> CallId {
        let walker = kernels::make(call.kernel, &call.numbers());
        let before = self.lookback_before(&call);
        let (id, first) = (CallId(self.calls.len() as u32), ColumnId(self.columns.len() as u32));
        let outputs = walker.outputs();
        for output in 0..outputs {
            let own = u32::try_from(walker.lookback(output)).unwrap_or(u32::MAX);
            self.columns.push(Node {
                op: ColumnOp::Output(id, output as u8),
                lookback: before.saturating_add(own),
            });
        }
        self.steps.push(Step::Call(id));
        self.call_ids.insert(call.clone(), id);
        let outputs = outputs as u32;
        self.calls.push(PlacedCall {
            call,
            first,
            outputs,
            wanted: 0,
        });
        id
    }

    pub(crate) fn bits(&mut self, op: BitsOp) -> BitsId {
        if let Some(id) = self.bits_ids.get(&op) {
            return *id;
        }
        let lookback = self.lookback_of_bits(op);
        let id = BitsId(self.bits.len() as u32);
        if let BitsOp::Cross { a, b, .. } = op {
            for (offset, up) in [(0, true), (1, false)] {
                let op = BitsOp::Cross { a, b, up };
                self.bits.push(Node { op, lookback });
                self.bits_ids.insert(op, BitsId(id.0 + offset));
            }
            self.steps.push(Step::Cross { a, b, up: id });
            return self.bits_ids[&op];
        }
        self.bits.push(Node { op, lookback });
        self.steps.push(Step::Bits(id));
        self.bits_ids.insert(op, id);
        id
    }

    pub(crate) fn lookback(&self, column: ColumnId) -> u32 {
        self.columns[column.0 as usize].lookback
    }

    pub(crate) fn bits_lookback(&self, bits: BitsId) -> u32 {
        self.bits[bits.0 as usize].lookback
    }

    fn operand_lookback(&self, operand: Operand) -> u32 {
        match operand {
            Operand::Column(column) => self.lookback(column),
            Operand::Number(_) => 0,
        }
    }

    pub(crate) fn lookback_of(&self, op: ColumnOp) -> u32 {
        use ColumnOp as Op;
        match op {
            Op::Source(_) | Op::Constant(_) | Op::Clock(_) => 0,
            Op::Never(lookback) | Op::Elsewhere { lookback, .. } => lookback,
            Op::Negate(x) | Op::Function(_, x) => self.lookback(x),
            // The fallback is there before what it stands in for.
            Op::Pairwise(Pairwise::Function(Elementwise::Nz), _, fallback) => self.operand_lookback(fallback),
            Op::Pairwise(_, a, b) => self.operand_lookback(a).max(self.operand_lookback(b)),
            Op::Select {
                holds,
                fails,
                then,
                otherwise,
            } => {
                let condition = self.bits_lookback(holds).max(self.bits_lookback(fails));
                condition
                    .max(self.operand_lookback(then))
                    .max(self.operand_lookback(otherwise))
            }
            Op::Delay(x, n) => self.lookback(x).saturating_add(n),
            Op::Sum(x, n) | Op::Mean(x, n) | Op::Wilder(x, n) => self.lookback(x).saturating_add(n - 1),
            Op::Output(..) => unreachable!("the columns of a call are placed with it"),
            Op::Ema { x, n, skip } => self.lookback(x).saturating_add(n - 1).saturating_add(skip),
            Op::BarsSince(bits) => self.bits_lookback(bits),
        }
    }

    fn lookback_of_bits(&self, op: BitsOp) -> u32 {
        match op {
            BitsOp::Flag(_) => 0,
            BitsOp::Compare(_, a, b) => self.operand_lookback(a).max(self.operand_lookback(b)),
            BitsOp::Cross { a, b, .. } => self.operand_lookback(a).max(self.operand_lookback(b)).saturating_add(1),
            BitsOp::IsNull(x) => self.lookback(x),
            BitsOp::And(a, b) | BitsOp::Or(a, b) | BitsOp::Nor(a, b) => self.bits_lookback(a).max(self.bits_lookback(b)),
            BitsOp::Delay(x, n) => self.bits_lookback(x).saturating_add(n),
        }
    }
}

impl Call {
    pub(crate) fn numbers(&self) -> Vec<f64> {
        self.numbers.iter().map(|bits| f64::from_bits(*bits)).collect()
    }
}

/// Multiplies and rotates: the keys are small and come from strategies, not from the network, and the order of the map never
/// shows.
#[derive(Default)]
pub(crate) struct MultiplyHasher(u64);

impl MultiplyHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

impl Hasher for MultiplyHasher {
    fn finish(&self) -> u64 {
        // The table takes its bucket from the low bits and its tag from the high ones.
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.add(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.add(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.add(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.add(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.add(value as u64);
    }
}
