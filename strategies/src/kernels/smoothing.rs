//! Recursive averages, seeded as TA-Lib seeds them: with the plain mean of the first values.

use super::Walker;

/// `prev + alpha (x - prev)`.
#[derive(Debug, Clone)]
pub(crate) struct Smoothing {
    n: u64,
    /// Defined values ignored at the beginning.
    skip: u64,
    pub(super) alpha: f64,
    /// Defined values seen.
    seen: u64,
    /// Sum of the seed, then the average.
    pub(super) value: f64,
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

    pub(super) fn new(n: usize, skip: usize, alpha: f64) -> Self {
        Self {
            n: n as u64,
            skip: skip as u64,
            alpha,
            seen: 0,
            value: 0.0,
        }
    }

    /// The average after one more value, null while it is being seeded and where `x` is null.
    #[inline]
    pub(crate) fn step(&mut self, x: f64) -> f64 {
        if x.is_nan() {
            return f64::NAN;
        }
        if self.seen >= self.skip + self.n {
            self.value += self.alpha * (x - self.value);
            return self.value;
        }
        self.seed(x)
    }

    #[cold]
    fn seed(&mut self, x: f64) -> f64 {
        self.seen += 1;
        if self.seen > self.skip {
            self.value += x;
        }
        if self.seen < self.skip + self.n {
            return f64::NAN;
        }
        self.value /= self.n as f64;
        self.value
    }

    pub(crate) fn run(&mut self, x: &[f64], out: &mut [f64]) {
        for (out, x) in out.iter_mut().zip(x) {
            *out = self.step(*x);
        }
    }

    /// Whether it is seeded, so that [`run_together`] may take it.
    pub(super) fn seeded(&self) -> bool {
        self.seen >= self.skip + self.n
    }
}

impl Walker for Smoothing {
    fn lookback(&self, _: usize) -> usize {
        (self.n + self.skip) as usize - 1
    }

    #[inline(always)]
    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        Self::run(self, x[0], out[0]);
    }
}

/// Averages of one series run side by side: each waits for its own last value, so several at a time cost little more than one.
pub(crate) const TOGETHER: usize = 8;

/// Runs averages of the same series; `out` holds a tile for each. The values are those of [`Smoothing::run`].
pub(crate) fn run_together(kernels: &mut [Smoothing; TOGETHER], x: &[f64], out: &mut [Vec<f64>; TOGETHER]) {
    const ROWS: usize = 8;
    let ready = kernels.iter().all(Smoothing::seeded) && x.iter().all(|x| !x.is_nan());
    if !ready {
        for (kernel, out) in kernels.iter_mut().zip(out) {
            kernel.run(x, out);
        }
        return;
    }
    let alpha: [f64; TOGETHER] = std::array::from_fn(|k| kernels[k].alpha);
    let mut value: [f64; TOGETHER] = std::array::from_fn(|k| kernels[k].value);
    for (block, x) in x.chunks(ROWS).enumerate() {
        let mut rows = [[0.0; TOGETHER]; ROWS];
        for (row, x) in rows.iter_mut().zip(x) {
            for k in 0..TOGETHER {
                value[k] += alpha[k] * (x - value[k]);
            }
            *row = value;
        }
        for (k, out) in out.iter_mut().enumerate() {
            for (out, row) in out[block * ROWS..].iter_mut().zip(&rows[..x.len()]) {
                *out = row[k];
            }
        }
    }
    for (kernel, value) in kernels.iter_mut().zip(value) {
        kernel.value = value;
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
            run_together(&mut together, tile, &mut out);
            for (kernel, out) in alone.iter_mut().zip(&out) {
                let mut expected = vec![0.0; tile.len()];
                kernel.run(tile, &mut expected);
                let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&expected), bits(out));
            }
        }
    }

    #[test]
    fn a_null_is_stepped_over() {
        let mut ema = Smoothing::exponential(2, 0);
        let mut out = [0.0; 6];
        ema.run(&[1.0, f64::NAN, 3.0, f64::NAN, 5.0, 5.0], &mut out);
        assert!(out[0].is_nan() && out[1].is_nan() && out[3].is_nan());
        assert_eq!((out[2], out[4]), (2.0, 4.0));
    }
}
