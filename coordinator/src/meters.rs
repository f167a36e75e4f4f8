//! What a coordinator counts while it works. All of it has few labels, never one per job, task or trial.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use assay_store::{AttemptEnd, Change, JobState};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Counters by one label whose values are known beforehand.
type Counters = Family<[(&'static str, &'static str); 1], Counter>;
/// Requests by method and code.
#[cfg(feature = "grpc")]
type Requests = Family<[(&'static str, &'static str); 2], Counter>;

/// How attempts end.
const ENDINGS: [&str; 5] = [
    "done",
    AttemptEnd::Lost.name(),
    AttemptEnd::GivenBack.name(),
    AttemptEnd::Cancelled.name(),
    "failed",
];

/// Counters of a coordinator. Cheap to clone: all clones count together.
#[derive(Debug, Clone)]
pub struct Meters {
    attempts: Counters,
    jobs_ended: Counters,
    attempts_started: Counter,
    tasks_carved: Counter,
    tasks_quarantined: Counter,
    trials: Counter,
    trials_failed: Counter,
    last_tick: Gauge<f64, AtomicU64>,
    commit: Histogram,
    publish: Histogram,
    published: Counter,
    alarms: Counter,
    #[cfg(feature = "grpc")]
    requests: Requests,
    #[cfg(feature = "grpc")]
    request: Histogram,
}

impl Default for Meters {
    fn default() -> Self {
        // From a tenth of a millisecond to half a minute.
        let seconds = || Histogram::new(exponential_buckets(1e-4, 2.5, 15));
        let meters = Self {
            attempts: Family::default(),
            jobs_ended: Family::default(),
            attempts_started: Counter::default(),
            tasks_carved: Counter::default(),
            tasks_quarantined: Counter::default(),
            trials: Counter::default(),
            trials_failed: Counter::default(),
            last_tick: Gauge::default(),
            commit: seconds(),
            publish: seconds(),
            published: Counter::default(),
            alarms: Counter::default(),
            #[cfg(feature = "grpc")]
            requests: Family::default(),
            #[cfg(feature = "grpc")]
            request: seconds(),
        };
        // A series that is there before anything happened shows the first time that it does.
        for ending in ENDINGS {
            drop(meters.attempts.get_or_create(&[("ending", ending)]));
        }
        for state in [JobState::Done, JobState::Stopped, JobState::Failed] {
            drop(meters.jobs_ended.get_or_create(&[("state", state.name())]));
        }
        #[cfg(feature = "grpc")]
        for method in assay_proto::wire::METHODS {
            drop(meters.requests.get_or_create(&[("method", method), ("code", "Ok")]));
        }
        meters
    }
}

