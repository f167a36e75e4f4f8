//! How often verdicts err, and how often they find an edge that is there.
//!
//! `cargo run --release -p assay-benches --bin honesty` prints the tables of `benches/README.md`.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use assay_benches::noise::{Null, real_returns, verdict_on_null, verdict_on_planted};
use assay_optimizer::verdict::Grade;
use clap::Parser;

/// Judges many searches with known answers.
#[derive(Parser)]
struct Arguments {
    /// Searches of each kind.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Trials beside which an edge is planted.
    #[arg(long, default_value_t = 1_000)]
    trials: usize,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// Daily bars whose returns are drawn in stretches: comma-separated, the sixth column the adjusted close.
    #[arg(long, default_value = "../shared/market/bars_daily/orcl-1995-2014.txt")]
    real: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    let mut nulls = vec![
        ("random walk", Null::RandomWalk),
        ("GARCH with Student's t", Null::Garch),
        ("drift, Sharpe ratio 1", Null::Drift),
    ];
    match std::fs::read_to_string(&arguments.real) {
        Ok(text) => nulls.push(("real returns in stretches", Null::Bootstrap(real_returns(&text)?))),
        Err(error) => writeln!(out, "skipped: {}: {error}", arguments.real.display())?,
    }
    writeln!(
        out,
        "| nothing to find | direction | gold | silver | fool's gold | unproven |\n|---|---|---|---|---|---|"
    )?;
    for (name, null) in &nulls {
        for direction in ["long", "both"] {
            let grades = study(&arguments, |seed| verdict_on_null(null, direction, seed))?;
            writeln!(out, "| {name} | {direction} | {} |", columns(&grades, arguments.seeds))?;
            out.flush()?;
        }
    }
    writeln!(
        out,
        "\n| planted among {} | correlation | gold | silver | fool's gold | unproven |\n|---|---|---|---|---|---|",
        arguments.trials
    )?;
    for edge in [0.0, 2.0, 3.0] {
        for correlation in [0.0, 0.25, 0.5] {
            let grades = study(&arguments, |seed| {
                verdict_on_planted(arguments.trials, correlation, edge, seed)
            })?;
            writeln!(
                out,
                "| Sharpe ratio {edge} | {correlation} | {} |",
                columns(&grades, arguments.seeds)
            )?;
            out.flush()?;
        }
    }
    Ok(())
}

/// How many verdicts came to each grade, best first.
fn study(arguments: &Arguments, verdict: impl Fn(u64) -> Result<Grade> + Sync) -> Result<[u64; 4]> {
    let next = AtomicU64::new(arguments.first);
    let end = arguments.first + arguments.seeds;
    let work = || -> Result<[u64; 4]> {
        let mut counts = [0; 4];
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return Ok(counts);
            }
            counts[match verdict(seed)? {
                Grade::Gold => 0,
                Grade::Silver => 1,
                Grade::FoolsGold => 2,
                Grade::Unproven => 3,
            }] += 1;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads).map(|_| scope.spawn(work)).collect();
        let mut total = [0; 4];
        for thread in threads {
            let counts = thread.join().ok().context("a thread panicked")??;
            total.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        Ok(total)
    })
}

fn columns(grades: &[u64; 4], seeds: u64) -> String {
    let shares = grades.map(|count| format!("{:.1} %", count as f64 / seeds as f64 * 100.0));
    shares.join(" | ")
}
