//! A job that is not over.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use assay_core::ids::{Attempt, Ordinal, TaskId, WorkerId};
use assay_core::row::Planned;
use assay_core::space::Point;
use assay_core::time::UtcNs;
use assay_optimizer::search::{Batch, Outcome};
use assay_optimizer::{JobStatistics, Leaderboard};
use assay_proto::{JobView, PointOutcome, Rows, Work};
use assay_store::{FoldRecord, JobState, TaskRange, TaskRecordState, UnfinishedJob};

use super::event::Compaction;
use super::pace::Pace;
use super::remaining::Remaining;
use super::search::Leg;
use crate::plan::{JobPlan, LegPlan, WALK};
use crate::settings::Settings;

/// A job that is queued, running or paused.
#[derive(Debug)]
pub(super) struct OpenJob {
    pub(super) plan: Arc<JobPlan>,
    pub(super) state: JobState,
    /// Whose job it is.
    pub(super) user: Arc<str>,
    pub(super) priority: u8,
    pub(super) started: UtcNs,
    /// Blocks that no task has taken.
    pub(super) remaining: Remaining,
    /// Its searches: those that learn, or in folds whatever finds a winner.
    pub(super) legs: Vec<Leg>,
    /// Tasks that an earlier coordinator carved, in their order.
    taken: Vec<TaskRange>,
    /// Where the points beside the search are.
    probe: Step,
    /// Where the walk forward is.
    pub(super) walk: Step,
    /// What it came to.
    pub(super) folds: Vec<FoldRecord>,
    /// The search was ended by its limit of time.
    pub(super) cut: bool,
    /// Tasks that are not over.
    pub(super) open: BTreeMap<TaskId, Task>,
    /// Tasks that are.
    pub(super) over: BTreeMap<TaskId, OverTask>,
    pub(super) board: Leaderboard,
    pub(super) statistics: JobStatistics,
    pub(super) pace: Pace,
    /// Seconds from lease to result of the tasks so far.
    pub(super) durations: Durations,
    pub(super) bars: u64,
    pub(super) trials_done: u64,
    pub(super) trials_failed: u64,
    pub(super) end: End,
}

/// A step that follows when a search has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Not begun.
    Ahead,
    /// Under way.
    Begun,
    /// Over, or there is none.
    Over,
}

/// How far the end of a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Tasks are still open.
    Open,
    /// Its result files are being written.
    Compacting,
    /// They could not be; the next try is due then.
    Retry {
        /// When.
        at: UtcNs,
        /// Why.
        reason: String,
    },
}

/// A task that is not over. It is ready while nobody has a lease on it.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) range: TaskRange,
    /// Tries begun.
    pub(super) attempts: u32,
    /// Tries that were lost.
    pub(super) lost: u32,
    /// Tries that failed.
    pub(super) failed: u32,
    /// More than one only where a second worker was asked to overtake a slow one.
    pub(super) leases: Vec<Lease>,
    /// A second worker may take it.
    pub(super) overtake: bool,
}

/// A worker's hold on a task.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) worker: WorkerId,
    pub(super) attempt: Attempt,
    /// The worker runs it in a process of its own.
    pub(super) isolated: bool,
    pub(super) began: UtcNs,
    pub(super) until: UtcNs,
}

/// A task that is over.
#[derive(Debug)]
pub(super) struct OverTask {
    pub(super) range: TaskRange,
    /// Tries that it took.
    pub(super) attempts: u32,
    pub(super) rows: Rows,
}

impl Task {
    pub(super) fn carved(range: TaskRange) -> Self {
        Self {
            range,
            attempts: 0,
            lost: 0,
            failed: 0,
            leases: Vec::new(),
            overtake: false,
        }
    }

    /// Whether it may have ended its workers, or failed on one: the next try runs alone, in a process of its own.
    pub(super) fn is_suspect(&self, settings: &Settings) -> bool {
        self.lost >= settings.isolate_after_lost || self.failed > 0
    }

    /// Whether to give it up after a try that failed. Lost tries prove nothing by themselves, since workers die of many things. They
    /// count beside one that failed while it ran alone.
    pub(super) fn is_hopeless(&self, isolated: bool, settings: &Settings) -> bool {
        let against = if isolated { self.failed + self.lost } else { self.failed };
        against >= settings.quarantine_after_failed
    }

    /// Whether a worker may take it.
    pub(super) fn is_free_for(&self, worker: &WorkerId) -> bool {
        self.leases.is_empty() || self.overtake && self.leases.iter().all(|lease| lease.worker != *worker)
    }
}

