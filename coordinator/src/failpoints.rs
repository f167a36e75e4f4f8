//! Where a test can end a coordinator: `ASSAY_FAULTS=committed@20` ends the process, as kill -9 would, after twenty-one commits that were
//! to be followed by messages to workers; `job_done@0` after the commit of the first job that is done.

use std::sync::atomic::{AtomicU64, Ordering};

/// A moment in the work of a coordinator.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// Tasks are recorded as handed out, and no worker has heard of them.
    Committed,
    /// The last word of a job is recorded: its files are in their place, its staging is still there, and nobody was told.
    JobDone,
}

/// Ends the process if a test wants that.
pub(crate) fn reached(moment: Moment) {
    static REACHED: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
    let name = match moment {
        Moment::Committed => "committed",
        Moment::JobDone => "job_done",
    };
    let before = REACHED[moment as usize].fetch_add(1, Ordering::Relaxed);
    let wanted = std::env::var("ASSAY_FAULTS").unwrap_or_default();
    let faults = wanted.split(',').filter_map(|fault| fault.split_once('@'));
    if faults
        .into_iter()
        .any(|(way, number)| way == name && number.parse() == Ok(before))
    {
        std::process::abort();
    }
}
