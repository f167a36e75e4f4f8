//! How much of a Sharpe ratio remains after its own error and the number of trials it was picked from.

use crate::statistics::VARIANCE_DUST;
use crate::statistics::distributions::{normal_cdf, normal_upper_quantile};

/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// A measured Sharpe ratio and what its error depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharpeEstimate {
    /// Sharpe ratio per observation, not annualised.
    pub sharpe: f64,
    /// Returns that it was measured on.
    pub observations: u64,
    /// Skewness of the returns (biased moments).
    pub skew: f64,
    /// Kurtosis of the returns (biased moments), not excess: 3 for a normal. The column `kurtosis` plus 3.
    pub kurtosis: f64,
}

impl SharpeEstimate {
    /// The Sharpe ratio of a series of returns over `risk_free`, a return per observation, and what its error depends on. `None` for
    /// fewer than two returns and for returns that do not vary.
    pub fn measure(returns: &[f64], risk_free: f64) -> Option<Self> {
        let n = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / n;
        let (mut second, mut third, mut fourth, mut squares) = (0.0, 0.0, 0.0, 0.0);
        for r in returns {
            let apart = r - mean;
            let square = apart * apart;
            second += square;
            third += square * apart;
            fourth += square * square;
            squares += r * r;
        }
        if returns.len() < 2 || second.is_nan() || second <= VARIANCE_DUST * squares {
            return None;
        }
        let variance = second / n;
        Some(Self {
            sharpe: (mean - risk_free) / (second / (n - 1.0)).sqrt(),
            observations: returns.len() as u64,
            skew: third / n / (variance * variance.sqrt()),
            kurtosis: fourth / n / (variance * variance),
        })
    }

    /// The Sharpe ratio of what is left of `returns` without the market's share in them, `r - beta (b - rf)` over the risk-free return:
    /// the appraisal ratio. `None` as in [`SharpeEstimate::measure`]; a market that does not vary has no share.
    ///
    /// Source: J. L. Treynor, F. Black, "How to use security analysis to improve portfolio selection", Journal of Business 46(1), 1973.
    pub fn beyond(returns: &[f64], market: &[f64], risk_free: f64) -> Option<Self> {
        let n = returns.len() as f64;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
        let (of_returns, of_market) = (mean(returns), mean(market));
        let (mut common, mut own) = (0.0, 0.0);
        for (r, b) in returns.iter().zip(market) {
            common += (r - of_returns) * (b - of_market);
            own += (b - of_market) * (b - of_market);
        }
        let beta = if own > 0.0 { common / own } else { 0.0 };
        let rest: Vec<f64> = returns.iter().zip(market).map(|(r, b)| r - beta * (b - risk_free)).collect();
        let varies = rest.iter().map(|r| r * r).sum::<f64>() > VARIANCE_DUST * returns.iter().map(|r| r * r).sum::<f64>();
        if varies { Self::measure(&rest, risk_free) } else { None }
    }

    /// Probabilistic Sharpe ratio: the probability that the true Sharpe ratio exceeds `threshold` (per observation).
    ///
    /// Formula: `PSR = Phi((SR - SR*) sqrt(n - 1) / sqrt(1 - g3 SR + (g4 - 1)/4 SR^2))`; `None` for fewer than two
    /// observations and where the error's variance is not positive.
    ///
    /// Source: D. H. Bailey, M. López de Prado, "The Sharpe ratio efficient frontier", Journal of Risk 15(2), 2012, eq. 11.
    pub fn probabilistic(&self, threshold: f64) -> Option<f64> {
        let degrees = self.observations.checked_sub(1).filter(|n| *n > 0)? as f64;
        let z = (self.sharpe - threshold) * degrees.sqrt() / self.error_scale()?.sqrt();
        z.is_finite().then(|| normal_cdf(z))
    }

