//! What luck explains of a job's results: measured from the rows of all of its trials, kept or not, before they go to result files.

use std::path::Path;
use std::sync::Arc;

use assay_core::distinct::DistinctPoints;
use assay_core::metrics::Metric;
use assay_core::space::Point;
use assay_optimizer::statistics::{
    BestInSample, EffectiveTrials, Overfitting, RankOutOfSample, SAME_TRIAL, Sketches, effective_trials,
};
use assay_store::{StoreError, TaskRows};
use assay_strategies::ShapeRoom;
use serde::{Deserialize, Serialize};

use crate::core::Compaction;
use crate::plan::JobPlan;

/// Trials whose sketches are taken together through all splits.
const CHUNK: usize = 32_768;
/// Chunks that stay in memory between the two passes: a quarter of a million sketches take 64 MB. Beyond, rows are read twice.
const CHUNKS_KEPT: usize = 8;
/// Trials among which groups of similar ones are counted, and groups at most.
const SAMPLE: usize = 4_096;
const CLUSTERS: usize = 1_024;

/// What luck explains of a job's results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Luck {
    /// Different points that the job tried.
    pub points: u64,
    /// Returns of a trial, of the instrument and the window with the fewest; `None` if no trial ran.
    pub observations: Option<u64>,
    /// By instrument, in the job's order.
    pub instruments: Vec<InstrumentLuck>,
}

/// The same on one instrument.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct InstrumentLuck {
    /// The symbol.
    pub instrument: String,
    /// Trials that have a sketch.
    pub trials: u64,
    /// Probability of backtest overfitting.
    pub pbo: Option<f64>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Share of splits in which the best in sample loses out of sample.
    pub loss: Option<f64>,
    /// Mean logit of its rank out of sample.
    pub mean_logit: Option<f64>,
    /// Sharpe ratio out of sample over the one in sample, per observation: slope and intercept.
    pub degradation: Option<[f64; 2]>,
    /// Groups of similar trials.
    pub clusters: Option<u64>,
    /// Trials among which they were counted.
    pub clustered: u64,
    /// Mean correlation between two trials.
    pub mean_correlation: Option<f64>,
}

impl Luck {
    /// As stored.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain records are JSON")
    }

    /// From what is stored; `None` where nothing was measured.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Probability of backtest overfitting: the mean over instruments, of which each is searched by itself. `Err` says why there is none.
    pub fn pbo(&self) -> Result<f64, String> {
        let mut sum = 0.0;
        for item in &self.instruments {
            let missing = || item.reason.clone().unwrap_or_else(|| "no trial ran".to_owned());
            sum += item.pbo.ok_or_else(missing)?;
        }
        match self.instruments.len() {
            0 => Err("no trial ran".to_owned()),
            count => Ok(sum / count as f64),
        }
    }
}

/// What the rows of a job tell.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) luck: Luck,
    pub(crate) points: Arc<DistinctPoints>,
}

