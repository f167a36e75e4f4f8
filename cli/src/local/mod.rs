//! Runs a job in this process: an in-process queue of tasks, all cores, results in the home.
//!
//! The order of things makes every moment safe to be killed in: a task's file is durable before its record, all records before
//! the result files, and these before the job is done. Running again continues from what is recorded.

mod budget;
mod ledger;
mod markets;
mod plan;
mod pool;
mod tally;
mod warmup;
mod work;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use assay_core::BLOCK;
use assay_core::ids::Ordinal;
use assay_core::rank::Ranked;
use assay_core::row::TrialRow;
use assay_core::space::Point;
use assay_data::Catalog;
use assay_optimizer::{Count, Proposals};
use assay_store::{HomeLock, JobRecord, Layout, Staged, TaskRange, write_staged};

pub(crate) use ledger::Ledger;
pub(crate) use markets::{Markets, load_markets, size_rayon};
pub(crate) use plan::{Plan, plan};

use crate::args::Limits;
use crate::failure::Failure;
use crate::interrupt;
use crate::job::Job;
use crate::output::human;
use crate::progress::Progress;
use crate::settings::Settings;
use budget::Budget;
use pool::{Order, Work};
use tally::Tally;
use work::{Pace, Remaining};

/// Seconds of one thread for a bar of a trial, before anything was measured.
const FIRST_GUESS: f64 = 2e-9;
/// How often the progress line is looked after.
const HEARTBEAT: Duration = Duration::from_millis(200);

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// All results are in place.
    Done(Box<Finished>),
    /// The user stopped it.
    Interrupted {
        /// Trials whose rows are safe.
        done: u64,
        /// Trials there are, about.
        trials: u64,
    },
}

/// A job whose results are in place.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) record: JobRecord,
    /// The best point.
    pub(crate) best: Option<Ranked>,
    /// Trials that this process computed; the others were found.
    pub(crate) computed: u64,
}

impl Finished {
    /// Trials a second, if this process computed any.
    pub(crate) fn rate(&self, seconds: f64) -> Option<f64> {
        (self.computed > 0).then(|| self.computed as f64 / seconds)
    }
}

/// Runs a job, continues it, or finds it done.
pub(crate) fn run(job: &Job, catalog: &Catalog, settings: &Settings, limits: Limits) -> Result<Ended, Failure> {
    let mut ledger = Ledger::new(&settings.home)?;
    if let Some(record) = ledger.finished(job.id)? {
        let best = ledger.best(&record)?;
        return Ok(Ended::Done(Box::new(Finished {
            record,
            best,
            computed: 0,
        })));
    }
    interrupt::listen()?;
    let proposals = Proposals::new(&job.space, &job.spec.search)?;
    let _lock = HomeLock::acquire(&settings.home, &job.spec.name)?;
    let threads = settings.threads(limits);
    size_rayon(threads);
    let markets = load_markets(job, catalog)?;
    settings.log(|| format!("{} bars loaded", human::count(markets.bars() as i64)));
    let points = plan::bare(&plan::sample_points(&proposals, plan::SHARING));
    warmup::check(job, &markets, &proposals, &points)?;
    let layout = Layout::new(job.id, &job.symbols(), &job.space);
    let trials = proposals.count().value() * layout.instruments.len() as u64;
    check_disk(settings, &layout, trials)?;
    let budget = Budget::new(settings.memory(limits), threads, &markets, &points)?;

    let (record, staged) = ledger.begin(job, &layout, trials)?;
    settings.log(|| {
        let path = markets.sweep(0).path();
        format!("computing {path} on {} threads, {} tasks found", budget.threads, staged.len())
    });
    let outcome = continue_job(job, &proposals, &markets, budget, settings, &layout, &mut ledger, staged);
    match outcome {
        Ok(Some(computed)) => {
            settings.log(|| format!("{} trials computed", human::count(computed.trials as i64)));
            let finished = ledger.complete(&record, &layout, &computed.complete, settings.started)?;
            settings.log(|| "results are durable".to_owned());
            Ok(Ended::Done(Box::new(Finished {
                record: finished,
                best: computed.best,
                computed: computed.trials,
            })))
        }
        Ok(None) => {
            let record = ledger.stop(job.id)?;
            Ok(Ended::Interrupted {
                done: record.trials_done,
                trials,
            })
        }
        Err(failure) => {
            ledger.fail(job.id, &failure);
            Err(failure)
        }
    }
}

