//! `assay coordinator | worker | submit | watch | pause | resume | cancel | workers | queue | logs | key`

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use assay_coordinator::Settings as CoordinatorSettings;
use assay_coordinator::server::Limits as ServerLimits;
use assay_core::ids::WorkerId;
use assay_core::time::UtcNs;
use assay_store::{DepotAddress, Scope};
use clap::{Args, Subcommand};
use clap_complete::ArgValueCandidates;
use serde::Deserialize;

use super::{Bytes, Limits, candidates};

/// Where the cluster is.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClusterArgs {
    /// The cluster's coordinator: http://HOST:PORT or https://..., several separated by commas; the key comes from `ASSAY_KEY`
    #[arg(long, value_name = "URL", env = "ASSAY_CLUSTER", hide_env_values = true)]
    pub(crate) cluster: Option<String>,
    /// The key, where it does not come from `ASSAY_KEY`.
    #[arg(skip)]
    pub(crate) key: Option<String>,
}

/// `assay submit`
#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// Job file
    pub(crate) job: PathBuf,
    /// Weight beside other jobs, 1 to 10
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) priority: u8,
    /// A name of your choice for this submission: sent twice, it is one job
    #[arg(long, value_name = "KEY")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// `assay watch | pause | resume | cancel`
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Job id, job name, or the beginning of an id
    #[arg(add = ArgValueCandidates::new(candidates::jobs))]
    pub(crate) job: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// `assay logs`
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Job id, job name, or the beginning of an id
    #[arg(add = ArgValueCandidates::new(candidates::jobs))]
    pub(crate) job: String,
    /// Only lines after the one of this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) after: u64,
    /// Go on until the job is over; Ctrl-C leaves it running
    #[arg(short, long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// A schedule by its name.
#[derive(Debug, Args)]
pub(crate) struct ScheduleArgs {
    /// Its name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// Commands about schedules.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Run a job again and again, each time on the newest data
    Add {
        /// Job file
        job: PathBuf,
        /// When: minute, hour, day of the month, month, day of the week; `0 2 * * *` is every night at two
        #[arg(long, value_name = "TIMES")]
        cron: String,
        /// In which IANA time zone, such as Europe/London
        #[arg(long, value_name = "ZONE", default_value = "UTC")]
        tz: String,
        /// What to call it [default: the job's name]
        #[arg(long)]
        name: Option<String>,
        /// Weight of its jobs beside others, 1 to 10
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=10))]
        priority: u8,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// List the schedules, when each is due and what became of its last run
    Ls(ClusterArgs),
    /// Run it now, besides its planned times
    RunNow {
        #[command(flatten)]
        schedule: ScheduleArgs,
        #[command(flatten)]
        limits: Limits,
    },
    /// Let it rest
    Disable(ScheduleArgs),
    /// Let it run again; what was due meanwhile is not made up for
    Enable(ScheduleArgs),
    /// Remove it; its jobs stay
    Rm(ScheduleArgs),
    /// Show what its last run changed: the best points now and before, and how yesterday's best did on the new data
    Report {
        #[command(flatten)]
        schedule: ScheduleArgs,
        /// Of the run that was due then, instead of the last one
        #[arg(long, value_name = "TIME")]
        at: Option<UtcNs>,
    },
    /// Run what is due on this machine, without a cluster, and end; for a timer of the system's to call
    RunDue(Limits),
}

/// Commands about keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key; its secret is shown once
    Create {
        /// What it allows: read, submit, admin or worker
        #[arg(long)]
        scope: Scope,
        /// Whose it is
        #[arg(long)]
        owner: String,
        /// When it ends, such as 2030-01-31 [default: never]
        #[arg(long, value_name = "TIME")]
        expires: Option<UtcNs>,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// List the keys
    Ls(ClusterArgs),
    /// Take a key back, for good
    Revoke {
        /// Its name, as `assay key ls` shows it
        key: String,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
}

/// Where a process of the cluster keeps and finds things.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// What coordinator and workers share, rows, results and data: `s3://bucket/prefix` with the variables `AWS_*`, or a folder as
    /// `file:///path` [default: the home]
    #[arg(long, value_name = "URL", env = "ASSAY_DEPOT", hide_env_values = true)]
    pub(crate) depot: Option<DepotAddress>,
    /// Most that copies of the depot's files, and what is made of them, take in the home [default: 10GB]
    #[arg(long, value_name = "SIZE", env = "ASSAY_CACHE_SIZE", hide_env_values = true)]
    pub(crate) cache_size: Option<Bytes>,
    /// The broker: amqp://USER:PASSWORD@HOST:PORT/VHOST or amqps://...; best in the variable, where other users cannot read it
    #[arg(long, value_name = "URL", env = "ASSAY_QUEUE", hide_env_values = true)]
    pub(crate) queue: Option<String>,
    /// Serve /metrics, /live and /ready here
    #[arg(long, value_name = "HOST:PORT", env = "ASSAY_METRICS", hide_env_values = true)]
    pub(crate) metrics: Option<SocketAddr>,
}

/// Where the database is.
#[derive(Debug, Clone, Args)]
pub(crate) struct DatabaseArgs {
    /// The database: postgres://USER:PASSWORD@HOST:PORT/NAME, or sqlite:FOLDER
    #[arg(long, value_name = "URL", env = "ASSAY_DATABASE", hide_env_values = true)]
    pub(crate) database: Option<String>,
}

