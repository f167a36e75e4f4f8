//! Recursive averages, seeded as TA-Lib seeds them: with the plain mean of the first values.
//!
//! An average is `prev + alpha (x - prev)`. Taken like that each bar waits for the one before, so it is taken four bars at a time:
//! `y[i] = y[i-4] + w (z - y[i-4])` with `w = 1 - (1 - alpha)^4` and `z` the mean of the last four values with the weights that they
//! have in it. That is the same number but for rounding; it is defined bar by bar and so does not depend on tiles; and where x stays
//! the same, z is x, so that an average that has arrived does not move any more.

use super::Walker;
use super::four::Four;
use super::recursion::is_defined;
use crate::simd::{self, Level, Loop, STRIP, Strip};

/// Bars from an average to the one it is made from.
const STEP: usize = 4;

/// `prev + alpha (x - prev)`.
#[derive(Debug, Clone)]
pub(crate) struct Smoothing {
    n: u64,
    /// Defined values ignored at the beginning.
    skip: u64,
    alpha: f64,
    weights: Weights,
    /// Defined values seen.
    seen: u64,
    /// Sum of the seed.
    sum: f64,
    /// The last averages, oldest first.
    averages: [f64; STEP],
    /// The last values, oldest first.
    values: [f64; STEP],
}

/// What a step of four bars takes.
#[derive(Debug, Clone, Copy)]
struct Weights {
    /// Of all four values.
    all: f64,
    /// Shares of the values 1, 2 and 3 bars ago; the rest is the newest value's.
    earlier: [f64; 3],
}

impl Weights {
    fn of(alpha: f64) -> Self {
        let left = 1.0 - alpha;
        let (one, two, three) = (alpha * left, alpha * left * left, alpha * left * left * left);
        let all = alpha + one + two + three;
        Self {
            all,
            earlier: [one / all, two / all, three / all],
        }
    }

    #[inline(always)]
    fn of_four(self) -> WeightsOfFour {
        let [a, b, c] = self.earlier;
        WeightsOfFour {
            all: Four::all(self.all),
            earlier: [Four::all(a), Four::all(b), Four::all(c)],
        }
    }

    /// The average from the one four bars before and the last four values, oldest first.
    #[inline(always)]
    fn step(&self, average: f64, x: [f64; STEP]) -> f64 {
        let [three, two, one, x] = x;
        let [a, b, c] = self.earlier;
        let mean = x + ((a * (one - x) + b * (two - x)) + c * (three - x));
        average + self.all * (mean - average)
    }
}

impl Smoothing {
    /// Exponential: alpha is 2 / (n + 1).
    pub(crate) fn exponential(n: u32, skip: u32) -> Self {
        Self::new(n as usize, skip as usize, 2.0 / (f64::from(n) + 1.0))
    }

    /// Wilder's: alpha is 1 / n.
    pub(crate) fn wilder(n: u32) -> Self {
        Self::new(n as usize, 0, 1.0 / f64::from(n))
    }

    /// Exponential, from the first value on: the mean of it alone is that value.
    pub(super) fn from_first(n: usize) -> Self {
        Self::new(1, 0, 2.0 / (n as f64 + 1.0))
    }

    pub(super) fn new(n: usize, skip: usize, alpha: f64) -> Self {
        Self {
            n: n as u64,
            skip: skip as u64,
            alpha,
            weights: Weights::of(alpha),
            seen: 0,
            sum: 0.0,
            averages: [0.0; STEP],
            values: [0.0; STEP],
        }
    }

    /// The average after one more value, null while it is being seeded and where `x` is null.
    #[inline]
    pub(crate) fn step(&mut self, x: f64) -> f64 {
        if x.is_nan() {
            return f64::NAN;
        }
        let [_, b, c, d] = self.values;
        self.values = [b, c, d, x];
        let average = if self.steps() {
            self.weights.step(self.averages[0], self.values)
        } else {
            self.seed(x)
        };
        let [_, b, c, d] = self.averages;
        self.averages = [b, c, d, average];
        average
    }

    #[cold]
    fn seed(&mut self, x: f64) -> f64 {
        self.seen += 1;
        let seeded = self.skip + self.n;
        if self.seen > seeded {
            let before = self.averages[STEP - 1];
            return before + self.alpha * (x - before);
        }
        if self.seen > self.skip {
            self.sum += x;
        }
        if self.seen < seeded {
            f64::NAN
        } else {
            self.sum / self.n as f64
        }
    }

    /// Whether the last four averages are known.
    pub(super) fn steps(&self) -> bool {
        self.seen >= self.skip + self.n + STEP as u64 - 1
    }

