//! Functions with one objective.

use std::f64::consts::{E, PI, TAU};

/// Branin and Hoo 1972, on [-5, 10] x [0, 15]: 0.397887 at (-pi, 12.275), (pi, 2.275) and (3 pi, 2.475).
pub(super) fn branin(x: &[f64]) -> f64 {
    let inner = x[1] - 5.1 / (4.0 * PI * PI) * x[0] * x[0] + 5.0 / PI * x[0] - 6.0;
    inner * inner + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * libm::cos(x[0]) + 10.0
}

/// Hartmann 1973 (Dixon and Szegő 1978), on [0, 1]^6: -3.32237 at (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573).
pub(super) fn hartmann6(x: &[f64]) -> f64 {
    const ALPHA: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
    const A: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const P: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let mut sum = 0.0;
    for ((alpha, a), p) in ALPHA.iter().zip(&A).zip(&P) {
        let terms = x.iter().zip(a).zip(p).map(|((x, a), p)| a * (x - p) * (x - p));
        sum += alpha * libm::exp(-terms.sum::<f64>());
    }
    -sum
}

/// Ackley 1987, on [-32.768, 32.768]^n: 0 at 0.
pub(super) fn ackley(x: &[f64]) -> f64 {
    let n = x.len() as f64;
    let squares: f64 = x.iter().map(|x| x * x).sum();
    let waves: f64 = x.iter().map(|x| libm::cos(TAU * x)).sum();
    // Not a rounding below 0 at the optimum.
    (-20.0 * libm::exp(-0.2 * libm::sqrt(squares / n)) - libm::exp(waves / n) + 20.0 + E).max(0.0)
}

/// Rosenbrock 1960, chained, here on [-5, 5]^n: 0 at (1, ..., 1).
pub(super) fn rosenbrock(x: &[f64]) -> f64 {
    let term = |pair: &[f64]| {
        let (valley, slope) = (pair[1] - pair[0] * pair[0], 1.0 - pair[0]);
        100.0 * valley * valley + slope * slope
    };
    x.windows(2).map(term).sum()
}

/// Levy and Montalvo 1985 (Laguna and Martí 2005), on [-10, 10]^n: 0 at (1, ..., 1).
pub(super) fn levy(x: &[f64]) -> f64 {
    let w: Vec<f64> = x.iter().map(|x| 1.0 + 0.25 * (x - 1.0)).collect();
    let square = |x: f64| x * x;
    let (first, last) = (w[0], w[w.len() - 1]);
    let middle = w[..w.len() - 1].iter();
    let sum: f64 = middle
        .map(|w| square(w - 1.0) * (1.0 + 10.0 * square(libm::sin(PI * w + 1.0))))
        .sum();
    square(libm::sin(PI * first)) + sum + square(last - 1.0) * (1.0 + square(libm::sin(TAU * last)))
}

/// Michalewicz 1992 with steepness 10, on [0, pi]^n: -1.8013 for n = 2 at (2.2029, pi / 2), -4.687658 for 5, -9.66015 for 10.
pub(super) fn michalewicz(x: &[f64]) -> f64 {
    let term = |(i, x): (usize, &f64)| libm::sin(*x) * libm::pow(libm::sin((i + 1) as f64 * x * x / PI), 20.0);
    -x.iter().enumerate().map(term).sum::<f64>()
}

/// The sum of squares, here on [-5, 5]^n: 0 at 0.
pub(super) fn sphere(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}

/// Hansen and Ostermeier 2001: axes with a condition number of a million, here on [-5, 5]^n: 0 at 0.
pub(super) fn ellipsoid(x: &[f64]) -> f64 {
    let last = (x.len() - 1) as f64;
    let term = |(i, x): (usize, &f64)| libm::pow(1e6, i as f64 / last) * x * x;
    x.iter().enumerate().map(term).sum()
}
