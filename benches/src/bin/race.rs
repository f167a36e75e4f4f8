//! Assay beside its peers on the same work in one run, as a table in Markdown.
//!
//! Each row alternates: ours, theirs, ours, theirs; the ratio is the median of the pairs, so that it holds when the machine's
//! speed drifts. `scripts/bench` calls it with a Python that has the peers.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use assay_benches::{Lap, Race, Walk};
use assay_engine::Market;
use clap::Parser;

/// All pairs of the peers' script.
const PEER: &str = "[execution]\nfill = \"close\"\ncommission = 0.0005\ncapital = 100\n";
const STOPS: &str = "stop_loss = \"0.5%\"\ntake_profit = \"1%\"\n";
const FULL: &str = "[execution]\ndirection = \"both\"\nslippage = 0.0001\ncommission = 0.0005\n";
const COSTS: &str = "[execution]\nslippage = 0.0001\ncommission = 0.0005\n";
const TRAIL: &str = "[execution]\ntrailing_stop = \"1%\"\npyramiding = 3\nsize = { fraction = 0.3 }\n";
const BY_BAR: &str = "[metrics]\nsampling = \"bar\"\n";
const BY_DAY: &str = "[metrics]\nsampling = \"1d\"\n";

/// Races sweeps against other engines.
#[derive(Debug, Parser)]
struct Args {
    /// Python with the peers installed; without it only ours is timed.
    #[arg(long)]
    python: Option<PathBuf>,
    /// The peers' script.
    #[arg(long, requires = "python")]
    script: Option<PathBuf>,
    /// Also race vectorbt, which takes minutes.
    #[arg(long)]
    slow: bool,
    /// Only rows whose work contains this text.
    #[arg(long, default_value = "")]
    only: String,
    /// Pairs of runs.
    #[arg(long, default_value_t = 3)]
    pairs: usize,
    /// Bars of 100,000 and 200,000 minutes as the script dumps them.
    #[arg(long, num_args = 2, required = true, value_names = ["SHORT", "LONG"])]
    dumps: Vec<PathBuf>,
}

struct Peer<'a> {
    args: &'a Args,
    engine: &'static str,
    flags: &'static [&'static str],
}

impl Peer<'_> {
    /// One run of the peers' script: 100,000 bars, windows up to 60.
    fn run(&self) -> Result<Option<Lap>> {
        let (Some(python), Some(script)) = (&self.args.python, &self.args.script) else {
            return Ok(None);
        };
        let output = Command::new(python)
            .arg(script)
            .args(["100000", "60", self.engine])
            .args(self.flags)
            .output()?;
        ensure!(
            output.status.success(),
            "{} failed: {}",
            self.engine,
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout)?;
        let field = |name: &str| -> Result<f64> {
            let value = text
                .split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            Ok(value.with_context(|| format!("no {name} in: {text}"))?.parse()?)
        };
        Ok(Some(Lap {
            seconds: field("seconds")?,
            returns: field("sum_ret")?,
            drawdowns: field("sum_mdd")?,
            trades: field("trades")?,
        }))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[allow(clippy::print_stdout, reason = "a table is what this program is for")]
fn row(args: &Args, work: &str, race: &Race, threads: usize, peer: Option<&Peer<'_>>) -> Result<f64> {
    if !work.contains(&args.only) {
        return Ok(f64::NAN);
    }
    race.run(threads);
    let (mut ours, mut ratios, mut theirs) = (Vec::new(), Vec::new(), None);
    let mut lap = race.run(threads);
    for _ in 0..args.pairs {
        // The peer has had the caches to itself: the counted run is a warm one, as the peers' script counts theirs.
        race.run(threads);
        lap = race.run(threads);
        ours.push(lap.seconds);
        if let Some(peer) = peer
            && let Some(other) = peer.run()?
        {
            ratios.push(other.seconds / lap.seconds);
            theirs = Some(other);
        }
    }
    let seconds = median(ours);
    let (peer, ratio, sums) = match (peer, theirs) {
        (Some(peer), Some(other)) => {
            let equal = |a: f64, b: f64| {
                if (a - b).abs() <= 1e-6 * a.abs().max(1.0) {
                    "equal"
                } else {
                    "differ"
                }
            };
            let sums = format!(
                "return {}, drawdown {}, trades {}",
                equal(lap.returns, other.returns),
                equal(lap.drawdowns, other.drawdowns),
                equal(lap.trades, other.trades)
            );
            (
                format!("{} {:.2} s", peer.engine, other.seconds),
                format!("{:.0} x", median(ratios)),
                sums,
            )
        }
        _ => (
            String::new(),
            String::new(),
            format!(
                "return {:.3}, drawdown {:.3}, trades {}",
                lap.returns, lap.drawdowns, lap.trades
            ),
        ),
    };
    println!(
        "| {work} | {} | {threads} | {} | {seconds:.3} | {:.2} | {peer} | {ratio} | {sums} |",
        race.trials(),
        race.path(),
        race.nanoseconds(seconds)
    );
    Ok(seconds)
}

#[allow(clippy::print_stdout, reason = "a table is what this program is for")]
fn main() -> Result<()> {
    let args = Args::parse();
    let walk = Walk::read(&args.dumps[0])?;
    let (plain, quotes) = (walk.market(0.0)?, walk.market(0.005)?);
    let long = Walk::read(&args.dumps[1])?.market(0.0)?;
    let sma = |market: &Arc<Market>, knobs: String| Race::new(Arc::clone(market), "sma", 2..=59, 3..=60, &knobs);
    let alone = |work: &str, race: Race, threads| row(&args, work, &race, threads, None);
    let beside = |work: &str, race: Race, flags: &'static [&'static str]| {
        let peer = |engine| {
            Some(Peer {
                args: &args,
                engine,
                flags,
            })
        };
        if args.slow {
            row(&args, work, &race, 1, peer("vbt-rust").as_ref())?;
        }
        row(&args, work, &race, 1, peer("raptorbt").as_ref())
    };
    println!("| work | trials | threads | path | seconds | ns a bar and trial | peer | ratio | sums |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let first = beside("sweep of the peers' script", sma(&plain, format!("{PEER}{BY_BAR}"))?, &[])?;
    beside(
        "with stop and target",
        sma(&plain, format!("{PEER}{STOPS}{BY_BAR}"))?,
        &["--stops"],
    )?;
    let by_day = alone(
        "next open, both sides, slippage, lot, quotes, by day",
        sma(&quotes, format!("{FULL}{BY_DAY}"))?,
        1,
    )?;
    let by_bar = alone("the same by bar", sma(&quotes, format!("{FULL}{BY_BAR}"))?, 1)?;
    alone("trailing stop and pyramiding", sma(&plain, format!("{TRAIL}{BY_BAR}"))?, 1)?;
    let ema = Race::new(long, "ema", 2..=101, 102..=201, &format!("{COSTS}{BY_BAR}"))?;
    alone("EMA 2..101 x 102..201, 200,000 bars, costs", ema, 2)?;
    println!(
        "\nBy day and by bar against the first row: {:.1} x and {:.1} x its time.",
        by_day / first,
        by_bar / first
    );
    Ok(())
}