/// What a run that came to its end has in its hands.
struct Computed {
    complete: ledger::Complete,
    best: Option<Ranked>,
    trials: u64,
}

/// Computes what is missing; `None` if the user stopped it.
#[expect(clippy::too_many_arguments, reason = "the parts of one run, put together in one place")]
fn continue_job(
    job: &Job,
    proposals: &Proposals,
    markets: &Markets,
    budget: Budget,
    settings: &Settings,
    layout: &Layout,
    ledger: &mut Ledger,
    staged: Vec<Staged>,
) -> Result<Option<Computed>, Failure> {
    let mut tally = Tally::new(job);
    for task in &staged {
        tally.merge(Tally::of_rows(job, &task.read(&settings.home, layout)?));
    }
    let found: u64 = staged.iter().map(|task| task.rows).sum();
    let done = staged.iter().map(|task| task.range.first_block..task.range.end());
    let remaining = Remaining::new(proposals.blocks(), done);
    let order = Order {
        proposals,
        instruments: layout.instruments.len(),
        pace: Pace {
            threads: budget.threads,
            seconds_per_point: markets.bars() as f64 * FIRST_GUESS,
            points_per_block: points_per_block(proposals),
            most_points: budget.most_points,
        },
        remaining,
        most_unit: budget.most_unit,
    };
    let (sender, receiver) = mpsc::channel();
    let sweeper = Sweeper {
        job,
        markets,
        settings,
        layout,
        // A job of one task needs no file before its results.
        in_memory: staged.is_empty() && order.pace.blocks(order.remaining.blocks()) >= order.remaining.blocks(),
        tally: Mutex::new(tally),
        reports: sender,
        abandoned: AtomicBool::new(false),
    };
    let trials = proposals.count().value() * layout.instruments.len() as u64;
    let progress = Progress::new("trials", trials);
    progress.begin_at(found);
    let blocks = order.remaining.blocks();
    let recorded = pool::compute(order, &sweeper, || {
        let recorded = record(&receiver, &sweeper, &progress, found, ledger);
        sweeper.abandoned.store(recorded.is_err(), Ordering::Relaxed);
        recorded
    });
    progress.clear();
    let Recorded { tasks, trials } = recorded??;
    if tasks.blocks() < blocks {
        return Ok(None);
    }
    let tally = sweeper.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (ranked, statistics) = tally.finish();
    Ok(Some(Computed {
        best: ranked.first().cloned(),
        trials,
        complete: ledger::Complete {
            blocks: proposals.blocks(),
            bars: markets.bars(),
            objective: job.spec.objective.clone(),
            keep: job.spec.results.keep,
            staged: staged.into_iter().chain(tasks.staged).collect(),
            in_memory: tasks.in_memory,
            ranked,
            statistics,
        },
    }))
}

/// Tasks that this run finished.
#[derive(Default)]
struct Tasks {
    staged: Vec<Staged>,
    in_memory: Vec<(TaskRange, Vec<TrialRow>)>,
}

impl Tasks {
    fn blocks(&self) -> u64 {
        let staged = self.staged.iter().map(|task| task.range.blocks);
        let in_memory = self.in_memory.iter().map(|(range, _)| range.blocks);
        staged.chain(in_memory).sum()
    }
}

struct Recorded {
    tasks: Tasks,
    /// Trials computed.
    trials: u64,
}

