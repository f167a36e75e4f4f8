//! The threads that compute.
//!
//! A task is computed in units: a share of its points on one instrument, run by one thread in one go. The larger a unit is, the more
//! indicators its trials share; how a task is split changes no result.

use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use assay_core::row::{Planned, TrialRow};
use assay_core::shield::text_of;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::{Notify, oneshot};

use crate::error::WorkerError;

/// How a unit is computed.
pub trait Compute: Send + Sync + 'static {
    /// How many instruments each point is tried on.
    fn instruments(&self) -> usize;
    /// Rows of these points on one instrument, in their order. Once `stop` is set it comes back soon, with anything.
    fn compute(&self, instrument: u32, points: &[Planned], stop: &AtomicBool) -> Vec<TrialRow>;
}

/// A finished task.
#[derive(Debug)]
pub struct Computed {
    /// Per instrument the rows of the task's points, in their order.
    pub rows: Vec<Vec<TrialRow>>,
    /// Seconds of one thread that it took.
    pub seconds: f64,
}

/// Threads that all tasks of a worker share.
#[derive(Debug)]
pub struct Pool {
    threads: ThreadPool,
}

struct Task {
    work: Arc<dyn Compute>,
    points: Vec<Planned>,
    switches: Switches,
    slots: Mutex<Slots>,
}

/// Between a task and who waits for it.
#[derive(Debug, Clone, Default)]
pub struct Switches {
    /// Once set, the task comes back soon, with nothing.
    pub cancelled: Arc<AtomicBool>,
    /// Told when the first of its units is begun: before that it waits for threads.
    pub begun: Arc<Notify>,
}

struct Slots {
    /// Rows of each unit once it is done.
    rows: Vec<Option<Vec<TrialRow>>>,
    open: usize,
    seconds: f64,
    finished: Option<oneshot::Sender<Result<Option<Computed>, WorkerError>>>,
}

impl Pool {
    /// So many threads, with this name: panics on them are reported with the trial that they belong to.
    pub fn new(threads: usize, name: &'static str) -> Result<Self, WorkerError> {
        let builder = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(move |_| name.to_owned());
        let threads = builder.build().map_err(|error| WorkerError::Threads {
            threads,
            reason: error.to_string(),
        })?;
        Ok(Self { threads })
    }

    /// How many.
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Computes points on all instruments in units of at most `most_unit` points, and in at least `shares` of them. `None` if it was
    /// cancelled before all units were done.
    pub async fn run(
        &self,
        work: Arc<dyn Compute>,
        points: Vec<Planned>,
        shares: usize,
        most_unit: usize,
        switches: Switches,
    ) -> Result<Option<Computed>, WorkerError> {
        let instruments = work.instruments();
        let splits = splits(points.len(), shares, instruments, most_unit);
        let ranges: Vec<Range<usize>> = split(points.len(), splits).collect();
        let (finished, outcome) = oneshot::channel();
        let task = Arc::new(Task {
            work,
            points,
            switches,
            slots: Mutex::new(Slots {
                rows: (0..splits * instruments).map(|_| None).collect(),
                open: splits * instruments,
                seconds: 0.0,
                finished: Some(finished),
            }),
        });
        for instrument in 0..instruments {
            for (i, range) in ranges.iter().enumerate() {
                let (task, range) = (Arc::clone(&task), range.clone());
                self.threads
                    .spawn_fifo(move || task.run_unit(instrument * splits + i, instrument as u32, range, splits));
            }
        }
        drop(task);
        outcome.await.unwrap_or(Ok(None))
    }
}

impl Task {
    fn run_unit(&self, slot: usize, instrument: u32, range: Range<usize>, splits: usize) {
        let began = Instant::now();
        // A trial's own panic is caught further down; this one would be a defect of the machinery around it.
        let rows = panic::catch_unwind(AssertUnwindSafe(|| {
            let cancelled = &self.switches.cancelled;
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            self.switches.begun.notify_one();
            let rows = self.work.compute(instrument, &self.points[range], cancelled);
            (!cancelled.load(Ordering::Relaxed)).then_some(rows)
        }));
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.seconds += began.elapsed().as_secs_f64();
        slots.open -= 1;
        let outcome = match rows {
            Ok(Some(rows)) => {
                slots.rows[slot] = Some(rows);
                if slots.open > 0 || slots.finished.is_none() {
                    return;
                }
                Ok(Some(slots.put_together(splits)))
            }
            Ok(None) => Ok(None),
            Err(payload) => Err(WorkerError::Panic(text_of(payload.as_ref()))),
        };
        if let Some(finished) = slots.finished.take() {
            // Who asked may have gone away.
            let _ = finished.send(outcome);
        }
    }
}

impl Slots {
    fn put_together(&mut self, splits: usize) -> Computed {
        let mut rows: Vec<Vec<TrialRow>> = Vec::new();
        for (slot, part) in self.rows.iter_mut().enumerate() {
            let part = part.take().unwrap_or_default();
            match rows.last_mut() {
                Some(before) if slot % splits != 0 => before.extend(part),
                _ => rows.push(part),
            }
        }
        Computed {
            rows,
            seconds: self.seconds,
        }
    }
}

