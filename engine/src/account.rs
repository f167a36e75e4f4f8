//! One trial in progress: its book and what is remembered of its equity.

use crate::book::{Book, Reading};
use crate::config::{ExitReason, Side};
use crate::course::Course;
use crate::equity::{Central, Drawdown, Moments, SketchSums, simple_return};
use crate::plan::Plan;
use crate::signals::SignalTile;
use crate::tile::{TILE, Tile};

/// An order waiting for the next open, or for its tick.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// Leave the position, and why.
    pub exit: Option<ExitReason>,
    /// Take a position, or add to it.
    pub enter: Option<Side>,
    /// What was read on the signal's bar.
    pub reading: Reading,
    /// First tick that may fill it, where ticks do.
    pub tick: usize,
}

/// State of a trial between tiles.
#[derive(Debug, Clone)]
pub struct Account {
    /// Cash and position.
    pub book: Book,
    /// Returns by bar.
    pub moments: Moments,
    /// Returns by day.
    pub daily: Central,
    /// Drawdown.
    pub drawdown: Drawdown,
    /// Sketch.
    pub sketch: SketchSums,
    /// Order that waits.
    pub pending: Option<Order>,
    /// Bars with a position at the close.
    pub bars_held: u64,
    /// Equity became 0 or less: no further trading.
    pub ruined: bool,
    /// Best price since entry, for the trailing stop.
    pub best: f64,
    /// End of the time up to which holding costs were paid, and notional at the last mark.
    pub accrued: (i64, f64),
    /// Funding rates that were paid, or came while there was no position.
    pub rates_passed: usize,
    /// Equity at the end of the last trading day.
    day_before: f64,
    /// Equity at the last close.
    last_equity: f64,
}

/// Room for what happens to a trial in a tile; one per thread, which its trials use one after the other.
#[derive(Debug, Clone, Default)]
pub struct TrialBuffers {
    /// Equity of each bar.
    pub(crate) equity: EquityBuffer,
    /// Fills, and what stands between them.
    pub(crate) course: Course,
}

/// Equity of each bar of a tile.
#[derive(Debug, Clone)]
pub(crate) struct EquityBuffer {
    /// With the equity before the tile in front.
    values: Box<[f64; TILE + 1]>,
}

impl Default for EquityBuffer {
    fn default() -> Self {
        Self {
            values: Box::new([0.0; TILE + 1]),
        }
    }
}

impl EquityBuffer {
    /// Sets the equity at the close of the tile's bar `i`.
    #[inline(always)]
    pub(crate) fn set(&mut self, i: usize, equity: f64) {
        self.values[i + 1] = equity;
    }

    /// The bars `from..to` for writing.
    #[inline(always)]
    pub(crate) fn range_mut(&mut self, from: usize, to: usize) -> &mut [f64] {
        &mut self.values[from + 1..=to]
    }
}

/// The order's reading of the columns that come with the signals; undefined where a column is absent.
#[inline(always)]
pub(crate) fn read(signals: &SignalTile<'_>, i: usize) -> Reading {
    let at = |column: &[f64]| column.get(i).copied().unwrap_or(f64::NAN);
    Reading {
        stop: at(signals.stop),
        target: at(signals.target),
        trail: at(signals.trail),
        volatility: at(signals.volatility),
    }
}

impl Account {
    /// Before the first bar.
    pub fn new(plan: &Plan) -> Self {
        let capital = plan.config.capital;
        Self {
            book: Book::new(capital),
            moments: Moments::default(),
            daily: Central::default(),
            drawdown: Drawdown::new(capital),
            sketch: SketchSums::new(capital),
            pending: None,
            bars_held: 0,
            ruined: false,
            best: 0.0,
            accrued: (0, 0.0),
            rates_passed: 0,
            day_before: capital,
            last_equity: capital,
        }
    }

    /// Equity at the last bar seen.
    pub fn last_equity(&self) -> f64 {
        self.last_equity
    }

    /// Remembers the equity at the last bar of a tile.
    #[inline(always)]
    pub fn set_last_equity(&mut self, equity: f64) {
        self.last_equity = equity;
    }

