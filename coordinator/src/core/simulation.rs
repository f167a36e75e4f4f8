//! The core against a world that fails: workers that die, freeze and come back, messages that are lost and doubled, coordinators that
//! die before and after a commit, disks that are full. Everything is drawn from a seed, time is simulated, and at the end the job
//! must be there: every trial once, with the fingerprint of an undisturbed run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay_core::fingerprint::Fingerprint;
use assay_core::ids::{JobId, TaskId, WorkerId};
use assay_core::job::{Keep, Method, Objective, SearchSpec};
use assay_core::metrics::{Metric, Metrics};
use assay_core::rank::Ranked;
use assay_core::row::{Outcome, Planned, TrialRow};
use assay_core::space::{Domain, Parameter, Space};
use assay_core::time::UtcNs;
use assay_optimizer::{JobStatistics, Learning, Target, listed, planned};
use assay_proto::{PointOutcome, Work};
use assay_store::{
    Change, Compacted, FoldRecord, JobRecord, JobState, Layout, NewJob, Staged, TaskRange, TaskRecord, TaskRecordState,
    UnfinishedJob,
};

use super::*;
use crate::luck::Luck;
use crate::plan::LegPlan;

const SECOND: i64 = 1_000_000_000;
/// Bars of a simulated job.
const BARS: u64 = 100;

/// Random numbers of a seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// True once in `n`.
    fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What a database would hold.
#[derive(Default)]
struct Database {
    jobs: BTreeMap<JobId, UnfinishedJob>,
    done: BTreeMap<JobId, JobDone>,
    /// Tries that have begun and not ended.
    attempts: BTreeSet<(TaskId, Attempt)>,
    next_task: u64,
}

