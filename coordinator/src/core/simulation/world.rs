//! Workers, a queue and a clock around a core, all of which fail as a seed says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use assay_core::fingerprint::Fingerprint;
use assay_core::ids::{JobId, TaskId, WorkerId};
use assay_core::rank::Ranked;
use assay_core::row::{Planned, TrialRow};
use assay_core::time::UtcNs;
use assay_optimizer::JobStatistics;
use assay_proto::{Answer, Control, Grant, PointOutcome, Report, Rows, TaskResult, Work};
use assay_store::{Compacted, FoldRecord, JobState, NewJob, Staged, TaskRange};

use super::database::Database;
use super::plans::{fingerprint, rows, rows_of};
use super::{BARS, Dice, SECOND};
use crate::core::{CompactError, Compaction, Core, Effect, Event, Proposing, Request, Written};
use crate::luck::Luck;
use crate::plan::JobPlan;
use crate::settings::Settings;

/// A worker process.
pub(super) struct Process {
    pub(super) slots: u32,
    pub(super) alive: bool,
    /// Does nothing until then, and does not know it.
    pub(super) frozen_until: i64,
    pub(super) wants: Vec<TaskId>,
    pub(super) running: Vec<Running>,
    pub(super) next_heartbeat: i64,
    pub(super) known: bool,
}

pub(super) struct Running {
    pub(super) grant: Grant,
    pub(super) ready_at: i64,
}

pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) now: i64,
    pub(super) core: Option<Core>,
    pub(super) core_back_at: i64,
    pub(super) database: Database,
    pub(super) plans: BTreeMap<JobId, Arc<JobPlan>>,
    pub(super) queue: Vec<TaskId>,
    pub(super) workers: BTreeMap<WorkerId, Process>,
    /// Rows that workers wrote, by the name of the file.
    pub(super) files: BTreeMap<String, Vec<TrialRow>>,
    pub(super) compactions: Vec<(i64, Box<Compaction>)>,
    /// Searches that think until then.
    pub(super) proposing: Vec<(i64, Proposing)>,
    pub(super) poison: Option<u64>,
    pub(super) faults: bool,
    pub(super) wasted: u64,
    pub(super) computed: u64,
    pub(super) alarms: u64,
}

impl World {
    pub(super) fn new(seed: u64, workers: u32, faults: bool) -> Self {
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

    pub(super) fn start_worker(&mut self, number: u32) {
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
    pub(super) fn tell(&mut self, event: Event) -> Option<Answer> {
        let now = UtcNs(self.now);
        let core = self.core.as_mut()?;
        let effects = core.step(event, now);
        self.carry_out(effects)
    }

    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) -> Option<Answer> {
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

    pub(super) fn kill_core(&mut self) {
        self.core = None;
        self.compactions.clear();
        self.proposing.clear();
        self.core_back_at = self.now + self.dice.below(8 * SECOND as u64) as i64;
    }

    pub(super) fn take_office(&mut self) {
        let open = |state| matches!(state, JobState::Queued | JobState::Running | JobState::Paused);
        let jobs = self.database.jobs.values().filter(|job| open(job.record.state));
        let jobs = jobs
            .map(|job| (Arc::clone(&self.plans[&job.record.id]), job.clone()))
            .collect();
        let (core, effects) = Core::new(Settings::CLUSTER, jobs, self.database.next_task, UtcNs(self.now));
        self.core = Some(core);
        self.carry_out(effects);
    }

    pub(super) fn submit(&mut self, plan: &Arc<JobPlan>, priority: u8) -> Option<Answer> {
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
    pub(super) fn advance(&mut self) {
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

    pub(super) fn disturb(&mut self) {
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

    pub(super) fn run_worker(&mut self, name: &WorkerId) {
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

    pub(super) fn report(&mut self, name: &WorkerId, running: Running) {
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

    pub(super) fn compute(&mut self, plan: &JobPlan, grant: &Grant) -> TaskResult {
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
    pub(super) fn compact(&mut self, compaction: &Compaction) {
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

    pub(super) fn put_together(&self, compaction: &Compaction) -> Compacted {
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
    pub(super) fn finish(&mut self, within_seconds: i64) {
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

    pub(super) fn check(&self, plan: &JobPlan, poisoned: Option<TaskRange>) {
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
