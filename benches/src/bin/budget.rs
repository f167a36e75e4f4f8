//! How many trials searches need on real instruments to come within 1 % of the best of a full grid.
//!
//! `cargo run --release -p assay-benches --bin budget -- --home HOME SYMBOL:BARS...` prints the table of `benches/README.md`. The grid is
//! run once for each instrument; searches then read its results, so that what is counted is trials and nothing else.
#![allow(clippy::print_stderr, reason = "a bench that says how far it is")]

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use assay_core::ids::Ordinal;
use assay_core::job::{JobSpec, Method, SearchSpec};
use assay_core::metrics::Metric;
use assay_core::space::Point;
use assay_data::{BarRequest, Catalog};
use assay_engine::{Market, SimdLevel};
use assay_optimizer::Proposals;
use assay_optimizer::search::{Cube, Outcome, Study, StudySettings, sampler};
use assay_strategies::Strategy;
use assay_strategies::sweep::Sweep;
use clap::Parser;

/// Searches among the results of a grid.
#[derive(Parser)]
struct Arguments {
    /// A home with imported data.
    #[arg(long)]
    home: PathBuf,
    /// Seeds, from 1.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Trials after which a search has failed.
    #[arg(long, default_value_t = 2_000)]
    trials: u64,
    /// The same for `bayes`, whose time for a proposal grows with what it knows.
    #[arg(long, default_value_t = 200)]
    bayes_trials: u64,
    /// Instruments and the length of their bars, such as `BTCUSD:1h`.
    #[arg(required = true)]
    instruments: Vec<String>,
}

/// Two averages with a band around the slow one, on both sides.
const STRATEGY: &str = "name = 'band'\n[params]\nfast = { int = [2, 49], default = 10 }\nslow = { int = [50, 200], step = 3, default = 50 }\n\
    band = { float = [0.0, 0.02], step = 0.0005, default = 0.001 }\n[let]\nf = 'sma(close, fast)'\ns = 'sma(close, slow)'\n\
    [rules]\nenter_long = 'crossover(f, s * (1 + band))'\nexit_long = 'crossunder(f, s * (1 - band))'\n\
    enter_short = 'crossunder(f, s * (1 - band))'\nexit_short = 'crossover(f, s * (1 + band))'";
const METHODS: [Method; 4] = [Method::Tpe, Method::Bayes, Method::Genetic, Method::Cmaes];
/// What counts as found: this share of the best.
const SHARE: f64 = 0.99;

/// All results of one instrument.
struct Grid {
    scores: HashMap<Vec<u64>, Option<f64>>,
    cube: Cube,
    best: f64,
    /// Points that reach the share of it.
    good: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| instrument | points | best Sharpe ratio | points within 1 % | random | tpe | bayes | genetic | cmaes |\n|---|---|---|---|---|---|---|---|---|"
    )?;
    for name in &arguments.instruments {
        let began = Instant::now();
        let grid = Grid::run(name, &arguments)?;
        eprintln!("{name}: grid in {:.1} s", began.elapsed().as_secs_f64());
        // The median of the first of `good` among all in random order.
        let (all, good) = (grid.scores.len() as f64, grid.good as f64);
        let random = all * (1.0 - libm::pow(0.5, 1.0 / good));
        write!(
            out,
            "| {name} | {} | {:.3} | {} | {random:.0} |",
            grid.scores.len(),
            grid.best,
            grid.good
        )?;
        for method in METHODS {
            let cap = if method == Method::Bayes {
                arguments.bayes_trials
            } else {
                arguments.trials
            };
            let mut needed = (1..=arguments.seeds)
                .map(|seed| grid.trials_needed(method, seed, cap))
                .collect::<Result<Vec<Option<u64>>>>()?;
            let found = needed.iter().flatten().count();
            needed.sort_by_key(|trials| trials.unwrap_or(u64::MAX));
            let median = needed[(needed.len() - 1) / 2].map_or_else(|| format!("over {cap}"), |trials| trials.to_string());
            write!(out, " {median} ({found} of {}) |", arguments.seeds)?;
            out.flush()?;
            eprintln!("{name}: {method}, {:.1} s", began.elapsed().as_secs_f64());
        }
        writeln!(out)?;
    }
    Ok(())
}

