//! Multiple testing: p-values, and the Sharpe ratios that are left of them.
//!
//! Source: C. R. Harvey, Y. Liu, "Backtesting", Journal of Portfolio Management 42(1), 2015.

use crate::statistics::distributions::{student_two_sided, student_two_sided_quantile};

/// Two-sided p-value of a Sharpe ratio (per observation) measured on `observations` returns; `None` for fewer than two.
///
/// Formula: `t = SR sqrt(n)`, Student's distribution with n - 1 degrees of freedom.
pub fn sharpe_p_value(sharpe: f64, observations: u64) -> Option<f64> {
    let n = observations as f64;
    let t = sharpe * n.sqrt();
    (observations > 1 && t.is_finite()).then(|| student_two_sided(t, n - 1.0))
}

/// The part of a Sharpe ratio that stands after an adjusted p-value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Haircut {
    /// The Sharpe ratio whose p-value is the adjusted one, in the unit and with the sign of the measured one.
    pub sharpe: f64,
    /// Share of the measured Sharpe ratio that is lost, 0 to 1.
    pub share: f64,
}

/// Haircut Sharpe ratio: the one (per observation) whose own p-value is `adjusted`, a p-value from [`bonferroni`], [`holm`] or
/// [`benjamini_yekutieli`]. `None` for fewer than two observations and for a Sharpe ratio of 0.
pub fn haircut(sharpe: f64, observations: u64, adjusted: f64) -> Option<Haircut> {
    if observations < 2 || sharpe == 0.0 || !sharpe.is_finite() {
        return None;
    }
    let n = observations as f64;
    // A p-value of 1 is a t of 0, which halving finds only up to its resolution.
    let t = if adjusted >= 1.0 {
        0.0
    } else {
        student_two_sided_quantile(adjusted, n - 1.0)
    };
    // A p-value too small for the distribution's tail leaves all of it.
    let left = (t / n.sqrt()).min(sharpe.abs());
    Some(Haircut {
        sharpe: left.copysign(sharpe),
        share: 1.0 - left / sharpe.abs(),
    })
}

/// Bonferroni's p-value of one of `tests` tests: `min(1, M p)`.
pub fn bonferroni(p: f64, tests: u64) -> f64 {
    (p * tests as f64).min(1.0)
}

/// Holm's p-values, in the order given: the chance of any false discovery is held, whatever the dependence.
///
/// Formula: with p ascending, `max over j <= i of min(1, (M - j + 1) p_j)`.
///
/// Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6(2), 1979.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p.len()];
    let mut largest = 0f64;
    for (before, i) in ascending(p).into_iter().enumerate() {
        largest = largest.max(bonferroni(p[i], (p.len() - before) as u64));
        adjusted[i] = largest;
    }
    adjusted
}

