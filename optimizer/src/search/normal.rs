//! The normal distribution, as far out in its tails as logarithms reach.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

pub(crate) use crate::statistics::distributions::normal_cdf as cumulative;

/// ln sqrt(2 pi).
const LOG_SQRT_TAU: f64 = 0.918_938_533_204_672_8;
/// Below this the asymptotic series are exact to ten digits.
const FAR: f64 = -25.0;

/// Density at `z`.
pub(crate) fn density(z: f64) -> f64 {
    libm::exp(-0.5 * z * z - LOG_SQRT_TAU)
}

/// Logarithm of [`cumulative`], finite where that is 0.
///
/// Source of the series: Abramowitz and Stegun, 26.2.12.
pub(crate) fn log_cumulative(z: f64) -> f64 {
    if z > FAR {
        return libm::log(cumulative(z));
    }
    let inverse = 1.0 / (z * z);
    let series = 1.0 - inverse * (1.0 - inverse * (3.0 - inverse * (15.0 - inverse * 105.0)));
    -0.5 * z * z - LOG_SQRT_TAU - libm::log(-z) + libm::log(series)
}

/// Derivative of [`log_cumulative`]: density over probability.
pub(crate) fn log_cumulative_slope(z: f64) -> f64 {
    libm::exp(-0.5 * z * z - LOG_SQRT_TAU - log_cumulative(z))
}

/// Expected shortfall below `z`, E max(z - Z, 0) = density + z x cumulative.
pub(crate) fn improvement(z: f64) -> f64 {
    libm::exp(log_improvement(z))
}

/// Logarithm of [`improvement`], without cancellation far out on the left.
///
/// Source: S. Ament et al., "Unexpected improvements to expected improvement for Bayesian optimization", `NeurIPS` 2023,
/// equation 9; the scaled complementary error function is taken from `erfc` and, farther out, from its asymptotic series.
pub(crate) fn log_improvement(z: f64) -> f64 {
    if z > -1.0 {
        return libm::log(density(z) + z * cumulative(z));
    }
    if z > FAR {
        // erfcx(-z / sqrt 2) x |z| x sqrt(pi / 2) approaches 1 from below.
        let scaled = libm::exp(0.5 * z * z) * libm::erfc(-z * FRAC_1_SQRT_2);
        return -0.5 * z * z - LOG_SQRT_TAU + libm::log1p(z * scaled * libm::sqrt(0.5 * PI));
    }
    let inverse = 1.0 / (z * z);
    let series = 1.0 - inverse * (3.0 - inverse * (15.0 - inverse * (105.0 - inverse * 945.0)));
    -0.5 * z * z - LOG_SQRT_TAU - 2.0 * libm::log(-z) + libm::log(series)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} is not {expected}");
    }

    #[test]
    fn tails_are_those_of_the_integrals() {
        // By mpmath with 50 digits.
        close(cumulative(-1.0), 0.158_655_253_931_457_05);
        close(log_cumulative(-10.0), -53.231_285_150_512_47);
        close(log_cumulative(-40.0), -804.608_442_013_753_8);
        close(log_improvement(0.5), -0.359_827_683_745_063_8);
        close(log_improvement(-10.0), -55.553_122_036_122_36);
        close(log_improvement(-40.0), -808.298_568_356_62);
    }

    #[test]
    fn branches_meet_and_slopes_are_those_of_differences() {
        for z in [-1.0, FAR] {
            close(log_improvement(z - 1e-12), log_improvement(z + 1e-12));
            close(log_cumulative(z - 1e-12), log_cumulative(z + 1e-12));
        }
        for z in [-60.0, -25.5, -3.0, 0.0, 2.0] {
            let slope = (log_cumulative(z + 1e-5) - log_cumulative(z - 1e-5)) / 2e-5;
            assert!((log_cumulative_slope(z) - slope).abs() < 1e-5 * slope.abs().max(1.0), "{z}");
            let slope = (log_improvement(z + 1e-5) - log_improvement(z - 1e-5)) / 2e-5;
            let ratio = libm::exp(log_cumulative(z) - log_improvement(z));
            assert!((ratio - slope).abs() < 1e-5 * slope.abs().max(1.0), "{z}");
        }
    }
}
