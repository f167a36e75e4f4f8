//! What users do with jobs.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use assay_core::Domain;
use assay_core::ids::TrialId;
use assay_proto::convert::{goal, parse, priority};
use assay_proto::wire::jobs_server::Jobs;
use assay_proto::{Control, JobInfo, JobView, status, wire};
use assay_store::{
    Change, JobRecord, JobState, Layout, RANKED, Scope, StoreError, Submission, TrialTrades, fidelity_files, result_files,
};
use assay_strategies::{Job, JobDataset};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{Caller, Front, Limits, audited, caller_of, malformed, now, refuse};
use crate::error::CoordinatorError;
use crate::families::looks;
use crate::plan::{JobPlan, judge};
use crate::recorded::recorded;

/// Who may look.
pub(super) const READERS: &[Scope] = &[Scope::Read, Scope::Submit, Scope::Admin];
/// Who may change.
pub(super) const WRITERS: &[Scope] = &[Scope::Submit, Scope::Admin];
/// How often a watch looks whether a job has moved.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes of a message with a piece of a file.
const PIECE: usize = 1 << 20;
/// Most lines of a log in one answer.
const LINES: u32 = 10_000;

/// The adapter.
#[derive(Debug)]
pub(super) struct JobsService(pub(super) Arc<Front>);

/// A caller with one of these scopes, and what it asks.
#[allow(clippy::result_large_err, reason = "tonic's error")]
pub(super) fn open<T>(request: Request<T>, needed: &'static [Scope]) -> Result<(Caller, T), Status> {
    let caller = caller_of(&request)?;
    caller.needs(needed)?;
    Ok((caller, request.into_inner()))
}

/// A job on its way in, besides the job.
pub(super) struct Entry<'a> {
    /// Whose it is.
    pub(super) owner: &'a str,
    /// Its weight beside other jobs.
    pub(super) priority: u8,
    /// What its user calls the submission.
    pub(super) key: Option<String>,
    /// BLAKE3 of what was submitted.
    pub(super) body_hash: [u8; 32],
    /// What is recorded with it.
    pub(super) also: Vec<Change>,
}

impl Front {
    /// Whether a caller may know of a job: its own, or one that it submitted, too.
    async fn sees(&self, caller: &Caller, job: &JobRecord) -> Result<bool, Status> {
        if caller.is_admin() || job.owner == caller.owner {
            return Ok(true);
        }
        let submitted = self
            .store
            .submission(&caller.owner, &job.id.to_string())
            .await
            .map_err(refuse)?;
        Ok(submitted.is_some())
    }

    /// A job by its id, its name or the beginning of its id, if the caller may know of it.
    async fn find(&self, caller: &Caller, text: &str) -> Result<JobRecord, Status> {
        let found = self.store.find_job(text).await.map_err(refuse)?;
        if self.sees(caller, &found).await? {
            return Ok(found);
        }
        // What may not be seen is not there.
        let unknown = StoreError::UnknownJob {
            text: text.to_owned(),
            hint: "`assay jobs` lists yours".to_owned(),
        };
        Err(refuse(unknown))
    }

    async fn view(&self, job: &JobRecord) -> Result<Option<JobView>, Status> {
        if !job.state.is_open() {
            return Ok(None);
        }
        self.coordinator()?.job(job.id).await.map_err(refuse)
    }

    async fn info(&self, job: JobRecord) -> Result<JobInfo, Status> {
        let view = self.view(&job).await?;
        if job.state.is_open() && view.is_none() {
            // It ended between the two looks.
            let record = self.store.job(job.id).await.map_err(refuse)?;
            return Ok(JobInfo::new(record.unwrap_or(job), None));
        }
        Ok(JobInfo::new(job, view))
    }

