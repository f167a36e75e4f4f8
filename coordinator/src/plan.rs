//! What a coordinator knows of a job besides its record.

use std::sync::Arc;

use assay_core::BLOCK;
use assay_core::ids::JobId;
use assay_core::job::{Keep, Objective};
use assay_core::metrics::Metrics;
use assay_core::row::{Planned, TrialRow};
use assay_core::space::Point;
use assay_core::time::{BarLength, SECOND_NS, UtcNs};
use assay_optimizer::search::Outcome;
use assay_optimizer::{Count, Leaderboard, Learning, OptimizerError, Proposals, Target, listed, planned};
use assay_store::{DataHash, JobRecord, JobState, Judge, Layout, NewJob, RANKED, Store, TaskRange};
use assay_strategies::{Job, JobInstrument};

use crate::error::CoordinatorError;

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
    /// Its points; where a search learns, those of its probe or of a sample.
    pub proposals: Proposals,
    /// Its search, if that learns.
    pub learning: Option<Learning>,
    /// Points that are run beside a search that learns.
    pub probe: Vec<Point>,
    /// Results that the search begins with.
    pub earlier: Vec<(Point, Outcome)>,
    /// The job that these come from.
    pub start_from: Option<JobId>,
    /// Its searches: one, or one for each fold of a walk forward.
    pub legs: Vec<LegPlan>,
    /// Folds of a walk forward.
    pub folds: usize,
    /// The search stops after so many nanoseconds.
    pub time_limit_ns: Option<i64>,
    /// How many instruments each point is tried on.
    pub instruments: usize,
    /// What is better.
    pub objective: Objective,
    /// The same, ready to be asked.
    pub target: Target,
    /// What its result files keep.
    pub keep: Keep,
    /// Annual risk-free rate.
    pub risk_free: f64,
    /// Whose luck its points add to; `None` if nobody counts them.
    pub families: Option<Families>,
    /// Best points whose trades are kept, if the job says so.
    pub trades_kept: Option<u32>,
    /// Whether its best points are to be run again on ticks.
    pub ladder: bool,
    /// A guess at the seconds of one thread for a point on all instruments.
    pub seconds_per_point: f64,
    /// Most points in a task, for the memory of its rows.
    pub most_points: u64,
}

/// A search of a job: the blocks that are its own, and the windows that its points are run over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegPlan {
    /// Its first block.
    pub first: u64,
    /// Blocks that it has at most.
    pub blocks: u64,
    /// Indices into the job's windows, from the shortest to the longest.
    pub windows: Vec<u32>,
}

/// The task that runs the winners of a walk forward has this block, which no point has.
pub(crate) const WALK: TaskRange = TaskRange {
    first_block: 1 << 62,
    blocks: 1,
};

/// Seconds of one thread for a bar of a trial, before anything was measured.
const SECONDS_PER_BAR: f64 = 2e-9;
/// Most points in a task, unless memory demands fewer.
const MOST_POINTS: u64 = 1 << 18;

impl JobPlan {
    /// The plan of a job. `bars` is a guess at the bars of all instruments together. Takes up to some ten million evaluations of the
    /// job's condition.
    pub fn new(job: &Job, bars: u64) -> Result<Self, OptimizerError> {
        let search = &job.spec.search;
        let proposals = listed(&job.space, search)?;
        let goals = job.spec.objective.goal_count();
        let learns = search.method.learns();
        let learning = learns.then(|| Learning::new(&job.space, search, goals)).transpose()?;
        let mut probe = Vec::new();
        if learns {
            let wanted = search.probe.unwrap_or(0);
            let points = planned(&proposals, 0..wanted.min(proposals.blocks() * BLOCK).div_ceil(BLOCK), 0, 0);
            probe.extend(points.into_iter().take(wanted as usize).map(|planned| planned.point));
        }
        let blocks = learning.as_ref().map_or(proposals.blocks(), Learning::trials);
        let leg = |fold: usize| LegPlan {
            first: fold as u64 * blocks,
            blocks,
            windows: job.windows_of(fold),
        };
        Ok(Self {
            id: job.id,
            body: job.body().into(),
            layout: Layout::new(job.id, &job.symbols(), &job.space).over(&job.windows),
            proposals,
            learning,
            probe,
            earlier: Vec::new(),
            start_from: search.start_from,
            legs: (0..job.folds.len().max(1)).map(leg).collect(),
            folds: job.folds.len(),
            time_limit_ns: search.time_limit.map(|limit| limit.0),
            instruments: job.instruments.len(),
            objective: job.spec.objective.clone(),
            target: Target::new(&job.spec.objective)?,
            keep: job.spec.results.keep,
            risk_free: job.spec.metrics.risk_free,
            families: Families::of(job),
            trades_kept: job.spec.results.trades,
            ladder: job.spec.fidelity.is_some(),
            seconds_per_point: bars as f64 * SECONDS_PER_BAR,
            most_points: MOST_POINTS,
        })
    }

