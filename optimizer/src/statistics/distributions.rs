//! Normal and Student's distributions, with the same bits on every machine.

use std::f64::consts::SQRT_2;

use special::Beta;

/// Probability that a standard normal is at most `x`.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// The `x` that a standard normal exceeds with probability `p`, infinite for 0 and 1.
///
/// Taking the upper tail keeps the digits of a small `p` that `1 - p` would round away.
///
/// Source: M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37(3), 1988
/// (PPND16, about 16 digits).
pub(crate) fn normal_upper_quantile(p: f64) -> f64 {
    const NEAR: [[f64; 8]; 2] = [
        [
            3.387_132_872_796_366_6,
            133.141_667_891_784_38,
            1_971.590_950_306_551_3,
            13_731.693_765_509_46,
            45_921.953_931_549_87,
            67_265.770_927_008_7,
            33_430.575_583_588_13,
            2_509.080_928_730_122_7,
        ],
        [
            1.0,
            42.313_330_701_600_91,
            687.187_007_492_057_9,
            5_394.196_021_424_751,
            21_213.794_301_586_597,
            39_307.895_800_092_71,
            28_729.085_735_721_943,
            5_226.495_278_852_854,
        ],
    ];
    const MIDDLE: [[f64; 8]; 2] = [
        [
            1.423_437_110_749_683_5,
            4.630_337_846_156_546,
            5.769_497_221_460_691,
            3.647_848_324_763_204_5,
            1.270_458_252_452_368_4,
            0.241_780_725_177_450_6,
            0.022_723_844_989_269_184,
            7.745_450_142_783_414e-4,
        ],
        [
            1.0,
            2.053_191_626_637_759,
            1.676_384_830_183_803_8,
            0.689_767_334_985_1,
            0.148_103_976_427_480_08,
            0.015_198_666_563_616_457,
            5.475_938_084_995_345e-4,
            1.050_750_071_644_416_9e-9,
        ],
    ];
    const FAR: [[f64; 8]; 2] = [
        [
            6.657_904_643_501_103,
            5.463_784_911_164_114,
            1.784_826_539_917_291_3,
            0.296_560_571_828_504_87,
            0.026_532_189_526_576_124,
            0.001_242_660_947_388_078_4,
            2.711_555_568_743_487_6e-5,
            2.010_334_399_292_288_1e-7,
        ],
        [
            1.0,
            0.599_832_206_555_888,
            0.136_929_880_922_735_8,
            0.014_875_361_290_850_615,
            7.868_691_311_456_133e-4,
            1.846_318_317_510_054_8e-5,
            1.421_511_758_316_446e-7,
            2.044_263_103_389_939_8e-15,
        ],
    ];
    let ratio = |[above, below]: &[[f64; 8]; 2], x: f64| {
        let polynomial = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * x + c);
        polynomial(above) / polynomial(below)
    };
    let q = 0.5 - p;
    if q.abs() <= 0.425 {
        return q * ratio(&NEAR, 0.180_625 - q * q);
    }
    let tail = p.min(1.0 - p);
    if tail <= 0.0 {
        return f64::INFINITY.copysign(q);
    }
    let r = (-libm::log(tail)).sqrt();
    let x = if r <= 5.0 {
        ratio(&MIDDLE, r - 1.6)
    } else {
        ratio(&FAR, r - 5.0)
    };
    x.copysign(q)
}

/// Probability that Student's t with `freedom` degrees of freedom is further from 0 than `t`.
///
/// Formula: `I_x(freedom/2, 1/2)` at `x = freedom / (freedom + t^2)`, the regularized incomplete beta function.
pub(crate) fn student_two_sided(t: f64, freedom: f64) -> f64 {
    let (a, b) = (0.5 * freedom, 0.5);
    (freedom / (freedom + t * t)).inc_beta(a, b, a.ln_beta(b))
}

/// The `t >= 0` that Student's t with `freedom` degrees of freedom is further from 0 than with probability `p`: the inverse of
/// [`student_two_sided`], infinite for 0.
pub(crate) fn student_two_sided_quantile(p: f64, freedom: f64) -> f64 {
    if p <= 0.0 {
        return f64::INFINITY;
    }
    // The probability falls from 1 at 0: halving an interval around the root needs no derivative and cannot run away.
    let (mut low, mut high) = (0.0, 1.0);
    while student_two_sided(high, freedom) > p {
        (low, high) = (high, 2.0 * high);
        if high > 1e300 {
            return f64::INFINITY;
        }
    }
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return middle;
        }
        if student_two_sided(middle, freedom) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * b.abs().max(1.0)
    }

    #[test]
    fn quantiles_of_tables() {
        for (p, x) in [
            (0.5, 0.0),
            (0.05, 1.644_853_626_951_472_7),
            (0.975, -1.959_963_984_540_054),
            (1e-9, 5.997_807_015_008_182),
            (1e-20, 9.262_340_089_798_408),
        ] {
            assert!(close(normal_upper_quantile(p), x), "{p} {}", normal_upper_quantile(p));
        }
        assert_eq!(
            (normal_upper_quantile(0.0), normal_upper_quantile(1.0)),
            (f64::INFINITY, f64::NEG_INFINITY)
        );
        // Cauchy: P(|t| > 1) = 1/2. Two degrees of freedom: P(|t| > t) = 1 - t / sqrt(2 + t^2).
        assert!(close(student_two_sided(1.0, 1.0), 0.5));
        assert!(close(student_two_sided(3.0, 2.0), 1.0 - 3.0 / 11f64.sqrt()));
        assert_eq!(student_two_sided_quantile(0.0, 5.0), f64::INFINITY);
        assert!(student_two_sided_quantile(1.0, 5.0) < 1e-6);
    }

    proptest! {
        #[test]
        fn quantiles_invert_probabilities(exponent in -30.0..-0.4f64, freedom in 1.0..3000f64) {
            let p = libm::exp10(exponent);
            let back = normal_cdf(-normal_upper_quantile(p));
            prop_assert!((back - p).abs() <= 1e-12 * p, "{} {}", back, p);
            if p > 1e-12 {
                let back = student_two_sided(student_two_sided_quantile(p, freedom), freedom);
                prop_assert!((back - p).abs() <= 1e-9 * p, "{} {}", back, p);
            }
        }
    }
}
