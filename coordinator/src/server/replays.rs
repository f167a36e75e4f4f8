//! What becomes of the best trials of finished jobs: workers, who have the data, replay them when they have a moment. Their trades are kept,
//! and where a job's `[fidelity]` asks for it, their rows on ticks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use assay_core::Domain;
use assay_core::ids::JobId;
use assay_proto::{Answer, ReplayOrder, Replayed, status};
use assay_store::{Change, JobState, Staged};
use tonic::Status;

use super::{Front, now, refuse};
use crate::results;

/// How long what is due is remembered: workers ask often.
const FRESH: Duration = Duration::from_secs(1);
/// A worker that is not heard of for so long replays nothing any more.
const PATIENCE: Duration = Duration::from_mins(2);
/// After so many workers could not replay a job it is given up.
const TRIES: u32 = 3;

/// What is due, and who replays what.
#[derive(Debug, Default)]
pub(super) struct Replays(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    looked: Option<Instant>,
    due: Vec<(JobId, u32)>,
    /// When the worker that has it was last heard of.
    taken: BTreeMap<JobId, Instant>,
    failed: BTreeMap<JobId, u32>,
    /// How many workers were asked.
    asked: BTreeMap<JobId, u32>,
}

impl Replays {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job that nobody replays, which is the asker's then: of how many points the trades are to be kept, and how many workers were
    /// asked before.
    fn take(&self) -> Option<(JobId, u32, u32)> {
        let mut state = self.state();
        let State { due, taken, asked, .. } = &mut *state;
        taken.retain(|_, heard| heard.elapsed() < PATIENCE);
        let (job, count) = due.iter().copied().find(|(job, _)| !taken.contains_key(job))?;
        taken.insert(job, Instant::now());
        let asked = asked.entry(job).or_default();
        *asked += 1;
        Some((job, count, *asked - 1))
    }

    fn is_stale(&self) -> bool {
        self.state().looked.is_none_or(|looked| looked.elapsed() > FRESH)
    }

    fn refresh(&self, due: Vec<(JobId, u32)>) {
        let mut state = self.state();
        state.due = due;
        state.looked = Some(Instant::now());
    }

    fn heard(&self, job: JobId) {
        self.state().taken.insert(job, Instant::now());
    }

    /// A worker could not; whether that was often enough.
    fn failed(&self, job: JobId) -> bool {
        let mut state = self.state();
        state.taken.remove(&job);
        let failed = state.failed.entry(job).or_default();
        *failed += 1;
        *failed >= TRIES
    }

    fn over(&self, job: JobId) {
        let mut state = self.state();
        state.due.retain(|(due, _)| *due != job);
        state.taken.remove(&job);
        state.failed.remove(&job);
        state.asked.remove(&job);
    }
}

impl Front {
    /// A finished job for a worker to replay.
    pub(super) async fn next_replay(&self) -> Result<Answer, Status> {
        if self.replays.is_stale() {
            let due = self.store.replays_due().await.map_err(refuse)?;
            self.replays.refresh(due);
        }
        let Some((job, count, attempt)) = self.replays.take() else {
            return Ok(Answer::NotWanted);
        };
        let Some(record) = self.store.job(job).await.map_err(refuse)? else {
            return Ok(Answer::NotWanted);
        };
        let fidelity = record.fidelity().map_err(refuse)?;
        let ladder = fidelity.map_or(0, |fidelity| fidelity.top as usize);
        let goal = record.objective().map_err(refuse)?.maximize;
        let most = ladder.max(count as usize);
        let best = self.store.top(&record, most, goal, None).await.map_err(refuse)?;
        let points: Vec<_> = best
            .iter()
            .take(count as usize)
            // A point that failed everywhere has no trades.
            .filter(|ranked| ranked.metrics.iter().any(Option::is_some))
            .map(|ranked| (ranked.ordinal, ranked.point.clone()))
            .collect();
        let best = best.into_iter().take(ladder);
        let mut on_ticks: Vec<_> = best.map(|ranked| (ranked.ordinal, ranked.point)).collect();
        on_ticks.sort_by_key(|(ordinal, _)| *ordinal);
        Ok(Answer::Replay(Box::new(ReplayOrder {
            job,
            points,
            on_ticks,
            attempt,
            body: record.body.into(),
        })))
    }

    /// Keeps what a worker replayed.
    pub(super) async fn replayed(&self, job: JobId, outcome: Replayed) -> Result<(), Status> {
        let coordinator = self.coordinator()?;
        let logged = |text: String| Change::Logged { job, at: now(), text };
        let settled = Change::ReplaySettled { job };
        let over = match &outcome {
            Replayed::Trades(_) | Replayed::OnTicks { .. } => {
                self.replays.heard(job);
                false
            }
            Replayed::Finished => true,
            Replayed::Failed(_) => self.replays.failed(job),
        };
        let changes = match outcome {
            Replayed::Trades(trades) => vec![Change::TradesKept(trades)],
            Replayed::OnTicks { run_as, staged } => {
                let rows = staged.rows;
                self.keep_on_ticks(job, run_as, *staged).await?;
                vec![logged(format!("{rows} of the best trials ran again on ticks"))]
            }
            Replayed::Finished => vec![settled, logged("the best points are replayed".to_owned())],
            Replayed::Failed(error) if over => {
                vec![settled, logged(format!("the best points are not replayed: {error}"))]
            }
            Replayed::Failed(error) => vec![logged(format!(
                "the best points could not be replayed, trying again: {error}"
            ))],
        };
        coordinator.record(changes).await.map_err(refuse)?;
        if over {
            self.replays.over(job);
        }
        Ok(())
    }

    /// Makes result files of what a worker staged.
    async fn keep_on_ticks(&self, job: JobId, run_as: JobId, staged: Staged) -> Result<(), Status> {
        let record = self.store.job(job).await.map_err(refuse)?;
        let Some(record) = record.filter(|record| record.state == JobState::Done && staged.job == job) else {
            return Err(status::refusal(Domain::NotFound, format!("job {job} is not done"), None));
        };
        let depot = self.depot.clone();
        let written = tokio::task::spawn_blocking(move || results::write_on_ticks(&depot, &record.layout, run_as, &staged));
        written
            .await
            .map_err(|error| status::refusal(Domain::Internal, error.to_string(), None))?
            .map_err(refuse)?;
        self.depot.remove_staging(job).await.map_err(refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_replayed_by_one_worker_at_a_time_and_given_up_after_three() {
        let replays = Replays::default();
        let jobs = [1, 2].map(|number| JobId::from_hash([number; 32]));
        assert!(replays.is_stale());
        replays.refresh(jobs.map(|job| (job, 10)).to_vec());
        assert!(!replays.is_stale());
        assert_eq!(replays.take(), Some((jobs[0], 10, 0)));
        assert_eq!(replays.take(), Some((jobs[1], 10, 0)));
        assert_eq!(replays.take(), None);
        assert!(!replays.failed(jobs[0]));
        assert_eq!(replays.take(), Some((jobs[0], 10, 1)), "another worker may be able to");
        assert!(!replays.failed(jobs[0]));
        assert!(replays.failed(jobs[0]));
        replays.over(jobs[0]);
        assert_eq!(replays.take(), None);
    }
}
