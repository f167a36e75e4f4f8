//! Measures the store on synthetic rows: a small job from start to end, then a million trials.
//!
//! `cargo run --release -p assay-store --example store_speed [rows]`
#![allow(clippy::print_stdout, reason = "a program that reports to its user")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use assay_core::ids::{Attempt, JobId, Ordinal, TaskId, TrialId};
use assay_core::job::{Goal, Objective};
use assay_core::metrics::{Metric, Metrics};
use assay_core::rank::Ranked;
use assay_core::row::{Outcome, Sketch, TrialRow};
use assay_core::space::{Domain, Parameter, Point, Space};
use assay_core::time::UtcNs;
use assay_store::{
    Change, DataHash, JobDone, JobState, Layout, NewJob, Staged, Store, StoredMoments, TaskDone, TaskRange, TaskRows, compact,
    remove_staging, write_staged,
};

/// Rows of a task.
const TASK: u64 = 128 * assay_core::BLOCK;

fn row(ordinal: u64) -> TrialRow {
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
    metrics.set(Metric::Trades, libm::floor(next() * 500.0));
    let mut sketch = Box::<Sketch>::default();
    sketch.sums = std::array::from_fn(|_| next());
    sketch.squares = std::array::from_fn(|_| next());
    sketch.counts = [20; 16];
    TrialRow {
        instrument: 0,
        ordinal: Ordinal(ordinal),
        point: Point(Box::from([(ordinal % 1000) as f64, (ordinal / 1000) as f64])),
        window: 0,
        outcome: Outcome::Done {
            metrics,
            sketch: Some(sketch),
        },
    }
}

fn job(name: &str, trials: u64) -> NewJob {
    let domain = Domain::Int {
        low: 0,
        high: 1 << 30,
        step: 1,
        log: false,
    };
    let parameter = |name: &str| Parameter {
        name: name.to_owned(),
        domain: domain.clone(),
        default: None,
    };
    let space = Space {
        params: vec![parameter("fast"), parameter("slow")],
        condition: None,
        ..Space::default()
    };
    let mut hash = [0; 32];
    hash[..name.len()].copy_from_slice(name.as_bytes());
    let id = JobId::from_hash(hash);
    NewJob {
        id,
        name: name.to_owned(),
        spec: r#"{"objective": {"maximize": "sharpe", "aggregate": "mean"}}"#.to_owned(),
        strategy: "name = \"ma_cross\"".to_owned(),
        data: vec![DataHash {
            funding: None,
            ticks: None,
            symbol: "EURUSD".to_owned(),
            hash: "00".repeat(32),
        }],
        layout: Layout::new(id, &["EURUSD".parse().expect("a symbol")], &space),
        trials,
        owner: "local".to_owned(),
        priority: 5,
        body: String::new(),
        created: UtcNs(0),
    }
}

fn ranked(rows: &[TrialRow]) -> Vec<Ranked> {
    let objective = Objective::default();
    let point = |row: &TrialRow| Ranked {
        ordinal: row.ordinal,
        point: row.point.clone(),
        objective: objective.score([row.metrics().and_then(|m| m.get(Metric::Sharpe))]),
        violation: 0.0,
        metrics: vec![row.metrics().copied()],
    };
    let mut points: Vec<Ranked> = rows.iter().map(point).collect();
    points.sort_by(|a, b| a.standing(&objective).compare(&b.standing(&objective)));
    points.truncate(assay_store::RANKED);
    points
}

fn done(task: TaskId, staged: Staged) -> Change {
    Change::TaskDone(Box::new(TaskDone {
        task,
        attempt: Attempt(staged.attempt),
        staged,
        statistics: Vec::new(),
        outcomes: String::new(),
        entered: Vec::new(),
        left: Vec::new(),
        bars: 1_000,
        at: UtcNs(2),
    }))
}

