//! What users and operators ask of a cluster.

use std::time::{Duration, Instant};

use assay_core::Explain;
use assay_core::ids::{JobId, TrialId};
use assay_core::job::Goal;
use assay_core::rank::Ranked;
use assay_core::row::TrialRow;
use assay_core::time::UtcNs;
use assay_store::{FoldRecord, JobState, LogLine, Scope, TradeRecord};
use tonic::Streaming;

use super::{ClientError, Remote, Wired};
use crate::convert::{WireError, parse};
use crate::protocol::{Control, JobInfo, KeyInfo, QueueView, Recorded, WorkerView};
use crate::status::LARGEST_ANSWER;
use crate::wire;
use crate::wire::cluster_client::ClusterClient;
use crate::wire::jobs_client::JobsClient;

/// How long a watch goes on looking for a coordinator that is gone.
const WATCH_PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn jobs(wired: Wired) -> JobsClient<Wired> {
    JobsClient::new(wired).max_decoding_message_size(LARGEST_ANSWER)
}

fn cluster(wired: Wired) -> ClusterClient<Wired> {
    ClusterClient::new(wired).max_decoding_message_size(LARGEST_ANSWER)
}

impl Remote {
    /// Enters a job by its text (`Job::body`), or finds it: the same job twice is one job, and so is the same `key` twice. `priority`
    /// is 1 to 10.
    pub async fn submit(&self, body: String, priority: u8, key: Option<String>) -> Result<(JobId, JobState), ClientError> {
        let request = wire::SubmitRequest {
            body,
            priority: priority.into(),
            key,
        };
        let reply = self
            .again(|wired| {
                let request = request.clone();
                async move { jobs(wired).submit(request).await }
            })
            .await?;
        Ok((parse("job", &reply.job)?, reply.state().try_into()?))
    }

    /// A job by its id, its name (of several the newest) or the beginning of its id.
    pub async fn job(&self, job: &str) -> Result<JobInfo, ClientError> {
        let get = |wired| async move { jobs(wired).get(wire::GetJobRequest { job: job.to_owned() }).await };
        Ok(self.again(get).await?.try_into()?)
    }

    /// All jobs that the key may see, newest first.
    pub async fn jobs(&self) -> Result<Vec<JobInfo>, ClientError> {
        let list = |wired| async move { jobs(wired).list(wire::ListJobsRequest {}).await };
        let reply = self.again(list).await?;
        Ok(reply.jobs.into_iter().map(JobInfo::try_from).collect::<Result<_, _>>()?)
    }

    /// Follows a job.
    pub fn watch(&self, job: impl Into<String>) -> Watch {
        Watch {
            remote: self.clone(),
            job: job.into(),
            stream: None,
            over: false,
        }
    }

    /// Sends a job another way, and says which it was.
    pub async fn control(&self, job: &str, control: Control) -> Result<JobId, ClientError> {
        let request = wire::ControlRequest {
            job: job.to_owned(),
            control: Some(control.into()),
        };
        let reply = self
            .only_once(|wired| async move { jobs(wired).control(request).await })
            .await?;
        Ok(parse("job", &reply.job)?)
    }

    /// The best points of a job, by its own objective or by another metric.
    pub async fn top(&self, job: &str, count: usize, by: Option<Goal>) -> Result<(JobInfo, Vec<Ranked>), ClientError> {
        let request = wire::TopRequest {
            job: job.to_owned(),
            count: u32::try_from(count).unwrap_or(u32::MAX),
            by: by.map(|goal| goal.to_string()),
        };
        let top = |wired| {
            let request = request.clone();
            async move { jobs(wired).top(request).await }
        };
        let reply = self.again(top).await?;
        let job = reply.job.ok_or(WireError::missing("job"))?.try_into()?;
        let points = reply.points.into_iter().map(Ranked::try_from);
        Ok((job, points.collect::<Result<_, _>>()?))
    }

    /// What a walk forward came to, by fold and instrument.
    pub async fn folds(&self, job: &str) -> Result<(JobInfo, Vec<FoldRecord>), ClientError> {
        let request = wire::FoldsRequest { job: job.to_owned() };
        let folds = |wired| {
            let request = request.clone();
            async move { jobs(wired).folds(request).await }
        };
        let reply = self.again(folds).await?;
        let job = reply.job.ok_or(WireError::missing("job"))?.try_into()?;
        Ok((job, reply.folds.into_iter().map(Into::into).collect()))
    }

    /// A row of a finished job.
    pub async fn row(&self, trial: TrialId) -> Result<(JobInfo, TrialRow), ClientError> {
        let row = |wired| async move {
            jobs(wired)
                .row(wire::RowRequest {
                    trial: trial.to_string(),
                })
                .await
        };
        Ok(self.again(row).await?.try_into()?)
    }

    /// What a verdict on a finished job rests on; with `neighbours` how those of its best point do, too.
    pub async fn evidence(&self, job: &str, neighbours: bool) -> Result<(JobInfo, Recorded), ClientError> {
        self.ask_evidence(job, neighbours, false).await
    }

