//! Time of functions: reads lines of expressions, those of one line separated by ` | ` and computed together, and prints the best
//! nanoseconds a bar of each line. `scripts/function_speed.py` runs it beside TA-Lib.
//!
//! `cargo run --release -p assay-strategies --example function_speed -- [bars] [runs] < lines`
#![allow(clippy::print_stdout, reason = "an example that prints its result")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::io::BufRead;
use std::time::Instant;

use assay_strategies::evaluate_expressions;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let bars: usize = arguments.next().map_or(1_000_000, |n| n.parse().expect("a number of bars"));
    let runs: usize = arguments.next().map_or(5, |n| n.parse().expect("a number of runs"));
    let market = support::market(&support::walk(bars, 42, true));
    // An allocator gives large vectors back to the system until it has seen one as large go. TA-Lib's side has: its walk went through
    // vectors of this size. Without it, the pages of every result of several columns would be asked for anew.
    drop(black_box(vec![0.0f64; 4_000_000]));
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("lines of text");
        let expressions: Vec<&str> = line.split(" | ").collect();
        let mut best = f64::MAX;
        for _ in 0..runs {
            let start = Instant::now();
            black_box(evaluate_expressions(&market, &expressions).expect("expressions that can be computed"));
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("{:.4}\t{line}", best * 1e9 / bars as f64);
    }
}
