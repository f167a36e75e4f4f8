//! Functions with several objectives.
//!
//! Sources: E. Zitzler, K. Deb, L. Thiele, "Comparison of multiobjective evolutionary algorithms: empirical results", 2000 (ZDT);
//! K. Deb, L. Thiele, M. Laumanns, E. Zitzler, "Scalable test problems for evolutionary multiobjective optimization", 2005 (DTLZ).
//!
//! On the front the variables behind those of position have one value: 0 for ZDT1 to 4 and 6, DTLZ6 and 7, 1/2 for DTLZ1 to 5.
//! Variables are taken by their magnitude where a shift would otherwise leave the domain.

use std::f64::consts::{FRAC_PI_2, PI};

/// Mean distance of the variables of ZDT1, 2, 3 and 6 from the front.
fn zdt_distance(x: &[f64]) -> f64 {
    x[1..].iter().map(|x| x.abs()).sum::<f64>() / (x.len() - 1) as f64
}

/// On [0, 1]^n; front f2 = 1 - sqrt(f1).
pub(super) fn zdt1(x: &[f64]) -> [f64; 2] {
    let g = 1.0 + 9.0 * zdt_distance(x);
    [x[0], g * (1.0 - libm::sqrt(x[0] / g))]
}

/// On [0, 1]^n; front f2 = 1 - f1^2.
pub(super) fn zdt2(x: &[f64]) -> [f64; 2] {
    let g = 1.0 + 9.0 * zdt_distance(x);
    let share = x[0] / g;
    [x[0], g * (1.0 - share * share)]
}

/// On [0, 1]^n; front in five parts, of f2 = 1 - sqrt(f1) - f1 sin(10 pi f1).
pub(super) fn zdt3(x: &[f64]) -> [f64; 2] {
    let g = 1.0 + 9.0 * zdt_distance(x);
    let share = x[0] / g;
    [x[0], g * (1.0 - libm::sqrt(share) - share * libm::sin(10.0 * PI * x[0]))]
}

/// On [0, 1] x [-5, 5]^(n - 1), 21^(n - 1) local fronts; front f2 = 1 - sqrt(f1).
pub(super) fn zdt4(x: &[f64]) -> [f64; 2] {
    let rest = x[1..].iter().map(|x| x * x - 10.0 * libm::cos(4.0 * PI * x));
    let g = 1.0 + 10.0 * (x.len() - 1) as f64 + rest.sum::<f64>();
    [x[0], g * (1.0 - libm::sqrt(x[0] / g))]
}

/// On bits: one string of 30, the others of 5; front f2 = (number of the others) / f1.
pub(super) fn zdt5(x: &[f64]) -> [f64; 2] {
    let ones = |bits: &[f64]| bits.iter().sum::<f64>();
    let value = |bits: &[f64]| if ones(bits) < 5.0 { 2.0 + ones(bits) } else { 1.0 };
    let f1 = 1.0 + ones(&x[..30]);
    [f1, x[30..].chunks(5).map(value).sum::<f64>() / f1]
}

/// On [0, 1]^n, few solutions near one end of the front; front f2 = 1 - f1^2 for f1 from 0.2808.
pub(super) fn zdt6(x: &[f64]) -> [f64; 2] {
    let f1 = 1.0 - libm::exp(-4.0 * x[0]) * libm::pow(libm::sin(6.0 * PI * x[0]), 6.0);
    let g = 1.0 + 9.0 * libm::pow(zdt_distance(x), 0.25);
    let share = f1 / g;
    [f1, g * (1.0 - share * share)]
}

/// Squared distance of the variables behind those of position from 1/2.
fn sphere_distance(x: &[f64], objectives: usize) -> f64 {
    x[objectives - 1..].iter().map(|x| (x - 0.5) * (x - 0.5)).sum()
}

