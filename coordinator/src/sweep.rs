//! Removes what nobody will read any more: rows staged for jobs that are done.
//!
//! They are removed when a job ends, before that is told. What this finds was left by a coordinator that died between the two, by a
//! depot that was away, or by a worker that wrote after the end.

use std::sync::Arc;
use std::time::Duration;

use assay_core::ids::JobId;
use assay_store::{Depot, JobState, Store, StoreError};
use tokio::sync::mpsc::WeakSender;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked for, beginning when a coordinator takes office.
const EVERY: Duration = Duration::from_mins(10);

/// Looks again and again, while its coordinator is in office: as long as somebody listens to commands.
pub(crate) async fn keep<T>(store: Arc<Store>, depot: Depot, office: WeakSender<T>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if office.upgrade().is_none() {
            return;
        }
        match sweep(&store, &depot).await {
            Ok(swept) => swept
                .iter()
                .for_each(|job| tracing::info!(%job, "what was staged of a job that is done is removed")),
            Err(error) => tracing::warn!(%error, "what is left in staging could not be looked for"),
        }
    }
}

/// Removes what is staged of jobs that are done, and says of which. Jobs that were stopped keep theirs: submitted again they go on. What
/// is staged of jobs that the database does not know belongs to others who use the same folder.
pub(crate) async fn sweep(store: &Store, depot: &Depot) -> Result<Vec<JobId>, StoreError> {
    let mut swept = Vec::new();
    for job in depot.staged_jobs().await? {
        let known = store.job(job).await?;
        if known.is_some_and(|known| known.state == JobState::Done) {
            depot.remove_staging(job).await?;
            swept.push(job);
        }
    }
    Ok(swept)
}
