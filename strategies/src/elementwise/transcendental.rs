//! Logarithms and functions of angles, several values at a time, with the bits of libm.
//!
//! Each is libm's own polynomial without its branches, for all but rare values. Those are found afterwards and given to libm itself.
//! (The polynomials are those of FreeBSD's msun, by K. C. Ng and others.)

#![allow(
    clippy::excessive_precision,
    clippy::approx_constant,
    reason = "constants stand as libm writes them, and are the same bits"
)]

use std::marker::PhantomData;

use crate::branchless::all;
use crate::simd::{self, Level, Loop};

/// A function in two forms.
pub(crate) trait Transcendental {
    /// Whether [`Transcendental::fast`] may take it.
    fn ordinary(x: f64) -> bool;
    fn fast(x: f64) -> f64;
    fn any(x: f64) -> f64;
}

/// The function of each value.
pub(crate) fn tile<F: Transcendental>(level: Level, x: &[f64], out: &mut [f64]) {
    let function = PhantomData::<F>;
    simd::run(level, Each { x, out, function });
}

struct Each<'a, F> {
    x: &'a [f64],
    out: &'a mut [f64],
    function: PhantomData<F>,
}

impl<F: Transcendental> Loop for Each<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        each::<F>(self.x, self.out);
    }
}

/// [`tile`] within another loop.
#[inline(always)]
pub(crate) fn each<F: Transcendental>(x: &[f64], out: &mut [f64]) {
    for (x, out) in x.chunks(simd::WORD).zip(out.chunks_mut(simd::WORD)) {
        let mut rare = 0;
        for (out, x) in out.iter_mut().zip(x) {
            *out = F::fast(*x);
            rare += u64::from(!F::ordinary(*x));
        }
        if rare > 0 {
            mend::<F>(x, out);
        }
    }
}

#[cold]
fn mend<F: Transcendental>(x: &[f64], out: &mut [f64]) {
    for (out, x) in out.iter_mut().zip(x).filter(|(_, x)| !F::ordinary(**x)) {
        *out = F::any(*x);
    }
}

#[inline(always)]
fn choose(condition: bool, a: f64, b: f64) -> f64 {
    if condition { a } else { b }
}

/// A logarithm's argument as `2^k (1 + f)`, and what both logarithms are made of.
struct Reduced {
    k: f64,
    f: f64,
    half_square: f64,
    s: f64,
    r: f64,
}

impl Reduced {
    #[inline(always)]
    fn of(x: f64) -> Self {
        const LG: [f64; 7] = [
            6.666_666_666_666_735_130e-1,
            3.999_999_999_940_941_908e-1,
            2.857_142_874_366_239_149e-1,
            2.222_219_843_214_978_396e-1,
            1.818_357_216_161_805_012e-1,
            1.531_383_769_920_937_332e-1,
            1.479_819_860_511_658_591e-1,
        ];
        // The bits of half the root of 2, below which the mantissa is doubled.
        const ROOT: u64 = 0x3FE6_A09E << 32;
        const MANTISSA: u64 = (1 << 52) - 1;
        // Added to the bits of 2^52 an integer is its mantissa.
        const WHOLE: f64 = 4_503_599_627_370_496.0;
        let bits = x.to_bits().wrapping_add((0x3FF0_0000 << 32) - ROOT);
        let k = f64::from_bits(WHOLE.to_bits() | (bits >> 52)) - (WHOLE + 1_023.0);
        let f = f64::from_bits((bits & MANTISSA).wrapping_add(ROOT)) - 1.0;
        let s = f / (2.0 + f);
        let z = s * s;
        let w = z * z;
        let odd = w * (LG[1] + w * (LG[3] + w * LG[5]));
        let even = z * (LG[0] + w * (LG[2] + w * (LG[4] + w * LG[6])));
        Self {
            k,
            f,
            half_square: 0.5 * f * f,
            s,
            r: even + odd,
        }
    }
}

/// Positive, finite and normal.
#[inline(always)]
fn has_logarithm(x: f64) -> bool {
    all([x >= f64::MIN_POSITIVE, x < f64::INFINITY])
}

pub(crate) struct Log;

impl Transcendental for Log {
    #[inline(always)]
    fn ordinary(x: f64) -> bool {
        has_logarithm(x)
    }

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        const LN2_HI: f64 = 6.931_471_803_691_238_164_90e-1;
        const LN2_LO: f64 = 1.908_214_929_270_587_700_02e-10;
        let Reduced { k, f, half_square, s, r } = Reduced::of(x);
        s * (half_square + r) + k * LN2_LO - half_square + f + k * LN2_HI
    }

    fn any(x: f64) -> f64 {
        libm::log(x)
    }
}