    /// Enters a job, or finds it.
    pub(super) async fn enter(&self, entry: Entry<'_>, job: &Job, plan: JobPlan) -> Result<JobState, Status> {
        let at = now();
        let _one_at_a_time = self.submitting.lock().await;
        let mut records = entry.also;
        let id = job.id.to_string();
        // Under its own id as well, which tells later that this user knows of the job.
        for key in entry.key.into_iter().chain([id.clone()]) {
            let earlier = self.store.submission(entry.owner, &key).await.map_err(refuse)?;
            match earlier {
                None => records.push(Change::Submitted(Submission {
                    owner: entry.owner.to_owned(),
                    key,
                    body_hash: entry.body_hash,
                    job: job.id,
                    at,
                })),
                // The same job may be written in several ways.
                Some(earlier) if earlier.job == job.id && (earlier.body_hash == entry.body_hash || key == id) => {}
                Some(earlier) => {
                    return Err(refuse(StoreError::KeyReused {
                        key,
                        job: earlier.job.to_string(),
                    }));
                }
            }
        }
        let open = self.store.open_jobs_of(entry.owner, job.id).await.map_err(refuse)?;
        let most = self.limits.jobs_of_owner;
        if open >= most {
            let message = format!("{} has {open} jobs that are not over, {most} are allowed", entry.owner);
            let hint = "wait for one to end, or cancel one: `assay jobs` lists them";
            return Err(status::refusal(Domain::NotAllowed, message, Some(hint)));
        }
        let new = plan.new_job(job, entry.owner, entry.priority, at);
        let coordinator = self.coordinator()?;
        coordinator.submit_with(new, Arc::new(plan), records).await.map_err(refuse)
    }

    /// Refuses what is no job, or larger than jobs may be.
    pub(super) async fn plan(&self, body: String) -> Result<(Job, JobPlan), Status> {
        let most = self.limits.job_bytes;
        allowed(
            "bytes",
            body.len() as u64,
            most as u64,
            "shorten its strategy, or ask the operator for a larger --max-job",
        )?;
        let planned = tokio::task::spawn_blocking(move || {
            let job = Job::from_body(&body).map_err(refuse)?;
            for JobDataset { hash, .. } in job.all_datasets() {
                // They become names of files.
                blake3::Hash::from_hex(&hash).map_err(|_| malformed(format!("`{hash}` is not a hash of values")))?;
            }
            // Refused now, rather than when its trials are done.
            job.ladder().map_err(refuse)?;
            let plan = JobPlan::of_job(&job).map_err(refuse)?;
            Ok::<_, Status>((job, plan))
        });
        let (job, mut plan) = planned
            .await
            .map_err(|error| status::refusal(Domain::Internal, error.to_string(), None))??;
        plan.begin_from(&self.store).await.map_err(refuse)?;
        self.limits.check(&job, &plan)?;
        Ok((job, plan))
    }
}

/// Refuses a job that has more of something than is allowed.
#[allow(clippy::result_large_err, reason = "tonic's error")]
fn allowed(what: &str, count: u64, most: u64, hint: &str) -> Result<(), Status> {
    if count <= most {
        return Ok(());
    }
    let message = format!("the job has {count} {what}, {most} are allowed");
    Err(status::refusal(Domain::NotAllowed, message, Some(hint)))
}

impl Limits {
    /// Refuses a job that is larger than jobs may be.
    #[allow(clippy::result_large_err, reason = "tonic's error")]
    fn check(&self, job: &Job, plan: &JobPlan) -> Result<(), Status> {
        let hint = "search fewer points: `method = \"random\"` takes `trials`";
        allowed("trials", plan.trials(), self.trials, hint)?;
        let (instruments, most) = (job.instruments.len() as u64, self.instruments as u64);
        allowed("instruments", instruments, most, "make several jobs of it")?;
        let (depth, most) = (job.strategy.depth() as u64, self.expression_depth as u64);
        let hint = "simplify its strategy: nest fewer calls, and chain fewer lets";
        allowed("levels of expressions in one another", depth, most, hint)
    }
}

#[tonic::async_trait]
impl Jobs for JobsService {
    type WatchStream = ReceiverStream<Result<wire::JobInfo, Status>>;
    type ResultsStream = ReceiverStream<Result<wire::ResultPart, Status>>;