/// Runs a job of rows that are ready; returns milliseconds by step.
async fn run(home: &Path, name: &str, rows: &[TrialRow], staged: bool) -> Result<JobId, Box<dyn Error>> {
    let start = Instant::now();
    let mut last = start;
    let mut lap = |step: &str| {
        print!("  {step} {:.1} ms", last.elapsed().as_secs_f64() * 1e3);
        last = Instant::now();
    };
    let store = Store::open(home).await?;
    let office = store.lead(name).await?;
    lap("open");
    let job = job(name, rows.len() as u64);
    let begun = Change::JobMoved {
        job: job.id,
        to: JobState::Running,
        at: UtcNs(1),
        error: None,
    };
    let submitted = [Change::JobAdded(Box::new(job.clone())), begun];
    store.apply(office.epoch(), &submitted).await?;
    lap("submit");
    let blocks = (rows.len() as u64).div_ceil(assay_core::BLOCK);
    let task = |(chunk, i): (_, u64)| {
        let first_block = i * TASK / assay_core::BLOCK;
        (
            TaskRange {
                first_block,
                blocks: (TASK / assay_core::BLOCK).min(blocks - first_block),
            },
            chunk,
        )
    };
    let tasks: Vec<(TaskRange, &[TrialRow])> = rows.chunks(TASK as usize).zip(0..).map(task).collect();
    let mut files = Vec::new();
    for (range, rows) in tasks.iter().filter(|_| staged) {
        let file = write_staged(home, &job.layout, *range, 1, rows)?;
        let task = store.next_task().await?;
        let carved = Change::TaskCarved {
            task,
            job: job.id,
            range: *range,
        };
        store.apply(office.epoch(), &[carved, done(task, file.clone())]).await?;
        files.push(file);
    }
    lap("stage");
    let memory = tasks.iter().map(|(range, rows)| TaskRows::Memory { range: *range, rows });
    let sources: Vec<TaskRows<'_>> = if staged {
        files.iter().map(TaskRows::Staged).collect()
    } else {
        memory.collect()
    };
    let compacted = compact(home, &job.layout, Some(blocks), &sources, None)?;
    lap("compact");
    let ranked = ranked(rows);
    lap("rank");
    let end = JobDone {
        job: job.id,
        points: compacted.trials,
        compacted,
        bars: 1,
        seconds: start.elapsed().as_secs_f64(),
        at: UtcNs(2),
        ranked,
        goal: Objective::default().maximize,
        objective: StoredMoments::default(),
        sharpe: StoredMoments::default(),
        luck: String::new(),
        searched: Vec::new(),
        replay_due: None,
    };
    store.apply(office.epoch(), &[Change::JobDone(Box::new(end))]).await?;
    remove_staging(home, job.id)?;
    lap("complete");
    store.close().await;
    lap("close");
    println!("  total {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    Ok(job.id)
}

async fn measure(home: &Path, count: u64) -> Result<(), Box<dyn Error>> {
    let small: Vec<TrialRow> = (0..1711).map(row).collect();
    for name in ["small, new home", "small"] {
        println!("{} rows, {name}:", small.len());
        run(home, name, &small, false).await?;
    }
    println!("{} rows, staged:", small.len());
    run(home, "small, staged", &small, true).await?;
    let rows: Vec<TrialRow> = (0..count).map(row).collect();
    println!("{count} rows, staged:");
    let id = run(home, "large", &rows, true).await?;

    let timed = |what: &str, start: Instant| println!("{what} {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    for _ in 0..2 {
        let start = Instant::now();
        let store = Store::open(home).await?;
        timed("open", start);
        let start = Instant::now();
        let job = store.find_job("large").await?;
        timed("find the job", start);
        let start = Instant::now();
        let best = store.top(&job, 20, Objective::default().maximize, None).await?;
        timed("top 20 by the objective", start);
        let start = Instant::now();
        store
            .top(
                &job,
                20,
                Goal {
                    metric: Metric::Calmar,
                    negated: false,
                },
                None,
            )
            .await?;
        timed("top 20 by another metric", start);
        let start = Instant::now();
        let trial = TrialId {
            job: id,
            instrument: 0,
            ordinal: best[7].ordinal,
        };
        let found = store.find_row(&trial).await?;
        timed("find one row", start);
        assert_eq!(
            found.map(|row| row.point),
            Some(best[7].point.clone()),
            "the row of the point"
        );
        store.close().await;
    }
    for kind in ["trials", "sketches"] {
        let part = assay_store::results_folder(home, kind, id).join("part-00000.parquet");
        println!("{kind}: {} bytes a row", part.metadata()?.len() / count);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let home = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(measure(home.path(), count))
}