    /// Reads the results of the job that the search begins with, if it names one.
    ///
    /// # Errors
    /// A job that is unknown, not done, or of other parameters.
    pub async fn begin_from(&mut self, store: &Store) -> Result<(), CoordinatorError> {
        let Some(id) = self.start_from else { return Ok(()) };
        let refuse = |reason: &str| CoordinatorError::StartFrom {
            job: id,
            reason: reason.to_owned(),
        };
        let earlier = store.job(id).await?.ok_or_else(|| refuse("it is not known here"))?;
        if earlier.state != JobState::Done {
            return Err(refuse(&format!("it is {}", earlier.state)));
        }
        for ranked in store.top(&earlier, RANKED, earlier.objective()?.maximize, None).await? {
            let point = self.layout.point(&earlier.layout.values(&ranked.point));
            let point = point.ok_or_else(|| refuse("its parameters are others"))?;
            let metrics: Vec<_> = ranked.metrics.iter().map(Option::as_ref).collect();
            self.earlier.push((point, self.target.outcome(&metrics)));
        }
        Ok(())
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
        let points = match &self.learning {
            Some(learning) => learning.trials(),
            None => self.proposals.count().value(),
        };
        let all = points
            .saturating_mul(self.legs.len() as u64)
            .saturating_add(self.probe.len() as u64);
        all.saturating_mul(self.instruments as u64)
    }

    /// Ordinals in a block.
    pub fn block(&self) -> u64 {
        if self.learning.is_some() { 1 } else { BLOCK }
    }

    /// The blocks of the job, where they are known before it runs.
    pub fn known_blocks(&self) -> Option<u64> {
        self.learning.is_none().then(|| self.legs.iter().map(|leg| leg.blocks).sum())
    }

    /// The first block of the probe.
    pub(crate) fn first_of_probe(&self) -> u64 {
        self.legs.last().map_or(0, |leg| leg.first + leg.blocks)
    }

    /// Whether statistics of selection may rest on these points: of a search that learns on its probe, whose points it did not choose;
    /// and only on points over one window.
    pub(crate) fn is_unbiased(&self, range: TaskRange) -> bool {
        if self.probe.is_empty() {
            self.layout.windows.is_empty()
        } else {
            range.first_block >= self.first_of_probe()
        }
    }

    /// Levels of fidelity of its search.
    pub(crate) fn levels(&self) -> u32 {
        self.learning.as_ref().map_or(1, Learning::levels)
    }

    /// The leg that a block belongs to.
    pub(crate) fn leg_of(&self, block: u64) -> Option<usize> {
        self.legs
            .iter()
            .position(|leg| (leg.first..leg.first + leg.blocks).contains(&block))
    }

    /// Points in a block, on average.
    pub fn points_per_block(&self) -> f64 {
        if self.learning.is_some() {
            return 1.0;
        }
        let (Count::Exact(count) | Count::About(count)) = self.proposals.count();
        (count as f64 / self.proposals.blocks().max(1) as f64).clamp(1e-6, BLOCK as f64)
    }

    /// An empty leaderboard of this job.
    pub fn leaderboard(&self) -> Leaderboard {
        let capacity = match self.keep {
            Keep::All => RANKED,
            Keep::Best(count) => RANKED.max(count as usize),
        };
        Leaderboard::new(capacity, &self.target, self.instruments)
    }

    /// The points of a run of blocks of a search that lists them.
    pub fn points(&self, range: TaskRange) -> Vec<Planned> {
        let leg = &self.legs[self.leg_of(range.first_block).unwrap_or(0)];
        let window = leg.windows.last().copied().unwrap_or(0);
        planned(&self.proposals, range.first_block..range.end(), leg.first, window)
    }

    /// The rows of points that could not be run: all of their trials failed.
    pub(crate) fn failed_rows(&self, points: Vec<Planned>, reason: &str) -> Vec<TrialRow> {
        let mut rows = Vec::new();
        for planned in points {
            rows.extend((0..self.instruments as u32).map(|instrument| TrialRow {
                instrument,
                ordinal: planned.ordinal,
                point: planned.point.clone(),
                window: planned.window,
                outcome: assay_core::row::Outcome::Failed(reason.to_owned()),
            }));
        }
        rows
    }

    /// Adds rows in the order of (ordinal, instrument) to a leaderboard, as far as they count.
    pub(crate) fn rank(&self, board: &mut Leaderboard, rows: &[TrialRow]) {
        for point in rows.chunks(self.instruments) {
            if self.layout.ranks(point[0].window) {
                board.push_point(&point.iter().collect::<Vec<_>>());
            }
        }
    }
}

/// What says by how much a point of a job violates its requirements, if it has any.
///
/// # Errors
/// A job that cannot be read.
pub fn judge(job: &JobRecord) -> Result<Option<Judge>, CoordinatorError> {
    let objective = job.objective()?;
    if objective.require.is_empty() {
        return Ok(None);
    }
    let target = Target::new(&objective).map_err(|error| CoordinatorError::Unexpected(error.to_string()))?;
    Ok(Some(Arc::new(move |metrics: &[Option<&Metrics>]| target.violation(metrics))))
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
