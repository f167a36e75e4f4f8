//! Windows that have to be looked at as a whole: sorted, counted, or compared with their mean.

use super::moments::Windows;
use super::{Ring, Walker};
use crate::branchless::{least, most};

/// Sum in four lanes, the same everywhere.
#[inline(always)]
fn lanes(x: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; 4];
    let (chunks, rest) = x.as_chunks::<4>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += term(*x);
        }
    }
    let rest: f64 = rest.iter().map(|x| term(*x)).sum();
    // Halves of the vector first.
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

/// Mean absolute distance from the mean.
#[derive(Debug, Clone)]
pub(super) struct MeanDeviation(Windows);

impl MeanDeviation {
    pub(super) fn new(n: usize) -> Self {
        Self(Windows::new(n))
    }
}

impl Walker for MeanDeviation {
    fn lookback(&self, _: usize) -> usize {
        self.0.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let n = self.0.n as f64;
        for (out, window) in out[0].iter_mut().zip(self.0.of(x[0])) {
            let mean = lanes(window, |x| x) / n;
            *out = lanes(window, |x| (x - mean).abs()) / n;
        }
    }
}

/// Product of the last `n` values.
#[derive(Debug, Clone)]
pub(super) struct Product(Windows);

impl Product {
    pub(super) fn new(n: usize) -> Self {
        Self(Windows::new(n))
    }
}

