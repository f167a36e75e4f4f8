//! Cycles by the Hilbert transform (J. Ehlers, "Rocket Science for Traders", 2001), with the constants and beginnings of TA-Lib.

mod phase;

use std::f64::consts::{FRAC_PI_2, PI};

pub(super) use self::phase::{Phase, TrendMode, Trendline};
use super::Walker;
use crate::branchless::{all, least, most};

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

/// The homodyne discriminator.
///
/// Each bar's period needs that of the bar before, through four transforms, a division, an arctangent and another division: what need
/// not wait for them is computed beside them, and nothing branches that cannot be foreseen.
#[derive(Debug, Clone)]
struct Core {
    /// Bars before it begins.
    skip: usize,
    smooth: Smooth,
    /// Those of the next bar's transforms.
    gains: (f64, f64),
    /// What went into the four transforms at the last eight bars: smoothed, detrended, in phase, in quadrature.
    inputs: [[f64; 4]; 8],
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
            gains: gains(0.0, 0.0),
            inputs: [[0.0; 4]; 8],
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
        let [two, three, four, six] = [2, 3, 4, 6].map(|back| self.inputs[bar.wrapping_sub(back) % 8]);
        // A transform is a sum over this bar and those 2, 4 and 6 bars before. Where nothing moves it is exactly 0.
        let (scale, rest_scale) = self.gains;
        let rest: [f64; 4] = std::array::from_fn(|k| rest_scale * (two[k] - four[k]));
        let transform = |k: usize, x: f64| scale * (x - six[k]) + rest[k];
        let detrended = transform(0, smoothed);
        self.quadrature = transform(1, detrended);
        self.in_phase = three[1];
        let j_i = transform(2, self.in_phase);
        let j_q = transform(3, self.quadrature);
        self.inputs[bar % 8] = [smoothed, detrended, self.in_phase, self.quadrature];
        // What the last transform is waited for with stands last, here and in the two sums below.
        let quadrature_2 = 0.2 * (self.quadrature + j_i) + 0.8 * self.quadrature_2;
        let in_phase_2 = (0.2 * self.in_phase + 0.8 * self.in_phase_2) - 0.2 * j_q;
        let (in_phase_before, quadrature_before) = (0.2 * self.in_phase_2, 0.2 * self.quadrature_2);
        self.re = in_phase_2 * in_phase_before + (quadrature_2 * quadrature_before + 0.8 * self.re);
        self.im = in_phase_2 * quadrature_before + (0.8 * self.im - quadrature_2 * in_phase_before);
        (self.quadrature_2, self.in_phase_2) = (quadrature_2, in_phase_2);
        let before = self.period;
        let period = 2.0 * PI / arctangent(self.im, self.re);
        let period = if all([self.im != 0.0, self.re != 0.0]) {
            period
        } else {
            before
        };
        let bounds = (most(0.67 * before, 6.0), least(1.5 * before, 50.0));
        let period = most(least(period, bounds.1), bounds.0);
        self.period = 0.2 * period + 0.8 * before;
        self.gains = gains(period, before);
        self.smooth_period = 0.33 * self.period + 0.67 * self.smooth_period;
        true
    }
}

/// Gains of the outer and inner terms of a transform for a period of `0.2 period + 0.8 before`: the sum is not waited for.
#[inline(always)]
fn gains(period: f64, before: f64) -> (f64, f64) {
    const A: f64 = 0.0962;
    const B: f64 = 0.5769;
    let gain = |scale: f64| (scale * 0.075 * 0.2) * period + (scale * 0.54 + (scale * 0.075 * 0.8) * before);
    (gain(A), gain(B))
}

/// The arctangent of `y / x`, of which not both are 0, within two units in the last place.
///
/// Not libm's: the period of a bar waits for this, and there ranges are told apart by branches that cannot be foreseen. One polynomial
/// serves for all of 0 to 1; its terms are gathered in pairs, and pairs of pairs, so that few wait for others.
#[inline(always)]
fn arctangent(y: f64, x: f64) -> f64 {
    const TERMS: [f64; 20] = [
        1.0,
        -0.333_333_333_333_307,
        0.199_999_999_996_479_6,
        -0.142_857_142_669_267_33,
        0.111_111_105_780_020_83,
        -0.090_908_997_932_173_41,
        0.076_921_989_974_582_94,
        -0.066_657_649_106_897_23,
        0.058_768_281_144_872_724,
        -0.052_374_234_719_188_166,
        0.046_687_453_048_485_29,
        -0.040_811_247_503_178_855,
        0.033_871_267_027_006_75,
        -0.025_568_623_644_371_74,
        0.016_719_596_063_507_39,
        -0.008_991_080_542_658_26,
        0.003_751_138_483_965_141,
        -0.001_125_254_430_223_464_5,
        0.000_214_238_107_386_039_46,
        -1.934_234_759_289_23e-5,
    ];
    let (a, b) = (y.abs(), x.abs());
    let ratio = least(a, b) / most(a, b);
    let z = ratio * ratio;
    let (z2, z4) = (z * z, (z * z) * (z * z));
    let (z8, z16) = (z4 * z4, (z4 * z4) * (z4 * z4));
    let four = |k: usize| (TERMS[k] + z * TERMS[k + 1]) + z2 * (TERMS[k + 2] + z * TERMS[k + 3]);
    let sixteen = (four(0) + z4 * four(4)) + z8 * (four(8) + z4 * four(12));
    let angle = ratio * (sixteen + z16 * four(16));
    // A product, because a choice may become a branch.
    let from = f64::from(u8::from(a > b)) * FRAC_PI_2;
    let sign = (y.to_bits() ^ x.to_bits()) & (1 << 63);
    f64::from_bits((from - angle).abs().to_bits() | sign)
}

#[inline(always)]
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

    #[inline(always)]
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

    #[inline(always)]
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
                degrees(arctangent(self.core.quadrature, self.core.in_phase))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arctangents_are_those_of_libm() {
        let mut y = 0.001;
        while y < 1_000.0 {
            for (y, x) in [(y, 1.0), (-y, 1.0), (y, -1.0), (3.0 * y, 3.0)] {
                let (found, expected) = (arctangent(y, x), libm::atan(y / x));
                assert!(
                    (found - expected).abs() <= 4.5e-16 * expected.abs(),
                    "{y} / {x}: {found}, {expected}"
                );
            }
            y *= 1.000_7;
        }
        assert_eq!((arctangent(0.0, 2.0), arctangent(2.0, 0.0)), (0.0, FRAC_PI_2));
    }
}
