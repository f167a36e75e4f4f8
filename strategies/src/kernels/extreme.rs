//! Greatest and least value of a window.

use std::collections::VecDeque;

/// Keeps the values that may still become the extreme: each is beaten by none after it.
#[derive(Debug, Clone)]
pub(crate) struct Extreme {
    n: u64,
    /// 1 for the greatest, -1 for the least.
    sign: f64,
    candidates: VecDeque<(u64, f64)>,
    bar: u64,
    run: u64,
}

impl Extreme {
    pub(crate) fn highest(n: u32) -> Self {
        Self::new(n, 1.0)
    }

    pub(crate) fn lowest(n: u32) -> Self {
        Self::new(n, -1.0)
    }

    fn new(n: u32, sign: f64) -> Self {
        Self {
            n: u64::from(n),
            sign,
            candidates: VecDeque::new(),
            bar: 0,
            run: 0,
        }
    }

    pub(crate) fn run(&mut self, x: &[f64], out: &mut [f64]) {
        for (out, x) in out.iter_mut().zip(x) {
            *out = self.step(*x);
        }
    }

    fn step(&mut self, x: f64) -> f64 {
        let bar = self.bar;
        self.bar += 1;
        if x.is_nan() {
            self.run = 0;
            self.candidates.clear();
            return f64::NAN;
        }
        self.run += 1;
        let signed = x * self.sign;
        while self.candidates.back().is_some_and(|(_, value)| *value <= signed) {
            self.candidates.pop_back();
        }
        self.candidates.push_back((bar, signed));
        if let Some((oldest, _)) = self.candidates.front()
            && oldest + self.n <= bar
        {
            self.candidates.pop_front();
        }
        match self.candidates.front() {
            Some((_, value)) if self.run >= self.n => value * self.sign,
            _ => f64::NAN,
        }
    }
}
