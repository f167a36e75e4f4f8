//! What happened some bars ago, and candles made of candles.

use std::collections::VecDeque;

use super::Walker;

/// The value at the bar at which a condition last held, or some times before.
#[derive(Debug, Clone)]
pub(super) struct ValueWhen {
    occurrence: usize,
    values: VecDeque<f64>,
}

impl ValueWhen {
    pub(super) fn new(occurrence: usize) -> Self {
        Self {
            occurrence,
            values: VecDeque::new(),
        }
    }
}

impl Walker for ValueWhen {
    fn lookback(&self, _: usize) -> usize {
        0
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        for ((out, holds), x) in out[0].iter_mut().zip(x[0]).zip(x[1]) {
            if *holds == 1.0 {
                self.values.push_back(*x);
                if self.values.len() > self.occurrence + 1 {
                    self.values.pop_front();
                }
            }
            let full = self.values.len() > self.occurrence;
            *out = if full { self.values[0] } else { f64::NAN };
        }
    }
}

/// Swings: a high above (a low below) its neighbours, told when the last of them is known.
#[derive(Debug, Clone)]
pub(super) struct Fractal {
    left: usize,
    right: usize,
    bars: VecDeque<(f64, f64)>,
}

impl Fractal {
    pub(super) fn new(left: usize, right: usize) -> Self {
        Self {
            left,
            right,
            bars: VecDeque::new(),
        }
    }
}

impl Walker for Fractal {
    fn outputs(&self) -> usize {
        2
    }

    fn lookback(&self, _: usize) -> usize {
        self.left + self.right
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let [highs, lows] = out else { return };
        for (bar, (high, low)) in x[0].iter().zip(x[1]).enumerate() {
            self.bars.push_back((*high, *low));
            if self.bars.len() > self.left + self.right + 1 {
                self.bars.pop_front();
            }
            (highs[bar], lows[bar]) = (0.0, 0.0);
            if self.bars.len() <= self.left + self.right {
                continue;
            }
            let (high, low) = self.bars[self.left];
            let others = || self.bars.iter().enumerate().filter(|(at, _)| *at != self.left);
            if others().all(|(_, other)| other.0 < high) {
                highs[bar] = 100.0;
            }
            if others().all(|(_, other)| other.1 > low) {
                lows[bar] = 100.0;
            }
        }
    }
}

/// Heikin-Ashi candles.
#[derive(Debug, Clone, Default)]
pub(super) struct HeikinAshi {
    before: Option<(f64, f64)>,
}

impl Walker for HeikinAshi {
    fn outputs(&self) -> usize {
        4
    }

    fn lookback(&self, _: usize) -> usize {
        0
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let [opens, highs, lows, closes] = out else { return };
        let [o, h, l, c] = x else { return };
        for bar in 0..o.len() {
            let (open, high, low, close) = (o[bar], h[bar], l[bar], c[bar]);
            let middle = self
                .before
                .map_or(f64::midpoint(open, close), |(open, close)| f64::midpoint(open, close));
            let mean = (open + high + low + close) / 4.0;
            self.before = Some((middle, mean));
            opens[bar] = middle;
            highs[bar] = high.max(middle).max(mean);
            lows[bar] = low.min(middle).min(mean);
            closes[bar] = mean;
        }
    }
}