impl OpenJob {
    /// A job from its plan, and from what the database knows of it. Who held a lease has it until `leased_until`; without such a time
    /// no lease is left.
    pub(super) fn new(
        plan: Arc<JobPlan>,
        user: Arc<str>,
        priority: u8,
        known: Option<UnfinishedJob>,
        now: UtcNs,
        leased_until: Option<UtcNs>,
        settings: &Settings,
    ) -> Self {
        let mut job = Self {
            state: JobState::Running,
            user,
            priority,
            started: now,
            remaining: Remaining::none(),
            legs: Vec::new(),
            taken: Vec::new(),
            probe: Step::Ahead,
            walk: if plan.folds > 0 { Step::Ahead } else { Step::Over },
            folds: Vec::new(),
            cut: false,
            open: BTreeMap::new(),
            over: BTreeMap::new(),
            board: plan.leaderboard(),
            statistics: JobStatistics::of_blocks(plan.block()),
            pace: Pace::new(plan.seconds_per_point, plan.points_per_block(), plan.most_points),
            durations: Durations::default(),
            bars: 0,
            trials_done: 0,
            trials_failed: 0,
            end: End::Open,
            plan,
        };
        let mut told = Vec::new();
        let mut stored: Vec<Vec<Batch>> = vec![Vec::new(); job.plan.legs.len()];
        if let Some(known) = known {
            job.cut = !known.record.reproducible;
            if !known.folds.is_empty() {
                job.walk = Step::Over;
                job.folds = known.folds;
            }
            for batch in known.batches {
                if let (Some(leg), Ok(read)) = (stored.get_mut(batch.leg as usize), serde_json::from_str(&batch.proposals)) {
                    leg.push(read);
                }
            }
            for text in &known.outcomes {
                told.extend(outcomes_of(text));
            }
            job.bars = known.record.bars.unwrap_or_default();
            job.started = known.record.started.unwrap_or(now);
            if known.record.state == JobState::Paused {
                job.state = JobState::Paused;
            }
            job.board.absorb(known.ranked);
            for (leg, stored) in stored.iter_mut().enumerate() {
                job.legs.push(job.leg(leg, std::mem::take(stored), &mut told));
            }
            for record in known.tasks {
                if record.range != WALK {
                    job.taken.push(record.range);
                }
                let mut task = Task {
                    attempts: record.attempts,
                    lost: record.lost,
                    failed: record.failed,
                    ..Task::carved(record.range)
                };
                match record.state {
                    TaskRecordState::Ready => {
                        job.open.insert(record.task, task);
                    }
                    TaskRecordState::Leased { worker, attempt } => {
                        let isolated = task.is_suspect(settings);
                        task.leases.extend(leased_until.map(|until| Lease {
                            worker,
                            attempt,
                            isolated,
                            began: now,
                            until,
                        }));
                        job.open.insert(record.task, task);
                    }
                    TaskRecordState::Done { staged, statistics } => {
                        // Statistics that cannot be read any more are made again with the rows.
                        match JobStatistics::from_bytes(&statistics) {
                            Some(statistics) => job.finish(record.task, &task, Rows::Staged(staged), statistics),
                            None => {
                                job.open.insert(record.task, task);
                            }
                        }
                    }
                    TaskRecordState::Quarantined { reason } => job.give_up(record.task, &task, &reason),
                }
            }
        } else {
            for (leg, stored) in stored.into_iter().enumerate() {
                job.legs.push(job.leg(leg, stored, &mut told));
            }
        }
        job.taken.sort();
        if job.open.values().any(|task| task.range == WALK) {
            job.walk = Step::Begun;
        }
        if job.cut {
            job.end_search();
            return job;
        }
        for leg in 0..job.plan.legs.len() {
            let first = job.plan.legs[leg].first;
            let blocks = match job.plan.learning {
                Some(_) => job.legs[leg].points().len() as u64,
                None => job.plan.legs[leg].blocks,
            };
            job.add(first..first + blocks);
        }
        job
    }

    /// A leg from what is recorded of it. `told` is what became of points, by their numbers in the job.
    fn leg(&self, leg: usize, stored: Vec<Batch>, told: &mut Vec<PointOutcome>) -> Leg {
        let plan = &self.plan.legs[leg];
        let own = (plan.first * self.plan.block())..((plan.first + plan.blocks) * self.plan.block());
        let (mine, others): (Vec<_>, Vec<_>) = told.drain(..).partition(|point| own.contains(&point.ordinal.0));
        *told = others;
        let local = mine
            .into_iter()
            .map(|point| (Ordinal(point.ordinal.0 - own.start), point.outcome));
        if self.plan.learning.is_some() {
            return Leg::new(stored, local.collect(), self.plan.levels());
        }
        let mut leg = Leg::new(Vec::new(), Vec::new(), 1);
        leg.done = true;
        local.for_each(|(ordinal, outcome)| leg.lead(ordinal, &outcome));
        leg
    }

