//! The graph: every distinct computation once, however many trials ask for it.
//!
//! Nodes are numbers per bar (columns) or conditions per bar (bits). A condition with null is kept as two bit columns, where it
//! holds and where it does not; a bar in neither is null. So `not` swaps, `and` and `or` are one operation each, and the
//! second column is only computed where a rule asks for it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use assay_lang::{BinaryOp, FunctionId};

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

/// A part of a bar's start in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ClockField {
    Minute,
    Hour,
    DayOfWeek,
    DayOfMonth,
    Month,
}

/// Two numbers to one, bar by bar; null where either is, except for `Nz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Pairwise {
    /// An arithmetic operator.
    Operator(BinaryOp),
    Min,
    Max,
    Nz,
    /// The first where both are defined.
    Mask,
    /// `100 a / b`, and 0 where b is: the stochastic of a flat market, as TA-Lib has it.
    Share,
}

/// How a column is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ColumnOp {
    Source(Source),
    /// One number at every bar.
    Constant(u64),
    /// Null at every bar there is: the first value would come so many bars in.
    Never(u32),
    Clock(ClockField),
    Negate(ColumnId),
    Function(FunctionId, ColumnId),
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
    WeightedMean(ColumnId, u32),
    /// Exponential average seeded with the mean of the `n` values after the first `skip` defined ones.
    Ema {
        x: ColumnId,
        n: u32,
        skip: u32,
    },
    Wilder(ColumnId, u32),
    Rsi(ColumnId, u32),
    /// Standard deviation, of the population or (n - 1) of a sample.
    Deviation {
        x: ColumnId,
        n: u32,
        sample: bool,
    },
    Highest(ColumnId, u32),
    Lowest(ColumnId, u32),
    BarsSince(BitsId),
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
    pub(crate) steps: Vec<Step>,
    column_ids: HashMap<ColumnOp, ColumnId, BuildHasherDefault<MultiplyHasher>>,
    bits_ids: HashMap<BitsOp, BitsId, BuildHasherDefault<MultiplyHasher>>,
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
            Op::Never(lookback) => lookback,
            Op::Negate(x) | Op::Function(_, x) => self.lookback(x),
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
            Op::Delay(x, n) | Op::Rsi(x, n) => self.lookback(x).saturating_add(n),
            Op::Sum(x, n)
            | Op::Mean(x, n)
            | Op::WeightedMean(x, n)
            | Op::Wilder(x, n)
            | Op::Deviation { x, n, .. }
            | Op::Highest(x, n)
            | Op::Lowest(x, n) => self.lookback(x).saturating_add(n - 1),
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