    async fn submit(&self, request: Request<wire::SubmitRequest>) -> Result<Response<wire::SubmitReply>, Status> {
        let (caller, request) = open(request, WRITERS)?;
        let front = &self.0;
        let body_hash = *blake3::hash(request.body.as_bytes()).as_bytes();
        let priority = priority(request.priority).map_err(malformed)?;
        let (job, plan) = front.plan(request.body).await?;
        front.has_data_of(&job).await?;
        let entry = Entry {
            owner: &caller.owner,
            priority,
            key: request.key,
            body_hash,
            also: vec![audited(&caller.owner, "job.submit", &job.id, format!("priority {priority}"))],
        };
        let state = front.enter(entry, &job, plan).await?;
        Ok(Response::new(wire::SubmitReply {
            job: job.id.to_string(),
            state: wire::JobState::from(state).into(),
        }))
    }

    async fn get(&self, request: Request<wire::GetJobRequest>) -> Result<Response<wire::JobInfo>, Status> {
        let (caller, request) = open(request, READERS)?;
        let job = self.0.find(&caller, &request.job).await?;
        Ok(Response::new(self.0.info(job).await?.into()))
    }

    async fn list(&self, request: Request<wire::ListJobsRequest>) -> Result<Response<wire::ListJobsReply>, Status> {
        let (caller, _) = open(request, READERS)?;
        let views = self.0.coordinator()?.jobs().await.map_err(refuse)?;
        let mut jobs = Vec::new();
        for job in self.0.store.jobs().await.map_err(refuse)? {
            if self.0.sees(&caller, &job).await? {
                let view = views.iter().find(|view| view.job == job.id && job.state.is_open()).cloned();
                jobs.push(JobInfo::new(job, view).into());
            }
        }
        Ok(Response::new(wire::ListJobsReply { jobs }))
    }

