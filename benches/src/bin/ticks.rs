//! Fills from ticks: 1,000 parameter sets with stops over 1,144,807 real quotes, and one of them beside a peer.
//!
//!     cargo run --release -p assay-benches --bin ticks -- --python VENV/bin/python
//!
//! With `--year HOME` it only generates a year of quotes into a home, to measure the memory of jobs on them.
//!
//! The peer is hftbacktest (`pip install hftbacktest`), driven by `benches/peers/hft_ticks.py` on the same ticks, dumped for it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use assay_core::ids::{Ordinal, Symbol};
use assay_core::job::{FillGaps, JobSpec};
use assay_core::metrics::Metric;
use assay_core::row::TrialRow;
use assay_core::space::Point;
use assay_data::import::{ImportRequest, import};
use assay_data::{BarRequest, Catalog, GenerateRequest, generate};
use assay_engine::{Market, SimdLevel};
use assay_strategies::sweep::Sweep;
use assay_strategies::{Strategy, library};
use clap::Parser;

const JOB: &str = r#"
name = "ticks"
[data]
instruments = ["EURUSD"]
bars = "1m"
[strategy]
use = "ma_cross"
[execution]
fill = "next_tick"
latency = "250ms"
direction = "both"
stop_loss = "0.06%"
take_profit = "0.12%"
"#;

/// Times fills from ticks.
#[derive(Debug, Parser)]
struct Args {
    /// The real market files.
    #[arg(long, default_value = "../shared/market")]
    market: PathBuf,
    /// Threads of the sweep.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Pairs of runs.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Python with hftbacktest; without it only ours is timed.
    #[arg(long)]
    python: Option<PathBuf>,
    /// Generate a year of 50,000 quotes a day of the symbol DEMO into this home, and nothing else.
    #[arg(long)]
    year: Option<PathBuf>,
    /// The peer's script.
    #[arg(long, default_value = "benches/peers/hft_ticks.py")]
    script: PathBuf,
}

fn seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64(), result)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Time, bid and ask one after the other, for the peer.
fn dump(market: &Market, path: &Path) -> Result<()> {
    let ticks = market.ticks.as_ref().context("a market with ticks")?;
    let mut bytes: Vec<u8> = ticks.time.iter().flat_map(|time| time.to_le_bytes()).collect();
    bytes.extend((0..ticks.len()).flat_map(|k| ticks.sell(k).to_le_bytes()));
    bytes.extend((0..ticks.len()).flat_map(|k| ticks.buy(k).to_le_bytes()));
    std::fs::File::create(path)?.write_all(&bytes)?;
    Ok(())
}