/// Runs beside the computing threads: records their tasks and shows how far they are.
fn record(
    reports: &Receiver<Report>,
    sweeper: &Sweeper<'_>,
    progress: &Progress,
    found: u64,
    ledger: &mut Ledger,
) -> Result<Recorded, Failure> {
    let mut recorded = Recorded {
        tasks: Tasks::default(),
        trials: 0,
    };
    loop {
        match reports.recv_timeout(HEARTBEAT) {
            Ok(Report::Staged(task)) => {
                recorded.trials += task.rows;
                ledger.record(&task)?;
                recorded.tasks.staged.push(task);
            }
            Ok(Report::InMemory(range, rows)) => {
                recorded.trials += rows.len() as u64;
                recorded.tasks.in_memory.push((range, rows));
            }
            Ok(Report::Ended) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        progress.at(found + recorded.trials);
        progress.say(if interrupt::requested() {
            "stopping after the trials at hand; Ctrl-C again to stop now".to_owned()
        } else {
            sweeper.best_so_far()
        });
    }
    Ok(recorded)
}

/// What the computing threads say.
enum Report {
    Staged(Staged),
    InMemory(TaskRange, Vec<TrialRow>),
    /// The last of them has ended.
    Ended,
}

struct Sweeper<'a> {
    job: &'a Job,
    markets: &'a Markets,
    settings: &'a Settings,
    layout: &'a Layout,
    in_memory: bool,
    tally: Mutex<Tally>,
    reports: Sender<Report>,
    /// Tasks can no longer be recorded, so that computing on is in vain.
    abandoned: AtomicBool,
}

impl Sweeper<'_> {
    fn best_so_far(&self) -> String {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let goal = self.job.spec.objective.maximize;
        match tally.best().and_then(|best| best.objective) {
            Some(value) => format!("best {goal} {}", human::metric(goal.metric, Some(value))),
            None => String::new(),
        }
    }
}

impl Work for Sweeper<'_> {
    fn compute(&self, instrument: u32, points: &[(Ordinal, Point)]) -> Vec<TrialRow> {
        if points.is_empty() {
            return Vec::new();
        }
        self.markets.sweep(instrument).run(instrument, points)
    }

    fn finish(&self, blocks: Range<u64>, rows: Vec<Vec<TrialRow>>) -> Result<(), Failure> {
        let tally = Tally::of_task(self.job, &rows);
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).merge(tally);
        let range = TaskRange {
            first_block: blocks.start,
            blocks: blocks.end - blocks.start,
        };
        let rows = interleave(rows);
        let report = if self.in_memory {
            Report::InMemory(range, rows)
        } else {
            Report::Staged(write_staged(&self.settings.home, self.layout, range, 1, &rows)?)
        };
        // The receiver goes away first only when recording failed, which ends the run anyway.
        let _ = self.reports.send(report);
        Ok(())
    }

    fn stopped(&self) -> bool {
        interrupt::requested() || self.abandoned.load(Ordering::Relaxed)
    }

    fn ended(&self) {
        let _ = self.reports.send(Report::Ended);
    }
}

/// From rows by instrument to rows by (ordinal, instrument).
fn interleave(mut by_instrument: Vec<Vec<TrialRow>>) -> Vec<TrialRow> {
    if by_instrument.len() == 1 {
        return by_instrument.swap_remove(0);
    }
    let mut columns: Vec<_> = by_instrument.into_iter().map(Vec::into_iter).collect();
    let mut rows = Vec::new();
    loop {
        let before = rows.len();
        rows.extend(columns.iter_mut().filter_map(Iterator::next));
        if rows.len() == before {
            return rows;
        }
    }
}

fn points_per_block(proposals: &Proposals) -> f64 {
    let count = match proposals.count() {
        Count::Exact(count) | Count::About(count) => count,
    };
    (count as f64 / proposals.blocks().max(1) as f64).clamp(1e-6, BLOCK as f64)
}

/// Refuses a job whose results the disk cannot hold.
fn check_disk(settings: &Settings, layout: &Layout, trials: u64) -> Result<(), Failure> {
    let needed = trials.saturating_mul(layout.bytes_per_trial());
    let free = assay_store::free_bytes(&settings.home)?;
    if needed <= free {
        return Ok(());
    }
    let message = format!(
        "the results of {} trials take up to {}, and {} has {} free",
        human::count(trials as i64),
        human::bytes(needed),
        settings.home.display(),
        human::bytes(free)
    );
    Err(Failure::external(message)
        .hint("free some space, use another --home, or search fewer points: method = \"random\" takes `trials`"))
}
