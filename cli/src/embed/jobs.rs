//! Jobs: from their text to their end, here or on a cluster.

use std::path::{Path, PathBuf};

use assay_core::job::JobSpec;
use assay_data::Catalog;
use assay_proto::Control;
use assay_store::{JobRecord, JobState, results_folder};
use assay_strategies::{Job, Strategy};
use serde_json::{Value, json};

use super::frames::{self, FrameOf, Signals};
use super::{Assay, Failure};
use crate::cluster::{Session, Watched};
use crate::commands::{cluster, top};
use crate::job;
use crate::local::{self, Ended, Finished, Ledger};

/// What a job is, as its user has it.
#[derive(Debug, Clone)]
pub enum JobText {
    /// A job file.
    File(PathBuf),
    /// The same tables as JSON, and the strategy if it is given as text rather than named.
    Tables {
        /// The job.
        job: Value,
        /// The text of the strategy.
        strategy: Option<String>,
    },
}

/// How a run ended.
#[derive(Debug)]
pub enum RunEnd {
    /// All results are in place: the job, and how many trials this run computed.
    Done(Value, u64),
    /// The audience wished to stop: so many trials of so many are safe, and running the job again continues.
    Interrupted(u64, u64),
}

impl Assay {
    fn job_of(text: &JobText, catalog: &Catalog) -> Result<Job, Failure> {
        let (spec, strategy) = match text {
            JobText::File(path) => return job::load(path, catalog),
            JobText::Tables { job, strategy } => (job, strategy),
        };
        let table: toml::Table = serde_json::from_value(spec.clone())
            .map_err(|error| Failure::usage(format!("a job is made of tables, text, numbers and lists: {error}")))?;
        let source =
            toml::to_string(&table).map_err(|error| Failure::usage(format!("the job cannot be written down: {error}")))?;
        let spec = JobSpec::from_toml(&source).map_err(|error| Failure::from(error).at("the job"))?;
        let (text, origin) = match strategy {
            Some(text) => (text.clone(), "strategy".to_owned()),
            None => job::find_strategy(&spec.strategy.name, Path::new("job"))?,
        };
        let strategy = Strategy::parse(&text, &origin)?;
        job::resolve(spec, source, strategy, text, catalog)
    }

    /// Runs a job, continues it, or finds it done. On a cluster it is submitted and followed.
    pub fn run(&self, text: &JobText) -> Result<RunEnd, Failure> {
        if let Some(session) = self.cluster.session()? {
            let (id, _) = self.submit_to(&session, text, 5, None)?;
            return self.follow(&session, &id);
        }
        let catalog = Catalog::open(&self.settings.home)?;
        let job = Self::job_of(text, &catalog)?;
        self.run_here(&job, &catalog)
    }

    /// Runs a job on bars that are handed over, with signals that are handed over, if any. Frames and signals are kept in the home, so
    /// that what came of them can be run again.
    pub fn run_on(&self, text: &JobText, frames: Vec<FrameOf>, signals: Option<&Signals>) -> Result<RunEnd, Failure> {
        let home = Catalog::open(&self.settings.home)?;
        let catalog = frames::keep(&home, frames)?;
        if let Some(signals) = signals {
            catalog.keep_signals(signals.table())?;
        }
        let job = Self::job_of(text, &catalog)?;
        self.run_here(&job, &catalog)
    }

    fn run_here(&self, job: &Job, catalog: &Catalog) -> Result<RunEnd, Failure> {
        let ended = local::run(job, catalog, &self.settings, self.limits)?;
        match ended {
            Ended::Done(finished) => {
                local::climb(job, &finished.record, catalog, &self.settings, self.limits)?;
                Ok(self.done(&finished))
            }
            Ended::Interrupted { done, trials } => Ok(RunEnd::Interrupted(done, trials)),
        }
    }

    fn done(&self, finished: &Finished) -> RunEnd {
        RunEnd::Done(self.to_json(&finished.record), finished.computed)
    }