impl Database {
    fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            self.apply_one(change);
        }
    }

    fn task(&mut self, task: TaskId) -> &mut TaskRecord {
        let mut tasks = self.jobs.values_mut().flat_map(|job| &mut job.tasks);
        tasks.find(|record| record.task == task).expect("the task was carved")
    }

    fn expect_no_try_of(&self, task: TaskId) {
        let mut open = self.attempts.iter().filter(|(of, _)| *of == task);
        assert_eq!(open.next(), None, "a task that is over has a try that is not");
    }

    /// A job is over: so is every try of its tasks.
    fn expect_no_tries(&self, job: JobId) {
        self.jobs[&job]
            .tasks
            .iter()
            .for_each(|record| self.expect_no_try_of(record.task));
    }

    fn apply_one(&mut self, change: Change) {
        match change {
            Change::JobAdded(job) => {
                self.jobs.entry(job.id).or_insert_with(|| UnfinishedJob {
                    record: record(&job),
                    tasks: Vec::new(),
                    ranked: Vec::new(),
                    batches: Vec::new(),
                    outcomes: Vec::new(),
                    folds: Vec::new(),
                });
            }
            Change::JobMoved { job, to, .. } => {
                let record = &mut self.jobs.get_mut(&job).unwrap().record;
                assert!(record.state.may_become(to), "{} -> {to}", record.state);
                record.state = to;
                if !to.is_open() {
                    self.expect_no_tries(job);
                }
            }
            Change::TaskCarved { task, job, range } => {
                assert!(task.0 >= self.next_task, "numbers of tasks are never used twice");
                self.next_task = task.0 + 1;
                self.jobs.get_mut(&job).unwrap().tasks.push(TaskRecord {
                    task,
                    range,
                    attempts: 0,
                    lost: 0,
                    failed: 0,
                    state: TaskRecordState::Ready,
                });
            }
            Change::AttemptStarted {
                task, attempt, worker, ..
            } => {
                let record = self.task(task);
                record.attempts += 1;
                assert_eq!(record.attempts, attempt.0);
                record.state = TaskRecordState::Leased { worker, attempt };
                self.attempts.insert((task, attempt));
            }
            Change::AttemptEnded { task, attempt, end, .. } => {
                self.attempts.remove(&(task, attempt));
                let record = self.task(task);
                match end {
                    AttemptEnd::Lost => record.lost += 1,
                    AttemptEnd::Failed(_) => record.failed += 1,
                    _ => {}
                }
                if matches!(&record.state, TaskRecordState::Leased { attempt: held, .. } if *held == attempt) {
                    record.state = TaskRecordState::Ready;
                }
            }
            Change::TaskDone(done) => {
                self.attempts.remove(&(done.task, done.attempt));
                let record = self.task(done.task);
                assert!(!matches!(record.state, TaskRecordState::Done { .. }), "a task is done once");
                record.state = TaskRecordState::Done {
                    staged: done.staged.clone(),
                    statistics: done.statistics,
                };
                let job = self.jobs.get_mut(&done.staged.job).unwrap();
                job.record.bars = job.record.bars.max(Some(done.bars));
                job.outcomes.extend((!done.outcomes.is_empty()).then_some(done.outcomes));
                job.ranked.retain(|point| !done.left.contains(&point.ordinal));
                job.ranked
                    .retain(|point| !done.entered.iter().any(|new| new.ordinal == point.ordinal));
                job.ranked.extend(done.entered);
            }
            Change::TaskQuarantined { task, reason, .. } => {
                self.expect_no_try_of(task);
                self.task(task).state = TaskRecordState::Quarantined { reason };
            }
            Change::BatchProposed(batch) => {
                let batches = &mut self.jobs.get_mut(&batch.job).unwrap().batches;
                let known = batches.iter().filter(|known| known.leg == batch.leg).count();
                assert_eq!(known as u64, batch.number, "batches come in their order, and none twice");
                batches.push(batch);
            }
            Change::SearchCut { job } => self.jobs.get_mut(&job).unwrap().record.reproducible = false,
            Change::Walked { job, task, folds } => {
                // They go with their task.
                self.attempts.retain(|(of, _)| *of != task);
                let job = self.jobs.get_mut(&job).unwrap();
                job.tasks.retain(|record| record.task != task);
                assert!(job.folds.is_empty(), "a walk is made once");
                job.folds = folds;
            }
            Change::TaskForgotten { task, block } => {
                let record = self.task(task);
                record.state = TaskRecordState::Ready;
                let range = record.range;
                let job = self
                    .jobs
                    .values_mut()
                    .find(|job| job.tasks.iter().any(|record| record.task == task));
                let blocks = range.first_block..range.end();
                let points = &mut job.expect("the task has a job").ranked;
                points.retain(|point| !blocks.contains(&(point.ordinal.0 / block)));
            }
            Change::JobDone(done) => {
                self.jobs.get_mut(&done.job).unwrap().record.state = JobState::Done;
                self.expect_no_tries(done.job);
                let tasks = &self.jobs[&done.job].tasks;
                let counted = tasks.iter().any(|task| matches!(task.state, TaskRecordState::Done { .. }));
                assert_eq!(
                    done.bars,
                    if counted { BARS } else { 0 },
                    "whoever was in office when they were counted"
                );
                assert!(self.done.insert(done.job, *done).is_none(), "a job is done once");
            }
            Change::JobPriority { .. } | Change::Logged { .. } => {}
            other => panic!("the core does not decide about this: {other:?}"),
        }
    }
}

fn record(job: &NewJob) -> JobRecord {
    JobRecord {
        id: job.id,
        name: job.name.clone(),
        owner: job.owner.clone(),
        body: String::new(),
        spec: String::new(),
        strategy: String::new(),
        data: Vec::new(),
        semantics: 1,
        layout: job.layout.clone(),
        state: JobState::Queued,
        error: None,
        created: job.created,
        started: None,
        finished: None,
        trials: job.trials,
        trials_done: 0,
        trials_failed: 0,
        points: None,
        bars: None,
        fingerprint: None,
        priority: job.priority,
        seconds: None,
        reproducible: true,
    }
}

/// A worker process.
struct Process {
    slots: u32,
    alive: bool,
    /// Does nothing until then, and does not know it.
    frozen_until: i64,
    wants: Vec<TaskId>,
    running: Vec<Running>,
    next_heartbeat: i64,
    known: bool,
}

struct Running {
    grant: Grant,
    ready_at: i64,
}

struct World {
    dice: Dice,
    now: i64,
    core: Option<Core>,
    core_back_at: i64,
    database: Database,
    plans: BTreeMap<JobId, Arc<JobPlan>>,
    queue: Vec<TaskId>,
    workers: BTreeMap<WorkerId, Process>,
    /// Rows that workers wrote, by the name of the file.
    files: BTreeMap<String, Vec<TrialRow>>,
    compactions: Vec<(i64, Box<Compaction>)>,
    /// Searches that think until then.
    proposing: Vec<(i64, Proposing)>,
    poison: Option<u64>,
    faults: bool,
    wasted: u64,
    computed: u64,
    alarms: u64,
}