    /// Takes samples due at a checkpoint.
    #[inline(always)]
    pub fn sample(&mut self, plan: &Plan, checkpoint: &crate::plan::Checkpoint, equity: f64) {
        if checkpoint.grid {
            self.sketch.push(usize::from(checkpoint.block), equity);
        }
        if checkpoint.day {
            let r = simple_return(self.day_before, equity);
            self.daily.push(r, plan.config.risk_free, checkpoint.benchmark);
            self.day_before = equity;
        }
    }

    /// Takes the tile's samples.
    #[inline(always)]
    pub(crate) fn sample_all(&mut self, plan: &Plan, tile: &Tile<'_>, equity: impl Fn(usize) -> f64) {
        let due = tile.checkpoints.iter().map(|c| (c, equity(c.bar as usize)));
        if plan.samples_bars() {
            self.sketch.push_all(due.map(|(c, equity)| (usize::from(c.block), equity)));
        } else {
            for (checkpoint, equity) in due {
                self.sample(plan, checkpoint, equity);
            }
        }
    }

    /// Takes the equity of the tile's traded bars from the buffer.
    #[inline(always)]
    pub(crate) fn absorb(&mut self, plan: &Plan, tile: &Tile<'_>, buffer: &mut EquityBuffer) {
        let (first, len) = (tile.first, tile.len);
        buffer.values[first] = self.last_equity;
        let equity = &buffer.values[first..=len];
        if plan.samples_bars() {
            self.absorb_returns(plan, equity, &tile.benchmark[first..]);
        }
        self.drawdown.scan((tile.start + first) as u32, &equity[1..], tile.times);
        self.sample_all(plan, tile, |bar| buffer.values[bar + 1]);
        self.last_equity = buffer.values[len];
    }

    /// `equity` holds one value more than `benchmark`: the equity before its first bar.
    #[inline(always)]
    fn absorb_returns(&mut self, plan: &Plan, equity: &[f64], benchmark: &[f64]) {
        let rf = plan.config.risk_free;
        if self.ruined {
            for (pair, b) in equity.windows(2).zip(benchmark) {
                self.moments.push(simple_return(pair[0], pair[1]), rf, *b);
            }
            return;
        }
        // One stage at a time over four lanes: each stage is one vector instruction.
        const LANES: usize = 4;
        let mut sums = [[0.0f64; LANES]; 6];
        let n = benchmark.len();
        let whole = n / LANES * LANES;
        for k in (0..whole).step_by(LANES) {
            let before: &[f64; LANES] = lanes(equity, k);
            let after: &[f64; LANES] = lanes(equity, k + 1);
            let b: &[f64; LANES] = lanes(benchmark, k);
            let r: [f64; LANES] = std::array::from_fn(|j| after[j] / before[j] - 1.0);
            let square: [f64; LANES] = std::array::from_fn(|j| r[j] * r[j]);
            let short: [f64; LANES] = std::array::from_fn(|j| if r[j] < rf { r[j] - rf } else { 0.0 });
            let terms: [[f64; LANES]; 6] = [
                r,
                square,
                std::array::from_fn(|j| square[j] * r[j]),
                std::array::from_fn(|j| square[j] * square[j]),
                std::array::from_fn(|j| short[j] * short[j]),
                std::array::from_fn(|j| r[j] * b[j]),
            ];
            for (sum, term) in sums.iter_mut().zip(&terms) {
                for j in 0..LANES {
                    sum[j] += term[j];
                }
            }
        }
        let sums = sums.map(|l| (l[0] + l[1]) + (l[2] + l[3]));
        self.moments
            .powers
            .iter_mut()
            .zip(sums)
            .for_each(|(total, sum)| *total += sum);
        self.moments.downside += sums[4];
        self.moments.with_benchmark += sums[5];
        for k in whole..n {
            self.moments.push(equity[k + 1] / equity[k] - 1.0, rf, benchmark[k]);
        }
    }
}

/// The `N` values from `from` on.
#[inline(always)]
fn lanes<const N: usize>(values: &[f64], from: usize) -> &[f64; N] {
    values[from..].first_chunk().expect("the caller stays within the values")
}