    /// Deflated Sharpe ratio: the probability that the true Sharpe ratio exceeds the largest that `trials` skill-less trials
    /// would be expected to show.
    ///
    /// `variance` is that of the Sharpe ratios over the trials, per observation: as the paper has it the cross-trial variance,
    /// for the verdict [`verdict_variance`]. Formula: `PSR(SR0)` with `SR0` of [`deflation_threshold`].
    ///
    /// Source: D. H. Bailey, M. López de Prado, "The deflated Sharpe ratio", Journal of Portfolio Management 40(5), 2014.
    pub fn deflated(&self, variance: f64, trials: u64) -> Option<f64> {
        self.probabilistic(deflation_threshold(variance, trials))
    }

    /// Minimum track record length: the observations needed to say with `confidence` (0.95) that the true Sharpe ratio exceeds
    /// `threshold` (per observation); divide by the periods of a year for years. `None` if the measured one does not.
    ///
    /// Formula: `1 + (1 - g3 SR + (g4 - 1)/4 SR^2) (z / (SR - SR*))^2`.
    ///
    /// Source: Bailey, López de Prado (2012), eq. 13.
    pub fn minimum_track_record(&self, threshold: f64, confidence: f64) -> Option<f64> {
        if self.sharpe <= threshold {
            return None;
        }
        let z = normal_upper_quantile(1.0 - confidence) / (self.sharpe - threshold);
        let length = 1.0 + self.error_scale()? * z * z;
        length.is_finite().then_some(length)
    }

    /// Variance of the estimate times `n - 1`; `None` unless positive.
    fn error_scale(&self) -> Option<f64> {
        let scale = 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe * self.sharpe;
        (scale > 0.0).then_some(scale)
    }
}

/// The Sharpe ratio (per observation) that the best of `trials` skill-less trials is expected to show: `SR0 = sqrt(V) E[max]`.
///
/// `variance` is that of the trials' Sharpe ratios, per observation. One trial has 0.
///
/// Source: Bailey, López de Prado (2014), eq. 1.
pub fn deflation_threshold(variance: f64, trials: u64) -> f64 {
    variance.sqrt() * expected_maximum(trials)
}

/// Expected maximum of `trials` independent standard normals, in standard deviations; 0 for one trial and for none.
///
/// Formula: `(1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e))` with Euler's constant g, an approximation for large N (for 2 it gives
/// 0.520 where 0.564 is exact).
///
/// Source: D. H. Bailey, J. M. Borwein, M. López de Prado, Q. J. Zhu, "Pseudo-mathematics and financial charlatanism", Notices of
/// the AMS 61(5), 2014, eq. 4.
pub fn expected_maximum(trials: u64) -> f64 {
    if trials < 2 {
        return 0.0;
    }
    let n = trials as f64;
    (1.0 - EULER) * normal_upper_quantile(1.0 / n) + EULER * normal_upper_quantile(1.0 / (n * std::f64::consts::E))
}