    /// Adds blocks to be carved into tasks, but those that were.
    pub(super) fn add(&mut self, blocks: Range<u64>) {
        let from = self.taken.partition_point(|range| range.end() <= blocks.start);
        let to = self.taken.partition_point(|range| range.first_block < blocks.end);
        self.remaining.add(blocks, &self.taken[from..to.max(from)]);
    }

    /// Takes note of what became of points.
    pub(super) fn learn(&mut self, outcomes: &[PointOutcome]) {
        let (block, levels, learns) = (self.plan.block(), self.plan.levels(), self.plan.learning.is_some());
        for point in outcomes {
            // Those of the probe belong to no search.
            let Some(leg) = self.plan.leg_of(point.ordinal.0 / block) else {
                continue;
            };
            let local = Ordinal(point.ordinal.0 - self.plan.legs[leg].first * block);
            if learns {
                self.legs[leg].tell(local, point.outcome.clone(), levels);
            } else {
                self.legs[leg].lead(local, &point.outcome);
            }
        }
    }

    /// Ends the search with what it has.
    pub(super) fn end_search(&mut self) {
        self.cut = true;
        self.remaining = Remaining::none();
        self.legs.iter_mut().for_each(|leg| leg.done = true);
        self.probe = Step::Over;
    }

    /// Whether nothing more will be proposed.
    pub(super) fn is_searched(&self) -> bool {
        self.legs.iter().all(|leg| leg.done)
    }

    /// Adds the points beside a search that has ended: those that it did not try itself. Says whether there are any.
    pub(super) fn begin_probe(&mut self) -> bool {
        if std::mem::replace(&mut self.probe, Step::Over) == Step::Over {
            return false;
        }
        let plan = Arc::clone(&self.plan);
        // Points of folds and of short windows are others.
        let tried: BTreeSet<Vec<u64>> = match self.legs.as_slice() {
            [only] if plan.folds == 0 => only
                .points()
                .iter()
                .filter(|(_, level)| level + 1 == plan.levels())
                .map(|(p, _)| bits(p))
                .collect(),
            _ => BTreeSet::new(),
        };
        let first = plan.first_of_probe();
        for (block, point) in (first..).zip(&plan.probe) {
            if !tried.contains(&bits(point)) {
                self.add(block..block + 1);
            }
        }
        !self.remaining.is_empty()
    }

    /// What a task consists of.
    pub(super) fn work(&self, range: TaskRange) -> Work {
        if range == WALK {
            let winner = |(plan, leg): (&LegPlan, &Leg)| {
                let ordinal = leg.best()?;
                let block = plan.first + ordinal.0 / self.plan.block();
                let planned = self.planned(TaskRange {
                    first_block: block,
                    blocks: 1,
                });
                let ordinal = Ordinal(plan.first * self.plan.block() + ordinal.0);
                planned.into_iter().find(|planned| planned.ordinal == ordinal)
            };
            return Work::Walk(self.plan.legs.iter().zip(&self.legs).map(winner).collect());
        }
        if self.plan.learning.is_some() {
            return Work::Points(self.planned(range));
        }
        let leg = &self.plan.legs[self.plan.leg_of(range.first_block).unwrap_or(0)];
        Work::Blocks {
            first: leg.first,
            window: leg.windows.last().copied().unwrap_or(0),
        }
    }

    /// The points of a run of blocks.
    fn planned(&self, range: TaskRange) -> Vec<Planned> {
        if self.plan.learning.is_none() {
            return self.plan.points(range);
        }
        let probe = self.plan.first_of_probe();
        let point = |block: u64| {
            let ordinal = Ordinal(block);
            if let Some(leg) = self.plan.leg_of(block) {
                let plan = &self.plan.legs[leg];
                let (point, level) = self.legs[leg].points().get((block - plan.first) as usize)?;
                let window = *plan.windows.get(*level as usize)?;
                return Some(Planned {
                    ordinal,
                    point: point.clone(),
                    window,
                });
            }
            let point = self.plan.probe.get((block - probe) as usize)?.clone();
            Some(Planned {
                ordinal,
                point,
                window: 0,
            })
        };
        (range.first_block..range.end()).filter_map(point).collect()
    }

    /// Takes note of a task's rows.
    pub(super) fn finish(&mut self, id: TaskId, task: &Task, rows: Rows, statistics: JobStatistics) {
        let total = statistics.total();
        self.trials_done += total.trials;
        self.trials_failed += total.failed;
        self.statistics.merge(statistics);
        let over = OverTask {
            range: task.range,
            attempts: task.attempts,
            rows,
        };
        self.over.insert(id, over);
    }