fn plan(seed: u8, blocks: u64) -> Arc<JobPlan> {
    let parameter = |name: &str, high| Parameter {
        name: name.to_owned(),
        domain: Domain::Int {
            low: 0,
            high,
            step: 1,
            log: false,
        },
        default: None,
    };
    let space = Space {
        // Sixteen times sixty-four points are a block; few of them satisfy the condition.
        params: vec![parameter("a", 16 * blocks as i64 - 1), parameter("b", 63)],
        condition: Some("b < 2 or b < 5 and a > 100".to_owned()),
        ..Space::default()
    };
    let search = SearchSpec {
        method: Method::Grid,
        ..SearchSpec::default()
    };
    let id = JobId::from_hash([seed; 32]);
    Arc::new(plan_of(id, &space, &search, 1 + usize::from(seed % 2), 1))
}

fn plan_of(id: JobId, space: &Space, search: &SearchSpec, instruments: usize, folds: usize) -> JobPlan {
    let symbols = vec!["X".parse().unwrap(); instruments];
    let proposals = listed(space, search).unwrap();
    let learning = search.method.learns().then(|| Learning::new(space, search, 1).unwrap());
    let blocks = learning.as_ref().map_or(proposals.blocks(), Learning::trials);
    let probe = planned(&proposals, 0..search.probe.map_or(0, |_| 1), 0, 0);
    let leg = |fold: usize| LegPlan {
        first: fold as u64 * blocks,
        blocks,
        windows: vec![fold as u32],
    };
    JobPlan {
        id,
        body: Arc::from(""),
        layout: Layout::new(id, &symbols, space),
        proposals,
        learning,
        probe: probe
            .into_iter()
            .take(search.probe.unwrap_or(0) as usize)
            .map(|p| p.point)
            .collect(),
        earlier: Vec::new(),
        start_from: None,
        legs: (0..folds).map(leg).collect(),
        folds: if folds > 1 { folds } else { 0 },
        time_limit_ns: None,
        instruments,
        objective: Objective::default(),
        target: Target::new(&Objective::default()).unwrap(),
        keep: Keep::All,
        risk_free: 0.0,
        families: None,
        trades_kept: None,
        ladder: false,
        seconds_per_point: 1e-3,
        most_points: 1 << 20,
    }
}

/// A search that learns, over one window or in folds.
fn learning_plan(seed: u8, method: Method, folds: usize) -> Arc<JobPlan> {
    let parameter = |name: &str| Parameter {
        name: name.to_owned(),
        domain: Domain::Int {
            low: 0,
            high: 40,
            step: 1,
            log: false,
        },
        default: None,
    };
    let space = Space {
        params: vec![parameter("a"), parameter("b")],
        condition: Some("a < b".to_owned()),
        ..Space::default()
    };
    let search = SearchSpec {
        method,
        trials: Some(60),
        batch: Some(8),
        lag: Some(u32::from(seed) % 3),
        probe: Some(20),
        ..SearchSpec::default()
    };
    let id = JobId::from_hash([seed; 32]);
    Arc::new(plan_of(id, &space, &search, 1 + usize::from(seed % 2), folds))
}

fn row(instrument: u32, ordinal: u64, point: &assay_core::space::Point) -> TrialRow {
    let mut metrics = Metrics::default();
    metrics.set(Metric::Sharpe, Dice(ordinal * 3 + u64::from(instrument)).below(10_000) as f64);
    TrialRow {
        instrument,
        ordinal: assay_core::ids::Ordinal(ordinal),
        point: point.clone(),
        window: 0,
        outcome: Outcome::Done { metrics, sketch: None },
    }
}

fn rows(plan: &JobPlan, range: TaskRange) -> Vec<TrialRow> {
    rows_of(plan, &plan.points(range))
}

fn rows_of(plan: &JobPlan, points: &[Planned]) -> Vec<TrialRow> {
    let of_point = |planned: &Planned| {
        let Planned { ordinal, point, window } = planned.clone();
        (0..plan.instruments as u32).map(move |instrument| TrialRow {
            window,
            ..row(instrument, ordinal.0, &point)
        })
    };
    points.iter().flat_map(of_point).collect()
}