impl Meters {
    /// Shows them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("attempts_started", "Attempts of tasks begun", self.attempts_started.clone());
        registry.register(
            "attempts",
            "Attempts of tasks that are over, by how they ended",
            self.attempts.clone(),
        );
        registry.register("jobs_ended", "Jobs that are over, by how they ended", self.jobs_ended.clone());
        registry.register("tasks_carved", "Tasks made", self.tasks_carved.clone());
        registry.register(
            "tasks_quarantined",
            "Tasks given up, whose trials count as failed",
            self.tasks_quarantined.clone(),
        );
        registry.register("trials", "Trials whose rows are safe", self.trials.clone());
        registry.register("trials_failed", "Trials among them that failed", self.trials_failed.clone());
        registry.register_with_unit(
            "last_tick_timestamp",
            "When this coordinator last looked after leases, as Unix time; 0 before its first office",
            Unit::Seconds,
            self.last_tick.clone(),
        );
        registry.register_with_unit(
            "commit",
            "How long a transaction of decisions takes",
            Unit::Seconds,
            self.commit.clone(),
        );
        registry.register_with_unit(
            "publish",
            "How long the broker takes to confirm a batch of messages",
            Unit::Seconds,
            self.publish.clone(),
        );
        registry.register(
            "messages_published",
            "Messages that the broker confirmed",
            self.published.clone(),
        );
        registry.register(
            "alarms",
            "What must not happen and did: results of the same task that differ",
            self.alarms.clone(),
        );
        #[cfg(feature = "grpc")]
        {
            registry.register(
                "grpc_requests",
                "Requests answered, by method and code",
                self.requests.clone(),
            );
            registry.register_with_unit(
                "grpc_request",
                "How long it takes until an answer begins",
                Unit::Seconds,
                self.request.clone(),
            );
        }
    }

    /// A transaction of these changes is durable.
    pub(crate) fn committed(&self, changes: &[Change], began: Instant) {
        self.commit.observe(began.elapsed().as_secs_f64());
        for change in changes {
            self.count(change);
        }
    }

    fn count(&self, change: &Change) {
        let ended = |ending| self.attempts.get_or_create(&[("ending", ending)]).inc();
        match change {
            Change::AttemptStarted { .. } => _ = self.attempts_started.inc(),
            Change::AttemptEnded { end, .. } => _ = ended(end.name()),
            Change::TaskDone(done) => {
                ended("done");
                self.trials.inc_by(done.staged.rows);
                self.trials_failed.inc_by(done.staged.failed);
            }
            Change::TaskCarved { .. } => _ = self.tasks_carved.inc(),
            Change::TaskQuarantined { .. } => _ = self.tasks_quarantined.inc(),
            Change::JobDone(_) => self.job_ended(JobState::Done),
            Change::JobMoved { to, .. } if matches!(to, JobState::Stopped | JobState::Failed) => self.job_ended(*to),
            _ => {}
        }
    }

    fn job_ended(&self, state: JobState) {
        self.jobs_ended.get_or_create(&[("state", state.name())]).inc();
    }

    /// The broker confirmed messages.
    pub(crate) fn published(&self, messages: usize, took: Duration) {
        self.publish.observe(took.as_secs_f64());
        self.published.inc_by(messages as u64);
    }

    /// Leases were looked after.
    pub(crate) fn ticked(&self) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last_tick.set(since.as_secs_f64());
    }

    /// Something that must not happen happened.
    pub(crate) fn alarm(&self) {
        self.alarms.inc();
    }

    /// A request was answered. What is no method of ours has no name of its own.
    #[cfg(feature = "grpc")]
    pub(crate) fn answered(&self, path: &str, code: tonic::Code, took: Duration) {
        let known = assay_proto::wire::METHODS
            .iter()
            .find(|method| path.strip_prefix('/') == Some(**method));
        let method = known.copied().unwrap_or("other");
        let code = name_of(code);
        self.requests.get_or_create(&[("method", method), ("code", code)]).inc();
        self.request.observe(took.as_secs_f64());
    }
}

#[cfg(feature = "grpc")]
const fn name_of(code: tonic::Code) -> &'static str {
    use tonic::Code;
    match code {
        Code::Ok => "Ok",
        Code::Cancelled => "Cancelled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn what_is_decided_is_counted_and_labels_are_bounded() {
        let meters = Meters::default();
        let job = assay_core::ids::JobId::from_hash([1; 32]);
        let ended = Change::AttemptEnded {
            task: assay_core::ids::TaskId(1),
            attempt: assay_core::ids::Attempt(1),
            end: AttemptEnd::Failed("a reason".to_owned()),
            at: assay_core::time::UtcNs(1),
        };
        let stopped = Change::JobMoved {
            job,
            to: JobState::Stopped,
            at: assay_core::time::UtcNs(1),
            error: None,
        };
        meters.committed(&[ended, stopped], Instant::now());
        #[cfg(feature = "grpc")]
        for i in 0..100 {
            meters.answered(&format!("/rubbish/{i}"), tonic::Code::Unauthenticated, Duration::ZERO);
        }
        let mut registry = Registry::with_prefix("assay");
        meters.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "assay_attempts_total{ending=\"failed\"} 1",
            "assay_attempts_total{ending=\"lost\"} 0",
            "assay_jobs_ended_total{state=\"stopped\"} 1",
            "assay_commit_seconds_count 1",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        #[cfg(feature = "grpc")]
        assert!(text.contains("{method=\"other\",code=\"Unauthenticated\"} 100"), "{text}");
        assert!(!text.contains("rubbish") && !text.contains(&job.to_string()));
    }
}
