//! The threads that compute. They take units from a queue that is refilled from the remaining blocks, and whoever finishes a
//! task's last unit puts its rows together and stores them.

use std::collections::VecDeque;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use assay_core::ids::Ordinal;
use assay_core::row::TrialRow;
use assay_core::space::Point;
use assay_optimizer::Proposals;

use super::work::{Pace, Remaining, split};
use crate::failure::{Failure, TRIAL_THREAD};

/// How a unit is computed and what becomes of a finished task.
pub(crate) trait Work: Sync {
    /// Rows of these points on one instrument, in their order.
    fn compute(&self, instrument: u32, points: &[(Ordinal, Point)]) -> Vec<TrialRow>;
    /// Stores a task: its blocks, and per instrument the rows of its points.
    fn finish(&self, blocks: Range<u64>, rows: Vec<Vec<TrialRow>>) -> Result<(), Failure>;
    /// Whether no further work is to be begun.
    fn stopped(&self) -> bool;
    /// The last thread has ended.
    fn ended(&self);
}

/// What is to be computed, and how large the portions are.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    pub(crate) proposals: &'a Proposals,
    pub(crate) instruments: usize,
    pub(crate) remaining: Remaining,
    pub(crate) pace: Pace,
    /// Most points in a unit, for the memory of its trials.
    pub(crate) most_unit: usize,
}

/// Weight of the newest measurement in the pace.
const NEWEST: f64 = 0.3;

struct Task {
    blocks: Range<u64>,
    points: Vec<(Ordinal, Point)>,
    /// Rows of each unit once it is done: per instrument, in the order of the points.
    slots: Mutex<Slots>,
}

struct Slots {
    rows: Vec<Option<Vec<TrialRow>>>,
    open: usize,
}

struct Unit {
    task: Arc<Task>,
    slot: usize,
    instrument: u32,
    points: Range<usize>,
}

struct Queue {
    units: VecDeque<Unit>,
    remaining: Remaining,
    pace: Pace,
    /// Threads that are turning blocks into units right now.
    refilling: usize,
    failure: Option<Failure>,
}

struct Pool<'a, W> {
    work: &'a W,
    proposals: &'a Proposals,
    instruments: usize,
    most_unit: usize,
    blocks: u64,
    queue: Mutex<Queue>,
    refilled: Condvar,
    running: AtomicUsize,
}

/// Computes everything on `order.pace.threads` threads, while `meanwhile` runs on this one.
pub(crate) fn compute<W: Work, T>(order: Order<'_>, work: &W, meanwhile: impl FnOnce() -> T) -> Result<T, Failure> {
    let threads = order.pace.threads;
    let blocks = order.remaining.blocks();
    let pool = Pool {
        work,
        proposals: order.proposals,
        instruments: order.instruments,
        most_unit: order.most_unit,
        blocks,
        queue: Mutex::new(Queue {
            units: VecDeque::new(),
            remaining: order.remaining,
            pace: order.pace,
            refilling: 0,
            failure: None,
        }),
        refilled: Condvar::new(),
        running: AtomicUsize::new(threads),
    };
    let result = thread::scope(|scope| -> Result<T, Failure> {
        for _ in 0..threads {
            let worker = thread::Builder::new().name(TRIAL_THREAD.to_owned());
            let started = worker.spawn_scoped(scope, || {
                pool.work_until_done();
                pool.end_thread();
            });
            if let Err(error) = started {
                pool.fail(Failure::external(format!("cannot start a thread: {error}")).hint("lower --threads"));
                pool.end_thread();
            }
        }
        Ok(meanwhile())
    })?;
    match pool.lock().failure.take() {
        Some(failure) => Err(failure),
        None => Ok(result),
    }
}

