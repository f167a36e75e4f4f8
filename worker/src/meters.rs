//! What a worker counts while it works. All of it has few labels, never one per job, task or trial.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};

/// How a worker's attempts end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    /// The rows are safe.
    Done,
    /// The task could not be run.
    Failed,
    /// It went back to the coordinator.
    GivenBack,
    /// Nobody wanted it any more.
    Dropped,
}

impl Ending {
    const ALL: [Self; 4] = [Self::Done, Self::Failed, Self::GivenBack, Self::Dropped];

    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::GivenBack => "given_back",
            Self::Dropped => "dropped",
        }
    }
}

/// Counters of a worker. Cheap to clone: all clones count together.
#[derive(Debug, Clone)]
pub struct Meters {
    tasks: Family<[(&'static str, &'static str); 1], Counter>,
    trials: Counter,
    compute: Counter<f64, AtomicU64>,
}

impl Default for Meters {
    fn default() -> Self {
        let meters = Self {
            tasks: Family::default(),
            trials: Counter::default(),
            compute: Counter::default(),
        };
        // A series that is there before anything happened shows the first time that it does.
        for ending in Ending::ALL {
            drop(meters.tasks.get_or_create(&[("ending", ending.name())]));
        }
        meters
    }
}

impl Meters {
    /// Shows them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "worker_tasks",
            "Attempts of tasks that this worker ended, by how",
            self.tasks.clone(),
        );
        registry.register("worker_trials", "Trials that this worker ran", self.trials.clone());
        registry.register_with_unit(
            "worker_compute",
            "Time that threads spent on trials, of all threads together",
            Unit::Seconds,
            self.compute.clone(),
        );
    }

    pub(crate) fn ended(&self, ending: Ending) {
        self.tasks.get_or_create(&[("ending", ending.name())]).inc();
    }

    pub(crate) fn computed(&self, trials: usize, seconds: f64) {
        self.trials.inc_by(trials as u64);
        self.compute.inc_by(seconds.max(0.0));
    }
}
