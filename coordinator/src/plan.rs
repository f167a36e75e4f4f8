//! What a coordinator knows of a job besides its record.

use assay_core::ids::{JobId, Ordinal};
use assay_core::job::{Keep, Objective};
use assay_core::row::{Outcome, TrialRow};
use assay_core::space::Point;
use assay_core::time::{BarLength, SECOND_NS, UtcNs};
use assay_optimizer::{Count, Leaderboard, OptimizerError, Proposals};
use assay_store::{DataHash, JobRecord, Layout, NewJob, RANKED, TaskRange};
use assay_strategies::{Job, JobInstrument};
use std::sync::Arc;

use crate::families::Families;

/// A job as the coordinator plans it.
#[derive(Debug)]
pub struct JobPlan {
    /// The job.
    pub id: JobId,
    /// The text from which workers make the job.
    pub body: Arc<str>,
    /// Columns of its results.
    pub layout: Layout,
    /// Its points.
    pub proposals: Proposals,
    /// How many instruments each point is tried on.
    pub instruments: usize,
    /// What is better.
    pub objective: Objective,
    /// What its result files keep.
    pub keep: Keep,
    /// Annual risk-free rate.
    pub risk_free: f64,
    /// Whose luck its points add to; `None` if nobody counts them.
    pub families: Option<Families>,
    /// Best points whose trades are kept, if the job says so.
    pub trades_kept: Option<u32>,
    /// A guess at the seconds of one thread for a point on all instruments.
    pub seconds_per_point: f64,
    /// Most points in a task, for the memory of its rows.
    pub most_points: u64,
}

/// Seconds of one thread for a bar of a trial, before anything was measured.
const SECONDS_PER_BAR: f64 = 2e-9;
/// Most points in a task, unless memory demands fewer.
const MOST_POINTS: u64 = 1 << 18;

impl JobPlan {
    /// The plan of a job. `bars` is a guess at the bars of all instruments together. Takes up to some ten million evaluations of the
    /// job's condition.
    pub fn new(job: &Job, bars: u64) -> Result<Self, OptimizerError> {
        Ok(Self {
            id: job.id,
            body: job.body().into(),
            layout: Layout::new(job.id, &job.symbols(), &job.space),
            proposals: Proposals::new(&job.space, &job.spec.search)?,
            instruments: job.instruments.len(),
            objective: job.spec.objective.clone(),
            keep: job.spec.results.keep,
            risk_free: job.spec.metrics.risk_free,
            families: Families::of(job),
            trades_kept: job.spec.results.trades,
            seconds_per_point: bars as f64 * SECONDS_PER_BAR,
            most_points: MOST_POINTS,
        })
    }

    /// The plan of a job whose bars nobody has counted.
    pub fn of_job(job: &Job) -> Result<Self, OptimizerError> {
        Self::new(job, bars_guess(job))
    }

    /// The plan of a job that was submitted earlier; `Err` says why there is none.
    pub fn of_record(record: &JobRecord) -> Result<Self, String> {
        let job = Job::from_body(&record.body).map_err(|fault| fault.to_string())?;
        Self::of_job(&job).map_err(|error| error.to_string())
    }

    /// What is recorded of the job when `owner` submits it. `priority` is 1 to 10.
    pub fn new_job(&self, job: &Job, owner: &str, priority: u8, created: UtcNs) -> NewJob {
        NewJob {
            id: self.id,
            name: job.spec.name.clone(),
            owner: owner.to_owned(),
            priority,
            spec: job.stored_spec(),
            strategy: job.strategy_source.clone(),
            body: self.body.to_string(),
            data: data_of(job),
            layout: self.layout.clone(),
            trials: self.trials(),
            created,
        }
    }

    /// Trials there are, about.
    pub fn trials(&self) -> u64 {
        self.proposals.count().value().saturating_mul(self.instruments as u64)
    }

    /// Points in a block, on average.
    pub fn points_per_block(&self) -> f64 {
        let (Count::Exact(count) | Count::About(count)) = self.proposals.count();
        (count as f64 / self.proposals.blocks().max(1) as f64).clamp(1e-6, assay_core::BLOCK as f64)
    }

    /// An empty leaderboard of this job.
    pub fn leaderboard(&self) -> Leaderboard {
        let capacity = match self.keep {
            Keep::All => RANKED,
            Keep::Best(count) => RANKED.max(count as usize),
        };
        Leaderboard::new(capacity, &self.objective, self.instruments)
    }

    /// The points of a run of blocks.
    pub fn points(&self, range: TaskRange) -> Vec<(Ordinal, Point)> {
        let (mut points, mut block) = (Vec::new(), Vec::new());
        for index in range.first_block..range.end() {
            self.proposals.block(index, &mut block);
            points.append(&mut block);
        }
        points
    }

    /// The rows of a task that could not be run: all of its trials failed.
    pub(crate) fn failed_rows(&self, range: TaskRange, reason: &str) -> Vec<TrialRow> {
        let mut rows = Vec::new();
        for (ordinal, point) in self.points(range) {
            rows.extend((0..self.instruments as u32).map(|instrument| TrialRow {
                instrument,
                ordinal,
                point: point.clone(),
                outcome: Outcome::Failed(reason.to_owned()),
            }));
        }
        rows
    }
}

/// The values that a job runs on.
pub(crate) fn data_of(job: &Job) -> Vec<DataHash> {
    let hash = |item: &JobInstrument| DataHash {
        symbol: item.instrument.symbol.to_string(),
        hash: item.values.clone(),
        funding: item.funding.clone(),
        ticks: item.other_ticks().map(str::to_owned),
    };
    job.instruments.iter().map(hash).collect()
}

/// At most so many bars have all instruments of a job together.
fn bars_guess(job: &Job) -> u64 {
    let data = &job.spec.data;
    let bars = job.instruments.iter().map(|item| {
        let from = data.from.map_or(item.first.0, |from| from.0.max(item.first.0));
        let to = data.to.map_or(item.last.0, |to| to.0.min(item.last.0));
        // How many ticks or how much volume there are is not known here: as if there was a bar a second.
        let length = data.bars.length().map_or(SECOND_NS, BarLength::ns);
        (to.saturating_sub(from).max(0) / length) as u64 + 1
    });
    bars.sum()
}
