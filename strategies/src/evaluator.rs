//! Computes a program tile after tile.

mod state;

use std::collections::BTreeSet;
use std::ops::Range;

use assay_engine::{Market, SignalTile};

use self::state::{Kernel, PrefixSum, Work, kernel, schedule, sum_kernel};
use crate::bits;
use crate::bounds::known_from;
use crate::buffers::{Buffers, Earlier, Kept, Window};
use crate::elementwise::{function_tile, negate_tile, pairwise_tile, select_tile};
use crate::elsewhere::Walk;
use crate::fused::{Fused, Target};
use crate::graph::{BitsId, BitsOp, CallId, ColumnId, ColumnOp, Comparison, Operand};
use crate::kernels::clock;
use crate::kernels::smoothing::{Smoothing, TOGETHER, run_together};
use crate::kernels::{Instance, Known};
use crate::program::Program;
use crate::scales::Scales;
use crate::series;
use crate::simd::{self, Lane, Level, Predicate};

/// The state of a program at a place in time, and the values of the present tile.
///
/// ```
/// # use assay_strategies::{Evaluator, Program};
/// # fn example(program: &Program, market: &assay_engine::Market) {
/// let mut evaluator = Evaluator::new(program, market);
/// for from in (0..market.len()).step_by(assay_strategies::TILE) {
///     evaluator.advance(from..market.len().min(from + assay_strategies::TILE));
///     let signals = evaluator.signals(0);
///     assert_eq!(signals.exit_short.len(), 0);
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Evaluator<'a> {
    program: &'a Program,
    market: &'a Market,
    level: Level,
    columns: Option<Buffers<f64>>,
    bits: Option<Buffers<u64>>,
    /// Columns of which all values are kept, in their order.
    kept: Vec<u32>,
    /// The bar from which on each column is never null, where that is known.
    known_from: Vec<usize>,
    sums: Vec<PrefixSum>,
    kernels: Vec<Kernel>,
    work: Vec<Work>,
    /// Whether the tile of a column is plain, where that was asked.
    plain: Vec<Option<bool>>,
    scratch: [Vec<f64>; TOGETHER],
    besides: Vec<Walk<'a>>,
    tile: Range<usize>,
}

impl<'a> Evaluator<'a> {
    /// Before the first bar, with the best instructions of this processor.
    pub fn new(program: &'a Program, market: &'a Market) -> Self {
        let scales = Self::scales(program, market);
        Self::with(program, market, &scales, Level::detect())
    }

    /// [`Evaluator::new`] for results: all values of some columns are kept, and no others can be asked for. Those of the market, and
    /// delays, have no values of their own to be kept.
    pub(crate) fn keeping(program: &'a Program, market: &'a Market, results: impl Iterator<Item = ColumnId>) -> Self {
        let nodes = &program.graph.columns;
        let own = |id: &ColumnId| !matches!(nodes[id.0 as usize].op, ColumnOp::Source(_) | ColumnOp::Delay(..));
        let results: BTreeSet<ColumnId> = results.collect();
        let evaluator = Self::new(program, market);
        Self {
            work: schedule(program, Some((&results, &evaluator.known_from))),
            kept: results.iter().filter(|id| own(id)).map(|id| id.0).collect(),
            ..evaluator
        }
    }

    /// The scales of the market's columns that the program sums; evaluators of the same market may share them.
    pub fn scales(program: &Program, market: &Market) -> Scales {
        let columns = &program.graph.columns;
        let summed = columns.iter().filter_map(|node| match node.op {
            ColumnOp::Sum(x, _) | ColumnOp::Mean(x, _) => match columns[x.0 as usize].op {
                ColumnOp::Source(source) => Some(source),
                _ => None,
            },
            _ => None,
        });
        Scales::measure(market, summed)
    }