    /// Counts the trials of a task as failed.
    pub(super) fn give_up(&mut self, id: TaskId, task: &Task, reason: &str) {
        let points = self.planned(task.range);
        if self.plan.learning.is_some() {
            let failed = |planned: &Planned| PointOutcome {
                ordinal: planned.ordinal,
                outcome: Outcome {
                    losses: None,
                    violation: 0.0,
                },
            };
            self.learn(&points.iter().map(failed).collect::<Vec<_>>());
        }
        let rows = self.plan.failed_rows(points, reason);
        let mut statistics = JobStatistics::of_blocks(self.plan.block());
        statistics.push_rows(&self.plan.objective, self.plan.instruments, &rows);
        let mut board = self.plan.leaderboard();
        self.plan.rank(&mut board, &rows);
        self.board.merge(board);
        self.finish(id, task, Rows::Memory(Arc::new(rows)), statistics);
    }

    /// Opens a finished task again. What it brought to the leaderboard and the statistics will come back with the same bits.
    pub(super) fn reopen(&mut self, task: TaskId) {
        let Some(over) = self.over.remove(&task) else { return };
        if let Rows::Staged(staged) = &over.rows {
            self.trials_done -= staged.rows;
            self.trials_failed -= staged.failed;
        }
        let blocks = over.range.first_block..over.range.end();
        let block = self.plan.block();
        self.board.forget(&(blocks.start * block..blocks.end * block));
        self.statistics.forget_blocks(blocks);
        let attempts = over.attempts;
        self.open.insert(
            task,
            Task {
                attempts,
                ..Task::carved(over.range)
            },
        );
    }

    /// Whether further tasks can be carved.
    pub(super) fn wants_work(&self) -> bool {
        self.state == JobState::Running && !self.remaining.is_empty()
    }

    /// Whether every block that there is so far is over.
    pub(super) fn is_computed(&self) -> bool {
        self.open.is_empty() && self.remaining.is_empty()
    }

    pub(super) fn compaction(&self) -> Compaction {
        let tasks = self.over.iter();
        Compaction {
            plan: Arc::clone(&self.plan),
            blocks: self.plan.known_blocks().filter(|_| !self.cut),
            tasks: tasks.map(|(id, task)| (*id, task.range, task.rows.clone())).collect(),
            ranked: self.board.ranked(),
            folds: self.folds.clone(),
            statistics: self.statistics.total(),
        }
    }

    pub(super) fn view(&self) -> JobView {
        JobView {
            job: self.plan.id,
            state: self.state,
            trials: self.plan.trials(),
            done: self.trials_done,
            failed: self.trials_failed,
            running: self.open.values().filter(|task| !task.leases.is_empty()).count(),
            best: self.board.best().cloned(),
            started: self.started,
            trouble: match &self.end {
                End::Retry { reason, .. } => Some(reason.clone()),
                _ => None,
            },
        }
    }
}

/// Outcomes as they are recorded.
pub(super) fn text_of(outcomes: &[PointOutcome]) -> String {
    let pairs: Vec<(Ordinal, &Outcome)> = outcomes.iter().map(|point| (point.ordinal, &point.outcome)).collect();
    if pairs.is_empty() {
        return String::new();
    }
    serde_json::to_string(&pairs).expect("numbers are JSON")
}

fn outcomes_of(text: &str) -> Vec<PointOutcome> {
    let pairs: Vec<(Ordinal, Outcome)> = serde_json::from_str(text).unwrap_or_default();
    let outcome = |(ordinal, outcome)| PointOutcome { ordinal, outcome };
    pairs.into_iter().map(outcome).collect()
}

/// What tells points apart.
fn bits(point: &Point) -> Vec<u64> {
    point.0.iter().map(|x| x.to_bits()).collect()
}

/// How long tasks take: enough of them to know what is long.
#[derive(Debug, Default)]
pub(super) struct Durations {
    recent: std::collections::VecDeque<f64>,
}

impl Durations {
    /// Tasks looked back at.
    const RECENT: usize = 64;
    /// Fewer tell nothing.
    const LEAST: usize = 8;

    pub(super) fn push(&mut self, seconds: f64) {
        if self.recent.len() == Self::RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(seconds);
    }

    /// The median of the last tasks.
    pub(super) fn median(&self) -> Option<f64> {
        let mut sorted: Vec<f64> = self.recent.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        (sorted.len() >= Self::LEAST).then(|| sorted[sorted.len() / 2])
    }
}
