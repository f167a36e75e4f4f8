//! The working set: a few thousand consecutive bars through which all trials pass while they stay in the cache.

use std::cmp::Ordering;
use std::ops::Range;

use crate::book::Moment;
use crate::equity::{BarTimes, simple_return};
use crate::fills::{DealTable, FillTable};
use crate::line::Line;
use crate::market::Market;
use crate::plan::{Checkpoint, Plan};

/// Bars in a tile. A multiple of 64, small enough that the columns of a sweep stay in the second-level cache.
pub const TILE: usize = 1_024;

/// One tile of a market, prepared for a plan.
#[derive(Debug)]
pub struct Tile<'a> {
    /// Index of the tile's first bar in the market.
    pub start: usize,
    /// Bars.
    pub len: usize,
    /// First bar in the tile that is traded.
    pub first: usize,
    /// Close of the bar before the tile; the first close at the market's start.
    pub close_before: f64,
    /// Mid closes.
    pub close: &'a [f64],
    /// What buyers pay.
    pub buy: Side4<'a>,
    /// What sellers get.
    pub sell: Side4<'a>,
    /// Lowest and highest price of buyers in the tile.
    pub buy_extremes: (f64, f64),
    /// Lowest and highest price of sellers in the tile.
    pub sell_extremes: (f64, f64),
    /// `len + 1` lines; empty unless the plan needs them.
    pub lines: &'a [Line],
    /// Fills at each bar; empty unless the plan alternates.
    pub fills: &'a FillTable,
    /// Deals at each bar; empty unless positions turn.
    pub(crate) deals: &'a DealTable,
    /// Buy-and-hold's return in each bar; empty unless equity is sampled by bar.
    pub benchmark: &'a [f64],
    /// Range minima of the close.
    pub lows: &'a RangeTable,
    /// Range maxima of the close.
    pub highs: &'a RangeTable,
    /// Range minima of what sellers get; only where the plan has levels and alternates.
    pub sell_lows: &'a RangeTable,
    /// Range maxima of what sellers get.
    pub sell_highs: &'a RangeTable,
    /// Bars of this tile at which something is sampled, with indices into the tile.
    pub checkpoints: &'a [Checkpoint],
    /// Times of all bars of the market.
    pub times: BarTimes<'a>,
}

/// Executable prices at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Quote {
    /// What a buyer pays.
    pub buy: f64,
    /// What a seller gets.
    pub sell: f64,
    /// When.
    pub at: Moment,
}

impl Tile<'_> {
    /// Sums over the bars of a holding before bar `to`: from its entry, or from the tile's first bar on.
    #[inline(always)]
    pub(crate) fn sums(&self, entered: Option<usize>, to: usize) -> Line {
        match entered {
            Some(e) => (self.lines[to] - self.lines[e + 1]) + self.fills.entered[e],
            None => self.lines[to],
        }
    }

    /// Lowest and highest close; only where the range tables are there.
    #[inline(always)]
    pub(crate) fn close_extremes(&self) -> (f64, f64) {
        (self.lows.min(0, self.len), self.highs.max(0, self.len))
    }

    /// Buy-and-hold's return in bar `i`; 0 where equity is not sampled by bar.
    #[inline(always)]
    pub(crate) fn benchmark_at(&self, i: usize) -> f64 {
        self.benchmark.get(i).copied().unwrap_or(0.0)
    }

    /// Prices at the open of bar `i`.
    #[inline(always)]
    pub fn opens(&self, i: usize) -> Quote {
        let bar = self.start + i;
        Quote {
            buy: self.buy.open[i],
            sell: self.sell.open[i],
            at: Moment {
                time: self.times.start[bar],
                bar,
            },
        }
    }

    /// Prices at the close of bar `i`.
    #[inline(always)]
    pub fn closes(&self, i: usize) -> Quote {
        let bar = self.start + i;
        let time = self.times.end(bar);
        Quote {
            buy: self.buy.close[i],
            sell: self.sell.close[i],
            at: Moment { time, bar },
        }
    }
}

impl std::fmt::Debug for BarTimes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BarTimes")
            .field("bars", &self.start.len())
            .field("length", &self.length)
            .finish()
    }
}

