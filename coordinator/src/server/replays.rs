//! The trades of the best trials of finished jobs: workers, who have the data, replay these trials when they have a moment.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use assay_core::ids::JobId;
use assay_core::job::Goal;
use assay_proto::{Answer, ReplayOrder};
use assay_store::{Change, JobRecord, TrialTrades};
use tonic::Status;

use super::{Front, now, refuse};

/// How long what is due is remembered: workers ask often.
const FRESH: Duration = Duration::from_secs(1);
/// A worker that is not heard of for so long replays nothing any more.
const PATIENCE: Duration = Duration::from_mins(2);
/// After so many workers could not replay a job its trades are given up.
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
}

impl Replays {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job that nobody replays, which is the asker's then.
    fn take(&self) -> Option<(JobId, u32)> {
        let mut state = self.state();
        let State { due, taken, .. } = &mut *state;
        taken.retain(|_, heard| heard.elapsed() < PATIENCE);
        let next = due.iter().copied().find(|(job, _)| !taken.contains_key(job))?;
        taken.insert(next.0, Instant::now());
        Some(next)
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
    }
}

impl Front {
    /// A finished job for a worker to replay.
    pub(super) async fn next_replay(&self) -> Result<Answer, Status> {
        if self.replays.is_stale() {
            let due = self.store.trades_due().await.map_err(refuse)?;
            self.replays.refresh(due);
        }
        let Some((job, count)) = self.replays.take() else {
            return Ok(Answer::NotWanted);
        };
        let Some(record) = self.store.job(job).await.map_err(refuse)? else {
            return Ok(Answer::NotWanted);
        };
        let best = self
            .store
            .top(&record, count as usize, goal(&record)?, None)
            .await
            .map_err(refuse)?;
        // A point that failed everywhere has no trades.
        let best = best.into_iter().filter(|ranked| ranked.metrics.iter().any(Option::is_some));
        Ok(Answer::Replay(Box::new(ReplayOrder {
            job,
            points: best.map(|ranked| (ranked.ordinal, ranked.point)).collect(),
            body: record.body.into(),
        })))
    }

    /// Keeps what a worker replayed.
    pub(super) async fn keep_trades(
        &self,
        job: JobId,
        trades: Option<TrialTrades>,
        error: Option<String>,
    ) -> Result<Answer, Status> {
        let coordinator = self.coordinator()?;
        let logged = |text: String| Change::Logged { job, at: now(), text };
        let changes = match (trades, error) {
            (Some(trades), _) => {
                self.replays.heard(job);
                vec![Change::TradesKept(Box::new(trades))]
            }
            (None, Some(error)) if self.replays.failed(job) => {
                let text = format!("the trades of the best points are not kept: {error}");
                vec![Change::TradesSettled { job }, logged(text)]
            }
            (None, Some(error)) => vec![logged(format!(
                "the best points could not be replayed, trying again: {error}"
            ))],
            (None, None) => vec![
                Change::TradesSettled { job },
                logged("the trades of the best points are kept".to_owned()),
            ],
        };
        let settled = changes.iter().any(|change| matches!(change, Change::TradesSettled { .. }));
        coordinator.record(changes).await.map_err(refuse)?;
        if settled {
            self.replays.over(job);
        }
        Ok(Answer::Done)
    }
}

#[allow(clippy::result_large_err, reason = "tonic's error")]
fn goal(record: &JobRecord) -> Result<Goal, Status> {
    Ok(record.objective().map_err(refuse)?.maximize)
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
        assert_eq!(replays.take(), Some((jobs[0], 10)));
        assert_eq!(replays.take(), Some((jobs[1], 10)));
        assert_eq!(replays.take(), None);
        assert!(!replays.failed(jobs[0]));
        assert_eq!(replays.take(), Some((jobs[0], 10)), "another worker may be able to");
        assert!(!replays.failed(jobs[0]));
        assert!(replays.failed(jobs[0]));
        replays.over(jobs[0]);
        assert_eq!(replays.take(), None);
    }
}