    /// A tile in which values may be null.
    pub(crate) fn run(&mut self, level: Level, x: &[f64], out: &mut [f64]) {
        simd::run(level, Average { kernel: self, x, out });
    }

    fn run_steps(&mut self, x: &[f64], out: &mut [f64]) {
        for (out, x) in out.iter_mut().zip(x) {
            *out = self.step(*x);
        }
    }

    /// A strip in which no value is null, or some may be.
    #[inline(always)]
    pub(super) fn strip(&mut self, x: &Strip, out: &mut Strip, defined: bool) {
        if !(defined && self.steps()) {
            return self.run_steps(x, out);
        }
        let weights = self.weights.of_four();
        let mut average = weights.step(Four(self.averages), self.first_windows(x));
        out[..STEP].copy_from_slice(&average.0);
        for at in (STEP..STRIP).step_by(STEP) {
            average = weights.step(average, windows(x, at));
            out[at..at + STEP].copy_from_slice(&average.0);
        }
        self.end(average, x);
    }

    /// [`Smoothing::strip`] of two averages, neither of which waits for the other; `SAME` if they are of the same values.
    #[inline(always)]
    pub(super) fn strip_of_two<const SAME: bool>(two: [&mut Self; 2], x: [&Strip; 2], out: [&mut Strip; 2], defined: bool) {
        let ([a, b], [x, y], [out_a, out_b]) = (two, x, out);
        if !(defined && a.steps() && b.steps()) {
            a.strip(x, out_a, defined);
            return b.strip(y, out_b, defined);
        }
        let weights = [a.weights.of_four(), b.weights.of_four()];
        let mut averages = [
            weights[0].step(Four(a.averages), a.first_windows(x)),
            weights[1].step(Four(b.averages), b.first_windows(y)),
        ];
        out_a[..STEP].copy_from_slice(&averages[0].0);
        out_b[..STEP].copy_from_slice(&averages[1].0);
        for at in (STEP..STRIP).step_by(STEP) {
            let given = windows(x, at);
            averages = [
                weights[0].step(averages[0], given),
                weights[1].step(averages[1], if SAME { given } else { windows(y, at) }),
            ];
            out_a[at..at + STEP].copy_from_slice(&averages[0].0);
            out_b[at..at + STEP].copy_from_slice(&averages[1].0);
        }
        a.end(averages[0], x);
        b.end(averages[1], y);
    }

    /// [`Smoothing::strip`] of many averages with one alpha, none of which waits for another.
    #[inline(always)]
    pub(super) fn strips<const N: usize>(kernels: &mut [Self; N], x: [&Strip; N], out: &mut [Strip; N]) {
        let weights = kernels[0].weights.of_four();
        let mut averages = [Four::all(0.0); N];
        for k in 0..N {
            averages[k] = weights.step(Four(kernels[k].averages), kernels[k].first_windows(x[k]));
            out[k][..STEP].copy_from_slice(&averages[k].0);
        }
        for at in (STEP..STRIP).step_by(STEP) {
            for k in 0..N {
                averages[k] = weights.step(averages[k], windows(x[k], at));
                out[k][at..at + STEP].copy_from_slice(&averages[k].0);
            }
        }
        for ((kernel, average), x) in kernels.iter_mut().zip(averages).zip(x) {
            kernel.end(average, x);
        }
    }

    /// The windows that end at the first values of a strip.
    #[inline(always)]
    fn first_windows(&self, x: &Strip) -> [Four; STEP] {
        let ([_, a, b, c], [d, e, f, g, ..]) = (self.values, *x);
        [Four([a, b, c, d]), Four([b, c, d, e]), Four([c, d, e, f]), Four([d, e, f, g])]
    }

    #[inline(always)]
    fn end(&mut self, average: Four, x: &Strip) {
        self.averages = average.0;
        self.values.copy_from_slice(&x[STRIP - STEP..]);
    }
}

/// The values at four bars, those three bars before them first.
#[inline(always)]
fn windows(x: &Strip, at: usize) -> [Four; STEP] {
    let before = |bars: usize| Four(x[at - bars..].first_chunk().copied().unwrap_or_default());
    [before(3), before(2), before(1), before(0)]
}

struct Average<'a> {
    kernel: &'a mut Smoothing,
    x: &'a [f64],
    out: &'a mut [f64],
}

impl Loop for Average<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (strips, rest) = self.x.as_chunks();
        let (outs, rest_out) = self.out.as_chunks_mut();
        for (x, out) in strips.iter().zip(outs) {
            self.kernel.strip(x, out, is_defined(x));
        }
        self.kernel.run_steps(rest, rest_out);
    }
}

