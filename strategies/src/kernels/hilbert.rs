//! Cycles by the Hilbert transform (J. Ehlers, "Rocket Science for Traders", 2001), with the constants and beginnings of TA-Lib.

mod phase;

use std::f64::consts::PI;

pub(super) use self::phase::{Phase, TrendMode, Trendline};
use super::Walker;

/// Weighted mean of four bars.
#[derive(Debug, Clone, Default)]
struct Smooth {
    values: [f64; 4],
    seen: usize,
    sum: f64,
    weighted: f64,
}

impl Smooth {
    #[inline]
    fn step(&mut self, x: f64) -> f64 {
        let place = self.seen % 4;
        // Four bars ago, if there was such a bar.
        let oldest = std::mem::replace(&mut self.values[place], x);
        self.seen += 1;
        if self.seen < 4 {
            self.sum += x;
            self.weighted += x * self.seen as f64;
            return 0.0;
        }
        self.sum += x - if self.seen > 4 { oldest } else { 0.0 };
        self.weighted += x * 4.0;
        let smooth = self.weighted * 0.1;
        self.weighted -= self.sum;
        smooth
    }
}

/// One transform for even and one for odd bars.
#[derive(Debug, Clone, Default)]
struct Transform {
    values: [[f64; 3]; 2],
    before: [f64; 2],
    input: [f64; 2],
}

impl Transform {
    #[inline(always)]
    fn step(&mut self, odd: usize, at: usize, x: f64, gain: f64) -> f64 {
        const A: f64 = 0.0962;
        const B: f64 = 0.5769;
        let scaled = A * x;
        let value = scaled - std::mem::replace(&mut self.values[odd][at], scaled) - self.before[odd];
        self.before[odd] = B * self.input[odd];
        self.input[odd] = x;
        (value + self.before[odd]) * gain
    }
}

/// The homodyne discriminator.
#[derive(Debug, Clone)]
struct Core {
    /// Bars before it begins.
    skip: usize,
    smooth: Smooth,
    transforms: [Transform; 4],
    at: usize,
    delayed: [[f64; 2]; 2],
    in_phase_2: f64,
    quadrature_2: f64,
    re: f64,
    im: f64,
    period: f64,
    smooth_period: f64,
    smoothed: f64,
    in_phase: f64,
    quadrature: f64,
}

/// Begin of the outputs that need 32 bars, and of those that need 63.
const SOON: usize = 12;
const LATE: usize = 37;

impl Core {
    fn new(skip: usize) -> Self {
        Self {
            skip,
            smooth: Smooth::default(),
            transforms: Default::default(),
            at: 0,
            delayed: [[0.0; 2]; 2],
            in_phase_2: 0.0,
            quadrature_2: 0.0,
            re: 0.0,
            im: 0.0,
            period: 0.0,
            smooth_period: 0.0,
            smoothed: 0.0,
            in_phase: 0.0,
            quadrature: 0.0,
        }
    }

    /// Whether it has begun with this bar.
    #[inline(always)]
    fn step(&mut self, x: f64) -> bool {
        let bar = self.smooth.seen;
        let smoothed = self.smooth.step(x);
        if bar < self.skip {
            return false;
        }
        self.smoothed = smoothed;
        let odd = bar % 2;
        let gain = 0.075 * self.period + 0.54;
        let at = self.at;
        let [detrender, quadrature, lead_i, lead_q] = &mut self.transforms;
        let detrended = detrender.step(odd, at, smoothed, gain);
        self.quadrature = quadrature.step(odd, at, detrended, gain);
        // Three bars ago: kept apart for even and odd bars, and moved by the other of them.
        self.in_phase = self.delayed[odd][1];
        let j_i = lead_i.step(odd, at, self.in_phase, gain);
        let j_q = lead_q.step(odd, at, self.quadrature, gain);
        if odd == 0 {
            self.at = if at == 2 { 0 } else { at + 1 };
        }
        let other = &mut self.delayed[1 - odd];
        other[1] = other[0];
        other[0] = detrended;
        let quadrature_2 = 0.2 * (self.quadrature + j_i) + 0.8 * self.quadrature_2;
        let in_phase_2 = 0.2 * (self.in_phase - j_q) + 0.8 * self.in_phase_2;
        self.re = 0.2 * (in_phase_2 * self.in_phase_2 + quadrature_2 * self.quadrature_2) + 0.8 * self.re;
        self.im = 0.2 * (in_phase_2 * self.quadrature_2 - quadrature_2 * self.in_phase_2) + 0.8 * self.im;
        (self.quadrature_2, self.in_phase_2) = (quadrature_2, in_phase_2);
        let before = self.period;
        if self.im != 0.0 && self.re != 0.0 {
            self.period = 360.0 / degrees(libm::atan(self.im / self.re));
        }
        self.period = self.period.min(1.5 * before).max(0.67 * before).clamp(6.0, 50.0);
        self.period = 0.2 * self.period + 0.8 * before;
        self.smooth_period = 0.33 * self.period + 0.67 * self.smooth_period;
        true
    }
}

#[inline]
fn degrees(radians: f64) -> f64 {
    radians * (180.0 / PI)
}

/// Period of the dominant cycle, and the components in phase and in quadrature.
#[derive(Debug, Clone)]
pub(super) struct Period(Core);

impl Default for Period {
    fn default() -> Self {
        Self(Core::new(SOON))
    }
}

impl Walker for Period {
    fn outputs(&self) -> usize {
        3
    }

    fn lookback(&self, _: usize) -> usize {
        32
    }

    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let [periods, in_phase, quadrature] = out else { return };
        for (bar, x) in x[0].iter().enumerate() {
            self.0.step(*x);
            periods[bar] = self.0.smooth_period;
            in_phase[bar] = self.0.in_phase;
            quadrature[bar] = self.0.quadrature;
        }
    }
}

/// The adaptive average and the one that follows it.
#[derive(Debug, Clone)]
pub(super) struct Mama {
    core: Core,
    limits: [f64; 2],
    phase: f64,
    average: f64,
    follower: f64,
}

impl Mama {
    pub(super) fn new(fast: f64, slow: f64) -> Self {
        Self {
            core: Core::new(SOON),
            limits: [fast, slow],
            phase: 0.0,
            average: 0.0,
            follower: 0.0,
        }
    }
}

impl Walker for Mama {
    fn outputs(&self) -> usize {
        2
    }

    fn lookback(&self, _: usize) -> usize {
        32
    }

    fn run(&mut self, x: &[&[f64]], out: &mut [&mut [f64]]) {
        let [mamas, famas] = out else { return };
        let [fast, slow] = self.limits;
        for (bar, x) in x[0].iter().enumerate() {
            if !self.core.step(*x) {
                continue;
            }
            let phase = if self.core.in_phase == 0.0 {
                0.0
            } else {
                degrees(libm::atan(self.core.quadrature / self.core.in_phase))
            };
            let change = (self.phase - phase).max(1.0);
            self.phase = phase;
            let alpha = if change > 1.0 { (fast / change).max(slow) } else { fast };
            self.average = alpha * x + (1.0 - alpha) * self.average;
            self.follower = 0.5 * alpha * self.average + (1.0 - 0.5 * alpha) * self.follower;
            (mamas[bar], famas[bar]) = (self.average, self.follower);
        }
    }
}