    async fn watch(&self, request: Request<wire::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (caller, request) = open(request, READERS)?;
        let job = self.0.find(&caller, &request.job).await?;
        let (messages, stream) = mpsc::channel(4);
        tokio::spawn(follow(Arc::clone(&self.0), job, messages));
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn control(&self, request: Request<wire::ControlRequest>) -> Result<Response<wire::ControlReply>, Status> {
        let (caller, request) = open(request, WRITERS)?;
        let control = request.control.ok_or_else(|| malformed("control: missing"))?;
        let control: Control = control.try_into().map_err(malformed)?;
        let job = self.0.find(&caller, &request.job).await?;
        if !caller.is_admin() && job.owner != caller.owner {
            let message = format!("job {} belongs to {}", job.id, job.owner);
            return Err(status::refusal(
                Domain::NotAllowed,
                message,
                Some("its owner or an admin can do this"),
            ));
        }
        let coordinator = self.0.coordinator()?;
        let not_open = |error| match error {
            CoordinatorError::NotOpen { job: id } => CoordinatorError::NotNow {
                job: id,
                state: job.state,
            },
            other => other,
        };
        coordinator
            .control(job.id, control)
            .await
            .map_err(|error| refuse(not_open(error)))?;
        let audit = audited(&caller.owner, "job.control", &job.id, format!("{control:?}"));
        coordinator.record(vec![audit]).await.map_err(refuse)?;
        Ok(Response::new(wire::ControlReply { job: job.id.to_string() }))
    }

    async fn top(&self, request: Request<wire::TopRequest>) -> Result<Response<wire::TopReply>, Status> {
        let (caller, request) = open(request, READERS)?;
        let job = self.0.find(&caller, &request.job).await?;
        let own = job.objective().map_err(refuse)?.maximize;
        let by = request.by.as_deref().map(goal).transpose().map_err(malformed)?.unwrap_or(own);
        let count = (request.count as usize).min(RANKED);
        let points = match self.0.coordinator()?.top(job.id).await.map_err(refuse)? {
            Some(mut points) if by == own => {
                points.truncate(count);
                points
            }
            None if job.state == JobState::Done || by == own => {
                let judge = judge(&job).map_err(refuse)?;
                self.0.store.top(&job, count, by, judge).await.map_err(refuse)?
            }
            _ => {
                let message = format!("job {} is {}: until it is done it is ranked by {own} only", job.id, job.state);
                return Err(status::refusal(
                    Domain::NotAllowed,
                    message,
                    Some("leave --by out, or wait for its end"),
                ));
            }
        };
        let job = self.0.info(job).await?;
        Ok(Response::new(wire::TopReply {
            job: Some(job.into()),
            points: points.iter().map(Into::into).collect(),
        }))
    }

    async fn folds(&self, request: Request<wire::FoldsRequest>) -> Result<Response<wire::FoldsReply>, Status> {
        let (caller, request) = open(request, READERS)?;
        let job = self.0.find(&caller, &request.job).await?;
        let folds = self.0.store.folds(job.id).await.map_err(refuse)?;
        let job = self.0.info(job).await?;
        Ok(Response::new(wire::FoldsReply {
            job: Some(job.into()),
            folds: folds.iter().map(Into::into).collect(),
        }))
    }

    async fn row(&self, request: Request<wire::RowRequest>) -> Result<Response<wire::RowReply>, Status> {
        let (caller, request) = open(request, READERS)?;
        let trial: TrialId = parse("trial", &request.trial).map_err(malformed)?;
        let job = self.0.find(&caller, &trial.job.to_string()).await?;
        if job.state != JobState::Done {
            let message = format!("job {} is {}: its rows can be read when it is done", job.id, job.state);
            return Err(status::refusal(Domain::NotFound, message, None));
        }
        let row = self.0.store.find_row(&trial).await.map_err(refuse)?;
        let row = row.ok_or_else(|| {
            let hint = format!(
                "`assay top {}` lists the best; `[results] keep` may have left this one out",
                job.id
            );
            status::refusal(
                Domain::NotFound,
                format!("job {} has no row of trial {trial}", job.id),
                Some(&hint),
            )
        })?;
        Ok(Response::new(wire::RowReply::new(JobInfo::whole(job), row)))
    }

    async fn evidence(&self, request: Request<wire::EvidenceRequest>) -> Result<Response<wire::EvidenceReply>, Status> {
        let (caller, request) = open(request, READERS)?;
        let job = self.0.find(&caller, &request.job).await?;
        if job.state != JobState::Done {
            let message = format!("job {} is {}: there is nothing to judge yet", job.id, job.state);
            return Err(status::refusal(
                Domain::NotFound,
                message,
                Some("`assay watch` follows it to its end"),
            ));
        }
        let recorded = recorded(&self.0.store, &job, request.neighbours).await.map_err(refuse)?;
        if request.look {
            let at = now();
            let looks = looks(&job, at).into_iter().map(Change::Looked);
            let audit = audited(&caller.owner, "job.look", &job.id, "at what was held back".to_owned());
            let changes = looks.chain([audit]).collect();
            self.0.coordinator()?.record(changes).await.map_err(refuse)?;
        }
        Ok(Response::new(wire::EvidenceReply::new(JobInfo::whole(job), &recorded)))
    }

    async fn results(&self, request: Request<wire::ResultsRequest>) -> Result<Response<Self::ResultsStream>, Status> {
        let (caller, request) = open(request, READERS)?;
        let job = self.0.find(&caller, &request.job).await?;
        if job.state != JobState::Done {
            let message = format!("job {} is {}: its rows can be read when it is done", job.id, job.state);
            return Err(status::refusal(
                Domain::NotFound,
                message,
                Some("`assay watch` follows it to its end"),
            ));
        }
        let depot = &self.0.depot;
        let (place, files): (_, ResultFiles) = if request.on_ticks {
            (depot.fidelity(&job.layout).await.map_err(refuse)?, fidelity_files)
        } else {
            (Some(depot.results(&job.layout).await.map_err(refuse)?), result_files)
        };
        let (messages, stream) = mpsc::channel(4);
        tokio::task::spawn_blocking(move || {
            let Some(place) = place else { return };
            let sent = files(place.home(), &job.layout).and_then(|files| send_files(&files, &messages));
            if let Err(error) = sent {
                // Who went away needs no news.
                let _ = messages.blocking_send(Err(refuse(error)));
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn trades(&self, request: Request<wire::TradesRequest>) -> Result<Response<wire::TrialTrades>, Status> {
        let (caller, request) = open(request, READERS)?;
        let trial: TrialId = parse("trial", &request.trial).map_err(malformed)?;
        self.0.find(&caller, &trial.job.to_string()).await?;
        let trades = self.0.store.trades(&trial).await.map_err(refuse)?;
        Ok(Response::new(TrialTrades { trial, trades }.into()))
    }

    async fn logs(&self, request: Request<wire::LogsRequest>) -> Result<Response<wire::LogsReply>, Status> {
        let (caller, request) = open(request, READERS)?;
        let job = self.0.find(&caller, &request.job).await?;
        let count = request.count.min(LINES) as usize;
        let lines = self.0.store.logs(job.id, request.after, count).await.map_err(refuse)?;
        Ok(Response::new(wire::LogsReply {
            lines: lines.into_iter().map(Into::into).collect(),
        }))
    }
}

/// Which files of a result are meant.
type ResultFiles = fn(&Path, &Layout) -> Result<Vec<PathBuf>, StoreError>;

/// Sends files, until they are sent or nobody listens.
fn send_files(files: &[PathBuf], messages: &mpsc::Sender<Result<wire::ResultPart, Status>>) -> Result<(), StoreError> {
    let send = |part| messages.blocking_send(Ok(wire::ResultPart { part: Some(part) })).is_ok();
    for path in files {
        let failed = |source| StoreError::Io {
            action: "read",
            path: path.clone(),
            source,
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut file = File::open(path).map_err(failed)?;
        let mut heard = send(wire::result_part::Part::File(name));
        while heard {
            let mut piece = Vec::with_capacity(PIECE);
            if (&mut file).take(PIECE as u64).read_to_end(&mut piece).map_err(failed)? == 0 {
                break;
            }
            heard = send(wire::result_part::Part::Chunk(piece));
        }
    }
    Ok(())
}

/// Tells how far a job is whenever it has moved, until it is over or nobody listens.
async fn follow(front: Arc<Front>, mut job: JobRecord, messages: mpsc::Sender<Result<wire::JobInfo, Status>>) {
    let mut told: Option<JobView> = None;
    loop {
        let look = async {
            let coordinator = front.coordinator()?;
            let ends = coordinator.ends();
            Ok::<_, Status>((front.view(&job).await?, ends))
        };
        let (view, mut ends) = match look.await {
            Ok(found) => found,
            Err(status) => {
                // Who went away needs no news, here and below.
                let _ = messages.send(Err(status)).await;
                return;
            }
        };
        if view.is_none() {
            let last = front.store.job(job.id).await.map_err(refuse);
            match last {
                // Begun again between the two looks.
                Ok(Some(record)) if record.state.is_open() => job = record,
                Ok(record) => {
                    let _ = messages.send(Ok(JobInfo::new(record.unwrap_or(job), None).into())).await;
                    return;
                }
                Err(status) => {
                    let _ = messages.send(Err(status)).await;
                    return;
                }
            }
        } else if view != told {
            let info = JobInfo::new(job.clone(), view.clone());
            if messages.send(Ok(info.into())).await.is_err() {
                return;
            }
            told = view;
        }
        let wait = async { while ends.recv().await.is_ok_and(|end| end.job != job.id) {} };
        tokio::select! {
            _ = timeout(LOOK, wait) => {}
            () = messages.closed() => return,
        }
    }
}