pub(crate) struct Log10;

impl Transcendental for Log10 {
    #[inline(always)]
    fn ordinary(x: f64) -> bool {
        has_logarithm(x)
    }

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        const IVLN10_HI: f64 = 4.342_944_818_781_688_809_39e-1;
        const IVLN10_LO: f64 = 2.508_294_671_164_527_522_98e-11;
        const LOG10_2_HI: f64 = 3.010_299_956_636_117_713_06e-1;
        const LOG10_2_LO: f64 = 3.694_239_077_158_930_786_16e-13;
        let Reduced { k, f, half_square, s, r } = Reduced::of(x);
        let high = f64::from_bits((f - half_square).to_bits() & (!0 << 32));
        let low = f - high - half_square + s * (half_square + r);
        let value_high = high * IVLN10_HI;
        let y = k * LOG10_2_HI;
        let value_low = k * LOG10_2_LO + (low + high) * IVLN10_LO + low * IVLN10_HI;
        let w = y + value_high;
        (value_low + ((y - w) + value_high)) + w
    }

    fn any(x: f64) -> f64 {
        libm::log10(x)
    }
}

pub(crate) struct Atan;

impl Transcendental for Atan {
    #[inline(always)]
    fn ordinary(x: f64) -> bool {
        // Beyond, it is a right angle.
        x.abs() < 73_786_976_294_838_206_464.0
    }

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        const HIGH: [f64; 4] = [
            4.636_476_090_008_060_935_15e-1,
            7.853_981_633_974_482_789_99e-1,
            9.827_937_232_473_290_540_82e-1,
            1.570_796_326_794_896_558_00,
        ];
        const LOW: [f64; 4] = [
            2.269_877_745_296_168_709_24e-17,
            3.061_616_997_868_383_017_93e-17,
            1.390_331_103_123_099_845_16e-17,
            6.123_233_995_736_766_035_87e-17,
        ];
        const AT: [f64; 11] = [
            3.333_333_333_333_293_180_27e-1,
            -1.999_999_999_987_648_324_76e-1,
            1.428_571_427_250_346_637_11e-1,
            -1.111_111_040_546_235_578_80e-1,
            9.090_887_133_436_506_561_96e-2,
            -7.691_876_205_044_829_994_95e-2,
            6.661_073_137_387_531_206_69e-2,
            -5.833_570_133_790_573_486_45e-2,
            4.976_877_994_615_932_360_17e-2,
            -3.653_157_274_421_691_552_70e-2,
            1.628_582_011_536_578_236_23e-2,
        ];
        let a = x.abs();
        let pick = |near: f64, at: [f64; 4]| {
            let upper = choose(a < 2.4375, at[2], at[3]);
            choose(a < 0.4375, near, choose(a < 0.6875, at[0], choose(a < 1.1875, at[1], upper)))
        };
        let t = pick(a, [2.0 * a - 1.0, a - 1.0, a - 1.5, -1.0]) / pick(1.0, [2.0 + a, a + 1.0, 1.0 + 1.5 * a, a]);
        let z = t * t;
        let w = z * z;
        let odd = z * (AT[0] + w * (AT[2] + w * (AT[4] + w * (AT[6] + w * (AT[8] + w * AT[10])))));
        let even = w * (AT[1] + w * (AT[3] + w * (AT[5] + w * (AT[7] + w * AT[9]))));
        (pick(0.0, HIGH) - (t * (odd + even) - pick(0.0, LOW) - t)).copysign(x)
    }

    fn any(x: f64) -> f64 {
        libm::atan(x)
    }
}

/// An angle less quarter turns.
struct Turned {
    /// Quarter turns in the last two bits.
    quarters: u64,
    angle: f64,
    rest: f64,
}

impl Turned {
    #[inline(always)]
    fn of(x: f64) -> Self {
        const TO_INT: f64 = 6_755_399_441_055_744.0;
        const INV_PIO2: f64 = 6.366_197_723_675_813_824_33e-1;
        const PIO2_1: f64 = 1.570_796_326_734_125_614_17;
        const PIO2_1T: f64 = 6.077_100_506_506_192_249_32e-11;
        let sum = x * INV_PIO2 + TO_INT;
        let quarters = sum - TO_INT;
        let r = x - quarters * PIO2_1;
        let w = quarters * PIO2_1T;
        let angle = r - w;
        Self {
            quarters: sum.to_bits(),
            angle,
            rest: (r - angle) - w,
        }
    }

    /// Whether libm counts the same quarter turns, and finds one subtraction enough.
    #[inline(always)]
    fn is_ordinary(x: f64) -> bool {
        let angle = Self::of(x).angle.abs();
        let a = x.abs();
        all([a < 1_600_000.0, angle < 0.785_3, angle > a * 1.6e-5, a > 1e-7])
    }

