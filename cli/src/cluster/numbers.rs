//! The numbers that the processes of a cluster serve: all of them have few labels, never one per job, task or trial.

use std::sync::Arc;

use assay_coordinator::{Coordinator, Meters as CoordinatorMeters};
use assay_store::JobState;
use assay_worker::{Load, Meters as WorkerMeters, Worker};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::observe::Metrics;
use crate::machine;

/// Numbers by one label whose values are known beforehand.
type Gauges = Family<[(&'static str, &'static str); 1], Gauge>;

/// What a coordinator shows besides what it counts.
#[derive(Clone)]
pub(crate) struct CoordinatorNumbers {
    leader: Gauge,
    epoch: Gauge,
    tasks: Gauges,
    leases: Gauge,
    slots: Gauge,
    uncarved: Gauge,
    workers: Gauge,
    jobs: Gauges,
    memory: Gauge,
}

impl CoordinatorNumbers {
    /// Registers everything that a coordinator shows.
    pub(crate) fn new(metrics: &Metrics, meters: &CoordinatorMeters) -> Self {
        metrics.register(|registry| meters.register(registry));
        let numbers = Self {
            leader: metrics.gauge("leader", "1 while this coordinator is in office"),
            epoch: metrics.gauge("epoch", "Number of the reign while it is in office, else 0"),
            tasks: metrics.gauges("tasks", "Tasks that are not over: waiting in the queue, or at work"),
            leases: metrics.gauge(
                "leases",
                "Leases on tasks; more than tasks at work where a slow one is overtaken",
            ),
            slots: metrics.gauge("slots", "Tasks that can be worked on at the same time"),
            uncarved: metrics.gauge("blocks_uncarved", "Blocks that no task has taken yet"),
            workers: metrics.gauge("workers", "Workers that are heard of"),
            jobs: metrics.gauges("jobs", "Jobs that are not over, by where they are"),
            memory: memory(metrics),
        };
        for state in open_states() {
            numbers.jobs.get_or_create(&[("state", state.name())]).set(0);
        }
        for state in ["waiting", "running"] {
            numbers.tasks.get_or_create(&[("state", state)]).set(0);
        }
        numbers
    }

    /// Of a coordinator that has taken office.
    pub(crate) fn in_office(&self, metrics: &Metrics, coordinator: Coordinator, epoch: u64) {
        self.leader.set(1);
        self.epoch.set(epoch as i64);
        let numbers = self.clone();
        metrics.refresh_by(move || {
            let (numbers, coordinator) = (numbers.clone(), coordinator.clone());
            Box::pin(async move { numbers.refresh(&coordinator).await })
        });
    }

    /// Of a coordinator that is in office no longer.
    pub(crate) fn out_of_office(&self) {
        self.leader.set(0);
        self.epoch.set(0);
    }

    async fn refresh(&self, coordinator: &Coordinator) {
        self.memory.set(machine::memory_used() as i64);
        // Out of office the last numbers stay.
        if let Ok(queue) = coordinator.queue().await {
            self.tasks.get_or_create(&[("state", "waiting")]).set(queue.waiting as i64);
            self.tasks.get_or_create(&[("state", "running")]).set(queue.running as i64);
            self.slots.set(i64::from(queue.slots));
            self.uncarved.set(queue.uncarved_blocks as i64);
        }
        if let Ok(known) = coordinator.workers().await {
            self.workers.set(known.len() as i64);
            self.leases.set(known.iter().map(|worker| worker.running.len() as i64).sum());
        }
        if let Ok(open) = coordinator.jobs().await {
            for state in open_states() {
                let count = open.iter().filter(|job| job.state == state).count();
                self.jobs.get_or_create(&[("state", state.name())]).set(count as i64);
            }
        }
    }
}

fn open_states() -> impl Iterator<Item = JobState> {
    JobState::ALL.into_iter().filter(|state| state.is_open())
}

fn memory(metrics: &Metrics) -> Gauge {
    metrics.gauge("memory_bytes", "Memory that the process has in use")
}

/// What a worker shows besides what it counts.
#[derive(Clone)]
pub(crate) struct WorkerNumbers {
    slots: Gauge,
    running: Gauge,
    jobs: Gauge,
    bars: Gauge,
    memory: Gauge,
}

impl WorkerNumbers {
    /// Registers everything that a worker shows.
    pub(crate) fn new(metrics: &Metrics, meters: &WorkerMeters) -> Self {
        metrics.register(|registry| meters.register(registry));
        Self {
            slots: metrics.gauge("worker_slots", "Tasks that this worker can work on at the same time"),
            running: metrics.gauge("worker_tasks_running", "Tasks that it works on"),
            jobs: metrics.gauge("worker_jobs_in_memory", "Jobs whose bars it has in memory"),
            bars: metrics.gauge("worker_bars_bytes", "Memory of these bars"),
            memory: memory(metrics),
        }
    }

    /// Of a worker that is at work on so many threads.
    pub(crate) fn at_work(&self, metrics: &Metrics, worker: &Arc<Worker>, threads: usize) {
        self.slots.set(threads as i64);
        let (numbers, worker) = (self.clone(), Arc::downgrade(worker));
        metrics.refresh_by(move || {
            let load = worker.upgrade().map(|worker| worker.load()).unwrap_or_default();
            numbers.refresh(load);
            Box::pin(std::future::ready(()))
        });
    }

    fn refresh(&self, load: Load) {
        self.memory.set(machine::memory_used() as i64);
        self.running.set(load.running as i64);
        self.jobs.set(load.jobs as i64);
        self.bars.set(load.bars_bytes as i64);
    }
}
