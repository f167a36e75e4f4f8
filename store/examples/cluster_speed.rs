//! Measures the store of a cluster on the Postgres of `DATABASE_URL`, in a database of its own.
//!
//! `cargo run --release -p assay-store --example cluster_speed [trades]`
#![allow(clippy::print_stdout, reason = "a program that reports to its user")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use assay_core::fingerprint::Fingerprint;
use assay_core::ids::{Attempt, JobId, Ordinal, TaskId, TrialId};
use assay_core::job::Objective;
use assay_core::metrics::{Metric, Metrics};
use assay_core::rank::Ranked;
use assay_core::space::{Domain, Parameter, Point, Space};
use assay_core::time::UtcNs;
use assay_store::{Change, JobState, Layout, Leadership, NewJob, Staged, Store, TaskDone, TaskRange, TradeRecord, TrialTrades};

/// Changes of a batch.
const BATCH: usize = 300;
const TASKS: u64 = 100_000;
const RANKED: u64 = 1_000_000;
/// Trades of a trial.
const TRADES: i64 = 1_000;

fn job(number: u8) -> NewJob {
    let parameter = |name: &str| Parameter {
        name: name.to_owned(),
        domain: Domain::Int {
            low: 0,
            high: 1 << 30,
            step: 1,
            log: false,
        },
        default: None,
    };
    let space = Space {
        params: vec![parameter("fast"), parameter("slow")],
        condition: None,
        ..Space::default()
    };
    let id = JobId::from_hash([number; 32]);
    NewJob {
        id,
        name: format!("job {number}"),
        owner: "ann".to_owned(),
        priority: 5,
        spec: r#"{"objective": {"maximize": "sharpe", "aggregate": "mean"}}"#.to_owned(),
        strategy: String::new(),
        body: String::new(),
        data: Vec::new(),
        layout: Layout::new(id, &["EURUSD".parse().expect("a symbol")], &space),
        trials: 1,
        created: UtcNs(0),
    }
}

fn begun(number: u8) -> Vec<Change> {
    let job = job(number);
    let moved = Change::JobMoved {
        job: job.id,
        to: JobState::Running,
        at: UtcNs(0),
        error: None,
    };
    vec![Change::JobAdded(Box::new(job)), moved]
}

fn carved(task: u64, job: JobId) -> Change {
    Change::TaskCarved {
        task: TaskId(task),
        job,
        range: range(task),
    }
}

fn range(task: u64) -> TaskRange {
    TaskRange {
        first_block: task,
        blocks: 1,
    }
}

fn started(task: u64) -> Change {
    Change::AttemptStarted {
        task: TaskId(task),
        attempt: Attempt(1),
        worker: "worker-1".parse().expect("a name"),
        at: UtcNs(1),
    }
}

fn done(task: u64, job: JobId, entered: Vec<Ranked>) -> Change {
    let mut fingerprint = Fingerprint::default();
    fingerprint.add_row(&task.to_le_bytes());
    Change::TaskDone(Box::new(TaskDone {
        task: TaskId(task),
        attempt: Attempt(1),
        staged: Staged {
            job,
            range: range(task),
            attempt: 1,
            file: format!("t{task}-1.1.parquet"),
            bytes: 100_000,
            hash: [7; 32],
            rows: 1024,
            failed: 0,
            fingerprint,
        },
        statistics: vec![1; 200],
        outcomes: String::new(),
        entered,
        left: Vec::new(),
        bars: 1_000,
        at: UtcNs(2),
    }))
}

fn point(ordinal: u64) -> Ranked {
    let mut state = ordinal + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31)
    };
    let mut metrics = Metrics::default();
    for metric in Metric::ALL {
        metrics.set(metric, next());
    }
    Ranked {
        ordinal: Ordinal(ordinal),
        point: Point(Box::from([(ordinal % 1000) as f64, (ordinal / 1000) as f64])),
        objective: metrics.get(Metric::Sharpe),
        violation: 0.0,
        metrics: vec![Some(metrics)],
    }
}

fn report(what: &str, count: u64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!("{what:<45} {seconds:8.3} s {:10.0}/s", count as f64 / seconds);
}

async fn apply(store: &Store, office: &Leadership, changes: &[Change], batch: usize) -> Result<(), Box<dyn Error>> {
    for some in changes.chunks(batch) {
        store.apply(office.epoch(), some).await?;
    }
    Ok(())
}

