//! The same job gives the same bits, however it is divided, on however many threads, with whatever instructions.
#![allow(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use std::fmt::Write as _;
use std::sync::Arc;

use assay_core::fingerprint::Fingerprint;
use assay_core::ids::Ordinal;
use assay_core::job::{Execution, FillGaps, JobSpec, SearchSpec};
use assay_core::space::{Point, Space};
use assay_core::time::{BarLength, DAY_NS, UtcNs};
use assay_data::{BarRequest, Catalog, GenerateRequest, generate};
use assay_engine::{Market, SimdLevel};
use assay_optimizer::Proposals;
use assay_strategies::sweep::Sweep;
use assay_strategies::{Strategy, library_strategy};

/// Averages whose every parameter matters; entries while a position is held, for pyramiding.
const CROSS: &str = r#"
name = "cross"
[params]
fast = { int = [3, 15] }
slow = { int = [6, 60], step = 3 }
mode = { choice = ["sma", "ema"] }
[let]
quick = "if(mode == 'ema', ema(close, fast), sma(close, fast))"
calm = "if(mode == 'ema', ema(close, slow), sma(close, slow))"
[rules]
enter_long = "crossover(quick, calm) or (quick > calm and crossover(close, quick))"
exit_long = "crossunder(quick, calm)"
enter_short = "crossunder(quick, calm) or (quick < calm and crossunder(close, quick))"
exit_short = "crossover(quick, calm)"
"#;

/// Ways of execution that between them take every path of the engine.
const EXECUTIONS: [(&str, &str); 7] = [
    ("compounding by day", ""),
    ("compounding by bar", "fill = \"close\"\ncommission = 0.00002"),
    (
        "compounding with levels",
        "stop_loss = \"0.2%\"\ntake_profit = \"0.4%\"\ncommission = 0.00002",
    ),
    (
        "levels",
        "stop_loss = \"0.2%\"\ntake_profit = \"3 * atr(14)\"\ncommission_min = 1.0",
    ),
    (
        "both sides",
        "direction = \"both\"\nsize = { fraction = 0.5 }\nslippage = 0.00001\nleverage = 3",
    ),
    (
        "bar by bar",
        "direction = \"both\"\ntrailing_stop = \"0.3%\"\npyramiding = 3\nsize = { vol_target = 0.02, bars = 50 }\nfinancing_long = 0.03",
    ),
    (
        "in time",
        "direction = \"short\"\nmax_bars = 20\nsize = { risk = 0.01 }\nstop_loss = \"0.1%\"\nintrabar = \"best\"",
    ),
];

struct Job {
    strategy: Strategy,
    spec: JobSpec,
    space: Space,
    market: Arc<Market>,
}

impl Job {
    fn new(name: &str, execution: &str, market: &Arc<Market>) -> Self {
        let strategy = Strategy::parse(CROSS, "cross.toml").unwrap();
        let sampling = if name == "compounding by bar" { "bar" } else { "1d" };
        let spec = JobSpec::from_toml(&format!(
            "name = \"{name}\"\n[data]\ninstruments = [\"DEMO\"]\nbars = \"5m\"\n[strategy]\nuse = \"cross.toml\"\n\
             [metrics]\nsampling = \"{sampling}\"\n[execution]\n{execution}\n"
        ))
        .unwrap();
        let space = Space {
            condition: Some("fast < slow".to_owned()),
            ..strategy.space.clone()
        };
        Self {
            strategy,
            spec,
            space,
            market: Arc::clone(market),
        }
    }

    fn sweep(&self, level: SimdLevel) -> Sweep {
        let (execution, metrics): (&Execution, _) = (&self.spec.execution, &self.spec.metrics);
        Sweep::new(
            &self.strategy,
            execution,
            metrics,
            &self.space,
            Arc::clone(&self.market),
            level,
        )
        .unwrap()
    }

    fn points(&self) -> Vec<(Ordinal, Point)> {
        let proposals = Proposals::new(&self.space, &SearchSpec::default()).unwrap();
        let mut points = Vec::new();
        (0..proposals.blocks()).for_each(|block| proposals.block(block, &mut points));
        points
    }
}

/// Bars of 5 minutes of generated quotes, enough for several tiles.
fn market(days: u32) -> Arc<Market> {
    let home = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(home.path()).unwrap();
    let request = GenerateRequest {
        start: UtcNs(19_723 * DAY_NS),
        days,
        ticks_per_day: 3_000,
        ..GenerateRequest::demo(11)
    };
    generate(&catalog, &request).unwrap();
    let length: BarLength = "5m".parse().unwrap();
    let table = catalog
        .bars(&BarRequest {
            symbol: request.symbol,
            bars: length.into(),
            fill_gaps: FillGaps::None,
            source: None,
        })
        .unwrap();
    // The first day is warm-up, so that the first traded bar lies inside a tile.
    let from = request.start.0 + DAY_NS;
    Arc::new(Market::new(&table.batch, table.instrument, length.ns(), Some(from), None).unwrap())
}