    /// What a job would take: the JSON of `assay plan`.
    pub fn plan(&self, text: &JobText) -> Result<Value, Failure> {
        let catalog = Catalog::open(&self.settings.home)?;
        let job = Self::job_of(text, &catalog)?;
        let done = Ledger::new(&self.settings.home)?.finished(job.id)?.is_some();
        Ok(json!(local::plan(&job, &catalog, &self.settings, self.limits, done)?))
    }

    /// A job by its id, its name, the beginning of its id, or its file.
    pub fn job(&self, name: &str) -> Result<Value, Failure> {
        if let Some(session) = self.cluster.session()? {
            let name = top::job_name(name, &self.settings)?;
            let info = session.ask(|remote| async move { remote.job(&name).await })?;
            return Ok(self.to_json(&info.record));
        }
        let mut ledger = Ledger::new(&self.settings.home)?;
        Ok(self.to_json(&top::find_job(name, &self.settings, &mut ledger)?))
    }

    fn session(&self) -> Result<Session, Failure> {
        self.cluster.needed()
    }

    /// Hands a job to the cluster; its id and state. The same `submission` again is the same job.
    pub fn submit(&self, text: &JobText, priority: u8, submission: Option<String>) -> Result<(String, JobState), Failure> {
        self.submit_to(&self.session()?, text, priority, submission)
    }

    fn submit_to(
        &self,
        session: &Session,
        text: &JobText,
        priority: u8,
        submission: Option<String>,
    ) -> Result<(String, JobState), Failure> {
        let catalog = Catalog::open(&self.settings.home)?;
        let job = Self::job_of(text, &catalog)?;
        let (id, state) = cluster::send(session, &job, &catalog, priority, submission)?;
        Ok((id.to_string(), state))
    }

    /// Follows a job of the cluster to its end.
    pub fn wait(&self, job: &str) -> Result<RunEnd, Failure> {
        self.follow(&self.session()?, job)
    }

    fn follow(&self, session: &Session, job: &str) -> Result<RunEnd, Failure> {
        Ok(match session.watch(job, &self.settings)? {
            Watched::Done(finished) => self.done(&finished),
            Watched::Detached => RunEnd::Interrupted(0, 0),
        })
    }

    /// Brings the rows of a job that is done on the cluster into the home's cache, unless they are there; their folder.
    pub fn fetch(&self, job: &str) -> Result<PathBuf, Failure> {
        let session = self.session()?;
        let info = session.ask(|remote| async move { remote.job(job).await })?;
        let home = session.results_of(&info.record, &self.settings.home)?;
        Ok(results_folder(&home, "trials", info.record.id))
    }

    /// Pauses, resumes or cancels a job of the cluster.
    pub fn control(&self, job: &str, control: &str) -> Result<String, Failure> {
        let control = match control {
            "pause" => Control::Pause,
            "resume" => Control::Resume,
            "cancel" => Control::Stop,
            other => return Err(Failure::usage(format!("`{other}` is none of pause, resume and cancel"))),
        };
        let id = self
            .session()?
            .ask(|remote| async move { remote.control(job, control).await })?;
        Ok(id.to_string())
    }

    /// What is known of a job.
    fn to_json(&self, record: &JobRecord) -> Value {
        let spec: Value = serde_json::from_str(&record.spec).unwrap_or_default();
        let objective = record.objective().ok();
        let goals = objective
            .iter()
            .flat_map(|objective| objective.goals().map(|goal| goal.to_string()));
        let results = self.settings.home.join("results").join("v1");
        json!({
            "job_id": record.id,
            "name": record.name,
            "owner": record.owner,
            "state": record.state.name(),
            "trials": record.trials,
            "trials_done": record.trials_done,
            "trials_failed": record.trials_failed,
            "points": record.points,
            "instruments": record.layout.instruments,
            "params": record.layout.params.iter().map(|param| &param.name).collect::<Vec<_>>(),
            "goals": goals.collect::<Vec<_>>(),
            "bars": record.bars,
            "created": record.created,
            "started": record.started,
            "finished": record.finished,
            "seconds": record.seconds,
            "fingerprint": record.fingerprint,
            "reproducible": record.reproducible,
            "error": record.error,
            "folds": record.layout.windows.iter().any(|window| window.fold.is_some()),
            "spec": spec,
            "strategy": record.strategy,
            "results": results,
        })
    }
}
