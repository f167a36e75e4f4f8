//! What is kept between tiles, and in which order nodes are computed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use assay_engine::Market;

use crate::buffers::{Buffers, Kept, Window};
use crate::fused::{self, Fused};
use crate::graph::{BitsId, CallId, ColumnId, ColumnOp, Operand, Source, Step};
use crate::kernels::smoothing::{Smoothing, TOGETHER};
use crate::kernels::{BarsSince, Instance};
use crate::program::Program;
use crate::scales::{Scales, to_integer};
use crate::series;
use crate::simd::LastBar;

/// Averages of one series worth running side by side.
const FEWEST_TOGETHER: usize = 3;

/// What a column keeps from tile to tile.
#[derive(Debug)]
pub(super) enum Kernel {
    None,
    ExactSum {
        sum: usize,
        n: usize,
        divisor: f64,
        small: bool,
    },
    Sum(Instance),
    Smoothing(Smoothing),
    BarsSince(BarsSince),
}

#[derive(Debug)]
pub(super) enum Work {
    Column(ColumnId),
    Call {
        id: CallId,
        instance: Instance,
    },
    Bits(BitsId),
    Cross {
        a: Operand,
        b: Operand,
        up: BitsId,
        last: LastBar,
    },
    Together {
        x: ColumnId,
        members: Vec<ColumnId>,
    },
    Fused(Fused),
}

/// Sums of a market's column from the first bar on, as wrapping integers.
#[derive(Debug)]
pub(super) struct PrefixSum {
    source: Source,
    factor: f64,
    history: usize,
    total: i64,
    values: Option<Buffers<i64>>,
}

/// A sum or mean: exact if the market holds the column.
pub(super) fn sum_kernel(source: Option<Source>, n: u32, mean: bool, scales: &Scales, sums: &mut Vec<PrefixSum>) -> Kernel {
    let count = if mean { f64::from(n) } else { 1.0 };
    let exact = source.and_then(|source| Some((source, scales.for_window(source, n)?)));
    let Some((source, scale)) = exact else {
        return Kernel::Sum(Instance::sum(n, count));
    };
    let known = sums.iter().position(|sum| sum.source == source && sum.factor == scale.factor);
    let sum = known.unwrap_or_else(|| {
        sums.push(PrefixSum {
            source,
            factor: scale.factor,
            history: 0,
            total: 0,
            values: None,
        });
        sums.len() - 1
    });
    sums[sum].history = sums[sum].history.max(n as usize);
    Kernel::ExactSum {
        sum,
        n: n as usize,
        divisor: count * scale.factor,
        small: scale.small,
    }
}

/// The state of any other column before the first bar.
pub(super) fn kernel(op: ColumnOp) -> Kernel {
    match op {
        ColumnOp::Ema { n, skip, .. } => Kernel::Smoothing(Smoothing::exponential(n, skip)),
        ColumnOp::Wilder(_, n) => Kernel::Smoothing(Smoothing::wilder(n)),
        ColumnOp::BarsSince(_) => Kernel::BarsSince(BarsSince::default()),
        _ => Kernel::None,
    }
}

/// The steps in order, averages of one series gathered into groups where the first of them stands. Where nothing but some results
/// is asked for, chains of steps are fused; for those it is good to know from which bar on columns are never null.
pub(super) fn schedule(program: &Program, results: Option<(&BTreeSet<ColumnId>, &[usize])>) -> Vec<Work> {
    let graph = &program.graph;
    let mut by_series: BTreeMap<ColumnId, Vec<ColumnId>> = BTreeMap::new();
    for step in &graph.steps {
        if let Step::Column(id) = step
            && let ColumnOp::Ema { x, .. } | ColumnOp::Wilder(x, _) = graph.columns[id.0 as usize].op
        {
            by_series.entry(x).or_default().push(*id);
        }
    }
    let mut groups = BTreeMap::new();
    for (x, averages) in &by_series {
        for members in averages.chunks(TOGETHER).filter(|members| members.len() >= FEWEST_TOGETHER) {
            for (k, member) in members.iter().enumerate() {
                groups.insert(*member, (k == 0).then(|| (*x, members.to_vec())));
            }
        }
    }
    let fused = results.map(|(results, known_from)| fused::plan(graph, results, known_from, |id| groups.contains_key(&id)));
    let (mut chains, members) = fused.unwrap_or_default();
    let steps = graph.steps.iter().enumerate().filter_map(|(at, step)| match *step {
        _ if chains.contains_key(&at) => chains.remove(&at).map(Work::Fused),
        _ if members.contains(&at) => None,
        Step::Column(id) => match groups.remove(&id) {
            Some(Some((x, members))) => Some(Work::Together { x, members }),
            Some(None) => None,
            None => Some(Work::Column(id)),
        },
        Step::Call(id) => {
            let placed = &graph.calls[id.0 as usize];
            let instance = Instance::of(placed.call.kernel, placed.call.numbers(), placed.wanted);
            Some(Work::Call { id, instance })
        }
        Step::Bits(id) => Some(Work::Bits(id)),
        Step::Cross { a, b, up } => Some(Work::Cross {
            a,
            b,
            up,
            last: LastBar::default(),
        }),
    });
    steps.collect()
}

impl PrefixSum {
    pub(super) fn advance(&mut self, market: &Market, tile: &Range<usize>, done: usize) {
        let history = self.history;
        let values = self
            .values
            .get_or_insert_with(|| Buffers::new(&[Some(history)], tile.len(), 0, Kept::default()));
        values.advance(done, tile.len());
        let x = &series::values(market, self.source)[tile.clone()];
        let out = values.tile_mut(0, tile.len());
        // In two loops: the first takes several values at a time, the second cannot.
        for (out, x) in out.iter_mut().zip(x) {
            *out = to_integer(*x, self.factor);
        }
        let mut total = self.total;
        for out in out {
            total = total.wrapping_add(*out);
            *out = total;
        }
        self.total = total;
    }

    pub(super) fn window(&self, len: usize) -> Window<'_, i64> {
        let values = self.values.as_ref().expect("sums are advanced before columns");
        values.earlier().window(0, len)
    }
}