    /// [`Evaluator::new`] with everything given. Results depend on the scales by rounding, and not on the level.
    pub fn with(program: &'a Program, market: &'a Market, scales: &Scales, level: Level) -> Self {
        let mut sums = Vec::new();
        let columns = &program.graph.columns;
        let kernels = columns.iter().map(|node| {
            let source = |x: ColumnId| match columns[x.0 as usize].op {
                ColumnOp::Source(source) => Some(source),
                _ => None,
            };
            match node.op {
                ColumnOp::Sum(x, n) => sum_kernel(source(x), n, false, scales, &mut sums),
                ColumnOp::Mean(x, n) => sum_kernel(source(x), n, true, scales, &mut sums),
                op => kernel(op),
            }
        });
        let kernels = kernels.collect();
        Self {
            program,
            market,
            level: simd::available(level),
            columns: None,
            bits: None,
            kept: Vec::new(),
            known_from: known_from(&program.graph, market),
            sums,
            kernels,
            work: schedule(program, None),
            plain: vec![None; columns.len()],
            scratch: std::array::from_fn(|_| Vec::new()),
            besides: walks(program, level),
            tile: 0..0,
        }
    }

    /// Whether all values of a column are kept.
    pub(crate) fn keeps(&self, column: ColumnId) -> bool {
        self.kept.binary_search(&column.0).is_ok()
    }

    /// The columns that were kept, as far as bars went.
    pub(crate) fn into_kept(self) -> impl Iterator<Item = (ColumnId, Vec<f64>)> {
        let kept = self.columns.map(Buffers::into_kept);
        kept.into_iter().flatten().map(|(node, values)| (ColumnId(node), values))
    }

    /// Computes the next tile. Tiles follow each other from bar 0, begin at multiples of 64 bars, and are never longer than the
    /// first one.
    ///
    /// # Panics
    /// The tile is not such a tile.
    pub fn advance(&mut self, tile: Range<usize>) {
        let (done, len) = (self.tile.len(), tile.len());
        assert!(
            tile.start == self.tile.end && tile.start.is_multiple_of(64),
            "tiles follow each other at whole words"
        );
        assert!(len > 0 && tile.end <= self.market.len(), "a tile lies within the market");
        let words = |bars: usize| bars.div_ceil(64);
        let program = self.program;
        let mut columns = self.columns.take().unwrap_or_else(|| {
            let fused = self.work.iter().filter_map(|work| match work {
                Work::Fused(fused) => Some(fused.stored()),
                _ => None,
            });
            let kept = Kept {
                nodes: self.kept.clone(),
                appended: fused.flatten().map(|id| id.0).collect(),
                bars: self.market.len(),
            };
            Buffers::new(&program.column_histories, len, f64::NAN, kept)
        });
        let mut bits = self
            .bits
            .take()
            .unwrap_or_else(|| Buffers::new(&program.bits_histories, words(len), 0, Kept::default()));
        columns.advance(done, len);
        bits.advance(words(done), words(len));
        for sum in &mut self.sums {
            sum.advance(self.market, &tile, done);
        }
        for beside in &mut self.besides {
            beside.advance(self.market, &tile, |column, bars, value| {
                columns.tile_mut(column.0, len)[bars].fill(value);
            });
        }
        let mut work = std::mem::take(&mut self.work);
        let mut plain = std::mem::take(&mut self.plain);
        plain.fill(None);
        for work in &mut work {
            match work {
                Work::Column(id) => self.run_column(*id, &tile, &mut columns, &bits),
                Work::Call { id, instance } => self.run_call(*id, instance, &tile, &mut columns),
                Work::Bits(id) => self.run_bits(*id, &tile, &columns, &mut bits),
                Work::Cross { a, b, up, last } => {
                    let lane = |operand| self.lane(operand, &tile, columns.earlier());
                    let (up, down) = bits.pair(up.0, words(len));
                    let (lane_a, lane_b) = (lane(*a), lane(*b));
                    let mut is_plain = |operand, lane| match operand {
                        Operand::Column(id) => *plain[id.0 as usize].get_or_insert_with(|| simd::all_plain(self.level, lane)),
                        Operand::Number(_) => simd::all_plain(self.level, lane),
                    };
                    let plain = is_plain(*a, lane_a) && is_plain(*b, lane_b);
                    simd::cross(self.level, lane_a, lane_b, plain, last, up, down);
                }
                Work::Together { x, members } => self.run_group(*x, members, &tile, &mut columns),
                Work::Fused(fused) => self.run_fused(fused, &tile, &mut columns),
            }
        }
        (self.work, self.columns, self.bits) = (work, Some(columns), Some(bits));
        self.plain = plain;
        self.tile = tile;
    }