/// How many units each instrument's share of a task is split into.
fn splits(points: usize, shares: usize, instruments: usize, most_unit: usize) -> usize {
    let for_threads = shares.div_ceil(instruments.max(1));
    let for_memory = points.div_ceil(most_unit.max(1));
    for_threads.max(for_memory).clamp(1, points.max(1))
}

/// `points` positions in `splits` runs of nearly the same length.
fn split(points: usize, splits: usize) -> impl Iterator<Item = Range<usize>> {
    (0..splits).map(move |i| points * i / splits..points * (i + 1) / splits)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use assay_core::ids::Ordinal;
    use assay_core::row::Outcome;
    use assay_core::space::Point;

    use super::*;

    /// Tells which points came back on which instrument.
    struct Echo {
        panics: bool,
    }

    impl Compute for Echo {
        fn instruments(&self) -> usize {
            2
        }

        fn compute(&self, instrument: u32, points: &[Planned], _: &AtomicBool) -> Vec<TrialRow> {
            assert!(!self.panics, "as told");
            let row = |planned: &Planned| TrialRow {
                instrument,
                ordinal: planned.ordinal,
                point: planned.point.clone(),
                window: planned.window,
                outcome: Outcome::Failed(String::new()),
            };
            points.iter().map(row).collect()
        }
    }

    fn points(count: u64) -> Vec<Planned> {
        let planned = |i| Planned {
            ordinal: Ordinal(i),
            point: Point(Box::from([])),
            window: 0,
        };
        (0..count).map(planned).collect()
    }

    async fn run(
        panics: bool,
        count: u64,
        shares: usize,
        most_unit: usize,
        cancelled: bool,
    ) -> Result<Option<Computed>, WorkerError> {
        let pool = Pool::new(3, "test").unwrap();
        let switches = Switches::default();
        switches.cancelled.store(cancelled, Ordering::Relaxed);
        pool.run(Arc::new(Echo { panics }), points(count), shares, most_unit, switches)
            .await
    }

    #[tokio::test]
    async fn every_point_comes_once_on_every_instrument_in_order_whatever_the_portions() {
        for (count, shares, most_unit) in [(1_000, 1, 1 << 20), (1_000, 3, 70), (5, 8, 1), (1, 4, 10), (0, 1, 10)] {
            let computed = run(false, count, shares, most_unit, false).await.unwrap().unwrap();
            for (instrument, rows) in (0..).zip(&computed.rows) {
                assert!(rows.iter().all(|row| row.instrument == instrument));
                let ordinals: Vec<u64> = rows.iter().map(|row| row.ordinal.0).collect();
                assert_eq!(ordinals, (0..count).collect::<Vec<_>>(), "{count} {shares} {most_unit}");
            }
            assert_eq!(computed.rows.len(), 2);
        }
    }

    #[tokio::test]
    async fn a_cancelled_task_gives_nothing_and_a_panic_is_an_error_and_not_a_hang() {
        assert!(run(false, 100, 2, 10, true).await.unwrap().is_none());
        let error = run(true, 100, 2, 10, false).await.unwrap_err();
        assert!(matches!(error, WorkerError::Panic(text) if text == "as told"));
    }

    /// Goes on until it is stopped, and counts how often that happened.
    struct Endless(Arc<AtomicUsize>);

    impl Compute for Endless {
        fn instruments(&self) -> usize {
            1
        }

        fn compute(&self, _: u32, _: &[Planned], stop: &AtomicBool) -> Vec<TrialRow> {
            while !stop.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            self.0.fetch_add(1, Ordering::Relaxed);
            Vec::new()
        }
    }

    #[tokio::test]
    async fn what_is_under_way_hears_that_it_is_cancelled_and_what_waits_has_not_begun() {
        let (pool, ended) = (Pool::new(1, "test").unwrap(), Arc::new(AtomicUsize::new(0)));
        let (first, second) = (Switches::default(), Switches::default());
        let run = |switches: &Switches| pool.run(Arc::new(Endless(Arc::clone(&ended))), points(1), 1, 1, switches.clone());
        let running = run(&first);
        tokio::pin!(running);
        tokio::select! {
            _ = &mut running => panic!("it is endless"),
            () = first.begun.notified() => {}
        }
        let waiting = run(&second);
        tokio::pin!(waiting);
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("the only thread is busy"),
            () = second.begun.notified() => panic!("the only thread is busy"),
            () = std::future::ready(()) => {}
        }
        second.cancelled.store(true, Ordering::Relaxed);
        first.cancelled.store(true, Ordering::Relaxed);
        assert!(running.await.unwrap().is_none());
        assert!(waiting.await.unwrap().is_none());
        assert_eq!(ended.load(Ordering::Relaxed), 1, "the second one never began");
    }
}