/// Measures over all rows of a job.
pub(crate) fn measure(home: &Path, compaction: &Compaction, tasks: &[TaskRows<'_>]) -> Result<Measured, StoreError> {
    let plan = &compaction.plan;
    let mut points = Points::new(plan);
    let mut searches: Vec<Search> = (0..plan.instruments).map(|_| Search::default()).collect();
    each_chunk(
        home,
        plan,
        tasks,
        |point| points.add(point),
        |instrument, first, chunk| {
            let rate = risk_free(compaction, instrument, &chunk);
            let chunk = chunk.over(rate);
            searches[instrument].first_pass(first, chunk);
        },
    )?;
    let mut ranks: Vec<Option<RankOutOfSample>> = searches
        .iter_mut()
        .map(|search| search.best.take().map(BestInSample::into_ranks))
        .collect();
    if searches.iter().all(|search| search.chunks <= CHUNKS_KEPT) {
        for (search, ranks) in searches.iter().zip(&mut ranks) {
            if let Some(ranks) = ranks {
                search.kept.iter().for_each(|chunk| ranks.push_parallel(chunk));
            }
        }
    } else {
        each_chunk(
            home,
            plan,
            tasks,
            |_| (),
            |instrument, _, chunk| {
                let rate = risk_free(compaction, instrument, &chunk);
                let chunk = chunk.over(rate);
                if let Some(ranks) = &mut ranks[instrument] {
                    ranks.push_parallel(&chunk);
                }
            },
        )?;
    }
    let found = searches.iter().zip(ranks).zip(&plan.layout.instruments);
    let walks = plan.folds > 0;
    let instruments = found.map(|((search, ranks), name)| search.luck(name, ranks, walks)).collect();
    let points = points.finish();
    Ok(Measured {
        luck: Luck {
            points: points.count(),
            observations: observations(compaction),
            instruments,
        },
        points: Arc::new(points),
    })
}

/// Shows all points, and the sketches of each instrument in the order of the ordinals, many at a time and with the number of the first.
fn each_chunk(
    home: &Path,
    plan: &JobPlan,
    tasks: &[TaskRows<'_>],
    mut see_point: impl FnMut(&Point),
    mut see: impl FnMut(usize, u64, Sketches),
) -> Result<(), StoreError> {
    let mut open: Vec<(u64, Option<Sketches>)> = vec![(0, None); plan.instruments];
    let mut sorted = tasks.to_vec();
    sorted.sort_by_key(TaskRows::range);
    for task in &sorted {
        let unbiased = plan.is_unbiased(task.range());
        task.each_sketch(home, &plan.layout, |instrument, point, sketch| {
            if instrument == 0 {
                see_point(point);
            }
            let Some(sketch) = sketch.filter(|_| unbiased) else { return };
            let (first, chunk) = &mut open[instrument as usize];
            let into = chunk.get_or_insert_with(|| Sketches::new(&sketch.counts).expect("sketches have 16 blocks"));
            // All trials of an instrument have the grid of its bars.
            if into.push_sketch(sketch).is_ok() && into.len() == CHUNK {
                let whole = chunk.take().expect("it is there");
                *first += CHUNK as u64;
                see(instrument as usize, *first - CHUNK as u64, whole);
            }
        })?;
    }
    for (instrument, (first, chunk)) in open.into_iter().enumerate() {
        if let Some(chunk) = chunk {
            see(instrument, first, chunk);
        }
    }
    Ok(())
}

fn observations(compaction: &Compaction) -> Option<u64> {
    Some(compaction.statistics.observations).filter(|count| *count > 0)
}

/// The risk-free return of an observation of the sketches' grid, which may be another than that of the metrics.
fn risk_free(compaction: &Compaction, instrument: usize, chunk: &Sketches) -> f64 {
    let annual = compaction.plan.risk_free;
    let periods = compaction
        .ranked
        .iter()
        .find_map(|point| point.metrics[instrument]?.get(Metric::PeriodsPerYear));
    match (periods, observations(compaction)) {
        (Some(periods), Some(observations)) if annual != 0.0 => {
            annual / periods * observations as f64 / chunk.observations() as f64
        }
        _ => 0.0,
    }
}

/// The trials of a job on one instrument, between the two passes.
#[derive(Debug, Default)]
struct Search {
    best: Option<BestInSample>,
    chunks: usize,
    trials: u64,
    /// The first chunks.
    kept: Vec<Sketches>,
    groups: Option<EffectiveTrials>,
    clustered: u64,
}

impl Search {
    fn first_pass(&mut self, first: u64, chunk: Sketches) {
        let best = self.best.get_or_insert_with(|| BestInSample::new(&chunk));
        best.push_parallel(first, &chunk);
        if self.groups.is_none() {
            let sample = chunk.every(chunk.len().div_ceil(SAMPLE));
            self.clustered = sample.len() as u64;
            self.groups = Some(effective_trials(&sample, SAME_TRIAL, CLUSTERS));
        }
        self.chunks += 1;
        self.trials += chunk.len() as u64;
        if self.chunks <= CHUNKS_KEPT {
            self.kept.push(chunk);
        } else {
            self.kept.clear();
        }
    }

    fn luck(&self, name: &str, ranks: Option<RankOutOfSample>, walks: bool) -> InstrumentLuck {
        let found: Option<Overfitting> = ranks.and_then(RankOutOfSample::finish);
        let reason = match (self.trials, &found) {
            (_, Some(_)) => None,
            (0, None) if walks => Some(
                "the trials of a walk-forward ran over different windows and cannot be compared period by period".to_owned(),
            ),
            (0, None) => Some(format!(
                "no trial on {name} has the 128 returns that make a sketch, by day, hour or bar"
            )),
            (_, None) => Some(format!("there is one trial on {name}, and nothing to choose from")),
        };
        InstrumentLuck {
            instrument: name.to_owned(),
            trials: self.trials,
            pbo: found.map(|found| found.probability),
            reason,
            loss: found.map(|found| found.loss),
            mean_logit: found.map(|found| found.mean_logit),
            degradation: found.and_then(|found| found.degradation),
            clusters: self.groups.map(|groups| groups.clusters as u64),
            clustered: self.clustered,
            mean_correlation: self.groups.and_then(|groups| groups.mean_correlation),
        }
    }
}

/// The points of a job, counted.
struct Points<'p> {
    plan: &'p JobPlan,
    room: ShapeRoom,
    hashes: Vec<u64>,
    found: DistinctPoints,
}

impl<'p> Points<'p> {
    fn new(plan: &'p JobPlan) -> Self {
        Self {
            plan,
            room: ShapeRoom::default(),
            hashes: Vec::new(),
            found: DistinctPoints::default(),
        }
    }

    fn add(&mut self, point: &Point) {
        let Some(families) = &self.plan.families else { return };
        self.hashes.push(families.shape.hash(point, &mut self.room));
        if self.hashes.len() == CHUNK {
            self.found.extend(self.hashes.drain(..));
        }
    }

    fn finish(mut self) -> DistinctPoints {
        self.found.extend(self.hashes);
        self.found
    }
}
