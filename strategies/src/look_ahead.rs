//! The look-ahead test: whether a value ever changes when later bars are added.
//!
//! The language has no way to write a later bar. This tests what computes it, on the user's own data.

use std::sync::Arc;

use assay_core::job::{Direction, Execution};
use assay_core::space::Point;
use assay_engine::Market;
use assay_engine::market::Ohlc;

use crate::error::StrategyError;
use crate::evaluator::Evaluator;
use crate::graph::{BitsId, ColumnId};
use crate::program::{NodeCount, Program, TILE};
use crate::simd::Level;
use crate::strategy::Strategy;

/// Bars looked at; the test takes several passes.
const MOST_BARS: usize = 200_000;

/// What the look-ahead test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookAhead {
    /// Bars of the whole data that was used.
    pub bars: usize,
    /// Where the data was cut, in bars.
    pub cuts: Vec<usize>,
    /// Nodes compared bit by bit at every bar before each cut.
    pub nodes: NodeCount,
    /// The first difference, if any.
    pub difference: Option<Difference>,
}

/// A value that changed when later bars were added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What was computed.
    pub node: String,
    /// Where the data was cut.
    pub cut: usize,
    /// First bar of the tile in which it differs.
    pub bar: usize,
}

/// Computes every node of one trial on data cut at several bars, and compares the bits with those on the whole data.
///
/// # Errors
/// The strategy cannot run on this market, or not with this point of its own space.
pub fn look_ahead(strategy: &Strategy, market: &Market, point: &Point) -> Result<LookAhead, StrategyError> {
    let whole = first_bars(market, market.len().min(MOST_BARS));
    let execution = Execution {
        direction: Direction::Both,
        ..Execution::default()
    };
    let points = std::slice::from_ref(point);
    let mut program = Program::build(strategy, &execution, &strategy.space, points, &whole)?;
    if let Some(error) = program.failures.remove(&0) {
        return Err(error);
    }
    let n = whole.len();
    let mut cuts = vec![n / 4, n / 2, n * 5 / 8, n - n / 7, n.saturating_sub(64), n - 1];
    cuts.retain(|cut| *cut > 0);
    cuts.sort_unstable();
    cuts.dedup();
    let difference = cuts.iter().find_map(|cut| compare(&program, &whole, *cut));
    Ok(LookAhead {
        bars: n,
        cuts,
        nodes: program.nodes(),
        difference,
    })
}

fn compare(program: &Program, whole: &Market, cut: usize) -> Option<Difference> {
    let short = first_bars(whole, cut);
    let scales = Evaluator::scales(program, whole);
    let mut long_run = Evaluator::with(program, whole, &scales, Level::detect());
    let mut short_run = Evaluator::with(program, &short, &scales, Level::detect());
    for from in (0..cut).step_by(TILE) {
        long_run.advance(from..whole.len().min(from + TILE));
        short_run.advance(from..cut.min(from + TILE));
        if let Some(node) = differing(program, &long_run, &short_run) {
            return Some(Difference { node, cut, bar: from });
        }
    }
    None
}

/// The first node that differs over the tile of `short`.
fn differing(program: &Program, long: &Evaluator<'_>, short: &Evaluator<'_>) -> Option<String> {
    let bars = short.tile().len();
    for (id, node) in program.graph.columns.iter().enumerate() {
        let id = ColumnId(id as u32);
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        if !long.column(id)[..bars].iter().zip(short.column(id)).all(same) {
            return Some(format!("{:?}", node.op));
        }
    }
    let last = crate::simd::last_mask(bars);
    for (id, node) in program.graph.bits.iter().enumerate() {
        let id = BitsId(id as u32);
        let (a, b) = (&long.bits(id)[..bars.div_ceil(64)], short.bits(id));
        let end = a.len() - 1;
        if a[..end] != b[..end] || (a[end] ^ b[end]) & last != 0 {
            return Some(format!("{:?}", node.op));
        }
    }
    None
}

fn first_bars(market: &Market, n: usize) -> Market {
    let mut short = market.clone();
    let cut = |prices: &mut Ohlc| {
        for column in [&mut prices.open, &mut prices.high, &mut prices.low, &mut prices.close] {
            *column = column.slice(0, n);
        }
    };
    cut(&mut short.mid);
    if let Some(quotes) = &mut short.quotes {
        cut(&mut quotes.bid);
        cut(&mut quotes.ask);
    }
    short.time = short.time.slice(0, n);
    short.volume = short.volume.slice(0, n);
    Arc::make_mut(&mut short.days).truncate(n);
    short.window = short.window.start.min(n)..short.window.end.min(n);
    short
}
