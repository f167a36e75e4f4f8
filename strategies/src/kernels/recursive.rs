//! Recursions of one series.

use super::smoothing::Smoothing;
use super::{Ring, Walker};
use crate::simd::{STRIP, Strip};

/// Averages of averages: the weighted sum of an exponential average, the average of that, and so on.
#[derive(Debug, Clone)]
pub(super) struct Cascade {
    n: usize,
    weights: [f64; 6],
    stages: Vec<Smoothing>,
    /// The average of a stage, and the one that is made of it.
    room: [Vec<f64>; 2],
}

impl Cascade {
    pub(super) fn new(n: usize, weights: [f64; 6]) -> Self {
        let count = weights.iter().rposition(|weight| *weight != 0.0).map_or(1, |last| last + 1);
        Self {
            n,
            weights,
            stages: vec![Smoothing::exponential(n as u32, 0); count],
            room: [Vec::new(), Vec::new()],
        }
    }

    /// Some bars, stage after stage.
    #[inline(always)]
    fn walk(&mut self, x: &[f64], out: &mut [f64]) {
        let [from, to] = &mut self.room;
        from.clear();
        from.extend_from_slice(x);
        to.resize(x.len(), 0.0);
        out.fill(0.0);
        for (stage, weight) in self.stages.iter_mut().zip(self.weights) {
            // While a stage is being seeded it gives nulls, which the next one passes over.
            let nulls = from.iter().take_while(|x| x.is_nan()).count();
            to[..nulls].fill(f64::NAN);
            Walker::run(stage, &[&from[nulls..]], &mut [&mut to[nulls..]]);
            for (out, average) in out.iter_mut().zip(&*to) {
                *out += weight * average;
            }
            std::mem::swap(from, to);
        }
    }

    /// Strips of bars that all stages walk at once, each one strip behind the stage before it, so that none waits for another.
    #[inline(always)]
    fn walk_together<const N: usize>(stages: &mut [Smoothing; N], weights: &[f64; 6], x: &[Strip], out: &mut [Strip]) {
        /// Strips of a stage that are kept until the last stage has come to them: a power of two, of more than there are stages.
        const KEPT: usize = 8;
        let mut kept = [[[0.0; STRIP]; KEPT]; N];
        let mut given = [[0.0; STRIP]; N];
        for step in 0..x.len() + N - 1 {
            for k in 0..N {
                let Some(own) = step.checked_sub(k).filter(|own| *own < x.len()) else {
                    continue;
                };
                if step < N - 1 || step >= x.len() {
                    let from = if k == 0 { x[own] } else { kept[k - 1][own % KEPT] };
                    stages[k].strip(&from, &mut kept[k][own % KEPT], true);
                }
            }
            if step >= N - 1 && step < x.len() {
                let mut from = [&x[step]; N];
                for k in 1..N {
                    from[k] = &kept[k - 1][(step - k) % KEPT];
                }
                Smoothing::strips(stages, from, &mut given);
                for k in 0..N {
                    kept[k][(step - k) % KEPT] = given[k];
                }
            }
            let Some(done) = step.checked_sub(N - 1) else { continue };
            let mut sum = [0.0; STRIP];
            for (kept, weight) in kept.iter().zip(weights) {
                for (sum, average) in sum.iter_mut().zip(&kept[done % KEPT]) {
                    *sum += weight * average;
                }
            }
            out[done] = sum;
        }
    }
}

impl Walker for Cascade {
    fn lookback(&self, _: usize) -> usize {
        self.stages.len() * (self.n - 1)
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let (strips, _) = x[0].as_chunks::<STRIP>();
        let (outs, _) = out[0].as_chunks_mut::<STRIP>();
        let mut begun = 0;
        while begun < strips.len() && !self.stages.iter().all(Smoothing::steps) {
            self.walk(&strips[begun], &mut outs[begun]);
            begun += 1;
        }
        let (strips, outs) = (&strips[begun..], &mut outs[begun..]);
        let mut done = begun * STRIP;
        if !strips.is_empty() {
            let weights = &self.weights;
            let stages = self.stages.as_mut_slice();
            let walked = if let Some(stages) = stages.as_mut_array::<2>() {
                Self::walk_together(stages, weights, strips, outs);
                true
            } else if let Some(stages) = stages.as_mut_array::<3>() {
                Self::walk_together(stages, weights, strips, outs);
                true
            } else if let Some(stages) = stages.as_mut_array::<6>() {
                Self::walk_together(stages, weights, strips, outs);
                true
            } else {
                false
            };
            done += if walked { strips.len() * STRIP } else { 0 };
        }
        let (x, out) = (&x[0][done..], &mut out[0][done..]);
        if !x.is_empty() {
            self.walk(x, out);
        }
    }
}