/// [`Weights`] of four bars side by side.
#[derive(Debug, Clone, Copy)]
struct WeightsOfFour {
    all: Four,
    earlier: [Four; 3],
}

impl WeightsOfFour {
    /// [`Weights::step`] of four bars.
    #[inline(always)]
    fn step(&self, average: Four, [three, two, one, x]: [Four; STEP]) -> Four {
        let [a, b, c] = self.earlier;
        let mean = x + ((a * (one - x) + b * (two - x)) + c * (three - x));
        average + self.all * (mean - average)
    }
}

impl Walker for Smoothing {
    fn lookback(&self, _: usize) -> usize {
        (self.n + self.skip) as usize - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let average = Average {
            kernel: self,
            x: x[0],
            out: out[0],
        };
        average.run();
    }
}

/// Averages of one series run side by side: none waits for another.
pub(crate) const TOGETHER: usize = 8;

/// Runs averages of the same series; `out` holds a tile for each. The values are those of [`Smoothing::run`].
pub(crate) fn run_together(level: Level, kernels: &mut [Smoothing; TOGETHER], x: &[f64], out: &mut [Vec<f64>; TOGETHER]) {
    if simd::all_defined(level, &[x]) {
        let (kernels, out) = (kernels.each_mut(), out.each_mut().map(Vec::as_mut_slice));
        simd::run(level, Averages { kernels, x, out });
    } else {
        for (kernel, out) in kernels.iter_mut().zip(out) {
            kernel.run_steps(x, out);
        }
    }
}

/// Averages of values none of which is null.
struct Averages<'a, const K: usize> {
    kernels: [&'a mut Smoothing; K],
    x: &'a [f64],
    out: [&'a mut [f64]; K],
}

impl<const K: usize> Loop for Averages<'_, K> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { mut kernels, x, mut out } = self;
        // Until all know their last averages, and the last values stand in the tile.
        let mut begun = 0;
        while begun < x.len() && (begun < STEP || !kernels.iter().all(|kernel| kernel.steps())) {
            for (kernel, out) in kernels.iter_mut().zip(&mut out) {
                out[begun] = kernel.step(x[begun]);
            }
            begun += 1;
        }
        let mut averages: [[f64; STEP]; K] = std::array::from_fn(|k| kernels[k].averages);
        let weights: [Weights; K] = std::array::from_fn(|k| kernels[k].weights);
        let whole = begun + (x.len() - begun) / STEP * STEP;
        for at in (begun..whole).step_by(STEP) {
            let Some(window) = x[at - 3..].first_chunk::<{ 2 * STEP - 1 }>() else {
                break;
            };
            for k in 0..K {
                let next: [f64; STEP] = std::array::from_fn(|i| {
                    weights[k].step(averages[k][i], [window[i], window[i + 1], window[i + 2], window[i + 3]])
                });
                averages[k] = next;
                out[k][at..at + STEP].copy_from_slice(&next);
            }
        }
        for ((kernel, averages), out) in kernels.into_iter().zip(averages).zip(out) {
            if whole > begun {
                kernel.averages = averages;
                kernel.values.copy_from_slice(&x[whole - STEP..whole]);
            }
            kernel.run_steps(&x[whole..], &mut out[whole..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn together_is_what_each_gives_alone() {
        let x: Vec<f64> = (0..1_000)
            .map(|i| f64::from(i * i % 101) + if i == 700 { f64::NAN } else { 0.25 })
            .collect();
        let kernels: [Smoothing; TOGETHER] = std::array::from_fn(|k| Smoothing::exponential(2 + 3 * k as u32, k as u32));
        let (mut alone, mut together) = (kernels.clone(), kernels);
        for tile in x.chunks(64) {
            let mut out = std::array::from_fn(|_| vec![0.0; tile.len()]);
            run_together(Level::detect(), &mut together, tile, &mut out);
            for (kernel, out) in alone.iter_mut().zip(&out) {
                let mut expected = vec![0.0; tile.len()];
                kernel.run(Level::Baseline, tile, &mut expected);
                let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&expected), bits(out));
            }
        }
    }

    #[test]
    fn a_null_is_stepped_over() {
        let mut ema = Smoothing::exponential(2, 0);
        let mut out = [0.0; 6];
        ema.run(Level::Baseline, &[1.0, f64::NAN, 3.0, f64::NAN, 5.0, 5.0], &mut out);
        assert!(out[0].is_nan() && out[1].is_nan() && out[3].is_nan());
        assert_eq!((out[2], out[4]), (2.0, 4.0));
    }
}