    /// Has a look recorded at what a job held back, before it is taken.
    pub async fn record_look(&self, job: &str) -> Result<(), ClientError> {
        self.ask_evidence(job, false, true).await.map(drop)
    }

    async fn ask_evidence(&self, job: &str, neighbours: bool, look: bool) -> Result<(JobInfo, Recorded), ClientError> {
        let evidence = |wired| async move {
            let request = wire::EvidenceRequest {
                job: job.to_owned(),
                neighbours,
                look,
            };
            jobs(wired).evidence(request).await
        };
        Ok(self.again(evidence).await?.try_into()?)
    }

    /// Lines of a job's log after the one of that number, at most `count`.
    pub async fn logs(&self, job: &str, after: u64, count: u32) -> Result<Vec<LogLine>, ClientError> {
        let request = wire::LogsRequest {
            job: job.to_owned(),
            after,
            count,
        };
        let logs = |wired| {
            let request = request.clone();
            async move { jobs(wired).logs(request).await }
        };
        Ok(self.again(logs).await?.lines.into_iter().map(Into::into).collect())
    }

    /// The trades of a trial, in their order; none if they are not kept.
    pub async fn trades(&self, trial: TrialId) -> Result<Vec<TradeRecord>, ClientError> {
        let trades = |wired| async move {
            let request = wire::TradesRequest {
                trial: trial.to_string(),
            };
            jobs(wired).trades(request).await
        };
        let reply = self.again(trades).await?;
        Ok(reply.trades.into_iter().map(Into::into).collect())
    }

    /// All workers.
    pub async fn workers(&self) -> Result<Vec<WorkerView>, ClientError> {
        let workers = |wired| async move { cluster(wired).workers(wire::WorkersRequest {}).await };
        let reply = self.again(workers).await?;
        Ok(reply
            .workers
            .into_iter()
            .map(WorkerView::try_from)
            .collect::<Result<_, _>>()?)
    }

    /// The queue in numbers.
    pub async fn queue(&self) -> Result<QueueView, ClientError> {
        let queue = |wired| async move { cluster(wired).queue(wire::QueueRequest {}).await };
        Ok(self.again(queue).await?.into())
    }

    /// Makes a key, and returns it with its secret, which nobody can see again.
    pub async fn create_key(
        &self,
        owner: &str,
        scope: Scope,
        expires: Option<UtcNs>,
    ) -> Result<(KeyInfo, String), ClientError> {
        let request = wire::CreateKeyRequest {
            owner: owner.to_owned(),
            scope: scope.to_string(),
            expires_ns: expires.map(|at| at.0),
        };
        let reply = self
            .only_once(|wired| async move { cluster(wired).create_key(request).await })
            .await?;
        let key = reply.key.ok_or(WireError::missing("key"))?;
        Ok((key.try_into()?, reply.secret))
    }

    /// All keys, without their secrets.
    pub async fn keys(&self) -> Result<Vec<KeyInfo>, ClientError> {
        let keys = |wired| async move { cluster(wired).list_keys(wire::ListKeysRequest {}).await };
        let reply = self.again(keys).await?;
        Ok(reply.keys.into_iter().map(KeyInfo::try_from).collect::<Result<_, _>>()?)
    }

    /// Takes a key back, for good.
    pub async fn revoke_key(&self, id: &str) -> Result<(), ClientError> {
        let revoke = |wired| async move { cluster(wired).revoke_key(wire::RevokeKeyRequest { id: id.to_owned() }).await };
        self.again(revoke).await.map(|_| ())
    }
}

/// A job that is followed, across the ends of coordinators.
#[derive(Debug)]
pub struct Watch {
    remote: Remote,
    job: String,
    stream: Option<Streaming<wire::JobInfo>>,
    over: bool,
}

impl Watch {
    /// How far the job is, now and whenever it has moved; `None` after it was told that the job is over. May be dropped while it waits.
    pub async fn next(&mut self) -> Result<Option<JobInfo>, ClientError> {
        let began = Instant::now();
        while !self.over {
            match self.look().await {
                Ok(Some(info)) => {
                    self.over = !info.record.state.is_open();
                    return Ok(Some(info));
                }
                // A coordinator that goes away in good order ends its streams: another one knows more.
                Ok(None) => self.stream = None,
                Err(error) if error.retryable() && began.elapsed() < WATCH_PATIENCE => self.stream = None,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn look(&mut self) -> Result<Option<JobInfo>, ClientError> {
        if self.stream.is_none() {
            let request = wire::WatchRequest { job: self.job.clone() };
            let watch = |wired| {
                let request = request.clone();
                async move { jobs(wired).watch(request).await }
            };
            self.stream = Some(self.remote.again(watch).await?);
        }
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let message = stream.message().await.map_err(|status| {
            self.remote.forget();
            ClientError::of_status(&self.remote.0.addresses, &status)
        })?;
        Ok(message.map(JobInfo::try_from).transpose()?)
    }
}