/// The variance of Sharpe ratios, per observation, by which the verdict deflates: the smaller of what the trials show and of
/// `1/(n - 1)`, the variance that `observations` of skill-less normal returns give.
///
/// The trials of a grid differ in quality as well as in luck. Where a grid holds bad regions the first number is mostly the
/// spread of quality; deflating by it would bury real edges. `None` where neither is defined.
///
/// Source of the second: A. W. Lo, "The statistics of Sharpe ratios", Financial Analysts Journal 58(4), 2002, at SR = 0.
pub fn verdict_variance(across_trials: Option<f64>, observations: u64) -> Option<f64> {
    let by_luck = (observations > 1).then(|| 1.0 / (observations - 1) as f64);
    match (across_trials, by_luck) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Minimum backtest length in years: with less, the best of `trials` skill-less trials is expected to show an annual Sharpe ratio
/// of `sharpe_annual`. `None` unless that is positive.
///
/// Formula: `(E[max_N] / SR)^2`, below `2 ln N / SR^2`.
///
/// Source: Bailey, Borwein, López de Prado, Zhu (2014), eq. 6.
pub fn minimum_backtest_years(trials: u64, sharpe_annual: f64) -> Option<f64> {
    let ratio = expected_maximum(trials) / sharpe_annual;
    (sharpe_annual > 0.0).then_some(ratio * ratio)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Moments;
    use crate::statistics::testing::pinned_matrix;

    #[track_caller]
    fn close(value: f64, wanted: f64) {
        assert!((value - wanted).abs() <= 2e-14 * wanted.abs().max(1.0), "{value} {wanted}");
    }

    fn estimate(sharpe: f64, observations: u64, skew: f64, kurtosis: f64) -> SharpeEstimate {
        SharpeEstimate {
            sharpe,
            observations,
            skew,
            kurtosis,
        }
    }

    // The values are of shared/optimizers/stats_anchors*.json, which recompute the papers' examples with scipy.

    #[test]
    fn probabilistic_sharpe_of_the_paper() {
        let monthly = 1.59 / 12f64.sqrt();
        close(
            estimate(monthly, 24, -2.448, 10.164).probabilistic(0.0).unwrap(),
            0.913_640_163_891_860_6,
        );
        close(
            estimate(monthly, 24, 0.0, 3.0).probabilistic(0.0).unwrap(),
            0.981_858_472_823_098,
        );
        let fund = 0.036 / 0.079;
        close(
            estimate(fund, 24, -2.448, 10.164).probabilistic(0.0).unwrap(),
            0.912_709_339_594_895_4,
        );
        close(
            estimate(fund, 24, 0.0, 3.0).probabilistic(0.0).unwrap(),
            0.981_242_722_308_514_4,
        );
    }

    #[test]
    fn expected_maxima() {
        for (trials, wanted) in [
            (2, 0.519_755_344_280_593_9),
            (7, 1.386_774_461_354_160_2),
            (10, 1.574_598_301_345_75),
            (45, 2.235_640_177_766_405_2),
            (100, 2.530_602_893_201_684_6),
            (1000, 3.255_121_513_652_723),
            (10_000, 3.860_664_855_510_44),
        ] {
            // scipy takes the quantile at 1 - 1/N, which has rounded N away by 1e-12 at 10,000.
            assert!((expected_maximum(trials) - wanted).abs() < 1e-12, "{trials}");
        }
        assert_eq!((expected_maximum(0), expected_maximum(1)), (0.0, 0.0));
    }

    #[test]
    fn deflated_sharpe_of_the_paper() {
        let (sharpe, variance) = (2.5 / 250f64.sqrt(), 0.5 / 250.0);
        let skewed = estimate(sharpe, 1250, -3.0, 10.0);
        let normal = estimate(sharpe, 1250, 0.0, 3.0);
        for (trials, threshold, deflated, with_normal_moments) in [
            (46, 0.100_362_370_617_653_57, 0.950_501_706_875_578_7, 0.978_738_723_215_653_4),
            (88, 0.111_145_761_783_584_26, 0.910_153_014_744_707, 0.950_490_816_676_013_9),
            (
                100,
                0.113_172_001_865_132_14,
                0.900_396_834_449_390_3,
                0.942_770_585_956_529_4,
            ),
        ] {
            close(deflation_threshold(variance, trials), threshold);
            close(skewed.deflated(variance, trials).unwrap(), deflated);
            close(normal.deflated(variance, trials).unwrap(), with_normal_moments);
        }
        assert_eq!(skewed.deflated(variance, 1), skewed.probabilistic(0.0));
        assert_eq!(skewed.deflated(0.0, 1_000_000), skewed.probabilistic(0.0));
    }

    #[test]
    fn track_records_and_backtests_have_a_least_length() {
        let years = |periods: f64, skew, kurtosis| {
            let root = periods.sqrt();
            estimate(2.0 / root, 2, skew, kurtosis)
                .minimum_track_record(1.0 / root, 0.95)
                .unwrap()
                / periods
        };
        close(years(12.0, -0.72, 5.78), 4.991_258_223_875_627);
        close(years(12.0, 0.0, 3.0), 3.239_800_696_444_647);
        close(years(52.0, 0.0, 3.0), 2.828_833_586_945_237);
        close(years(252.0, 0.0, 3.0), 2.730_984_275_159_663_4);
        close(years(252.0, -0.72, 5.78), 3.006_254_976_822_474);
        assert_eq!(estimate(0.1, 100, 0.0, 3.0).minimum_track_record(0.1, 0.95), None);

        close(minimum_backtest_years(45, 1.0).unwrap(), 4.998_087_004_443_404);
        close(minimum_backtest_years(7, 1.0).unwrap(), 1.923_143_406_664_121);
        close(minimum_backtest_years(45, 2.0).unwrap(), 4.998_087_004_443_404 / 4.0);
        assert_eq!(minimum_backtest_years(45, 0.0), None);
    }

    #[test]
    fn the_best_of_the_pinned_matrix() {
        // Its number; Sharpe, variance of all trials' Sharpe ratios, skew, kurtosis, SR0, PSR, DSR.
        for (edge, best, pinned) in [
            (
                0.0,
                4,
                [
                    0.112_830_733_964_967_25,
                    0.005_553_987_892_099_675,
                    0.099_287_085_199_474_25,
                    2.710_171_050_720_709,
                    0.141_650_416_493_587_06,
                    0.959_886_112_079_909_1,
                    0.327_498_854_485_021_36,
                ],
            ),
            (
                0.004,
                7,
                [
                    0.281_556_981_206_504_46,
                    0.009_295_307_453_171_813,
                    0.119_320_121_726_575_8,
                    2.906_088_082_186_593_5,
                    0.183_251_387_267_591_52,
                    0.999_992_994_707_853_7,
                    0.935_316_247_481_917_8,
                ],
            ),
        ] {
            let trials = pinned_matrix(edge);
            let mut moments = Moments::default();
            for returns in &trials {
                moments.push(SharpeEstimate::measure(returns, 0.0).unwrap().sharpe);
            }
            let variance = moments.variance().unwrap();
            let of = SharpeEstimate::measure(&trials[best], 0.0).unwrap();
            let found = [
                of.sharpe,
                variance,
                of.skew,
                of.kurtosis,
                deflation_threshold(variance, 20),
                of.probabilistic(0.0).unwrap(),
                of.deflated(variance, 20).unwrap(),
            ];
            found.into_iter().zip(pinned).for_each(|(value, wanted)| close(value, wanted));
        }
        let over = SharpeEstimate::measure(&[0.1, 0.3, 0.2], 0.05).unwrap();
        close(over.sharpe, 1.5);
        assert_eq!(SharpeEstimate::measure(&[0.1, 0.1, 0.1], 0.0), None);
        assert_eq!(
            (SharpeEstimate::measure(&[0.1], 0.0), SharpeEstimate::measure(&[], 0.0)),
            (None, None)
        );
    }

    #[test]
    fn the_markets_share_is_taken_away() {
        let market = [0.01, -0.02, 0.03, 0.005, -0.01, 0.02];
        let skill = [0.001, 0.002, -0.001, 0.003, 0.001, 0.0];
        let long: Vec<f64> = market.iter().map(|b| 0.5 * b).collect();
        assert_eq!(SharpeEstimate::beyond(&long, &market, 0.0), None, "nothing is left");
        let both: Vec<f64> = market.iter().zip(&skill).map(|(b, s)| b + s).collect();
        let left = SharpeEstimate::beyond(&both, &market, 0.0).unwrap();
        let alone = SharpeEstimate::beyond(&skill, &market, 0.0).unwrap();
        close(left.sharpe, alone.sharpe);
        assert_eq!(
            SharpeEstimate::beyond(&skill, &[0.0; 6], 0.0),
            SharpeEstimate::measure(&skill, 0.0)
        );
    }

    #[test]
    fn what_cannot_be_said_is_none() {
        assert_eq!(estimate(1.0, 1, 0.0, 3.0).probabilistic(0.0), None);
        assert_eq!(estimate(1.0, 0, 0.0, 3.0).probabilistic(0.0), None);
        assert_eq!(estimate(1.0, 100, 3.0, 3.0).probabilistic(0.0), None);
        assert_eq!(estimate(f64::NAN, 100, 0.0, 3.0).probabilistic(0.0), None);
        assert_eq!(verdict_variance(None, 1), None);
        assert_eq!(verdict_variance(None, 101), Some(0.01));
        assert_eq!(verdict_variance(Some(0.5), 101), Some(0.01));
        assert_eq!(verdict_variance(Some(0.005), 101), Some(0.005));
    }
}