impl<W: Work> Pool<'_, W> {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, failure: Failure) {
        self.lock().failure.get_or_insert(failure);
        self.refilled.notify_all();
    }

    fn end_thread(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.work.ended();
        }
    }

    fn work_until_done(&self) {
        while let Some(unit) = self.next_unit() {
            // A trial's own panic is caught further down; this one would be a defect of the machinery around it.
            let done = panic::catch_unwind(AssertUnwindSafe(|| self.work_on(&unit)));
            match done {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => self.fail(failure),
                Err(payload) => {
                    let text = payload.downcast_ref::<String>().map(String::as_str);
                    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                    self.fail(Failure::internal(format!("internal error while computing trials: {text}")));
                }
            }
        }
    }

    /// The next unit; `None` once there is or will be no more.
    fn next_unit(&self) -> Option<Unit> {
        let mut queue = self.lock();
        loop {
            if queue.failure.is_some() || self.work.stopped() {
                self.refilled.notify_all();
                return None;
            }
            if let Some(unit) = queue.units.pop_front() {
                return Some(unit);
            }
            let left = queue.remaining.blocks();
            let size = queue.pace.blocks(left);
            if let Some(blocks) = queue.remaining.take(size) {
                let pace = queue.pace;
                queue.refilling += 1;
                drop(queue);
                let units = self.units_of(blocks, pace);
                queue = self.lock();
                queue.refilling -= 1;
                queue.units.extend(units);
                self.refilled.notify_all();
            } else if queue.refilling > 0 {
                queue = self.refilled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            } else {
                return None;
            }
        }
    }

    /// Turns blocks into a task and its units. A task without points has one empty unit, so that it is stored too.
    fn units_of(&self, blocks: Range<u64>, pace: Pace) -> Vec<Unit> {
        let (mut points, mut block) = (Vec::new(), Vec::new());
        for index in blocks.clone() {
            self.proposals.block(index, &mut block);
            points.append(&mut block);
        }
        let whole_job = blocks.end - blocks.start == self.blocks;
        let splits = pace.splits(whole_job, points.len(), self.instruments, self.most_unit);
        let slots = Slots {
            rows: (0..splits * self.instruments).map(|_| None).collect(),
            open: splits * self.instruments,
        };
        let ranges: Vec<Range<usize>> = split(points.len(), splits).collect();
        let task = Arc::new(Task {
            blocks,
            points,
            slots: Mutex::new(slots),
        });
        let mut units = Vec::with_capacity(splits * self.instruments);
        for instrument in 0..self.instruments {
            for (i, range) in ranges.iter().enumerate() {
                units.push(Unit {
                    task: Arc::clone(&task),
                    slot: instrument * splits + i,
                    instrument: instrument as u32,
                    points: range.clone(),
                });
            }
        }
        units
    }

    fn work_on(&self, unit: &Unit) -> Result<(), Failure> {
        let began = Instant::now();
        let rows = self.work.compute(unit.instrument, &unit.task.points[unit.points.clone()]);
        if !unit.points.is_empty() {
            let seconds = began.elapsed().as_secs_f64() / unit.points.len() as f64 * self.instruments as f64;
            let pace = &mut self.lock().pace;
            pace.seconds_per_point += NEWEST * (seconds - pace.seconds_per_point);
        }
        let finished = {
            let mut slots = unit.task.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.rows[unit.slot] = Some(rows);
            slots.open -= 1;
            (slots.open == 0).then(|| std::mem::take(&mut slots.rows))
        };
        let Some(parts) = finished else { return Ok(()) };
        let splits = parts.len() / self.instruments;
        let mut by_instrument: Vec<Vec<TrialRow>> = Vec::with_capacity(self.instruments);
        for (slot, part) in parts.into_iter().enumerate() {
            let part = part.unwrap_or_default();
            match by_instrument.last_mut() {
                Some(rows) if slot % splits != 0 => rows.extend(part),
                _ => by_instrument.push(part),
            }
        }
        self.work.finish(unit.task.blocks.clone(), by_instrument)
    }
}

#[cfg(test)]
mod tests {
    use assay_core::job::SearchSpec;
    use assay_core::row::Outcome;
    use assay_core::space::{Domain, Parameter, Space};

