//! Recursions and windows of prices with their volume.

use super::Walker;
use super::four::Number;
use super::moments::{Moments, Terms};

/// On-balance volume.
#[derive(Debug, Clone, Default)]
pub(super) struct Obv {
    before: Option<f64>,
    total: f64,
}

impl Walker for Obv {
    fn lookback(&self, _: usize) -> usize {
        0
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let (closes, volumes, out) = (x[0], x[1], &mut *out[0]);
        let flow = |before: f64, close: f64, volume: f64| {
            let up = if close > before { volume } else { 0.0 };
            let down = if close < before { volume } else { 0.0 };
            up - down
        };
        // In two loops: the first takes several bars at a time, the second cannot.
        let pairs = closes.iter().zip(&closes[1..]).zip(&volumes[1..]);
        for (out, ((before, close), volume)) in out[1..].iter_mut().zip(pairs) {
            *out = flow(*before, *close, *volume);
        }
        // The first bar counts as one that rose.
        out[0] = flow(self.before.unwrap_or(f64::NEG_INFINITY), closes[0], volumes[0]);
        for out in out {
            self.total += *out;
            *out = self.total;
        }
        self.before = closes.last().copied();
    }
}

/// Negative and positive volume index: what the close does on bars with less, and with more, volume than the one before.
#[derive(Debug, Clone)]
pub(super) struct VolumeIndex {
    before: Option<(f64, f64)>,
    negative: f64,
    positive: f64,
}

impl Default for VolumeIndex {
    fn default() -> Self {
        Self {
            before: None,
            negative: 1_000.0,
            positive: 1_000.0,
        }
    }
}

impl Walker for VolumeIndex {
    fn outputs(&self) -> usize {
        2
    }

    fn lookback(&self, _: usize) -> usize {
        0
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let [negative, positive] = out else { return };
        for (bar, (close, volume)) in x[0].iter().zip(x[1]).enumerate() {
            if let Some((before, volume_before)) = self.before {
                let change = if before == 0.0 { 0.0 } else { (close - before) / before };
                // Added anyway: whether volumes rise cannot be foreseen.
                let of_less = if *volume < volume_before { change } else { 0.0 };
                let of_more = if *volume > volume_before { change } else { 0.0 };
                self.negative += self.negative * of_less;
                self.positive += self.positive * of_more;
            }
            self.before = Some((*close, *volume));
            (negative[bar], positive[bar]) = (self.negative, self.positive);
        }
    }
}

/// The values of both series.
struct Both;

impl Terms<2> for Both {
    const CENTERED: bool = false;
    const PAIRED: bool = true;

    #[inline(always)]
    fn of<T: Number>(x: T, y: T, position: T) -> [T; 2] {
        let _ = position;
        [x, y]
    }
}

/// Share of the money (price x volume) of `n` bars that went with a rising price.
#[derive(Debug, Clone)]
pub(super) struct MoneyFlow {
    n: usize,
    before: f64,
    sums: Moments<2>,
    flows: [Vec<f64>; 2],
}

impl MoneyFlow {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n,
            before: f64::NAN,
            sums: Moments::new(n),
            flows: [Vec::new(), Vec::new()],
        }
    }
}

impl Walker for MoneyFlow {
    fn lookback(&self, _: usize) -> usize {
        self.n
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let [rising, falling] = &mut self.flows;
        rising.clear();
        falling.clear();
        for (price, volume) in x[0].iter().zip(x[1]) {
            let money = price * volume;
            // A move within the rounding of the means is none.
            let least = 1e-14 * (price.abs() + self.before.abs());
            let change = price - self.before;
            rising.push(if change >= least { money } else { 0.0 });
            falling.push(if -change >= least { money } else { 0.0 });
            self.before = *price;
        }
        self.sums.run::<Both, 1>(rising, falling, [out[0]], |window| {
            let [rising, falling] = window.sums;
            let all = rising + falling;
            [if all == 0.0 { 0.0 } else { 100.0 * (rising / all) }]
        });
    }
}

/// Average price weighted by volume since a condition held.
#[derive(Debug, Clone, Default)]
pub(super) struct Vwap {
    begun: bool,
    money: f64,
    volume: f64,
}

impl Walker for Vwap {
    fn lookback(&self, _: usize) -> usize {
        0
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let bars = x[0].iter().zip(x[1]).zip(x[2]);
        for (out, ((price, volume), anchor)) in out[0].iter_mut().zip(bars) {
            if *anchor == 1.0 {
                *self = Self {
                    begun: true,
                    ..Self::default()
                };
            }
            self.money += price * volume;
            self.volume += volume;
            *out = if self.begun { self.money / self.volume } else { f64::NAN };
        }
    }
}