/// Kaufman's adaptive average.
#[derive(Debug, Clone)]
pub(super) struct Kama {
    n: usize,
    values: Ring,
    changes: Ring,
    before: f64,
    seen: usize,
    way: f64,
    average: f64,
}

impl Kama {
    pub(super) fn new(n: usize) -> Self {
        Self {
            n,
            values: Ring::new(n),
            changes: Ring::new(n),
            before: f64::NAN,
            seen: 0,
            way: 0.0,
            average: f64::NAN,
        }
    }
}

impl Walker for Kama {
    fn lookback(&self, _: usize) -> usize {
        self.n
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        const SLOW: f64 = 2.0 / 31.0;
        const RANGE: f64 = 2.0 / 3.0 - SLOW;
        for (out, x) in out[0].iter_mut().zip(x[0]) {
            let earliest = self.values.push(*x);
            if self.seen > 0 {
                let change = (*x - self.before).abs();
                self.way += change - self.changes.push(change);
            }
            if self.seen >= self.n {
                let distance = *x - earliest;
                let share = if self.way <= distance || self.way.abs() < 1e-14 {
                    1.0
                } else {
                    (distance / self.way).abs()
                };
                let alpha = share * RANGE + SLOW;
                self.average += alpha * alpha * (*x - self.average);
            } else {
                self.average = *x;
            }
            self.seen += 1;
            self.before = *x;
            *out = self.average;
        }
    }
}

/// Wilder's averages of gains and of losses: their share (the relative strength, 0 to 100) or their balance (Chande's, -100 to
/// 100). 0 where nothing ever moved, as TA-Lib has it.
#[derive(Debug, Clone)]
pub(super) struct Strength {
    n: usize,
    balance: bool,
    seen: usize,
    before: f64,
    gain: f64,
    loss: f64,
}

impl Strength {
    pub(super) fn rsi(n: usize) -> Self {
        Self {
            n,
            balance: false,
            seen: 0,
            before: f64::NAN,
            gain: 0.0,
            loss: 0.0,
        }
    }

    pub(super) fn chande(n: usize) -> Self {
        Self {
            balance: true,
            ..Self::rsi(n)
        }
    }
}

impl Walker for Strength {
    fn lookback(&self, _: usize) -> usize {
        self.n
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let (mut x, mut out) = (x[0], &mut *out[0]);
        // While the averages are seeded: the plain means of the first n changes.
        while self.seen <= self.n && !x.is_empty() {
            if self.seen > 0 {
                let change = x[0] - self.before;
                self.gain += change.max(0.0);
                self.loss += (-change).max(0.0);
            }
            if self.seen == self.n {
                self.gain /= self.n as f64;
                self.loss /= self.n as f64;
                out[0] = strength(self.balance, self.gain, self.loss);
            }
            self.before = x[0];
            self.seen += 1;
            (x, out) = (&x[1..], &mut out[1..]);
        }
        let alpha = 1.0 / self.n as f64;
        let (mut gain, mut loss, mut before) = (self.gain, self.loss, self.before);
        for (out, x) in out.iter_mut().zip(x) {
            let change = x - before;
            before = *x;
            gain += alpha * (change.max(0.0) - gain);
            loss += alpha * ((-change).max(0.0) - loss);
            *out = strength(self.balance, gain, loss);
        }
        (self.gain, self.loss, self.before) = (gain, loss, before);
    }
}

#[inline]
fn strength(balance: bool, gain: f64, loss: f64) -> f64 {
    let total = gain + loss;
    if total == 0.0 {
        0.0
    } else if balance {
        100.0 * ((gain - loss) / total)
    } else {
        100.0 * (gain / total)
    }
}

/// Sum of everything so far.
#[derive(Debug, Clone, Default)]
pub(super) struct CumulativeSum(f64);

impl Walker for CumulativeSum {
    fn lookback(&self, _: usize) -> usize {
        0
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        for (out, x) in out[0].iter_mut().zip(x[0]) {
            self.0 += x;
            *out = self.0;
        }
    }
}

/// Fast less slow exponential average, both from the first value.
#[derive(Debug, Clone)]
pub(super) struct AdOscillator {
    lookback: usize,
    fast: Smoothing,
    slow: Smoothing,
    room: Vec<f64>,
}

impl AdOscillator {
    pub(super) fn new(fast: usize, slow: usize) -> Self {
        Self {
            lookback: fast.max(slow) - 1,
            fast: Smoothing::from_first(fast),
            slow: Smoothing::from_first(slow),
            room: Vec::new(),
        }
    }
}

impl Walker for AdOscillator {
    fn lookback(&self, _: usize) -> usize {
        self.lookback
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        self.room.resize(x[0].len(), 0.0);
        Walker::run(&mut self.fast, x, out);
        Walker::run(&mut self.slow, x, &mut [&mut self.room]);
        for (out, slow) in out[0].iter_mut().zip(&self.room) {
            *out -= slow;
        }
    }
}
