//! Inside bars that are broken, and closes that confirm the break.

use super::{At, Size, Walker, all, any, delayed, signal};
use crate::simd::Level;

/// An inside bar that is broken: 100 in the direction against the break; 200 when a close within three bars confirms it.
pub(super) fn hikkake<const N: usize>(
    first: usize,
    averages: [(Size, usize); N],
    inside: impl Fn(At<'_>, [f64; N]) -> bool + Send + 'static,
) -> Box<dyn Walker> {
    let breaks = delayed(first, 0, averages, move |at, averages| {
        let lower = all([at.h(0) < at.h(1), at.l(0) < at.l(1)]);
        let higher = all([at.h(0) > at.h(1), at.l(0) > at.l(1)]);
        signal(
            all([any([lower, higher]), inside(at, averages)]),
            if lower { 1.0 } else { -1.0 },
        )
    });
    Box::new(Confirmed {
        breaks,
        lookback: first + CONFIRMING,
        before: (0.0, 0.0),
        sign: 0.0,
        level: 0.0,
        bars: CONFIRMING + 1,
    })
}

/// Bars after a break that may confirm it.
const CONFIRMING: usize = 3;

/// Breaks of inside bars, and the closes that confirm them.
#[derive(Debug)]
struct Confirmed {
    breaks: Box<dyn Walker>,
    lookback: usize,
    /// High and low of the bar before.
    before: (f64, f64),
    /// Of the last break: its value, the price beyond which it is confirmed, and the bars since.
    sign: f64,
    level: f64,
    bars: usize,
}

impl Walker for Confirmed {
    fn lookback(&self, _: usize) -> usize {
        self.lookback
    }

    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        self.run_at(Level::Baseline, x, out);
    }

    fn run_at(&mut self, level: Level, x: &[&[f64]], out: &mut [&mut [f64]]) {
        self.breaks.run_at(level, x, out);
        let (mut sign, mut level, mut bars) = (self.sign, self.level, self.bars);
        let (mut high_before, mut low_before) = self.before;
        let prices = x[1].iter().zip(x[2]).zip(x[3]);
        for (out, ((high, low), close)) in out[0].iter_mut().zip(prices) {
            let found = *out;
            let is_new = found != 0.0;
            let beyond = if found > 0.0 { high_before } else { low_before };
            sign = if is_new { found } else { sign };
            level = if is_new { beyond } else { level };
            bars = if is_new { 0 } else { bars + 1 };
            let confirms = any([all([sign > 0.0, *close > level]), all([sign < 0.0, *close < level])]);
            let confirmed = all([!is_new, bars <= CONFIRMING, confirms]);
            bars = if confirmed { CONFIRMING + 1 } else { bars };
            *out = if confirmed { 2.0 * sign } else { found };
            (high_before, low_before) = (*high, *low);
        }
        (self.sign, self.level, self.bars) = (sign, level, bars);
        self.before = (high_before, low_before);
    }
}