fn fingerprint(rows: &[TrialRow]) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    for row in rows {
        row.fingerprint(&mut fingerprint);
    }
    fingerprint
}

impl World {
    fn new(seed: u64, workers: u32, faults: bool) -> Self {
        let mut world = Self {
            dice: Dice(seed),
            now: SECOND,
            core: None,
            core_back_at: 0,
            database: Database::default(),
            plans: BTreeMap::new(),
            queue: Vec::new(),
            workers: BTreeMap::new(),
            files: BTreeMap::new(),
            compactions: Vec::new(),
            proposing: Vec::new(),
            poison: None,
            faults,
            wasted: 0,
            computed: 0,
            alarms: 0,
        };
        (0..workers).for_each(|i| world.start_worker(i));
        world
    }

    fn start_worker(&mut self, number: u32) {
        let process = Process {
            slots: 1 + number % 3,
            alive: true,
            frozen_until: 0,
            wants: Vec::new(),
            running: Vec::new(),
            next_heartbeat: self.now,
            known: false,
        };
        let name = format!("w{number}-{}", self.now);
        self.workers.insert(name.parse().unwrap(), process);
    }

    /// Hands an event to the core and carries its effects out; the core may die before, within and after the commit.
    fn tell(&mut self, event: Event) -> Option<Answer> {
        let now = UtcNs(self.now);
        let core = self.core.as_mut()?;
        let effects = core.step(event, now);
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Option<Answer> {
        if self.faults && self.dice.once_in(3_000) {
            self.kill_core();
            return None;
        }
        let (records, others): (Vec<_>, Vec<_>) = effects.into_iter().partition(|effect| matches!(effect, Effect::Record(_)));
        let changes = records.into_iter().map(|effect| match effect {
            Effect::Record(change) => change,
            _ => unreachable!("only records are left"),
        });
        self.database.apply(changes.collect());
        if self.faults && self.dice.once_in(3_000) {
            self.kill_core();
            return None;
        }
        let mut answered = None;
        for effect in others {
            match effect {
                Effect::Record(_) => unreachable!("they are carried out"),
                Effect::Publish { task, .. } => {
                    if !self.faults || !self.dice.once_in(50) {
                        self.queue.push(task);
                    }
                    if self.faults && self.dice.once_in(50) {
                        self.queue.push(task);
                    }
                }
                Effect::Answer(_, answer) => answered = Some(answer),
                Effect::Compact(compaction) => {
                    let at = self.now + self.dice.below(3 * SECOND as u64) as i64;
                    self.compactions.push((at, compaction));
                }
                Effect::Propose(proposing) => {
                    let at = self.now + self.dice.below(2 * SECOND as u64) as i64;
                    self.proposing.push((at, *proposing));
                }
                Effect::Ended { .. } | Effect::Late { .. } => {}
                Effect::Alarm(_) => self.alarms += 1,
            }
        }
        answered
    }

    fn kill_core(&mut self) {
        self.core = None;
        self.compactions.clear();
        self.proposing.clear();
        self.core_back_at = self.now + self.dice.below(8 * SECOND as u64) as i64;
    }

    fn take_office(&mut self) {
        let open = |state| matches!(state, JobState::Queued | JobState::Running | JobState::Paused);
        let jobs = self.database.jobs.values().filter(|job| open(job.record.state));
        let jobs = jobs
            .map(|job| (Arc::clone(&self.plans[&job.record.id]), job.clone()))
            .collect();
        let (core, effects) = Core::new(Settings::CLUSTER, jobs, self.database.next_task, UtcNs(self.now));
        self.core = Some(core);
        self.carry_out(effects);
    }

    fn submit(&mut self, plan: &Arc<JobPlan>, priority: u8) -> Option<Answer> {
        self.plans.insert(plan.id, Arc::clone(plan));
        let job = NewJob {
            id: plan.id,
            name: "simulated".to_owned(),
            owner: "someone".to_owned(),
            body: String::new(),
            spec: String::new(),
            strategy: String::new(),
            data: Vec::new(),
            layout: plan.layout.clone(),
            trials: plan.trials(),
            priority,
            created: UtcNs(self.now),
        };
        let known = self.database.jobs.get(&plan.id).cloned().map(Box::new);
        self.tell(Event::Submit {
            request: Request(0),
            job: Box::new(job),
            plan: Arc::clone(plan),
            known,
        })
    }

    /// Time goes by, by a tenth of a second.
    fn advance(&mut self) {
        self.now += SECOND / 10;
        if self.core.is_none() && self.now >= self.core_back_at {
            self.take_office();
        }
        if self.faults {
            self.disturb();
        }
        let names: Vec<WorkerId> = self.workers.keys().cloned().collect();
        for name in names {
            self.run_worker(&name);
        }
        let (due, later) = std::mem::take(&mut self.compactions)
            .into_iter()
            .partition(|(at, _)| *at <= self.now);
        self.compactions = later;
        for (_, compaction) in due {
            self.compact(&compaction);
        }
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.proposing)
            .into_iter()
            .partition(|(at, _)| *at <= self.now);
        self.proposing.extend(later);
        for (_, proposing) in due {
            self.tell(Event::Proposed(Box::new(proposing.carry_out())));
        }
        if self.now % SECOND == 0 {
            self.tell(Event::Tick);
        }
    }

