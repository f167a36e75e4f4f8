//! Time of everything between bars and signals: all pairs of simple averages of 2 to 60 bars, crossing up and down.
//!
//! `cargo run --release -p assay-strategies --example signal_speed -- [bars] [sma|ema] [tile]`
#![allow(clippy::print_stdout, reason = "an example that prints its result")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use assay_core::job::Execution;
use assay_core::space::Point;
use assay_strategies::{Evaluator, Program, Strategy, TILE};

const RUNS: usize = 20;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let bars: usize = arguments.next().map_or(100_000, |n| n.parse().expect("a number of bars"));
    let average = arguments.next().unwrap_or_else(|| "sma".to_owned());
    let source = format!(
        "name = 'pairs'\n[params]\nfast = {{ int = [2, 60] }}\nslow = {{ int = [2, 60] }}\n[let]\nf = '{average}(close, fast)'\n\
         s = '{average}(close, slow)'\n[rules]\nenter_long = 'crossover(f, s)'\nexit_long = 'crossunder(f, s)'"
    );
    let strategy = Strategy::parse(&source, "pairs").expect("a strategy");
    let points: Vec<Point> = (2..=60u32)
        .flat_map(|fast| (fast + 1..=60).map(move |slow| Point(Box::from([f64::from(fast), f64::from(slow)]))))
        .collect();
    let market = support::market(&support::walk(bars, 42, false));
    let tile = arguments.next().map_or(TILE, |n| n.parse().expect("bars to a tile"));
    let (mut built, mut total, mut ones) = (f64::MAX, f64::MAX, 0);
    for _ in 0..RUNS {
        let start = Instant::now();
        let program = Program::build(&strategy, &Execution::default(), &strategy.space, &points, &market).expect("a program");
        built = built.min(start.elapsed().as_secs_f64());
        let mut evaluator = Evaluator::new(&program, &market);
        ones = 0u64;
        for from in (0..bars).step_by(tile) {
            evaluator.advance(from..bars.min(from + tile));
            let signals = evaluator.signals(0);
            ones += signals
                .enter_long
                .iter()
                .map(|word| u64::from(word.count_ones()))
                .sum::<u64>();
        }
        total = total.min(start.elapsed().as_secs_f64());
    }
    println!(
        "{} pairs x {bars} bars, best of {RUNS}: build {:.2} ms, all {:.2} ms, {:.3} ns a bar and pair ({ones} entries of the first)",
        points.len(),
        built * 1e3,
        total * 1e3,
        total * 1e9 / (bars * points.len()) as f64,
    );
}
