//! Takes up what is due, and reports what is over, while its coordinator is in office.

use std::sync::Arc;
use std::time::Duration;

use assay_core::Domain;
use assay_core::ids::JobId;
use assay_core::time::UtcNs;
use assay_proto::status;
use assay_store::{Change, Schedule, ScheduledRun};
use assay_strategies::Job;
use tokio::time::{MissedTickBehavior, interval};
use tonic::Status;

use super::jobs::Entry;
use super::{Front, audited, now, refuse};
use crate::schedule::{Report, due, newest, warmed};

/// How often schedules are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Looks again and again, for ever.
pub(super) async fn keep(front: Arc<Front>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // A standby has nothing to look after.
        if front.coordinator().is_err() {
            continue;
        }
        if let Err(status) = front.look_after_schedules(now()).await {
            tracing::warn!(error = status.message(), "schedules could not be looked after");
        }
    }
}

impl Front {
    /// Everything that is to be done about schedules at a moment.
    async fn look_after_schedules(&self, at: UtcNs) -> Result<(), Status> {
        for run in self.store.unreported_runs().await.map_err(refuse)? {
            if let Some(report) = Report::of_run(&self.store, &run).await.map_err(refuse)? {
                let reported = Change::RunReported {
                    schedule: run.schedule.clone(),
                    planned: run.planned,
                    report: report.to_json(),
                };
                self.coordinator()?.record(vec![reported]).await.map_err(refuse)?;
                tracing::info!(schedule = %run.schedule, job = %report.job_id, state = %report.state, "a scheduled run is over");
            }
        }
        let last = self.store.last_runs().await.map_err(refuse)?;
        for schedule in self.store.schedules().await.map_err(refuse)? {
            if let Some(planned) = due(&schedule, last.get(&schedule.name).copied(), at) {
                // Why a run became no job is on its record; the others are run all the same.
                if let Err(status) = self.take_up(&schedule, planned, at).await {
                    tracing::error!(schedule = %schedule.name, error = status.message(), "a scheduled run failed");
                }
            }
        }
        Ok(())
    }

    /// Makes a planned time of a schedule a job. What keeps it from being one is recorded instead, unless it may go away.
    pub(super) async fn take_up(&self, schedule: &Schedule, planned: UtcNs, at: UtcNs) -> Result<JobId, Status> {
        let run = ScheduledRun {
            schedule: schedule.name.clone(),
            planned,
            taken: at,
            job: None,
            error: None,
            report: None,
        };
        match self.begin(schedule, &run).await {
            Err(status) if status::domain(&status) != Domain::Unreachable => {
                let failed = ScheduledRun {
                    error: Some(status.message().to_owned()),
                    ..run
                };
                let failed = Change::RunTaken(Box::new(failed));
                self.coordinator()?.record(vec![failed]).await.map_err(refuse)?;
                Err(status)
            }
            begun => begun,
        }
    }

    /// Enters the job of a run, on the data that are newest now, in the transaction that takes the run up.
    async fn begin(&self, schedule: &Schedule, run: &ScheduledRun) -> Result<JobId, Status> {
        let known = Job::from_body(&schedule.body).map_err(refuse)?;
        let instruments = newest(&self.store, &known).await.map_err(refuse)?;
        let job = known.on(instruments).map_err(refuse)?;
        let body = warmed(&self.store, run, job).await.map_err(refuse)?.body();
        let body_hash = *blake3::hash(body.as_bytes()).as_bytes();
        let (job, plan) = self.plan(body).await?;
        let taken = ScheduledRun {
            job: Some(job.id),
            ..run.clone()
        };
        let entry = Entry {
            owner: &schedule.owner,
            priority: schedule.priority,
            key: None,
            body_hash,
            also: vec![
                Change::RunTaken(Box::new(taken)),
                audited(&schedule.owner, "schedule.run", &schedule.name, job.id.to_string()),
            ],
        };
        let state = self.enter(entry, &job, plan).await?;
        tracing::info!(schedule = %schedule.name, job = %job.id, planned = %run.planned, %state, "a scheduled run begins");
        Ok(job.id)
    }
}