    /// The bars of the present tile.
    pub fn tile(&self) -> Range<usize> {
        self.tile.clone()
    }

    /// Words of a node over the tile; bits past its end are 0.
    pub fn bits(&self, id: BitsId) -> &[u64] {
        let words = self.tile.len().div_ceil(64);
        self.bits.as_ref().map_or(&[], |bits| bits.tile(id.0, words))
    }

    /// Values of a node over the tile; NaN is null.
    pub fn column(&self, id: ColumnId) -> &[f64] {
        if let ColumnOp::Source(source) = self.program.graph.columns[id.0 as usize].op {
            return &series::values(self.market, source)[self.tile.clone()];
        }
        self.columns
            .as_ref()
            .map_or(&[], |columns| self.window(id, &self.tile, columns.earlier()).tile())
    }

    /// Everything the engine needs of a trial over the tile.
    pub fn signals(&self, trial: usize) -> SignalTile<'_> {
        let plan = &self.program.trials[trial];
        let bits = |id: Option<BitsId>| id.map_or(&[][..], |id| self.bits(id));
        let column = |id: Option<ColumnId>| id.map_or(&[][..], |id| self.column(id));
        SignalTile {
            enter_long: bits(plan.enter_long),
            exit_long: bits(plan.exit_long),
            enter_short: bits(plan.enter_short),
            exit_short: bits(plan.exit_short),
            stop: column(plan.stop),
            target: column(plan.target),
            trail: column(plan.trail),
            volatility: column(plan.volatility),
        }
    }

    fn window<'b>(&'b self, id: ColumnId, tile: &Range<usize>, earlier: Earlier<'b, f64>) -> Window<'b, f64> {
        match self.program.graph.columns[id.0 as usize].op {
            ColumnOp::Source(source) => Window {
                values: &series::values(self.market, source)[..tile.end],
                at: tile.start,
            },
            ColumnOp::Delay(x, n) if shows_its_series(n, tile) => {
                let window = self.window(x, tile, earlier);
                Window {
                    values: &window.values[..window.values.len() - n as usize],
                    at: window.at - n as usize,
                }
            }
            _ => earlier.window(id.0, tile.len()),
        }
    }

    fn lane<'b>(&'b self, operand: Operand, tile: &Range<usize>, earlier: Earlier<'b, f64>) -> Lane<'b> {
        match operand {
            Operand::Column(id) => Lane::Slice(self.window(id, tile, earlier).tile()),
            Operand::Number(bits) => Lane::Number(f64::from_bits(bits)),
        }
    }

    fn run_column(&mut self, id: ColumnId, tile: &Range<usize>, columns: &mut Buffers<f64>, bits: &Buffers<u64>) {
        let op = self.program.graph.columns[id.0 as usize].op;
        match op {
            ColumnOp::Source(_) | ColumnOp::Elsewhere { .. } => return,
            ColumnOp::Delay(_, n) if shows_its_series(n, tile) => return,
            _ => {}
        }
        let mut kernel = std::mem::replace(&mut self.kernels[id.0 as usize], Kernel::None);
        let (earlier, out) = columns.split(id.0, tile.len());
        let window = |x: ColumnId| self.window(x, tile, earlier);
        let lane = |operand: Operand| self.lane(operand, tile, earlier);
        let words = |id: BitsId| bits.tile(id.0, tile.len().div_ceil(64));
        match (op, &mut kernel) {
            (ColumnOp::Constant(value), _) => out.fill(f64::from_bits(value)),
            (ColumnOp::Never(_), _) => out.fill(f64::NAN),
            (ColumnOp::Clock(field), _) => clock::run(field, self.market, tile.clone(), out),
            (ColumnOp::Negate(x), _) => negate_tile(self.level, window(x).tile(), out),
            (ColumnOp::Function(function, x), _) => function_tile(self.level, function, window(x).tile(), out),
            (ColumnOp::Pairwise(op, a, b), _) => pairwise_tile(self.level, op, lane(a), lane(b), out),
            (
                ColumnOp::Select {
                    holds,
                    fails,
                    then,
                    otherwise,
                },
                _,
            ) => select_tile(self.level, words(holds), words(fails), lane(then), lane(otherwise), out),
            (ColumnOp::Delay(x, n), _) => delay(window(x), n as usize, out),
            (_, Kernel::ExactSum { sum, n, divisor, small }) => {
                let prefix = self.sums[*sum].window(tile.len());
                let (newer, older) = (prefix.tile(), &prefix.values[prefix.at - *n..]);
                simd::divide_differences(self.level, newer, older, *divisor, *small, out);
                let undefined = (*n - 1).saturating_sub(tile.start).min(out.len());
                out[..undefined].fill(f64::NAN);
            }
            (ColumnOp::Sum(x, _) | ColumnOp::Mean(x, _), Kernel::Sum(instance)) => {
                let known = self.known(&[x], [id], tile);
                instance.run(self.level, known, &[window(x).tile()], &mut [out]);
            }
            (ColumnOp::Ema { x, .. } | ColumnOp::Wilder(x, _), Kernel::Smoothing(kernel)) => {
                kernel.run(self.level, window(x).tile(), out);
            }
            (ColumnOp::BarsSince(holds), Kernel::BarsSince(kernel)) => kernel.run(words(holds), out),
            (op, kernel) => unreachable!("{op:?} is never given {kernel:?}"),
        }
        self.kernels[id.0 as usize] = kernel;
    }

    /// What the bounds of a kernel's columns say of a tile.
    fn known(&self, inputs: &[ColumnId], outputs: impl IntoIterator<Item = ColumnId>, tile: &Range<usize>) -> Known {
        let from = |id: &ColumnId| self.known_from[id.0 as usize];
        Known {
            inputs: inputs.iter().all(|id| from(id) <= tile.start),
            // Infinities only come of sums and products; warm-up is null in any case.
            outputs: outputs.into_iter().all(|id| from(&id) < usize::MAX),
        }
    }

    fn run_call(&self, id: CallId, instance: &mut Instance, tile: &Range<usize>, columns: &mut Buffers<f64>) {
        let placed = &self.program.graph.calls[id.0 as usize];
        let (earlier, mut outputs) = columns.split_many(placed.first.0, placed.outputs, tile.len());
        let inputs = placed
            .call
            .inputs
            .iter()
            .map(|input| self.window(*input, tile, earlier).tile());
        let given = (0..placed.outputs)
            .filter(|output| placed.wanted >> output & 1 == 1)
            .map(|output| ColumnId(placed.first.0 + output));
        let known = self.known(&placed.call.inputs, given, tile);
        instance.run(self.level, known, &inputs.collect::<Vec<_>>(), &mut outputs);
    }

    fn run_group(&mut self, x: ColumnId, members: &[ColumnId], tile: &Range<usize>, columns: &mut Buffers<f64>) {
        let smoothing = |kernel: &Kernel| match kernel {
            Kernel::Smoothing(kernel) => kernel.clone(),
            other => unreachable!("a group of averages holds {other:?}"),
        };
        // A group of fewer repeats its first member in the places left over.
        let member = |k: usize| members.get(k).unwrap_or(&members[0]);
        let mut kernels: [Smoothing; TOGETHER] = std::array::from_fn(|k| smoothing(&self.kernels[member(k).0 as usize]));
        let mut scratch = std::mem::take(&mut self.scratch);
        for out in &mut scratch {
            out.resize(tile.len(), 0.0);
        }
        run_together(
            self.level,
            &mut kernels,
            self.window(x, tile, columns.earlier()).tile(),
            &mut scratch,
        );
        for ((id, kernel), out) in members.iter().zip(kernels).zip(&scratch) {
            columns.tile_mut(id.0, tile.len()).copy_from_slice(out);
            self.kernels[id.0 as usize] = Kernel::Smoothing(kernel);
        }
        self.scratch = scratch;
    }

    fn run_fused(&self, fused: &mut Fused, tile: &Range<usize>, columns: &mut Buffers<f64>) {
        let mut stored: Vec<(Vec<f64>, usize)> = fused.stored().map(|id| columns.take(id.0)).collect();
        let inputs = fused.inputs().map(|id| self.window(id, tile, columns.earlier()).tile());
        let inputs: Vec<&[f64]> = inputs.collect();
        let targets = fused.stored().zip(&mut stored).map(|(id, (values, at))| {
            if self.keeps(id) {
                Target::End(values)
            } else {
                Target::Tile(&mut values[*at..*at + tile.len()])
            }
        });
        let mut targets: Vec<Target<'_>> = targets.collect();
        fused.run(self.level, tile.clone(), &inputs, &mut targets);
        drop(targets);
        for (id, (values, _)) in fused.stored().zip(stored) {
            columns.give_back(id.0, values);
        }
    }

    fn run_bits(&self, id: BitsId, tile: &Range<usize>, columns: &Buffers<f64>, bits: &mut Buffers<u64>) {
        let bars = tile.len();
        let count = bars.div_ceil(64);
        let (earlier, out) = bits.split(id.0, count);
        let words = |id: BitsId| earlier.window(id.0, count);
        let lane = |operand: Operand| self.lane(operand, tile, columns.earlier());
        match self.program.graph.bits[id.0 as usize].op {
            BitsOp::Flag(value) => bits::fill(value, bars, out),
            BitsOp::Compare(comparison, a, b) => {
                let predicate = match comparison {
                    Comparison::Gt => Predicate::Gt,
                    Comparison::Ge => Predicate::Ge,
                    Comparison::Eq => Predicate::Eq,
                    Comparison::Ne => Predicate::Ne,
                };
                simd::compare(self.level, predicate, lane(a), lane(b), bars, out);
            }
            BitsOp::IsNull(x) => {
                let x = lane(Operand::Column(x));
                simd::compare(self.level, Predicate::Unordered, x, x, bars, out);
            }
            BitsOp::And(a, b) => bits::combine(words(a).tile(), words(b).tile(), out, |a, b| a & b),
            BitsOp::Or(a, b) => bits::combine(words(a).tile(), words(b).tile(), out, |a, b| a | b),
            BitsOp::Nor(a, b) => {
                bits::combine(words(a).tile(), words(b).tile(), out, |a, b| !(a | b));
                bits::mask(bars, out);
            }
            BitsOp::Delay(x, n) => bits::delay(words(x), n, bars, out),
            BitsOp::Cross { .. } => unreachable!("crossings have a step of their own"),
        }
    }
}

fn walks(program: &Program, level: Level) -> Vec<Walk<'_>> {
    let besides = program.besides.iter().enumerate();
    besides
        .map(|(at, beside)| Walk::new(beside, at, &program.graph, level))
        .collect()
}

/// Whether all values of a delay are values of its series, so that none need be copied.
fn shows_its_series(n: u32, tile: &Range<usize>) -> bool {
    tile.start >= n as usize
}

/// The values `n` bars before; null where there are none.
fn delay(x: Window<'_, f64>, n: usize, out: &mut [f64]) {
    let missing = n.saturating_sub(x.at).min(out.len());
    out[..missing].fill(f64::NAN);
    if missing < out.len() {
        let from = x.at + missing - n;
        let rest = out.len() - missing;
        out[missing..].copy_from_slice(&x.values[from..from + rest]);
    }
}