    fn disturb(&mut self) {
        if self.dice.once_in(40) {
            let index = self.dice.below(self.workers.len() as u64) as usize;
            let (frozen, dead) = (self.dice.once_in(2), self.dice.once_in(2));
            let until = self.now + (SECOND * 5) + self.dice.below(40 * SECOND as u64) as i64;
            let process = self.workers.values_mut().nth(index).unwrap();
            if frozen {
                process.frozen_until = until;
            } else if dead && process.alive {
                // What it had in hand is lost, and another one is started in its place.
                process.alive = false;
                self.wasted += process.running.iter().map(|running| running.grant.range.blocks).sum::<u64>();
                let unread: Vec<TaskId> = process.wants.drain(..).collect();
                self.queue.extend(unread);
                let number = self.dice.below(1_000) as u32;
                self.start_worker(number);
            }
        }
        if self.dice.once_in(400) {
            // The broker comes back without its data.
            self.queue.clear();
            if self.dice.once_in(2) {
                self.tell(Event::QueueRecovered);
            }
        }
        if self.dice.once_in(600) {
            self.kill_core();
        }
        if self.dice.once_in(300) {
            let index = self.dice.below(self.plans.len() as u64) as usize;
            let plan = Arc::clone(self.plans.values().nth(index).unwrap());
            let control = [Control::Pause, Control::Resume, Control::Stop, Control::Priority(9)][self.dice.below(4) as usize];
            self.tell(Event::Control {
                request: Request(0),
                job: plan.id,
                control,
            });
        }
    }

    fn run_worker(&mut self, name: &WorkerId) {
        let now = self.now;
        let Some(process) = self
            .workers
            .get_mut(name)
            .filter(|process| process.alive && process.frozen_until <= now)
        else {
            return;
        };
        if process.next_heartbeat <= now || !process.known {
            process.next_heartbeat = now + SECOND;
            let running = process.running.iter().map(|r| (r.grant.task, r.grant.attempt)).collect();
            let slots = process.slots;
            let answer = self.tell(Event::Heartbeat {
                request: Request(1),
                worker: name.clone(),
                slots,
                running,
            });
            if let Some(Answer::Welcome { drop }) = answer {
                let process = self.workers.get_mut(name).unwrap();
                process.known = true;
                process.running.retain(|r| !drop.contains(&(r.grant.task, r.grant.attempt)));
            }
        }
        let process = self.workers.get_mut(name).unwrap();
        let mut due = Vec::new();
        while let Some(at) = process.running.iter().position(|running| running.ready_at <= now) {
            due.push(process.running.remove(at));
        }
        for running in due {
            self.report(name, running);
        }
        let process = self.workers.get_mut(name).unwrap();
        while (process.running.len() + process.wants.len()) < process.slots as usize + 1 && !self.queue.is_empty() {
            let at = self.dice.below(self.queue.len() as u64) as usize;
            process.wants.push(self.queue.swap_remove(at));
        }
        while let Some(task) = self.workers.get_mut(name).unwrap().wants.pop() {
            let answer = self.tell(Event::Lease {
                request: Request(2),
                worker: name.clone(),
                task,
            });
            let process = self.workers.get_mut(name).unwrap();
            match answer {
                Some(Answer::Granted(grant)) => {
                    let seconds = grant.range.blocks as f64 * 0.2 * (1.0 + self.dice.below(100) as f64 / 100.0);
                    process.running.push(Running {
                        grant,
                        ready_at: now + (seconds * 1e9) as i64,
                    });
                }
                Some(Answer::WhoAreYou) => {
                    process.known = false;
                    self.queue.push(task);
                    break;
                }
                Some(_) => {}
                None => {
                    self.queue.push(task);
                    break;
                }
            }
        }
    }