/// What users may ask for at most; what is left out comes from `[limits]` in the settings files.
#[derive(Debug, Clone, Copy, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[command(next_help_heading = "Limits")]
#[allow(clippy::struct_field_names, reason = "flags are called like fields")]
pub(crate) struct LimitArgs {
    /// Largest message of a user [default: 4MB]
    #[arg(long, value_name = "SIZE", env = "ASSAY_MAX_MESSAGE", hide_env_values = true)]
    pub(crate) max_message: Option<Bytes>,
    /// Largest text of a job, with its strategy [default: 1MB]
    #[arg(long, value_name = "SIZE", env = "ASSAY_MAX_JOB", hide_env_values = true)]
    pub(crate) max_job: Option<Bytes>,
    /// Most trials of a job [default: 1000000000]
    #[arg(long, value_name = "N", env = "ASSAY_MAX_TRIALS", hide_env_values = true)]
    pub(crate) max_trials: Option<u64>,
    /// Most instruments of a job [default: 1000]
    #[arg(long, value_name = "N", env = "ASSAY_MAX_INSTRUMENTS", hide_env_values = true)]
    pub(crate) max_instruments: Option<usize>,
    /// Most jobs of an owner that are not over [default: 100]
    #[arg(long, value_name = "N", env = "ASSAY_MAX_JOBS", hide_env_values = true)]
    pub(crate) max_jobs: Option<u64>,
    /// Deepest expression of a strategy, with its lets written out [default: 256]
    #[arg(long, value_name = "LEVELS", env = "ASSAY_MAX_DEPTH", hide_env_values = true)]
    pub(crate) max_depth: Option<usize>,
    /// Most requests a second of a key, twice as many at once [default: 100]
    #[arg(long, value_name = "N", env = "ASSAY_MAX_REQUESTS", hide_env_values = true)]
    pub(crate) max_requests: Option<NonZeroU32>,
}

impl LimitArgs {
    /// What is set here, else what is set there.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            max_message: self.max_message.or(other.max_message),
            max_job: self.max_job.or(other.max_job),
            max_trials: self.max_trials.or(other.max_trials),
            max_instruments: self.max_instruments.or(other.max_instruments),
            max_jobs: self.max_jobs.or(other.max_jobs),
            max_depth: self.max_depth.or(other.max_depth),
            max_requests: self.max_requests.or(other.max_requests),
        }
    }

    /// The limits, if none is left out.
    pub(crate) fn complete(self) -> Option<ServerLimits> {
        Some(ServerLimits {
            message_bytes: self.max_message?.0 as usize,
            job_bytes: self.max_job?.0 as usize,
            trials: self.max_trials?,
            instruments: self.max_instruments?,
            jobs_of_owner: self.max_jobs?,
            expression_depth: self.max_depth?,
            requests_per_second: self.max_requests?,
        })
    }
}

/// How the processes of a cluster are told what to log.
const LOGS: &str =
    "ASSAY_LOG says what is logged to stderr, as lines of JSON: a level, or targets and levels such as warn,assay=debug.";

/// `assay coordinator`
#[derive(Debug, Args)]
#[command(after_help = LOGS)]
pub(crate) struct CoordinatorArgs {
    #[command(subcommand)]
    pub(crate) command: Option<CoordinatorCommand>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) places: PlaceArgs,
    /// Serve workers and users here
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "ASSAY_LISTEN",
        hide_env_values = true,
        default_value = "127.0.0.1:7700"
    )]
    pub(crate) listen: SocketAddr,
    /// Certificate chain of the server, as PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "ASSAY_TLS_CERT",
        hide_env_values = true,
        requires = "tls_key"
    )]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Key of the certificate, as PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "ASSAY_TLS_KEY",
        hide_env_values = true,
        requires = "tls_cert"
    )]
    pub(crate) tls_key: Option<PathBuf>,
    /// Seconds of one thread that a task is to take: longer ones cost less to hand out, shorter ones lose less when a worker dies
    #[arg(
        long,
        value_name = "SECONDS",
        env = "ASSAY_TASK_SECONDS",
        hide_env_values = true,
        default_value_t = CoordinatorSettings::CLUSTER.task_size.most_seconds,
        value_parser = seconds
    )]
    pub(crate) task_seconds: f64,
    /// Its name, for the one that stands by [default: from the host's]
    #[arg(long)]
    pub(crate) name: Option<WorkerId>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// `assay coordinator init`
#[derive(Debug, Subcommand)]
pub(crate) enum CoordinatorCommand {
    /// Make the database's tables and the first admin key, which is shown once
    Init {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Whose the key is
        #[arg(long, default_value = "admin")]
        owner: String,
    },
}

/// `assay worker`
#[derive(Debug, Args)]
#[command(after_help = LOGS)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) places: PlaceArgs,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// Seconds that tasks may take when it is told to stop; what is not done then is given back
    #[arg(
        long,
        value_name = "SECONDS",
        env = "ASSAY_GRACE",
        hide_env_values = true,
        default_value_t = 60
    )]
    pub(crate) grace: u64,
    /// Seconds that a task may compute; one that takes longer is tried again in a process of its own, and given up if that does not help
    #[arg(
        long,
        value_name = "SECONDS",
        env = "ASSAY_TASK_TIME",
        hide_env_values = true,
        default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(crate) task_time: u64,
    /// Run the one task that comes from stdin, and end: how a worker runs a suspicious task
    #[arg(long, hide = true)]
    pub(crate) one_task: bool,
    /// Its name [default: from the host's]
    #[arg(long)]
    pub(crate) name: Option<WorkerId>,
}

/// A length of time.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3_600.0 => Ok(seconds),
        _ => Err("a number above 0, at most 3600".to_owned()),
    }
}
