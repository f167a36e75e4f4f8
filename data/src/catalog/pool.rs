//! The threads that encode Parquet files while the caller parses.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use arrow::array::RecordBatch;

use super::files::NewFile;
use super::writer::Overlap;
use super::{DatasetKind, FileEntry, SourceInfo, merge};
use crate::error::DataError;
use assay_core::ids::Symbol;

/// Rows in flight between the caller and the encoders: bounds memory (about 60 MB of quotes).
const ROWS_IN_FLIGHT: usize = 2_000_000;
/// More encoders than this would only wait for the caller.
const MAX_THREADS: usize = 4;

/// What is the same for all partitions of one write.
#[derive(Debug)]
pub(crate) struct WriteContext {
    pub(crate) folder: PathBuf,
    pub(crate) symbol: Symbol,
    pub(crate) kind: DatasetKind,
    pub(crate) overlap: Overlap,
    /// The stored files, to merge with.
    pub(crate) stored: Vec<FileEntry>,
    /// Sources of the stored files.
    pub(crate) stored_sources: Vec<SourceInfo>,
    /// Sources of this write so far.
    pub(crate) new_sources: Arc<Mutex<Vec<SourceInfo>>>,
}

/// A partition to be written from the batches that arrive.
pub(crate) struct Task {
    pub(crate) partition: String,
    pub(crate) batches: Receiver<Rows>,
}

/// Rows and which of the write's sources they come from.
pub(crate) struct Rows {
    pub(crate) batch: RecordBatch,
    pub(crate) source: usize,
}

/// What became of a partition.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It held these rows already.
    Unchanged { partition: String },
    /// A new file, complete on the disk under a temporary name.
    Written(Box<WrittenPartition>),
}

/// A file that waits for its final name.
#[derive(Debug)]
pub(crate) struct WrittenPartition {
    pub(crate) file: NewFile,
    /// Its line of the manifest, with neither final name nor sources yet.
    pub(crate) entry: FileEntry,
    /// The new sources that its rows come from.
    pub(crate) new_sources: BTreeSet<usize>,
    /// Whether rows of the stored file are in it.
    pub(crate) merged: bool,
}

/// The encoders. Dropping it waits for them and removes what they wrote.
#[derive(Debug)]
pub(crate) struct EncodePool {
    tasks: Option<Sender<Task>>,
    outcomes: Receiver<Result<Outcome, DataError>>,
    threads: Vec<JoinHandle<()>>,
    budget: Arc<Budget>,
}

impl EncodePool {
    pub(crate) fn start(context: WriteContext) -> Self {
        let context = Arc::new(context);
        let (tasks, queue) = channel::<Task>();
        let (outcome, outcomes) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let budget = Arc::new(Budget::default());
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let threads = (0..count)
            .map(|_| {
                let (context, queue, outcome, budget) =
                    (Arc::clone(&context), Arc::clone(&queue), outcome.clone(), Arc::clone(&budget));
                std::thread::spawn(move || {
                    let _guard = FailOnPanic(Arc::clone(&budget));
                    loop {
                        // The guard lives only for this statement, so that the others can wait for tasks meanwhile.
                        let task = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                        let Ok(task) = task else { return };
                        let result = merge::write_partition(&context, &task, &budget);
                        if result.is_err() {
                            budget.fail();
                        }
                        // Let go of what is left, so that the caller never waits for a failed partition.
                        for rows in &task.batches {
                            budget.release(rows.batch.num_rows());
                        }
                        if outcome.send(result).is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        Self {
            tasks: Some(tasks),
            outcomes,
            threads,
            budget,
        }
    }

    /// Queues a partition.
    pub(crate) fn begin(&self, task: Task) {
        if let Some(tasks) = &self.tasks {
            // Encoders end only when this sender is dropped or one of them panicked, which `finish` reports.
            let _ = tasks.send(task);
        }
    }

    /// Waits until `rows` more may be in flight; false once an encoder has failed.
    pub(crate) fn reserve(&self, rows: usize) -> bool {
        self.budget.reserve(rows)
    }

    /// Waits for all partitions. The first error, in the order of completion, if there was any.
    pub(crate) fn finish(mut self) -> Result<Vec<Outcome>, DataError> {
        self.tasks = None;
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        self.outcomes.try_iter().collect()
    }
}

impl Drop for EncodePool {
    fn drop(&mut self) {
        self.tasks = None;
        self.budget.fail();
        for thread in self.threads.drain(..) {
            // A panic of an encoder was reported by `finish`, or the write is being given up anyway.
            let _ = thread.join();
        }
    }
}

/// Wakes the caller when an encoder dies.
struct FailOnPanic(Arc<Budget>);

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail();
        }
    }
}

/// Bounds the rows in flight.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    rows: Mutex<usize>,
    freed: Condvar,
    failed: AtomicBool,
}

impl Budget {
    fn reserve(&self, rows: usize) -> bool {
        let mut used = self.lock();
        // A batch larger than the budget passes when it is alone.
        while *used > 0 && *used + rows > ROWS_IN_FLIGHT && !self.has_failed() {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += rows;
        !self.has_failed()
    }

    pub(crate) fn release(&self, rows: usize) {
        *self.lock() -= rows;
        self.freed.notify_all();
    }

    /// Whether the write is being given up.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    fn fail(&self) {
        let guard = self.lock();
        self.failed.store(true, Ordering::Release);
        drop(guard);
        self.freed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