    fn report(&mut self, name: &WorkerId, running: Running) {
        let grant = running.grant.clone();
        let plan = Arc::clone(&self.plans[&grant.job]);
        let poisoned = self
            .poison
            .filter(|block| (grant.range.first_block..grant.range.end()).contains(block));
        let report = if let Some(block) = poisoned {
            Report::Failed(format!("block {block} cannot be run"))
        } else if self.faults && self.dice.once_in(60) {
            Report::GivenBack(None)
        } else if let Work::Walk(winners) = &grant.work {
            let fold = |(fold, winner): (i64, &Option<Planned>)| FoldRecord {
                fold,
                instrument: 0,
                record: format!("{:?}", winner.as_ref().map(|winner| (winner.ordinal, winner.window))),
            };
            Report::Walked((0..).zip(winners).map(fold).collect())
        } else {
            self.computed += grant.range.blocks;
            Report::Done(Box::new(self.compute(&plan, &grant)))
        };
        let answer = self.tell(Event::Report {
            request: Request(3),
            worker: name.clone(),
            task: grant.task,
            attempt: grant.attempt,
            report,
        });
        assert_ne!(answer, Some(Answer::Conflict), "all attempts have the same bits");
        if answer.is_none() {
            // It will be said again.
            let process = self.workers.get_mut(name).unwrap();
            process.running.push(Running {
                ready_at: self.now + SECOND,
                ..running
            });
        }
    }

    fn compute(&mut self, plan: &JobPlan, grant: &Grant) -> TaskResult {
        let rows = match &grant.work {
            Work::Blocks { .. } => rows(plan, grant.range),
            Work::Points(points) => rows_of(plan, points),
            Work::Walk(_) => unreachable!("a walk has no rows"),
        };
        let mut statistics = JobStatistics::of_blocks(plan.block());
        statistics.push_rows(&plan.objective, plan.instruments, &rows);
        let mut board = plan.leaderboard();
        board.push_rows(&rows);
        let outcome = |rows: &[TrialRow]| PointOutcome {
            ordinal: rows[0].ordinal,
            outcome: plan.target.outcome(&rows.iter().map(TrialRow::metrics).collect::<Vec<_>>()),
        };
        let outcomes = match plan.learning {
            Some(_) => rows.chunks(plan.instruments).map(outcome).collect(),
            None => Vec::new(),
        };
        let staged = Staged {
            job: plan.id,
            range: grant.range,
            attempt: grant.attempt.0,
            file: format!("{}-{}.{}", plan.id, grant.task, grant.attempt.0),
            bytes: 1,
            hash: [0; 32],
            rows: rows.len() as u64,
            failed: 0,
            fingerprint: fingerprint(&rows),
        };
        let points = (rows.len() / plan.instruments) as u64;
        self.files.insert(staged.file.clone(), rows);
        TaskResult {
            rows: Rows::Staged(staged),
            statistics,
            best: board.ranked(),
            outcomes,
            bars: BARS,
            points,
            seconds: grant.range.blocks as f64 * 0.2,
        }
    }

    /// Puts the rows of a job together, unless the disk is full or a file is damaged.
    fn compact(&mut self, compaction: &Compaction) {
        let job = compaction.plan.id;
        let result = if self.faults && self.dice.once_in(3) {
            Err(CompactError::Other("no space left".to_owned()))
        } else if self.faults && self.dice.once_in(4) {
            let index = self.dice.below(compaction.tasks.len() as u64) as usize;
            let (task, _, rows) = &compaction.tasks[index];
            match rows {
                Rows::Staged(_) => Err(CompactError::Damaged(vec![(*task, "cut short".to_owned())])),
                Rows::Memory(_) => Err(CompactError::Other("bad luck".to_owned())),
            }
        } else {
            Ok(Written {
                compacted: self.put_together(compaction),
                luck: Luck {
                    points: compaction.statistics.points,
                    observations: None,
                    instruments: Vec::new(),
                },
                points: Arc::default(),
            })
        };
        self.tell(Event::Compacted { job, result });
    }

