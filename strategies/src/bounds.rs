//! How large the values of a column can be, from the market's columns on through the graph: what lies within bounds is never null
//! from its warm-up on, so that nobody needs to look for nulls in it, nor for infinities.

use assay_engine::Market;
use assay_lang::{BinaryOp, Elementwise, Kernel};

use crate::graph::{Call, ColumnId, ColumnOp, Graph, Operand, Pairwise};
use crate::series;

/// Products of a few values up to this are finite.
const LARGEST: f64 = 1e60;
/// No less than what rounding adds to averages and sums.
const ROUNDING: f64 = 1.01;

/// Of absolute values.
#[derive(Debug, Clone, Copy)]
struct Bound {
    largest: f64,
    /// 0 where values may be 0.
    least: f64,
    /// All values are multiples of it, a power of two; 0 where that is not known.
    granule: f64,
}

impl Bound {
    fn of(largest: f64) -> Self {
        Self {
            largest,
            least: 0.0,
            granule: 0.0,
        }
    }

    fn number(value: f64) -> Self {
        Self {
            largest: value.abs(),
            least: value.abs(),
            granule: granule(value.abs()),
        }
    }
}

/// What a number and all multiples of a power of two above it have in common; 0 where it is too small to tell.
fn granule(least: f64) -> f64 {
    if least.is_infinite() {
        return 1.0;
    }
    let (_, exponent) = libm::frexp(least);
    if exponent < -150 {
        0.0
    } else {
        libm::scalbn(1.0, exponent - 53)
    }
}

/// The bar from which on a column is never null, and finite; `usize::MAX` where that is not known.
pub(crate) fn known_from(graph: &Graph, market: &Market) -> Vec<usize> {
    let mut bounds: Vec<Option<Bound>> = Vec::with_capacity(graph.columns.len());
    for node in &graph.columns {
        let bound = bound(graph, market, &bounds, node.op);
        bounds.push(bound.filter(|bound| bound.largest <= LARGEST));
    }
    let nodes = bounds.iter().zip(&graph.columns);
    nodes
        .map(|(bound, node)| bound.map_or(usize::MAX, |_| node.lookback as usize))
        .collect()
}

fn bound(graph: &Graph, market: &Market, known: &[Option<Bound>], op: ColumnOp) -> Option<Bound> {
    let of = |x: ColumnId| known[x.0 as usize];
    let operand = |operand: Operand| match operand {
        Operand::Column(x) => of(x),
        Operand::Number(bits) => Some(f64::from_bits(bits)).filter(|x| x.is_finite()).map(Bound::number),
    };
    Some(match op {
        ColumnOp::Source(source) => {
            let shape = market.shape(series::column(market, source)?);
            if shape.largest.is_nan() {
                return None;
            }
            Bound {
                largest: shape.largest,
                least: shape.least,
                granule: granule(shape.least_above_0),
            }
        }
        ColumnOp::Constant(value) => operand(Operand::Number(value))?,
        ColumnOp::Negate(x) | ColumnOp::Function(Elementwise::Abs, x) | ColumnOp::Delay(x, _) => of(x)?,
        // Where the first is null, it is the second.
        ColumnOp::Pairwise(Pairwise::Function(Elementwise::Nz), a, b) => {
            Bound::of(operand(a)?.largest.max(operand(b)?.largest))
        }
        ColumnOp::Pairwise(op, a, b) => pairwise(op, operand(a)?, operand(b)?)?,
        ColumnOp::Sum(x, n) => Bound::of(of(x)?.largest * f64::from(n) * ROUNDING),
        ColumnOp::Mean(x, _) | ColumnOp::Ema { x, .. } | ColumnOp::Wilder(x, _) => Bound::of(of(x)?.largest * ROUNDING),
        ColumnOp::Output(call, output) => kernel(&graph.calls[call.0 as usize].call, output, market.len(), of)?,
        ColumnOp::Function(..)
        | ColumnOp::Never(_)
        | ColumnOp::Clock(_)
        | ColumnOp::Select { .. }
        | ColumnOp::BarsSince(_)
        | ColumnOp::Elsewhere { .. } => return None,
    })
}

fn pairwise(op: Pairwise, a: Bound, b: Bound) -> Option<Bound> {
    let granule = a.granule.min(b.granule);
    let either = |largest: f64| Bound {
        largest,
        least: 0.0,
        granule,
    };
    Some(match op {
        Pairwise::Operator(BinaryOp::Add | BinaryOp::Sub) => either((a.largest + b.largest) * ROUNDING),
        Pairwise::Operator(BinaryOp::Mul) => Bound {
            granule: a.granule * b.granule,
            ..either(a.largest * b.largest * ROUNDING)
        },
        Pairwise::Operator(BinaryOp::Div) if b.least > 0.0 => Bound::of(a.largest / b.least * ROUNDING),
        Pairwise::Function(Elementwise::Max | Elementwise::Min) => Bound {
            least: a.least.min(b.least),
            ..either(a.largest.max(b.largest))
        },
        Pairwise::Function(Elementwise::Mask) => a,
        // What is not 0 is a granule at least.
        Pairwise::Function(Elementwise::Ratio) if b.granule > 0.0 => Bound::of(a.largest / b.granule * ROUNDING),
        Pairwise::Function(Elementwise::Share) if b.granule > 0.0 => Bound::of(a.largest / b.granule * 100.0 * ROUNDING),
        _ => return None,
    })
}

fn kernel(call: &Call, output: u8, bars: usize, of: impl Fn(ColumnId) -> Option<Bound>) -> Option<Bound> {
    let inputs: Option<Vec<Bound>> = call.inputs.iter().map(|input| of(*input)).collect();
    let inputs = inputs?;
    let largest = inputs.iter().fold(0.0, |most: f64, input| most.max(input.largest)) * ROUNDING;
    let n = call.numbers.first().map_or(0.0, |bits| f64::from_bits(*bits));
    Some(match call.kernel {
        Kernel::Highest | Kernel::Lowest => inputs[0],
        Kernel::WeightedMean | Kernel::Smooth | Kernel::HeikinAshi => Bound::of(largest),
        Kernel::AdOscillator => Bound::of(2.0 * largest),
        Kernel::CumulativeSum => Bound::of(largest * bars as f64),
        Kernel::Cascade => {
            let weights = call.numbers[1..].iter().map(|bits| f64::from_bits(*bits).abs());
            Bound::of(largest * weights.sum::<f64>() * ROUNDING)
        }
        // A line through n values leaves their range by a few times its size at most.
        Kernel::Regression if output < 4 && n > 1.0 => Bound::of(largest * 100.0),
        Kernel::Deviation | Kernel::MeanDeviation => Bound::of(largest * 4.0),
        Kernel::Variance => Bound::of(largest * largest * 4.0),
        Kernel::Rsi | Kernel::ChandeMomentum | Kernel::Candle(_) => Bound::of(1_000.0),
        Kernel::HighestAge | Kernel::LowestAge | Kernel::EarliestHighestAge | Kernel::EarliestLowestAge => Bound::of(n),
        _ => return None,
    })
}
