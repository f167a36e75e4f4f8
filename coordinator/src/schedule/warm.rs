//! Where a run begins: with what the run before found.

use assay_store::{ScheduledRun, Store};
use assay_strategies::Job;

use super::{Report, ScheduleError};
use crate::plan::data_of;

/// Best points of the run before that a search tries first.
const BEST: usize = 10;

/// A run's job, told where the run before ended: on the same data it is the same job, which is found and not computed again; a search
/// that learns tries the best points of the run before first.
pub async fn warmed(store: &Store, run: &ScheduledRun, job: Job) -> Result<Job, ScheduleError> {
    let Some(before) = Report::run_before(store, run).await? else {
        return Ok(job);
    };
    if before.data == data_of(&job) && before.semantics == assay_core::SEMANTICS_VERSION {
        return Ok(Job::from_body(&before.body)?);
    }
    if !job.spec.search.method.learns() {
        return Ok(job);
    }
    let goal = before.objective()?.maximize;
    let best = store.top(&before, BEST, goal, None).await?;
    let points: Vec<_> = best.iter().map(|ranked| before.layout.values(&ranked.point)).collect();
    Ok(job.beginning_with(&points)?)
}