/// Seconds and trades of the peer's run of one set.
fn peer(python: &Path, script: &Path, dump: &Path, [fast, slow]: [u32; 2]) -> Result<(f64, f64)> {
    let output = Command::new(python)
        .arg(script)
        .arg(dump)
        .args([fast.to_string(), slow.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "the peer failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let field = |name: &str| -> Result<f64> {
        let value = text
            .split_whitespace()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        Ok(value.with_context(|| format!("no {name} in: {text}"))?.parse()?)
    };
    Ok((field("seconds")?, field("trades")?))
}

#[allow(clippy::print_stdout, reason = "a table is what this program is for")]
fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(home) = &args.year {
        let request = GenerateRequest {
            days: 365,
            ..GenerateRequest::demo(7)
        };
        let rows = generate(&Catalog::open(home)?, &request)?
            .dataset
            .map_or(0, |dataset| dataset.rows);
        println!("{rows} quotes in {}", home.display());
        return Ok(());
    }
    let home = tempfile::tempdir()?;
    let catalog = Catalog::open(home.path())?;
    let symbol: Symbol = "EURUSD".parse()?;
    let request = ImportRequest::new(vec![args.market.join("fx_ticks/fxcm_eurusd")], symbol.clone());
    import(&catalog, &request, &|_| {})?;
    let bars = catalog.bars(&BarRequest {
        symbol: symbol.clone(),
        bars: "1m".parse()?,
        fill_gaps: FillGaps::None,
        source: None,
    })?;
    let manifest = catalog.tick_source(&symbol, None)?;
    let (first, _) = seconds(|| catalog.ticks(&manifest));
    let (again, ticks) = seconds(|| catalog.ticks(&manifest));
    let market = Market::new(&bars.batch, bars.instrument, bars.bars.bar_ns(), None, None)?;
    let ticks = ticks?;
    let (tables, market) = seconds(|| market.with_ticks(&ticks, true));
    let market = Arc::new(market?);

    let job = JobSpec::from_toml(JOB)?;
    let source = library().iter().find(|(name, _)| *name == "ma_cross").context("ma_cross")?.1;
    let strategy = Strategy::parse(source, "ma_cross")?;
    let sweep = Sweep::new(
        &strategy,
        &job.execution,
        &job.metrics,
        &strategy.space,
        Arc::clone(&market),
        SimdLevel::detect(),
    )?;
    let names: Vec<&str> = strategy
        .space
        .params
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    ensure!(names == ["fast", "slow"], "ma_cross has {names:?}");
    let sets = (5..30u32).flat_map(|fast| (50..250).step_by(5).map(move |slow| [fast, slow]));
    let point = |[fast, slow]: [u32; 2]| Point(Box::from([f64::from(fast), f64::from(slow)]));
    let points: Vec<_> = sets.zip(0..).map(|(set, ordinal)| (Ordinal(ordinal), point(set))).collect();
    let share = points.len().div_ceil(args.threads);
    let run = || -> Vec<TrialRow> {
        std::thread::scope(|scope| {
            let parts: Vec<_> = points.chunks(share).map(|part| scope.spawn(|| sweep.run(0, part))).collect();
            parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
        })
    };
    let one = [(Ordinal(0), point([19, 65]))];
    let (mut all, mut single, mut plain, mut theirs, mut found) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), None);
    let path = home.path().join("dump");
    dump(&market, &path)?;
    let mut trades = 0.0;
    for _ in 0..args.pairs {
        let (time, rows) = seconds(run);
        trades = rows.iter().filter_map(|row| row.metrics()?.get(Metric::Trades)).sum();
        all.push(time);
        single.push(seconds(|| sweep.run(0, &one)).0);
        plain.push(seconds(|| sweep.replay(&one[0].1)).0);
        if let Some(python) = &args.python {
            let (time, trades) = peer(python, &args.script, &path, [19, 65])?;
            theirs.push(time);
            found = Some(trades);
        }
    }
    let one_trades = sweep.run(0, &one)[0]
        .metrics()
        .and_then(|metrics| metrics.get(Metric::Trades))
        .unwrap_or(0.0);
    println!("{} ticks, {} bars of a minute\n", ticks_len(&market), market.len());
    println!("| work | seconds | |\n|---|---|---|");
    println!("| ticks mapped for the first time, and again | {first:.3}, {again:.4} | |");
    println!("| tables of extremes | {tables:.4} | |");
    let (all, single, plain) = (median(all), median(single), median(plain));
    let sets = points.len();
    println!(
        "| {sets} sets, {} threads, from tick to tick | {all:.3} | {trades} trades |",
        args.threads
    );
    println!("| one set, from tick to tick | {single:.4} | {one_trades} trades |");
    println!("| the same tick by tick, with everything `show` computes | {plain:.4} | |");
    if let Some(found) = found {
        let theirs = median(theirs);
        println!(
            "| the same set by hftbacktest | {theirs:.3} | {found} trades; {:.0} x one set, {:.1} x all {sets} |",
            theirs / single,
            theirs / all
        );
    }
    Ok(())
}

fn ticks_len(market: &Market) -> usize {
    market.ticks.as_ref().map_or(0, assay_engine::Ticks::len)
}