async fn tasks(store: &Store, office: &Leadership) -> Result<(), Box<dyn Error>> {
    store.apply(office.epoch(), &begun(1)).await?;
    let id = job(1).id;
    for (what, change) in [
        ("carve tasks", &(|task| carved(task, id)) as &dyn Fn(u64) -> Change),
        ("lease them", &started),
        ("finish them, with 200 bytes of statistics", &|task| {
            done(task, id, Vec::new())
        }),
    ] {
        let changes: Vec<Change> = (1..=TASKS).map(change).collect();
        let start = Instant::now();
        apply(store, office, &changes, BATCH).await?;
        report(what, TASKS, start);
    }
    // As they come from workers: in one batch some tasks start and others end.
    let mixed = (TASKS + 1..=2 * TASKS).flat_map(|task| [carved(task, id), started(task), done(task, id, vec![point(task)])]);
    let changes: Vec<Change> = mixed.collect();
    let start = Instant::now();
    apply(store, office, &changes, BATCH).await?;
    report("all of this, and a point ranked with each", 3 * TASKS, start);
    let open: Vec<Change> = (2 * TASKS + 1..=3 * TASKS).map(|task| carved(task, id)).collect();
    apply(store, office, &open, 50_000).await?;
    let start = Instant::now();
    let found = store.unfinished().await?;
    report("take over", found.jobs[0].tasks.len() as u64, start);
    Ok(())
}

/// Jobs with as many best points as are kept, five in a batch.
async fn ranked(store: &Store, office: &Leadership) -> Result<(), Box<dyn Error>> {
    let jobs = RANKED / assay_store::RANKED as u64;
    let mut seconds = 0.0;
    for numbers in (0..jobs).collect::<Vec<_>>().chunks(5) {
        let added: Vec<Change> = numbers.iter().flat_map(|number| begun(10 + *number as u8)).collect();
        store.apply(office.epoch(), &added).await?;
        let batch = numbers.iter().flat_map(|number| {
            let (task, id) = (4 * TASKS + number, job(10 + *number as u8).id);
            let entered = (0..assay_store::RANKED as u64).map(|i| point(number << 20 | i)).collect();
            [carved(task, id), done(task, id, entered)]
        });
        let batch: Vec<Change> = batch.collect();
        let start = Instant::now();
        store.apply(office.epoch(), &batch).await?;
        seconds += start.elapsed().as_secs_f64();
    }
    println!("{:<45} {seconds:8.3} s {:10.0}/s", "rank points", RANKED as f64 / seconds);
    let record = store.job(job(10).id).await?.ok_or("the job")?;
    let by = Objective::default().maximize;
    for count in [20, 20, 1000] {
        let start = Instant::now();
        let top = store.top(&record, count, by, None).await?;
        report("top of a job", top.len() as u64, start);
    }
    Ok(())
}

async fn trades(store: &Store, office: &Leadership, total: u64) -> Result<(), Box<dyn Error>> {
    let trial = |ordinal| TrialId {
        job: job(3).id,
        instrument: 0,
        ordinal: Ordinal(ordinal),
    };
    let trade = |i: i64| TradeRecord {
        long: i % 2 == 0,
        entry: UtcNs(i * 1_000_000_000),
        exit: UtcNs((i + 1) * 1_000_000_000),
        entry_price: 1.1 + i as f64 * 1e-5,
        exit_price: 1.1 + i as f64 * 2e-5,
        units: 10_000.0,
        pnl: i as f64 * 0.1,
        ret: Some(i as f64 * 1e-5),
        fees: 0.35,
        reason: "rule".to_owned(),
    };
    store.apply(office.epoch(), &begun(3)).await?;
    let all: Vec<TradeRecord> = (0..TRADES).map(trade).collect();
    let trials = total / TRADES as u64;
    let start = Instant::now();
    for ordinals in (0..trials).collect::<Vec<_>>().chunks(100) {
        let kept = ordinals.iter().map(|ordinal| {
            Change::TradesKept(Box::new(TrialTrades {
                trial: trial(*ordinal),
                trades: all.clone(),
            }))
        });
        store.apply(office.epoch(), &kept.collect::<Vec<_>>()).await?;
    }
    report("keep trades", total, start);
    for ordinal in [trials / 2, trials / 3] {
        let start = Instant::now();
        let found = store.trades(&trial(ordinal)).await?;
        report("trades of one trial", found.len() as u64, start);
        assert_eq!(found, all, "what was kept");
    }
    Ok(())
}

async fn measure(url: &str, home: &Path, total: u64) -> Result<(), Box<dyn Error>> {
    let store = Store::connect(url, home).await?;
    let office = store.lead("speed").await?;
    tasks(&store, &office).await?;
    ranked(&store, &office).await?;
    trades(&store, &office, total).await
}

fn main() -> Result<(), Box<dyn Error>> {
    let total = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let url = std::env::var("DATABASE_URL").map_err(|_| "DATABASE_URL names an empty database: see scripts/services")?;
    let home = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(&url, home.path(), total))
}
