//! Series for tests.

use std::f64::consts::TAU;

/// Standard normals by a linear congruential generator and Box-Muller, which any language can make again: those of
/// `shared/optimizers/stats_anchors2.py`.
pub(crate) fn normals(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let (radius, angle) = ((-2.0 * libm::log(uniform())).sqrt(), TAU * uniform());
        values.extend([radius * libm::cos(angle), radius * libm::sin(angle)]);
    }
    values.truncate(count);
    values
}

/// The pinned matrix as one series of 240 returns for each of 20 trials, with `edge` added to those of trial 7.
pub(crate) fn pinned_matrix(edge: f64) -> Vec<Vec<f64>> {
    let z = normals(240 * 20, 42);
    let shift = |trial| if trial == 7 { edge } else { 0.0 };
    (0..20)
        .map(|trial| (0..240).map(|t| 0.01 * z[t * 20 + trial] + shift(trial)).collect())
        .collect()
}