/// Executable prices of one side.
#[derive(Debug, Clone, Copy)]
pub struct Side4<'a> {
    /// At the open.
    pub open: &'a [f64],
    /// Highest.
    pub high: &'a [f64],
    /// Lowest.
    pub low: &'a [f64],
    /// At the close.
    pub close: &'a [f64],
}

impl Side4<'_> {
    fn extremes(&self) -> (f64, f64) {
        let lowest = self.low.iter().fold(f64::INFINITY, |a, b| if *b < a { *b } else { a });
        let highest = self.high.iter().fold(f64::NEG_INFINITY, |a, b| if *b > a { *b } else { a });
        (lowest, highest)
    }
}

/// Minima or maxima of any range of a tile in two look-ups: level k holds the extreme of 2^k bars from each bar on.
#[derive(Debug, Default)]
pub struct RangeTable {
    /// Level k begins at k x [`TILE`].
    levels: Vec<f64>,
}

impl RangeTable {
    fn build_minima(&mut self, values: &[f64]) {
        self.build(values, |a, b| if b < a { b } else { a });
    }

    fn build_maxima(&mut self, values: &[f64]) {
        self.build(values, |a, b| if b > a { b } else { a });
    }

    fn build(&mut self, values: &[f64], pick: impl Fn(f64, f64) -> f64) {
        let depth = values.len().max(1).ilog2() as usize + 1;
        self.levels.resize(self.levels.len().max(depth * TILE), 0.0);
        self.levels[..values.len()].copy_from_slice(values);
        for k in 1..depth {
            let half = 1 << (k - 1);
            let len = values.len() + 1 - 2 * half;
            let (below, level) = self.levels.split_at_mut(k * TILE);
            let below = &below[(k - 1) * TILE..];
            for ((target, a), b) in level.iter_mut().zip(&below[..len]).zip(&below[half..]) {
                *target = pick(*a, *b);
            }
        }
    }

    /// The lowest of `from..to`, not empty, of a table of minima.
    #[inline(always)]
    pub fn min(&self, from: usize, to: usize) -> f64 {
        let (a, b) = self.pair(from, to);
        if b < a { b } else { a }
    }

    /// The highest of `from..to`, not empty, of a table of maxima.
    #[inline(always)]
    pub fn max(&self, from: usize, to: usize) -> f64 {
        let (a, b) = self.pair(from, to);
        if b > a { b } else { a }
    }

    /// Two values whose minimum or maximum is that of `from..to`, not empty.
    #[inline(always)]
    pub(crate) fn pair(&self, from: usize, to: usize) -> (f64, f64) {
        let k = (to - from).ilog2() as usize;
        let level = k * TILE;
        (self.levels[level + from], self.levels[level + to - (1 << k)])
    }
}

/// Buffers of the current tile; one per thread.
#[derive(Debug, Default)]
pub struct TileBuffers {
    lines: Vec<Line>,
    fills: FillTable,
    deals: DealTable,
    benchmark: Vec<f64>,
    lows: RangeTable,
    highs: RangeTable,
    sell_lows: RangeTable,
    sell_highs: RangeTable,
    checkpoints: Vec<Checkpoint>,
    buy: [Vec<f64>; 4],
    sell: [Vec<f64>; 4],
}

