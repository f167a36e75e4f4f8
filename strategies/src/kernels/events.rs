//! What happened some bars ago, and candles made of candles.

use std::collections::VecDeque;

use super::Walker;
use super::moments::Windows;
use crate::simd::{self, STRIP, WORD};

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
    highs: Windows,
    lows: Windows,
}

impl Fractal {
    pub(super) fn new(left: usize, right: usize) -> Self {
        Self {
            left,
            highs: Windows::new(left + right + 1),
            lows: Windows::new(left + right + 1),
        }
    }
}

/// 100 where the value after `left` others of a window is beyond all of them, 0 elsewhere. One neighbour of many bars at a time.
#[inline(always)]
fn swings(windows: &mut Windows, left: usize, x: &[f64], out: &mut [f64], beyond: impl Fn(f64, f64) -> bool) {
    let n = windows.n;
    let joined = windows.join(x);
    for (block, out) in out.chunks_mut(WORD).enumerate() {
        let part = |place: usize| &joined[block * WORD + place..][..out.len()];
        let values = part(left);
        let mut found = [100.0; WORD];
        for neighbour in (0..n).filter(|place| *place != left) {
            for ((found, value), other) in found.iter_mut().zip(values).zip(part(neighbour)) {
                *found = if beyond(*value, *other) { *found } else { 0.0 };
            }
        }
        out.copy_from_slice(&found[..out.len()]);
    }
}

impl Walker for Fractal {
    fn outputs(&self) -> usize {
        2
    }

    fn lookback(&self, _: usize) -> usize {
        self.highs.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let [highs, lows] = out else { return };
        swings(&mut self.highs, self.left, x[0], highs, |high, other| other < high);
        swings(&mut self.lows, self.left, x[1], lows, |low, other| other > low);
    }
}

/// Heikin-Ashi candles.
#[derive(Debug, Clone, Default)]
pub(super) struct HeikinAshi {
    /// Open and close of the candle before.
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
        let ([opens, highs, lows, closes], [o, h, l, c]) = (out, x) else {
            return;
        };
        for from in (0..o.len()).step_by(STRIP) {
            let bars = from..o.len().min(from + STRIP);
            for x in x {
                simd::prefetch(x, from + 4 * STRIP);
            }
            let out = [
                &mut opens[bars.clone()],
                &mut highs[bars.clone()],
                &mut lows[bars.clone()],
                &mut closes[bars.clone()],
            ];
            self.strip([o, h, l, c].map(|x| &x[bars.clone()]), out);
        }
    }
}

impl HeikinAshi {
    /// Few bars go through each step together, so that what a step gives is near when the next one wants it.
    #[inline(always)]
    fn strip(&mut self, [o, h, l, c]: [&[f64]; 4], [opens, highs, lows, closes]: [&mut [f64]; 4]) {
        let (mut open_before, mut close_before) = self.before.unwrap_or((o[0], c[0]));
        let bars = o.iter().zip(h).zip(l.iter().zip(c));
        for (out, ((open, high), (low, close))) in closes.iter_mut().zip(bars) {
            *out = (open + high + low + close) / 4.0;
        }
        // The one step that waits for the bar before.
        for (out, close) in opens.iter_mut().zip(&*closes) {
            *out = (open_before + close_before) * 0.5;
            (open_before, close_before) = (*out, *close);
        }
        self.before = Some((open_before, close_before));
        let bodies = opens.iter().zip(&*closes);
        let ranges = h.iter().zip(l);
        for (((high, low), (open, close)), (h, l)) in highs.iter_mut().zip(lows.iter_mut()).zip(bodies).zip(ranges) {
            let (top, bottom) = if open > close { (open, close) } else { (close, open) };
            *high = if h > top { *h } else { *top };
            *low = if l < bottom { *l } else { *bottom };
        }
    }
}