fn fingerprint(sweep: &Sweep, points: &[(Ordinal, Point)]) -> Fingerprint {
    let mut sum = Fingerprint::default();
    for row in sweep.run(0, points) {
        assert!(row.metrics().is_some(), "{:?}", row.outcome);
        row.fingerprint(&mut sum);
    }
    sum
}

fn merged(parts: impl IntoIterator<Item = Fingerprint>) -> Fingerprint {
    let mut sum = Fingerprint::default();
    parts.into_iter().for_each(|part| sum.merge(part));
    sum
}

#[test]
fn the_division_into_tasks_the_order_and_the_instructions_do_not_matter() {
    let market = market(12);
    assert!(market.len() > 2_048, "{} bars", market.len());
    for (name, execution) in EXECUTIONS {
        let job = Job::new(name, execution, &market);
        let points = job.points();
        assert!((300..700).contains(&points.len()), "{} points", points.len());
        let sweep = job.sweep(SimdLevel::detect());
        let whole = fingerprint(&sweep, &points);
        for size in [1, 7, 64] {
            let parts = points.chunks(size).map(|part| fingerprint(&sweep, part));
            assert_eq!(merged(parts), whole, "{name}: tasks of {size}");
        }
        let backward: Vec<(Ordinal, Point)> = points.iter().rev().cloned().collect();
        assert_eq!(fingerprint(&sweep, &backward), whole, "{name}: backward");
        assert_eq!(
            fingerprint(&job.sweep(SimdLevel::Baseline), &points),
            whole,
            "{name}: baseline"
        );
        // A row is the point's own, whoever its neighbours are: traded at all, and not all alike.
        let rows = sweep.run(0, &points);
        let traded = rows
            .iter()
            .filter(|row| row.metrics().unwrap().get(assay_core::metrics::Metric::Trades) > Some(0.0));
        assert!(traded.count() > points.len() / 2, "{name}");
    }
}

#[test]
fn threads_do_not_matter() {
    let market = market(12);
    for (name, execution) in EXECUTIONS {
        let job = Job::new(name, execution, &market);
        let points = job.points();
        let sweep = job.sweep(SimdLevel::detect());
        let whole = fingerprint(&sweep, &points);
        for threads in [2, 3, 5] {
            let size = points.len().div_ceil(threads);
            let sums = std::thread::scope(|scope| {
                let tasks: Vec<_> = points
                    .chunks(size)
                    .map(|part| scope.spawn(|| fingerprint(&sweep, part)))
                    .collect();
                tasks.into_iter().map(|task| task.join().unwrap()).collect::<Vec<_>>()
            });
            assert_eq!(merged(sums), whole, "{name}: {threads} threads");
        }
    }
}

/// The bits that every machine must give, in `goldens/own_fingerprint.txt`; `UPDATE_GOLDENS=1` writes them anew.
#[test]
fn the_golden_job_has_the_same_bits_on_every_machine() {
    // The pairs of the library look at a second market, which goes on for longer.
    let mut market = Arc::unwrap_or_clone(market(9));
    market.others = Arc::new([("SPY".to_owned(), self::market(12))].into());
    let market = Arc::new(market);
    let mut found = String::new();
    let mut line = |name: &str, sweep: &dyn Fn(SimdLevel) -> Sweep, points: &[(Ordinal, Point)]| {
        let sum = fingerprint(&sweep(SimdLevel::Baseline), points);
        assert_eq!(
            fingerprint(&sweep(SimdLevel::detect()), points),
            sum,
            "{name}: {}",
            SimdLevel::detect().name()
        );
        writeln!(found, "{sum} {name}").unwrap();
    };
    for (name, execution) in EXECUTIONS {
        let job = Job::new(name, execution, &market);
        line(name, &|level| job.sweep(level), &job.points());
    }
    for (name, _) in assay_strategies::library() {
        let strategy = library_strategy(name).unwrap();
        let space = strategy.space.clone();
        let search = SearchSpec {
            method: assay_core::job::Method::Random,
            trials: Some(100),
            seed: 5,
            ..SearchSpec::default()
        };
        let proposals = Proposals::new(&space, &search).unwrap();
        let mut points = Vec::new();
        proposals.block(0, &mut points);
        let execution = Execution {
            direction: assay_core::job::Direction::Both,
            ..Execution::default()
        };
        let metrics = assay_core::job::MetricsSpec::default();
        let sweep = |level| Sweep::new(&strategy, &execution, &metrics, &space, Arc::clone(&market), level).unwrap();
        line(&format!("library {name}"), &sweep, &points);
    }
    let path = assay_tests::folder().join("goldens/own_fingerprint.txt");
    if std::env::var_os("UPDATE_GOLDENS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        found, expected,
        "if results were meant to change, run again with UPDATE_GOLDENS=1 and review the difference"
    );
}