impl TileBuffers {
    /// Prepares the bars `range` of the plan's market; `range` starts at a multiple of 64 and ends within the traded window.
    pub fn load<'a>(&'a mut self, plan: &'a Plan, range: Range<usize>) -> Tile<'a> {
        let market: &'a Market = &plan.market;
        let close = &market.mid.close[range.clone()];
        let first = plan.market.window.start.saturating_sub(range.start).min(range.len());
        let close_before = if range.start > 0 {
            market.mid.close[range.start - 1]
        } else {
            close[0]
        };
        if plan.compounds || !plan.samples_bars() {
            self.lows.build_minima(close);
            self.highs.build_maxima(close);
        }
        if plan.samples_bars() {
            self.fill_benchmark(plan, &range);
        }
        if plan.compounds {
            self.fill_lines(plan, close, close_before);
        }
        let points = plan.checkpoints_in(range.clone());
        self.checkpoints.clear();
        self.checkpoints.extend(points.iter().map(|c| Checkpoint {
            bar: c.bar - range.start as u32,
            ..*c
        }));
        let plain = market.quotes.is_none() && plan.config.half_spread == 0.0;
        if !plain {
            self.fill_sides(plan, &range);
        }
        let mid = Side4 {
            open: &market.mid.open[range.clone()],
            high: &market.mid.high[range.clone()],
            low: &market.mid.low[range.clone()],
            close,
        };
        let side = |own: &'a [Vec<f64>; 4]| {
            if plain {
                mid
            } else {
                Side4 {
                    open: &own[0],
                    high: &own[1],
                    low: &own[2],
                    close: &own[3],
                }
            }
        };
        let (buy, sell) = (side(&self.buy), side(&self.sell));
        if plan.alternates && plan.has_levels {
            self.sell_lows.build_minima(sell.low);
            self.sell_highs.build_maxima(sell.high);
        }
        if plan.alternates {
            let benchmark = if plan.samples_bars() { &self.benchmark[..] } else { &[] };
            self.fills.build(plan, range.start, (buy, sell), close, benchmark);
        }
        if plan.turns {
            self.deals.build(plan, range.start, (buy, sell));
        }
        Tile {
            buy_extremes: buy.extremes(),
            sell_extremes: sell.extremes(),
            start: range.start,
            len: range.len(),
            first,
            close_before,
            close,
            buy,
            sell,
            lines: if plan.compounds { &self.lines } else { &[] },
            fills: &self.fills,
            deals: &self.deals,
            benchmark: if plan.samples_bars() { &self.benchmark } else { &[] },
            lows: &self.lows,
            highs: &self.highs,
            sell_lows: &self.sell_lows,
            sell_highs: &self.sell_highs,
            checkpoints: &self.checkpoints,
            times: market.times(),
        }
    }

    /// Executable prices, column by column: buyers pay the higher of bid and ask, sellers get the lower (at crossed quotes the
    /// sides are swapped); without quotes, half the spread either side.
    fn fill_sides(&mut self, plan: &Plan, range: &Range<usize>) {
        let market = &plan.market;
        let columns =
            |side: &crate::market::Ohlc| [&side.open, &side.high, &side.low, &side.close].map(|c| c[range.clone()].to_vec());
        if let Some(quotes) = &market.quotes {
            let (bid, ask) = (columns(&quotes.bid), columns(&quotes.ask));
            for k in 0..4 {
                let pairs = || bid[k].iter().zip(&ask[k]);
                self.buy[k].clear();
                self.buy[k].extend(pairs().map(|(b, a)| if *b > *a { *b } else { *a }));
                self.sell[k].clear();
                self.sell[k].extend(pairs().map(|(b, a)| if *b > *a { *a } else { *b }));
            }
        } else {
            let half = plan.config.half_spread;
            for (k, mid) in columns(&market.mid).iter().enumerate() {
                self.buy[k].clear();
                self.buy[k].extend(mid.iter().map(|p| p + half));
                self.sell[k].clear();
                self.sell[k].extend(mid.iter().map(|p| p - half));
            }
        }
    }

    fn fill_benchmark(&mut self, plan: &Plan, range: &Range<usize>) {
        let window = &plan.market.window;
        self.benchmark.clear();
        let equity = |bar: usize| plan.buy_and_hold_equity(bar);
        self.benchmark.extend(range.clone().map(|bar| match bar.cmp(&window.start) {
            Ordering::Less => 0.0,
            Ordering::Equal => simple_return(plan.config.capital, equity(bar)),
            Ordering::Greater => simple_return(equity(bar - 1), equity(bar)),
        }));
    }

    fn fill_lines(&mut self, plan: &Plan, close: &[f64], close_before: f64) {
        let rf = plan.config.risk_free;
        self.lines.clear();
        let mut line = Line::default();
        self.lines.push(line);
        let mut before = close_before;
        for (i, close) in close.iter().enumerate() {
            let benchmark = if plan.samples_bars() { self.benchmark[i] } else { 0.0 };
            line = line + Line::of_return(simple_return(before, *close), rf, benchmark);
            line.set_place(i + 1, 0.0);
            self.lines.push(line);
            before = *close;
        }
    }
}
