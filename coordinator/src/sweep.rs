//! Removes what nobody will read any more: rows staged for jobs that are done.
//!
//! They are removed when a job ends, before that is told. What this finds was left by a coordinator that died between the two, by a
//! depot that was away, or by a worker that died after it had written too late.

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
        if let Err(error) = sweep(&store, &depot).await {
            tracing::warn!(%error, "what is left in staging could not be looked for");
        }
    }
}

/// Removes what a worker staged of a job that was over: it had been frozen or cut off meanwhile.
pub(crate) async fn late(store: Arc<Store>, depot: Depot, job: JobId) {
    if let Err(error) = remove_if_done(&store, &depot, job).await {
        tracing::warn!(%job, %error, "what was staged too late is not removed for now");
    }
}

async fn sweep(store: &Store, depot: &Depot) -> Result<(), StoreError> {
    for job in depot.staged_jobs().await? {
        remove_if_done(store, depot, job).await?;
    }
    Ok(())
}

/// Removes what is staged of a job that is done. One that was stopped keeps it: submitted again it goes on. What is staged of a job that
/// the database does not know belongs to others who use the same folder.
async fn remove_if_done(store: &Store, depot: &Depot, job: JobId) -> Result<(), StoreError> {
    let known = store.job(job).await?;
    if known.is_some_and(|known| known.state == JobState::Done) {
        depot.remove_staging(job).await?;
        tracing::info!(%job, "what was staged of a job that is done is removed");
    }
    Ok(())
}
