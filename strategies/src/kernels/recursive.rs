//! Recursions of one series.

use super::smoothing::Smoothing;
use super::{Ring, Walker};

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
}

impl Walker for Cascade {
    fn lookback(&self, _: usize) -> usize {
        self.stages.len() * (self.n - 1)
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let (x, out) = (x[0], &mut *out[0]);
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