    use super::*;

    /// Blocks of a task, and per instrument the ordinals that came back.
    type Finished = (Range<u64>, Vec<Vec<u64>>);

    /// Writes down which ordinals came back on which instrument.
    #[derive(Default)]
    struct Ledger {
        tasks: Mutex<Vec<Finished>>,
        stop_after: Option<usize>,
        panics: bool,
    }

    impl Work for Ledger {
        fn compute(&self, instrument: u32, points: &[(Ordinal, Point)]) -> Vec<TrialRow> {
            assert!(!self.panics, "as told");
            let row = |(ordinal, point): &(Ordinal, Point)| TrialRow {
                instrument,
                ordinal: *ordinal,
                point: point.clone(),
                outcome: Outcome::Failed(String::new()),
            };
            points.iter().map(row).collect()
        }

        fn finish(&self, blocks: Range<u64>, rows: Vec<Vec<TrialRow>>) -> Result<(), Failure> {
            let ordinals = rows
                .iter()
                .map(|rows| rows.iter().map(|row| row.ordinal.0).collect())
                .collect();
            self.tasks.lock().unwrap().push((blocks, ordinals));
            Ok(())
        }

        fn stopped(&self) -> bool {
            self.stop_after.is_some_and(|most| self.tasks.lock().unwrap().len() >= most)
        }

        fn ended(&self) {}
    }

    fn order(proposals: &Proposals, threads: usize, most_points: u64, most_unit: usize) -> Order<'_> {
        Order {
            proposals,
            instruments: 2,
            remaining: Remaining::new(proposals.blocks(), []),
            pace: Pace {
                threads,
                seconds_per_point: 1e-6,
                points_per_block: 1_024.0,
                most_points,
            },
            most_unit,
        }
    }

    fn proposals() -> Proposals {
        let parameter = |name: &str| Parameter {
            name: name.to_owned(),
            domain: Domain::Int {
                low: 1,
                high: 100,
                step: 1,
                log: false,
            },
            default: None,
        };
        let space = Space {
            params: vec![parameter("a"), parameter("b")],
            condition: Some("a < b".to_owned()),
        };
        Proposals::new(&space, &SearchSpec::default()).unwrap()
    }

    #[test]
    fn every_point_comes_once_on_every_instrument_in_order_whatever_the_portions() {
        let proposals = proposals();
        let expected: Vec<u64> = (0..10_000).filter(|i| i / 100 < i % 100).collect();
        for (threads, most_points, most_unit) in [(1, 1 << 20, 1 << 20), (3, 2_048, 700), (2, 1, 1_000), (4, 1 << 20, 100)] {
            let ledger = Ledger::default();
            compute(order(&proposals, threads, most_points, most_unit), &ledger, || ()).unwrap();
            let mut tasks = ledger.tasks.into_inner().unwrap();
            tasks.sort_by_key(|task| task.0.start);
            for instrument in 0..2 {
                let found: Vec<u64> = tasks.iter().flat_map(|task| task.1[instrument].clone()).collect();
                assert_eq!(found, expected, "{threads} threads, {most_points}, {most_unit}");
            }
        }
    }

    #[test]
    fn a_stop_leaves_only_whole_tasks() {
        let proposals = proposals();
        let ledger = Ledger {
            stop_after: Some(2),
            ..Ledger::default()
        };
        compute(order(&proposals, 1, 1_024, 1_000), &ledger, || ()).unwrap();
        assert_eq!(ledger.tasks.into_inner().unwrap().len(), 2);
    }

    #[test]
    fn a_panic_of_the_machinery_is_an_error_and_not_a_hang() {
        let proposals = proposals();
        let ledger = Ledger {
            panics: true,
            ..Ledger::default()
        };
        let failure = compute(order(&proposals, 2, 1_024, 1_000), &ledger, || ()).unwrap_err();
        assert!(format!("{failure:?}").contains("as told"));
    }
}