/// P-values of Benjamini, Hochberg and Yekutieli, in the order given: the expected share of false discoveries among the discoveries
/// is held, whatever the dependence.
///
/// Formula: with p ascending, `min over j >= i of min(1, M c(M) p_j / j)`, `c(M) = 1 + 1/2 + ... + 1/M`. Harvey and Liu leave the
/// largest p-value without c(M), which would let many equal p-values pass unadjusted; here it has it, as in Yekutieli's theorem.
///
/// Source: Y. Benjamini, D. Yekutieli, "The control of the false discovery rate in multiple testing under dependency", Annals of
/// Statistics 29(4), 2001.
pub fn benjamini_yekutieli(p: &[f64]) -> Vec<f64> {
    let tests = p.len() as f64;
    let harmonic: f64 = (1..=p.len()).map(|i| 1.0 / i as f64).sum();
    let mut adjusted = vec![0.0; p.len()];
    let mut smallest = 1f64;
    for (before, i) in ascending(p).into_iter().enumerate().rev() {
        smallest = smallest.min(tests * harmonic * p[i] / (before + 1) as f64);
        adjusted[i] = smallest;
    }
    adjusted
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn close(value: f64, wanted: f64) {
        assert!((value - wanted).abs() <= 1e-12 * wanted.abs().max(1e-3), "{value} {wanted}");
    }

    #[test]
    fn haircuts_of_the_reference() {
        // Of shared/optimizers/stats_anchors.json: annual Sharpe, months, tests, p, adjusted p, annual Sharpe left, haircut.
        for (annual, months, tests, p, adjusted, left, share) in [
            (
                0.75,
                240,
                200,
                0.000_925_805_302_928_628_4,
                0.185_161_060_585_725_68,
                0.297_142_382_706_821_36,
                0.603_810_156_390_904_9,
            ),
            (
                1.0,
                120,
                100,
                0.001_986_473_945_486_899_6,
                0.198_647_394_548_689_96,
                0.408_761_707_068_005_2,
                0.591_238_292_931_994_8,
            ),
            (
                0.92,
                120,
                200,
                0.004_324_056_026_237_866,
                0.864_811_205_247_573_2,
                0.053_955_233_709_437_69,
                0.941_353_006_837_567_7,
            ),
        ] {
            let sharpe = annual / 12f64.sqrt();
            let single = sharpe_p_value(sharpe, months).unwrap();
            close(single, p);
            close(bonferroni(single, tests), adjusted);
            let cut = haircut(sharpe, months, adjusted).unwrap();
            close(cut.sharpe * 12f64.sqrt(), left);
            close(cut.share, share);
            assert_eq!(haircut(-sharpe, months, adjusted).unwrap().sharpe, -cut.sharpe);
        }
    }

    #[test]
    fn adjusted_p_values_of_harvey_and_liu() {
        // Their six tests.
        let p = [0.0128, 0.005, 0.06, 0.009, 0.0135, 0.045];
        // Ascending: 6 x 0.005, 5 x 0.009, 4 x 0.0128, then 3 x 0.0135 < 0.0512, 2 x 0.045, then 0.06 < 0.09.
        for (value, wanted) in holm(&p).iter().zip([0.0512, 0.03, 0.09, 0.045, 0.0512, 0.09]) {
            close(*value, wanted);
        }
        let yekutieli = benjamini_yekutieli(&p);
        let lowest = 6.0 * 2.45 * 0.0135 / 4.0;
        for (value, wanted) in yekutieli.iter().zip([
            lowest,
            lowest,
            6.0 * 2.45 * 0.06 / 6.0,
            lowest,
            lowest,
            6.0 * 2.45 * 0.045 / 5.0,
        ]) {
            close(*value, wanted);
        }
    }

    proptest! {
        #[test]
        fn adjusting_never_lowers_and_keeps_the_order(p in prop::collection::vec(0.0..1.0f64, 1..40)) {
            for adjusted in [holm(&p), benjamini_yekutieli(&p)] {
                for i in 0..p.len() {
                    prop_assert!(adjusted[i] >= p[i] && adjusted[i] <= 1.0);
                    prop_assert!((0..p.len()).all(|j| p[i] > p[j] || adjusted[i] <= adjusted[j]));
                }
            }
            let least = p.iter().copied().fold(1.0, f64::min);
            prop_assert_eq!(holm(&p).into_iter().fold(1.0, f64::min), bonferroni(least, p.len() as u64));
        }
    }

    #[test]
    fn what_cannot_be_cut_is_none() {
        assert_eq!(
            (sharpe_p_value(0.1, 1), haircut(0.1, 1, 0.5), haircut(0.0, 100, 0.5)),
            (None, None, None)
        );
        let (all, none) = (haircut(0.1, 100, 1.0).unwrap(), haircut(0.1, 100, 0.0).unwrap());
        assert_eq!((all.sharpe, all.share, none.sharpe, none.share), (0.0, 1.0, 0.1, 0.0));
        assert_eq!((holm(&[]), benjamini_yekutieli(&[])), (vec![], vec![]));
    }
}