impl Walker for Product {
    fn lookback(&self, _: usize) -> usize {
        self.0.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        for (out, window) in out[0].iter_mut().zip(self.0.of(x[0])) {
            *out = window.iter().product();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ask {
    Quantile(f64),
    /// The least value that so many percent are not above.
    NearestRank(f64),
    /// Percent of the `n` bars before that lie below.
    PercentRank,
    Rank,
}

/// Windows of up to so many bars are counted and moved as a whole: a few vectors cost less than branches that cannot be foreseen.
const SHORT: usize = 64;
/// Windows of up to so many bars are counted as a whole.
const COUNTED: usize = 512;

/// A window kept in order.
#[derive(Debug, Clone)]
pub(super) struct Sorted {
    n: usize,
    ask: Ask,
    ring: Ring,
    window: Vec<f64>,
    /// A full short window between infinities, and the room for the next one.
    padded: [Vec<f64>; 2],
}

/// Percent of the `n` bars before that lie below.
pub(super) fn percent_rank(n: usize) -> Box<dyn Walker> {
    match n {
        ..=COUNTED => Box::new(Counted::new(n + 1, Ask::PercentRank)),
        _ => Box::new(Sorted::new(n, Ask::PercentRank)),
    }
}

/// Place among the last `n` bars, from 0 to 1.
pub(super) fn rank(n: usize) -> Box<dyn Walker> {
    match n {
        ..=COUNTED => Box::new(Counted::new(n, Ask::Rank)),
        _ => Box::new(Sorted::new(n, Ask::Rank)),
    }
}

/// How many values hold.
#[inline(always)]
fn count(window: &[f64], holds: impl Fn(f64) -> bool) -> usize {
    window.iter().map(|x| u64::from(holds(*x))).sum::<u64>() as usize
}

/// A rank by the values below and not above `x` in a window of `n` bars.
#[inline(always)]
fn ranked(below: usize, not_above: usize, n: usize) -> f64 {
    let place = (below + not_above - 1) as f64 / 2.0;
    if n == 1 { 0.5 } else { place / (n - 1) as f64 }
}

/// The place of each value in a short window, by counting.
#[derive(Debug, Clone)]
struct Counted {
    windows: Windows,
    ask: Ask,
}

impl Counted {
    fn new(n: usize, ask: Ask) -> Self {
        Self {
            windows: Windows::new(n),
            ask,
        }
    }
}

impl Walker for Counted {
    fn lookback(&self, _: usize) -> usize {
        self.windows.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let n = self.windows.n;
        let rank = self.ask == Ask::Rank;
        for ((out, window), x) in out[0].iter_mut().zip(self.windows.of(x[0])).zip(x[0]) {
            let below = count(window, |y| y < *x);
            *out = if rank {
                ranked(below, count(window, |y| y <= *x), n)
            } else {
                100.0 * below as f64 / (n - 1) as f64
            };
        }
    }
}

impl Sorted {
    pub(super) fn quantile(n: usize, q: f64) -> Self {
        Self::new(n, Ask::Quantile(q))
    }

    pub(super) fn nearest_rank(n: usize, percent: f64) -> Self {
        Self::new(n, Ask::NearestRank(percent))
    }

    fn new(n: usize, ask: Ask) -> Self {
        Self {
            n: n.max(1),
            ask,
            ring: Ring::new(n.max(1)),
            window: Vec::new(),
            padded: [Vec::new(), Vec::new()],
        }
    }

    /// Puts `x` in, and takes out what has left.
    #[inline(always)]
    fn push(&mut self, x: f64) {
        let full = self.window.len() == self.n;
        let before = self.ring.push(x);
        if full && self.n <= SHORT {
            return self.exchange(before, x);
        }
        let to = self.window.partition_point(|y| *y < x);
        if !full {
            self.window.insert(to, x);
            return;
        }
        // One move of what lies between instead of a removal and an insertion.
        let from = self.window.partition_point(|y| *y < before);
        if from < to {
            self.window.copy_within(from + 1..to, from);
            self.window[to - 1] = x;
        } else {
            self.window.copy_within(to..from, to + 1);
            self.window[to] = x;
        }
    }
}

impl Sorted {
    /// The window in order.
    #[inline(always)]
    fn sorted(&self) -> &[f64] {
        match &self.padded[0][..] {
            [_, window @ .., _] => window,
            _ => &self.window,
        }
    }

    /// Puts `x` in the place of `before`, every value compared and moved.
    #[inline(always)]
    fn exchange(&mut self, before: f64, x: f64) {
        if self.padded[0].is_empty() {
            let padded = [&[f64::NEG_INFINITY], &self.window[..], &[f64::INFINITY]].concat();
            self.padded = [padded.clone(), padded];
        }
        let [old, new] = &mut self.padded;
        let n = self.n;
        let from = count(&old[1..=n], |y| y < before) as u64;
        // Without `before`, what stands behind it moves up by one place. Where `x` belongs, the value below is less and the one above
        // is not.
        for ((place, value), around) in (0..).zip(&mut new[1..=n]).zip(old.windows(3)) {
            let below = if place > from { around[1] } else { around[0] };
            let above = if place < from { around[1] } else { around[2] };
            *value = most(below, least(above, x));
        }
        self.padded.swap(0, 1);
    }
}

impl Walker for Sorted {
    fn lookback(&self, _: usize) -> usize {
        match self.ask {
            Ask::PercentRank => self.n,
            _ => self.n - 1,
        }
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let n = self.n;
        for (out, x) in out[0].iter_mut().zip(x[0]) {
            let x = *x;
            match self.ask {
                Ask::PercentRank => {
                    let below = self.window.partition_point(|y| *y < x);
                    *out = 100.0 * below as f64 / n as f64;
                    self.push(x);
                }
                Ask::NearestRank(percent) => {
                    self.push(x);
                    let rank = (percent / 100.0 * n as f64).ceil().max(1.0) as usize;
                    let known = (0.0..=100.0).contains(&percent);
                    let value = self.sorted().get(rank - 1).filter(|_| known);
                    *out = value.copied().unwrap_or(f64::NAN);
                }
                Ask::Rank => {
                    self.push(x);
                    let below = self.window.partition_point(|y| *y < x);
                    let not_above = self.window.partition_point(|y| *y <= x);
                    *out = ranked(below, not_above, n);
                }
                Ask::Quantile(q) => {
                    self.push(x);
                    let place = q * (n - 1) as f64;
                    let at = place.floor();
                    let value = |at: usize| self.sorted().get(at).copied().unwrap_or(f64::NAN);
                    let (low, part) = (value(at.max(0.0) as usize), place - at);
                    *out = if !(0.0..=1.0).contains(&q) {
                        f64::NAN
                    } else if part == 0.0 {
                        low
                    } else {
                        low + part * (value(at as usize + 1) - low)
                    };
                }
            }
        }
    }
}

/// Entropy in bits of a window in bins of its range.
#[derive(Debug, Clone)]
pub(super) struct Entropy {
    windows: Windows,
    counts: Vec<u32>,
}

impl Entropy {
    pub(super) fn new(n: usize, bins: usize) -> Self {
        Self {
            windows: Windows::new(n),
            counts: vec![0; bins.clamp(1, 4_096)],
        }
    }
}

impl Walker for Entropy {
    fn lookback(&self, _: usize) -> usize {
        self.windows.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let bins = self.counts.len();
        for (out, window) in out[0].iter_mut().zip(self.windows.of(x[0])) {
            let low = window.iter().fold(f64::INFINITY, |low, x| if *x < low { *x } else { low });
            let high = window
                .iter()
                .fold(f64::NEG_INFINITY, |high, x| if *x > high { *x } else { high });
            let scale = bins as f64 / (high - low);
            if !scale.is_finite() {
                *out = 0.0;
                continue;
            }
            self.counts.fill(0);
            for x in window {
                self.counts[(((x - low) * scale) as usize).min(bins - 1)] += 1;
            }
            let n = window.len() as f64;
            let terms = self.counts.iter().filter(|count| **count > 0).map(|count| {
                let share = f64::from(*count) / n;
                share * libm::log2(share)
            });
            *out = 0.0 - terms.sum::<f64>();
        }
    }
}

/// Hurst exponent: half of the slope of the logarithm of mean squared differences on that of their distance 1, 2, 4 and so on.
#[derive(Debug, Clone)]
pub(super) struct Hurst {
    windows: Windows,
}

impl Hurst {
    pub(super) fn new(n: usize) -> Self {
        Self {
            windows: Windows::new(n),
        }
    }
}

impl Walker for Hurst {
    fn lookback(&self, _: usize) -> usize {
        self.windows.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let distances = std::iter::successors(Some(1usize), |distance| Some(distance * 2));
        let distances: Vec<usize> = distances.take_while(|distance| *distance <= self.windows.n / 4).collect();
        let count = distances.len() as f64;
        let logs: Vec<f64> = distances.iter().map(|distance| libm::log(*distance as f64)).collect();
        let mean = logs.iter().sum::<f64>() / count;
        let spread: f64 = logs.iter().map(|log| (log - mean) * (log - mean)).sum();
        let n = self.windows.n;
        for (out, window) in out[0].iter_mut().zip(self.windows.of(x[0])) {
            let slopes = distances.iter().zip(&logs).map(|(distance, log)| {
                let pairs = window.iter().zip(&window[*distance..]);
                let squares: f64 = pairs.map(|(a, b)| (b - a) * (b - a)).sum();
                (log - mean) * libm::log(squares / (n - distance) as f64)
            });
            *out = slopes.sum::<f64>() / spread / 2.0;
        }
    }
}

/// Mean of as many bars as a second series says.
#[derive(Debug, Clone)]
pub(super) struct VariableMean {
    least: usize,
    windows: Windows,
}

impl VariableMean {
    pub(super) fn new(least: usize, most: usize) -> Self {
        Self {
            least: least.max(1),
            windows: Windows::new(most.max(least)),
        }
    }
}

impl Walker for VariableMean {
    fn lookback(&self, _: usize) -> usize {
        self.windows.n - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let (least, most) = (self.least, self.windows.n);
        for ((out, window), periods) in out[0].iter_mut().zip(self.windows.of(x[0])).zip(x[1]) {
            let n = (*periods as usize).clamp(least, most);
            *out = lanes(&window[most - n..], |x| x) / n as f64;
        }
    }
}
