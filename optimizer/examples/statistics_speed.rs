//! Measures the statistics that look at every trial: `cargo run --release -p assay-optimizer --example statistics_speed -- 1000000`.

#![allow(clippy::print_stdout, reason = "a measurement prints")]

use std::time::Instant;

use assay_optimizer::OptimizerError;
use assay_optimizer::statistics::{Resamples, SAME_TRIAL, Sketches, SuperiorityTest, effective_trials, overfitting};

/// Returns in a block: four years of days in 16 blocks.
const RETURNS: u32 = 63;
/// Resamples of the tests by bootstrap.
const DRAWS: usize = 1000;

fn main() -> Result<(), OptimizerError> {
    let trials: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let mut state = 1u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };

    let mut sketches = Sketches::new(&[RETURNS; 16])?;
    let n = f64::from(RETURNS);
    for _ in 0..trials {
        // Sums and sums of squares as returns of 1 % a day have them.
        let sums: [f64; 16] = std::array::from_fn(|_| 0.01 * (12.0 * n).sqrt() * uniform());
        let squares: [f64; 16] = std::array::from_fn(|_| 1e-4 * n * (1.0 + 0.5 * uniform()));
        sketches.push(&sums, &squares);
    }
    let start = Instant::now();
    let found = overfitting(&sketches).map(|found| found.probability);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "overfitting: {trials} trials, {} threads: {seconds:.2} s, {found:?}",
        rayon::current_num_threads()
    );

    let start = Instant::now();
    let found = effective_trials(&sketches, SAME_TRIAL, 4096);
    let seconds = start.elapsed().as_secs_f64();
    println!("effective trials: {trials} trials, 1 thread: {seconds:.2} s, {found:?}");

    let trials = (trials / 100).max(1);
    let days = 16 * RETURNS as usize;
    let returns: Vec<f64> = (0..trials * days).map(|_| uniform()).collect();
    let start = Instant::now();
    let resamples = Resamples::stationary(days, 10.0, DRAWS, 1);
    let drawn = start.elapsed().as_secs_f64();
    let mut test = SuperiorityTest::new(&resamples);
    for (number, returns) in (0..).zip(returns.chunks(days)) {
        test.push(number, returns)?;
    }
    let found = test.finish(0.05).map(|(superiority, _)| superiority.consistent);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "superiority: {trials} trials x {days} returns x {DRAWS} resamples, 1 thread: {seconds:.2} s ({drawn:.2} s to draw), {found:?}"
    );
    Ok(())
}