    fn put_together(&self, compaction: &Compaction) -> Compacted {
        let mut seen = BTreeSet::new();
        let (mut all, mut failed) = (Fingerprint::default(), 0);
        for (_, range, rows) in &compaction.tasks {
            let rows = match rows {
                Rows::Staged(staged) => &self.files[&staged.file],
                Rows::Memory(rows) => rows.as_ref(),
            };
            for row in rows {
                assert!((range.first_block..range.end()).contains(&(row.ordinal.0 / compaction.plan.block())));
                assert!(seen.insert((row.ordinal, row.instrument)), "no trial comes twice");
                failed += u64::from(row.metrics().is_none());
                row.fingerprint(&mut all);
            }
        }
        Compacted {
            trials: seen.len() as u64,
            failed,
            kept: seen.len() as u64,
            fingerprint: all,
        }
    }

    /// Lets time go by until all jobs are done; stopped and paused ones are taken up again.
    fn finish(&mut self, within_seconds: i64) {
        let end = self.now + within_seconds * SECOND;
        while self.database.done.len() < self.plans.len() {
            assert!(self.now < end, "not done in time: {:?}", self.core.as_ref().map(Core::queue));
            self.advance();
            // Who pauses or stops a job will come back to it.
            if self.now % (20 * SECOND) == 0 {
                for plan in self.plans.values().cloned().collect::<Vec<_>>() {
                    let state = self.database.jobs.get(&plan.id).map(|job| job.record.state);
                    if matches!(state, None | Some(JobState::Stopped)) {
                        self.submit(&plan, 5);
                    } else if state == Some(JobState::Paused) {
                        self.tell(Event::Control {
                            request: Request(0),
                            job: plan.id,
                            control: Control::Resume,
                        });
                    }
                }
            }
        }
    }

    fn check(&self, plan: &JobPlan, poisoned: Option<TaskRange>) {
        let whole = TaskRange {
            first_block: 0,
            blocks: plan.known_blocks().unwrap(),
        };
        let done = &self.database.done[&plan.id];
        let expected = rows(plan, whole);
        assert_eq!(done.compacted.trials, expected.len() as u64);
        if poisoned.is_none() {
            assert_eq!(done.compacted.fingerprint, fingerprint(&expected));
            let mut board = plan.leaderboard();
            board.push_rows(&expected);
            let by_ordinal = |mut points: Vec<Ranked>| {
                points.sort_by_key(|point| point.ordinal);
                points
            };
            let stored = by_ordinal(self.database.jobs[&plan.id].ranked.clone());
            let best = by_ordinal(board.ranked());
            assert_eq!(stored.len(), best.len());
            // Thousands of points are no message.
            assert!(stored == best, "the best points in the database are those of the job");
            let mut statistics = JobStatistics::default();
            statistics.push_rows(&plan.objective, plan.instruments, &expected);
            assert_eq!(done.points, statistics.total().points);
            assert_eq!(done.sharpe.mean, statistics.total().sharpe.mean());
        }
        assert_eq!(self.alarms, 0);
    }
}