/// The distance with 11^k - 1 local fronts of DTLZ1 and 3.
fn waves_distance(x: &[f64], objectives: usize) -> f64 {
    let wave = |x: &f64| (x - 0.5) * (x - 0.5) - libm::cos(20.0 * PI * (x - 0.5));
    let distance = &x[objectives - 1..];
    100.0 * (distance.len() as f64 + distance.iter().map(wave).sum::<f64>())
}

/// A point on the part of a sphere where all coordinates are positive, by its angles, in units of a right angle.
fn on_sphere(radius: f64, angles: &[f64]) -> Box<[f64]> {
    let objective = |m: usize| {
        let first = angles.len() - m;
        let cosines: f64 = angles[..first].iter().map(|a| libm::cos(a * FRAC_PI_2)).product();
        let sine = angles.get(first).map_or(1.0, |a| libm::sin(a * FRAC_PI_2));
        radius * cosines * sine
    };
    (0..=angles.len()).map(objective).collect()
}

/// On [0, 1]^n; front: the plane where the objectives sum to 1/2.
pub(super) fn dtlz1(x: &[f64], objectives: usize) -> Box<[f64]> {
    let scale = 0.5 * (1.0 + waves_distance(x, objectives));
    let objective = |m: usize| {
        let first = objectives - 1 - m;
        let rest = if m == 0 { 1.0 } else { 1.0 - x[first] };
        scale * x[..first].iter().product::<f64>() * rest
    };
    (0..objectives).map(objective).collect()
}

/// On [0, 1]^n; front: the unit sphere.
pub(super) fn dtlz2(x: &[f64], objectives: usize) -> Box<[f64]> {
    on_sphere(1.0 + sphere_distance(x, objectives), &x[..objectives - 1])
}

/// On [0, 1]^n; front: the unit sphere, behind many local ones.
pub(super) fn dtlz3(x: &[f64], objectives: usize) -> Box<[f64]> {
    on_sphere(1.0 + waves_distance(x, objectives), &x[..objectives - 1])
}

/// On [0, 1]^n; front: the unit sphere, most points near its edges.
pub(super) fn dtlz4(x: &[f64], objectives: usize) -> Box<[f64]> {
    let angles: Vec<f64> = x[..objectives - 1].iter().map(|x| libm::pow(*x, 100.0)).collect();
    on_sphere(1.0 + sphere_distance(x, objectives), &angles)
}

fn curve(x: &[f64], objectives: usize, g: f64) -> Box<[f64]> {
    let angle = |(i, x): (usize, &f64)| {
        if i == 0 { *x } else { 0.5 / (1.0 + g) * (1.0 + 2.0 * g * x) }
    };
    let angles: Vec<f64> = x[..objectives - 1].iter().enumerate().map(angle).collect();
    on_sphere(1.0 + g, &angles)
}

/// On [0, 1]^n; front: a curve on the unit sphere.
pub(super) fn dtlz5(x: &[f64], objectives: usize) -> Box<[f64]> {
    curve(x, objectives, sphere_distance(x, objectives))
}

/// On [0, 1]^n; front: the same curve, harder to reach.
pub(super) fn dtlz6(x: &[f64], objectives: usize) -> Box<[f64]> {
    let g = x[objectives - 1..].iter().map(|x| libm::pow(x.abs(), 0.1)).sum();
    curve(x, objectives, g)
}

/// On [0, 1]^n; front in 2^(objectives - 1) parts.
pub(super) fn dtlz7(x: &[f64], objectives: usize) -> Box<[f64]> {
    let distance = &x[objectives - 1..];
    let g = 1.0 + 9.0 / distance.len() as f64 * distance.iter().map(|x| x.abs()).sum::<f64>();
    let position = &x[..objectives - 1];
    let term = |f: &f64| f / (1.0 + g) * (1.0 + libm::sin(3.0 * PI * f));
    let h = objectives as f64 - position.iter().map(term).sum::<f64>();
    position.iter().copied().chain([(1.0 + g) * h]).collect()
}
