//! Recursions of one series, a strip of bars at a time, for chains of steps. Nulls are passed over as an [`super::Instance`] does.

use assay_lang::Kernel;

use super::smoothing::Smoothing;
use crate::simd::{STRIP, Strip};

/// A recursion at a place in time.
#[derive(Debug)]
pub(crate) enum Recursion {
    Average(Smoothing),
    /// One with an alpha of its own, as all that follow null where it would be infinite.
    Smooth(Smoothing),
    Sum(f64),
    /// Fast less slow, from so many defined values on.
    Oscillator {
        averages: [Smoothing; 2],
        missing: usize,
    },
}

impl Recursion {
    pub(crate) fn exponential(n: u32, skip: u32) -> Self {
        Self::Average(Smoothing::exponential(n, skip))
    }

    pub(crate) fn wilder(n: u32) -> Self {
        Self::Average(Smoothing::wilder(n))
    }

    /// The kernel, if it is one.
    pub(crate) fn of(kernel: Kernel, numbers: &[f64]) -> Option<Self> {
        let length = |at: usize| numbers[at] as usize;
        Some(match kernel {
            Kernel::Smooth => Self::Smooth(Smoothing::new(length(0), length(1), numbers[2])),
            Kernel::CumulativeSum => Self::Sum(0.0),
            Kernel::AdOscillator => Self::Oscillator {
                averages: [length(0), length(1)].map(Smoothing::from_first),
                missing: length(0).max(length(1)) - 1,
            },
            _ => return None,
        })
    }

    #[inline(always)]
    pub(crate) fn run(&mut self, x: &Strip, out: &mut Strip) {
        let defined = is_defined(x);
        self.go(x, out, defined);
        if !matches!(self, Self::Average(_)) {
            for out in out {
                *out = if out.is_finite() { *out } else { f64::NAN };
            }
        }
    }

    /// [`Recursion::run`] of values none of which is null, nor so large that a sum of them could be infinite.
    #[inline(always)]
    pub(crate) fn run_defined(&mut self, x: &Strip, out: &mut Strip) {
        self.go(x, out, true);
    }

    /// Two averages at once, if both are.
    #[inline(always)]
    pub(crate) fn run_two(two: [&mut Self; 2], x: [&Strip; 2], out: [&mut Strip; 2], defined: bool) {
        let ([a, b], [x, y], [out_a, out_b]) = (two, x, out);
        if let (Self::Average(a), Self::Average(b)) = (&mut *a, &mut *b) {
            let defined = defined || (is_defined(x) && is_defined(y));
            return Smoothing::strip_of_two::<false>([a, b], [x, y], [out_a, out_b], defined);
        }
        a.run(x, out_a);
        b.run(y, out_b);
    }

    /// Whether it may be one of [`Recursion::run_two`].
    pub(crate) fn pairs(&self) -> bool {
        matches!(self, Self::Average(_))
    }

    #[inline(always)]
    fn go(&mut self, x: &Strip, out: &mut Strip, defined: bool) {
        match self {
            Self::Average(average) | Self::Smooth(average) => average.strip(x, out, defined),
            Self::Sum(sum) => add_up(sum, x, out, defined),
            Self::Oscillator { averages, missing } => {
                let [fast, slow] = averages;
                let mut room = [0.0; STRIP];
                Smoothing::strip_of_two::<true>([fast, slow], [x, x], [out, &mut room], defined);
                for (out, slow) in out.iter_mut().zip(&room) {
                    *out -= slow;
                }
                if *missing > 0 {
                    for out in out.iter_mut().filter(|out| !out.is_nan()).take(*missing) {
                        *out = f64::NAN;
                        *missing -= 1;
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn add_up(sum: &mut f64, x: &Strip, out: &mut Strip, defined: bool) {
    let mut total = *sum;
    if defined {
        for (out, x) in out.iter_mut().zip(x) {
            total += x;
            *out = total;
        }
    } else {
        for (out, x) in out.iter_mut().zip(x) {
            total = if x.is_nan() { total } else { total + x };
            *out = if x.is_nan() { f64::NAN } else { total };
        }
    }
    *sum = total;
}

/// Whether no value of a strip is null.
#[inline(always)]
pub(super) fn is_defined(x: &Strip) -> bool {
    // A sum rather than `all`, which would stop at the first and so take one value at a time.
    x.iter().map(|x| u64::from(x.is_nan())).sum::<u64>() == 0
}