fn key(point: &Point) -> Vec<u64> {
    point.0.iter().map(|value| value.to_bits()).collect()
}

impl Grid {
    fn run(name: &str, arguments: &Arguments) -> Result<Self> {
        let (symbol, bars) = name.split_once(':').context("an instrument is SYMBOL:BARS")?;
        let job = JobSpec::from_toml(&format!(
            "name = 'budget'\n[data]\ninstruments = ['{symbol}']\nbars = '{bars}'\n[strategy]\nuse = 'band'\n\
             [execution]\ndirection = 'both'\ncommission = 0.0002\n[metrics]\nsampling = 'bar'\n"
        ))?;
        let strategy = Strategy::parse(STRATEGY, "band.toml")?;
        let catalog = Catalog::open(&arguments.home)?;
        let table = catalog.bars(&BarRequest {
            symbol: symbol.parse()?,
            bars: job.data.bars,
            fill_gaps: job.data.fill_gaps,
            source: None,
        })?;
        let market = Market::new(&table.batch, table.instrument, table.bars.bar_ns(), None, None)?;
        let sweep = Sweep::new(
            &strategy,
            &job.execution,
            &job.metrics,
            &strategy.space,
            Arc::new(market),
            SimdLevel::detect(),
        )?;
        let proposals = Proposals::new(&strategy.space, &SearchSpec::default())?;
        let blocks = proposals.blocks();
        let half = blocks / 2;
        let part = |range: std::ops::Range<u64>| -> Vec<(Vec<u64>, Option<f64>)> {
            let mut found = Vec::new();
            let mut points: Vec<(Ordinal, Point)> = Vec::new();
            for block in range {
                points.clear();
                proposals.block(block, &mut points);
                let rows = sweep.run(0, &points);
                let score = |row: &assay_core::row::TrialRow| row.metrics().and_then(|metrics| metrics.get(Metric::Sharpe));
                found.extend(points.iter().zip(&rows).map(|((_, point), row)| (key(point), score(row))));
            }
            found
        };
        let scores: HashMap<_, _> = std::thread::scope(|scope| {
            let other = scope.spawn(|| part(half..blocks));
            let first = part(0..half);
            let second = other.join().ok().context("a thread panicked")?;
            anyhow::Ok(first.into_iter().chain(second).collect())
        })?;
        ensure!(scores.len() >= 100_000, "{} points are no full grid", scores.len());
        let best = scores.values().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        ensure!(best > 0.0, "{name}: no point has a Sharpe ratio above 0");
        let good = scores.values().flatten().filter(|score| **score >= SHARE * best).count();
        Ok(Self {
            cube: Cube::new(&strategy.space)?,
            scores,
            best,
            good,
        })
    }

    /// Trials until one is good; `None` if it is never found.
    fn trials_needed(&self, method: Method, seed: u64, cap: u64) -> Result<Option<u64>> {
        let spec = SearchSpec {
            method,
            seed,
            ..SearchSpec::default()
        };
        let sampler = sampler(&spec, &self.cube, 1).context("a method that learns")?;
        let settings = StudySettings {
            trials: cap,
            batch: 1,
            lag: 0,
            patience: None,
            seed,
            objectives: 1,
        };
        let mut study = Study::new(self.cube.clone(), sampler, settings, &[], &[])?;
        let (mut tried, mut reached) = (0, None);
        study.run(|proposal| {
            tried += 1;
            let score = self.scores.get(&key(&proposal.point)).copied().flatten();
            if score.is_some_and(|score| score >= SHARE * self.best) {
                reached = Some(tried);
                return None;
            }
            Some(Outcome {
                losses: score.map(|score| Box::from([-score])),
                violation: 0.0,
            })
        })?;
        Ok(reached)
    }
}
