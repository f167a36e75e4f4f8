//! What a job would take: counted, and timed on a short real sample.

use std::hint::black_box;
use std::time::Instant;

use assay_coordinator::JobPlan;
use assay_core::ids::Ordinal;
use assay_core::space::Point;
use assay_data::Catalog;
use assay_optimizer::Count;
use assay_strategies::{Job, JobInstrument};
use assay_worker::{Budget, Markets, Prepared, SHARING, sample_points};
use serde::Serialize;

use super::size_rayon;
use super::warnings::warn_of;
use crate::args::Limits;
use crate::failure::Failure;
use crate::output::human;
use crate::settings::Settings;

/// Points of the small and of the large sample; the difference tells what a point costs, the rest what a unit costs.
const SAMPLES: [usize; 2] = [24, 96];
/// The large sample is left out if the small one took longer than this.
const PATIENCE_SECONDS: f64 = 0.5;

/// Seconds to bring one row to the disk: staged, compacted, ranked (a million rows took 4 to 5 s on two cores).
const ROW_SECONDS: f64 = 5e-6;
/// Seconds of every run, whatever its size: opening the database, making results durable.
const FIXED_SECONDS: f64 = 0.04;

/// What a job would take.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    pub(crate) job_id: String,
    pub(crate) name: String,
    /// Results are in place already.
    pub(crate) done: bool,
    pub(crate) points: u64,
    /// Whether `points` was counted rather than estimated.
    pub(crate) exact: bool,
    pub(crate) trials: u64,
    /// Blocks of 1,024 ordinals, or of one where a search learns.
    pub(crate) blocks: u64,
    /// What a search that learns will do, and how folds are made.
    pub(crate) search: Vec<String>,
    pub(crate) instruments: Vec<PlannedInstrument>,
    /// Bars traded, of all instruments together.
    pub(crate) bars: u64,
    /// How trials are computed.
    pub(crate) path: String,
    pub(crate) result_bytes: u64,
    pub(crate) disk_free_bytes: u64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) memory_limit_bytes: u64,
    pub(crate) threads: usize,
    /// Expected wall time.
    pub(crate) eta_seconds: f64,
    /// Trials that were run to know it.
    pub(crate) sampled_trials: u64,
}

/// An instrument of a planned job.
#[derive(Debug, Serialize)]
pub(crate) struct PlannedInstrument {
    pub(crate) symbol: String,
    pub(crate) source: String,
    /// Bars traded.
    pub(crate) bars: usize,
    /// Bars with those before the window, which are warm-up.
    pub(crate) all_bars: usize,
}

/// Counts, sizes and samples a job. Writes nothing but the cache of bars.
pub(crate) fn plan(job: &Job, catalog: &Catalog, settings: &Settings, limits: Limits, done: bool) -> Result<Plan, Failure> {
    let threads = settings.threads(limits);
    size_rayon(threads);
    let memory = settings.memory(limits);
    let prepared = Prepared::load(job.clone(), catalog, memory, threads)?;
    warn_of(job, &prepared, settings);
    let Prepared {
        proposals,
        markets,
        layout,
        budget,
        ..
    } = prepared.as_ref();
    let points = sample_points(proposals, SHARING);
    let own = JobPlan::new(job, markets.bars())?;
    let count = if own.learning.is_some() {
        Count::About(own.trials() / own.instruments.max(1) as u64)
    } else {
        match proposals.count() {
            Count::Exact(points) => Count::Exact(points * own.legs.len() as u64),
            Count::About(points) => Count::About(points * own.legs.len() as u64),
        }
    };
    let trials = count.value().saturating_mul(layout.instruments.len() as u64);
    let sample = sample(&points, markets);
    let sources = job.instruments.iter().map(JobInstrument::source);
    let instruments = markets
        .sizes()
        .zip(sources)
        .map(|((symbol, bars, all_bars), source)| PlannedInstrument {
            symbol: symbol.to_owned(),
            source,
            bars,
            all_bars,
        });
    Ok(Plan {
        job_id: job.id.to_string(),
        name: job.spec.name.clone(),
        done,
        points: count.value(),
        exact: matches!(count, Count::Exact(_)),
        trials,
        blocks: own.known_blocks().unwrap_or_else(|| count.value()),
        search: search_of(job),
        instruments: instruments.collect(),
        bars: markets.bars(),
        path: markets.sweep(0).path().to_owned(),
        result_bytes: trials.saturating_mul(layout.bytes_per_trial()),
        disk_free_bytes: assay_store::free_bytes(&settings.home)?,
        peak_memory_bytes: budget.peak_of(count.value(), markets, &bare(&points)),
        memory_limit_bytes: memory,
        threads: budget.threads,
        eta_seconds: FIXED_SECONDS + trials as f64 * ROW_SECONDS + sample.eta(count.value(), *budget),
        sampled_trials: sample.trials,
    })
}

