//! Sums over bars that are added and subtracted in vectors.

use std::ops::{Add, Sub};

use crate::equity::Moments;

/// Running sums over the bars of a tile, one cache line a bar, so that the sums over a holding are one subtraction of two lines.
///
/// Line i sums the bars before bar i. Summing inside a tile only keeps the precision of a short series.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub struct Line {
    /// Sums of a, a^2, a^3, a^4 with a the instrument's own return.
    pub powers: [f64; 4],
    /// Sum of min(a - rf, 0)^2, sum of a x b with b the return of buy-and-hold, bars, and nanoseconds: an array, so that lines are
    /// added in vectors.
    pub others: [f64; 4],
}

impl Line {
    /// What one bar adds, without bars and nanoseconds.
    #[inline(always)]
    pub(crate) fn of_return(r: f64, rf: f64, benchmark: f64) -> Self {
        let mut moments = Moments::default();
        moments.push(r, rf, benchmark);
        Self {
            powers: moments.powers,
            others: [moments.downside, moments.with_benchmark, 0.0, 0.0],
        }
    }

    /// Sets bars and nanoseconds.
    #[inline(always)]
    pub(crate) fn set_place(&mut self, bars: usize, elapsed_ns: f64) {
        self.others[2] = bars as f64;
        self.others[3] = elapsed_ns;
    }

    /// The sums over returns.
    #[inline(always)]
    pub(crate) fn moments(&self) -> Moments {
        Moments {
            powers: self.powers,
            downside: self.others[0],
            with_benchmark: self.others[1],
        }
    }

    /// Bars.
    #[inline(always)]
    pub(crate) fn bars(&self) -> f64 {
        self.others[2]
    }

    /// Nanoseconds.
    #[inline(always)]
    pub(crate) fn elapsed_ns(&self) -> f64 {
        self.others[3]
    }
}

impl Add for Line {
    type Output = Self;

    #[inline(always)]
    fn add(mut self, more: Self) -> Self {
        for k in 0..4 {
            self.powers[k] += more.powers[k];
            self.others[k] += more.others[k];
        }
        self
    }
}

impl Sub for Line {
    type Output = Self;

    #[inline(always)]
    fn sub(mut self, less: Self) -> Self {
        for k in 0..4 {
            self.powers[k] -= less.powers[k];
            self.others[k] -= less.others[k];
        }
        self
    }
}