#[test]
fn jobs_come_out_as_without_faults_whatever_dies() {
    let seeds = std::env::var("ASSAY_SIMULATION_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000);
    for seed in 0..seeds {
        let mut world = World::new(seed, 1 + (seed % 5) as u32, true);
        let plans: Vec<Arc<JobPlan>> = (0..=seed % 3).map(|i| plan(i as u8 + 1, 5 + 12 * i)).collect();
        world.take_office();
        for plan in &plans {
            world.submit(plan, 5);
        }
        world.finish(3_600);
        for plan in &plans {
            world.check(plan, None);
        }
    }
}

/// What a job found: the batches that its searches proposed, its rows and its walk forward.
fn found(world: &World, plan: &JobPlan) -> (Vec<assay_store::StoredBatch>, Compacted, Vec<FoldRecord>) {
    let job = &world.database.jobs[&plan.id];
    let mut batches = job.batches.clone();
    batches.sort_by_key(|batch| (batch.leg, batch.number));
    (batches, world.database.done[&plan.id].compacted.clone(), job.folds.clone())
}

#[test]
fn searches_that_learn_try_the_same_points_whatever_dies() {
    for (seed, method, folds) in [
        (1, Method::Tpe, 1),
        (2, Method::Genetic, 3),
        (3, Method::Pso, 1),
        (4, Method::De, 2),
        (5, Method::Cmaes, 1),
    ] {
        let plan = learning_plan(seed, method, folds);
        let run = |seed: u64, workers: u32, faults: bool| {
            let mut world = World::new(seed, workers, faults);
            world.take_office();
            world.submit(&plan, 5);
            world.finish(3_600);
            assert_eq!(world.alarms, 0);
            found(&world, &plan)
        };
        let calm = run(7, 1, false);
        assert_eq!(calm.2.len(), plan.folds);
        assert!(calm.1.trials >= 60 * (folds * plan.instruments) as u64, "{method}");
        for seed in 0..12 {
            let stormy = run(seed, 1 + (seed % 4) as u32, true);
            assert!(stormy == calm, "{method} in world {seed}");
        }
    }
}

#[test]
fn without_faults_nothing_is_computed_twice_and_nothing_is_left() {
    let mut world = World::new(7, 4, false);
    let plan = plan(1, 60);
    world.take_office();
    assert_eq!(world.submit(&plan, 5), Some(Answer::Submitted(JobState::Running)));
    assert_eq!(
        world.submit(&plan, 5),
        Some(Answer::Submitted(JobState::Running)),
        "twice is once"
    );
    world.finish(60);
    world.check(&plan, None);
    assert_eq!((world.computed, world.wasted), (plan.known_blocks().unwrap(), 0));
    let queue = world.core.as_ref().unwrap().queue();
    assert_eq!((queue.waiting, queue.running, queue.uncarved_blocks), (0, 0, 0));
}

#[test]
fn a_task_that_cannot_be_run_is_given_up_and_the_rest_is_done() {
    let mut world = World::new(3, 3, false);
    world.poison = Some(11);
    let plan = plan(2, 30);
    world.take_office();
    world.submit(&plan, 5);
    world.finish(120);
    let record = world.database.jobs[&plan.id].tasks.iter().find(|task| {
        let blocks = task.range.first_block..task.range.end();
        blocks.contains(&11)
    });
    let record = record.unwrap();
    assert_eq!((record.attempts, record.failed), (3, 3));
    assert!(matches!(&record.state, TaskRecordState::Quarantined { reason } if reason == "block 11 cannot be run"));
    world.check(&plan, Some(record.range));
    let lost = rows(&plan, record.range).len() as u64;
    assert_eq!(world.database.done[&plan.id].compacted.failed, lost);
}

#[test]
fn a_small_job_beside_a_large_one_takes_at_most_twice_its_time_alone() {
    let seconds = |large: bool| {
        let mut world = World::new(5, 4, false);
        world.take_office();
        if large {
            world.submit(&plan(1, 2_000), 5);
            (0..300).for_each(|_| world.advance());
        }
        let small = plan(3, 100);
        world.submit(&small, 5);
        let began = world.now;
        while !world.database.done.contains_key(&small.id) {
            world.advance();
        }
        (world.now - began) as f64 / 1e9
    };
    let (alone, beside) = (seconds(false), seconds(true));
    assert!(beside <= 2.0 * alone + 10.0, "{alone} alone, {beside} beside a large job");
}

#[test]
fn a_stopped_job_is_left_alone_and_continues_when_submitted_again() {
    let mut world = World::new(9, 2, false);
    let plan = plan(1, 200);
    world.take_office();
    world.submit(&plan, 5);
    (0..40).for_each(|_| world.advance());
    let stop = Event::Control {
        request: Request(0),
        job: plan.id,
        control: Control::Stop,
    };
    assert_eq!(world.tell(stop), Some(Answer::Done));
    let core = world.core.as_ref().unwrap();
    assert_eq!((core.queue().waiting, core.queue().running), (0, 0), "idle at once");
    let before = world.computed;
    (0..100).for_each(|_| world.advance());
    assert_eq!(world.database.jobs[&plan.id].record.state, JobState::Stopped);
    world.submit(&plan, 5);
    world.finish(60);
    world.check(&plan, None);
    assert!(
        before > 0 && world.computed < plan.known_blocks().unwrap() + 20,
        "finished tasks are kept"
    );
}