/// What a search that learns will do, and how folds are made, a line each.
fn search_of(job: &Job) -> Vec<String> {
    let (search, mut lines) = (&job.spec.search, Vec::new());
    if search.method.learns() {
        let whole = |value: u64| human::count(value as i64);
        lines.push(format!(
            "{} of at most {} points{}, {} at a time, each batch from the results of those {} before",
            search.method,
            whole(search.trials.unwrap_or_default()),
            if job.folds.is_empty() { "" } else { " in each fold" },
            search.batch.unwrap_or_default(),
            search.lag.unwrap_or_default() + 1,
        ));
        if let Some(patience) = search.patience {
            lines.push(format!("ends after {} points without an improvement", whole(patience)));
        }
        if let Some(limit) = search.time_limit {
            lines.push(format!("ends after {limit}, which nobody can reproduce"));
        }
        if let Some(probe) = search.probe.filter(|probe| *probe > 0) {
            lines.push(format!(
                "beside it {} points of a Sobol sequence over all of the data",
                whole(probe)
            ));
        }
    }
    if let (Some(first), Some(last)) = (job.folds.first(), job.folds.last()) {
        lines.push(format!(
            "{} folds: trained from {} on, tested from {} to {}",
            job.folds.len(),
            first.train_from,
            first.test_from,
            last.test_to
        ));
    }
    lines
}

/// Seconds of one thread: for a unit on all instruments, and for each point of it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    unit: f64,
    point: f64,
    trials: u64,
}

impl Sample {
    fn eta(&self, points: u64, budget: Budget) -> f64 {
        let threads = budget.threads as f64;
        let units = (points as f64 / budget.most_unit as f64).max(threads);
        (points as f64 * self.point + units * self.unit) / threads
    }

    /// From the times of a small and a large sample.
    fn of(small: (usize, f64), large: Option<(usize, f64)>, trials: u64) -> Self {
        let point = match large {
            Some(large) if large.0 > small.0 => ((large.1 - small.1) / (large.0 - small.0) as f64).max(0.0),
            _ => small.1 / small.0.max(1) as f64,
        };
        // Noise may make the small sample look slower than the large one: the mean is a bound then.
        let point = if point > 0.0 { point } else { small.1 / small.0.max(1) as f64 };
        Self {
            unit: (small.1 - point * small.0 as f64).max(0.0),
            point,
            trials,
        }
    }
}

fn sample(points: &[(Ordinal, Point)], markets: &Markets) -> Sample {
    let points = &points[..points.len().min(SAMPLES[1])];
    let mut trials = 0;
    let mut time = |count: usize| {
        let began = Instant::now();
        for (instrument, sweep) in (0..).zip(markets.sweeps()) {
            black_box(sweep.run(instrument, &points[..count]));
            trials += count as u64;
        }
        (count, began.elapsed().as_secs_f64())
    };
    // The first touch of the bars is paid once, whatever the number of trials.
    time(points.len().min(1));
    let small = time(points.len().min(SAMPLES[0]));
    let large = (small.1 < PATIENCE_SECONDS).then(|| time(points.len()));
    Sample::of(small, large, trials)
}

/// Points without their ordinals.
fn bare(points: &[(Ordinal, Point)]) -> Vec<Point> {
    points.iter().map(|(_, point)| point.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_samples_tell_the_cost_of_a_unit_from_that_of_a_point() {
        let sample = Sample::of((24, 0.010 + 24.0 * 0.001), Some((96, 0.010 + 96.0 * 0.001)), 120);
        assert!(
            (sample.point - 0.001).abs() < 1e-12 && (sample.unit - 0.010).abs() < 1e-12,
            "{sample:?}"
        );
        let budget = Budget {
            threads: 2,
            most_unit: 1_000,
            most_points: 1_000,
            peak: 0,
        };
        assert!((sample.eta(10_000, budget) - 5.05).abs() < 1e-9);
    }

    #[test]
    fn noise_never_makes_an_eta_of_nothing() {
        let sample = Sample::of((24, 0.03), Some((96, 0.02)), 120);
        assert!(sample.point > 0.0 && sample.unit >= 0.0);
        let alone = Sample::of((24, 0.6), None, 24);
        assert!((alone.point - 0.025).abs() < 1e-12);
    }
}
