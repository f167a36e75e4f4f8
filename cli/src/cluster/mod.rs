//! What commands and processes of a cluster share.

mod data;
mod logs;
mod numbers;
mod observe;
mod process;

use assay_proto::{ClientError, JobInfo, Remote, RemoteSettings};
use assay_store::JobState;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Duration, sleep};

use crate::args::ClusterArgs;
use crate::failure::Failure;
use crate::local::Finished;
use crate::output::human;
use crate::progress::Progress;
use crate::settings::Settings;

pub(crate) use logs::log_to_stderr;
pub(crate) use numbers::{CoordinatorNumbers, WorkerNumbers};
pub(crate) use observe::{Metrics, observe};
pub(crate) use process::{default_name, queue, stop_signal};

/// How often Ctrl-C is looked after.
const LOOK: Duration = Duration::from_millis(100);

/// A cluster, as a command asks it.
#[derive(Debug)]
pub(crate) struct Session {
    runtime: Runtime,
    remote: Remote,
}

/// How a watch ended.
#[derive(Debug)]
pub(crate) enum Watched {
    /// The job is done.
    Done(Box<Finished>),
    /// The user went away; the job goes on.
    Detached,
}

impl ClusterArgs {
    /// The cluster that is meant, if one is.
    pub(crate) fn session(&self) -> Result<Option<Session>, Failure> {
        let Some(settings) = self.settings() else { return Ok(None) };
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::external(format!("cannot start the runtime: {error}")))?;
        let remote = runtime.block_on(async { Remote::new(&settings) })?;
        Ok(Some(Session { runtime, remote }))
    }

    /// The cluster, which must be given.
    pub(crate) fn needed(&self) -> Result<Session, Failure> {
        self.session()?.ok_or_else(no_cluster)
    }

    /// Where the cluster is and which key is used, if one is meant.
    pub(crate) fn settings(&self) -> Option<RemoteSettings> {
        let addresses = self.cluster.clone().filter(|addresses| !addresses.is_empty())?;
        Some(RemoteSettings {
            addresses,
            key: self
                .key
                .clone()
                .or_else(|| std::env::var("ASSAY_KEY").ok())
                .filter(|key| !key.is_empty()),
        })
    }
}

/// No cluster is named.
pub(crate) fn no_cluster() -> Failure {
    Failure::usage("no cluster is named").hint("give --cluster URL, or set ASSAY_CLUSTER and ASSAY_KEY")
}

impl Session {
    /// Asks and waits for the answer.
    pub(crate) fn ask<T, F>(&self, ask: impl FnOnce(Remote) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        Ok(self.runtime.block_on(ask(self.remote.clone()))?)
    }

    /// Follows a job to its end, or until Ctrl-C.
    pub(crate) fn watch(&self, job: &str, settings: &Settings) -> Result<Watched, Failure> {
        settings.listen()?;
        self.runtime.block_on(async {
            let mut watch = self.remote.watch(job);
            let mut progress: Option<(Progress, u64)> = None;
            let last = loop {
                let next = watch.next();
                tokio::pin!(next);
                let info = loop {
                    tokio::select! {
                        info = &mut next => break info?,
                        () = sleep(LOOK) => if settings.interrupted() {
                            return Ok(Watched::Detached);
                        },
                    }
                };
                let Some(info) = info else {
                    return Err(Failure::internal("a job that is followed vanished"));
                };
                let record = &info.record;
                let (progress, _) = progress.get_or_insert_with(|| {
                    let progress = Progress::heard(settings.audience.clone(), "trials", record.trials);
                    progress.begin_at(record.trials_done);
                    settings.log(|| format!("job {} ({}) is {}", record.name, record.id, record.state));
                    (progress, record.trials_done)
                });
                progress.of(record.trials);
                progress.at(record.trials_done);
                progress.say(words(&info));
                if !record.state.is_open() {
                    progress.clear();
                    break info;
                }
            };
            let found = progress.map_or(0, |(_, found)| found);
            let record = last.record;
            match record.state {
                JobState::Done => {
                    let (job, recorded) = self.remote.evidence(&record.id.to_string(), false).await?;
                    let record = job.record;
                    Ok(Watched::Done(Box::new(Finished {
                        computed: record.trials - found.min(record.trials),
                        recorded,
                        record,
                    })))
                }
                JobState::Failed => Err(Failure::external(format!(
                    "job {} failed: {}",
                    record.id,
                    record.error.unwrap_or_default()
                ))),
                state => Err(Failure::external(format!(
                    "job {} is {state}: {} of {} trials are safe",
                    record.id,
                    human::count(record.trials_done as i64),
                    human::count(record.trials as i64)
                ))
                .hint("submit it again to continue it")),
            }
        })
    }
}

/// What is to be said beside the numbers.
fn words(info: &JobInfo) -> String {
    if let Some(trouble) = &info.trouble {
        return trouble.clone();
    }
    if info.record.state == JobState::Paused {
        return "paused".to_owned();
    }
    let best = info.best.as_ref().and_then(|best| best.objective);
    best.map_or_else(String::new, |value| format!("best {value:.4}"))
}