    #[inline(always)]
    fn sine(&self, whole: bool) -> f64 {
        const S: [f64; 6] = [
            -1.666_666_666_666_663_243_48e-1,
            8.333_333_333_322_489_461_24e-3,
            -1.984_126_982_985_794_931_34e-4,
            2.755_731_370_707_006_767_89e-6,
            -2.505_076_025_340_686_341_95e-8,
            1.589_690_995_211_550_102_21e-10,
        ];
        let (x, y) = (self.angle, self.rest);
        let z = x * x;
        let w = z * z;
        let r = S[1] + z * (S[2] + z * S[3]) + z * w * (S[4] + z * S[5]);
        let v = z * x;
        let turned = x - ((z * (0.5 * y - v * r) - y) - v * S[0]);
        choose(whole, x + v * (S[0] + z * r), turned)
    }

    #[inline(always)]
    fn cosine(&self) -> f64 {
        const C: [f64; 6] = [
            4.166_666_666_666_660_190_37e-2,
            -1.388_888_888_887_410_957_49e-3,
            2.480_158_728_947_672_941_78e-5,
            -2.755_731_435_139_066_330_35e-7,
            2.087_572_321_298_174_827_90e-9,
            -1.135_964_755_778_819_482_65e-11,
        ];
        let (x, y) = (self.angle, self.rest);
        let z = x * x;
        let w = z * z;
        let r = z * (C[0] + z * (C[1] + z * C[2])) + w * w * (C[3] + z * (C[4] + z * C[5]));
        let half = 0.5 * z;
        let w = 1.0 - half;
        w + (((1.0 - w) - half) + (z * r - x * y))
    }

    /// The sine of as many quarter turns more. `whole`: none has been taken off.
    #[inline(always)]
    fn sine_after(&self, more: u64, whole: bool) -> f64 {
        let quarters = self.quarters.wrapping_add(more);
        let value = choose(quarters & 1 == 1, self.cosine(), self.sine(whole));
        f64::from_bits(value.to_bits() ^ ((quarters & 2) << 62))
    }
}

/// Where libm takes off nothing.
#[inline(always)]
fn within_an_eighth(x: f64) -> bool {
    x.abs() < 0.785_35
}

pub(crate) struct Sin;

impl Transcendental for Sin {
    #[inline(always)]
    fn ordinary(x: f64) -> bool {
        Turned::is_ordinary(x)
    }

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        Turned::of(x).sine_after(0, within_an_eighth(x))
    }

    fn any(x: f64) -> f64 {
        libm::sin(x)
    }
}

pub(crate) struct Cos;

impl Transcendental for Cos {
    #[inline(always)]
    fn ordinary(x: f64) -> bool {
        Turned::is_ordinary(x)
    }

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        Turned::of(x).sine_after(1, false)
    }

    fn any(x: f64) -> f64 {
        libm::cos(x)
    }
}

pub(crate) struct Tanh;

impl Transcendental for Tanh {
    #[inline(always)]
    fn ordinary(x: f64) -> bool {
        // Prices are: there it is 1.
        x.abs() > 21.0
    }

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        1f64.copysign(x)
    }

    fn any(x: f64) -> f64 {
        libm::tanh(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same<F: Transcendental>(name: &str) {
        let mut x: Vec<f64> = vec![
            0.0,
            -0.0,
            1.0,
            -1.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
            1e-310,
            1e300,
        ];
        let mut state = 1u64;
        for i in 0..400_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let part = (state >> 11) as f64 / (1u64 << 53) as f64;
            // Around multiples of an eighth turn, prices, and all magnitudes.
            let near = f64::from(i % 40) * std::f64::consts::FRAC_PI_4 + (part - 0.5) * libm::scalbn(1.0, -(i % 50));
            x.extend([near, -near, part * 400.0, f64::from_bits(state), (part - 0.5) * 6.0]);
        }
        for level in [Level::Baseline, Level::detect()] {
            let mut out = vec![0.0; x.len()];
            tile::<F>(level, &x, &mut out);
            for (x, out) in x.iter().zip(out) {
                let expected = F::any(*x);
                assert!(
                    out.to_bits() == expected.to_bits() || (out.is_nan() && expected.is_nan()),
                    "{name} of {x:e}: {out:e}, libm {expected:e}"
                );
            }
        }
    }

    #[test]
    fn bits_are_those_of_libm() {
        same::<Log>("log");
        same::<Log10>("log10");
        same::<Atan>("atan");
        same::<Sin>("sin");
        same::<Cos>("cos");
        same::<Tanh>("tanh");
    }
}
