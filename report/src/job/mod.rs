//! One job on a page.

mod bins;
mod course;
mod front;
mod heat;
mod importance;
mod parallel;
mod slices;
#[cfg(test)]
mod tests;
mod walk;

use assay_core::metrics::Unit;

use crate::page::{Block, Page, Table};
use crate::verdict::VerdictReport;

/// What is known of a finished job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobReport {
    /// Its name.
    pub title: String,
    /// What it did, in one sentence.
    pub subtitle: String,
    /// Names and values that say what was run.
    pub facts: Vec<(String, String)>,
    /// Who made the page of what.
    pub footer: String,
    /// What was searched for.
    pub goal: Goal,
    /// Its parameters, in the order of a point's values.
    pub params: Vec<Parameter>,
    /// The points tried, or a part of them.
    pub sample: Sample,
    /// The best point of all.
    pub best: Option<Best>,
    /// How many points were tried when the best so far was found, and how good it was: over all points, exactly.
    pub best_so_far: Vec<(u64, f64)>,
    /// The best points.
    pub leaderboard: Table,
    /// How much of the objective's variance each parameter explains, alone or with another; the largest first.
    pub importance: Vec<Importance>,
    /// What the page begins with: what the best point is worth.
    pub verdict: Option<VerdictReport>,
    /// The best points by two objectives.
    pub front: Option<Front>,
    /// What a walk forward came to, one an instrument.
    pub walks: Vec<Walk>,
}

/// What was searched for.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// Name of the metric.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
    /// Smaller is better.
    pub smaller: bool,
}

impl Goal {
    /// The number that is larger for the better one.
    pub(crate) fn score(&self, value: f64) -> f64 {
        if self.smaller { -value } else { value }
    }

    pub(crate) fn text(&self, value: f64) -> String {
        match self.unit {
            Unit::Ratio => crate::human::percent(value),
            Unit::Money => crate::human::money(value),
            Unit::Seconds => crate::human::seconds(value),
            Unit::Count | Unit::Plain => crate::human::number(value),
        }
    }
}

/// A parameter and how its values are spread.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Drawn evenly in the logarithm.
    pub log: bool,
    /// The texts that values stand for by position; empty for numbers.
    pub choices: Vec<String>,
}

/// Points in columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// For each parameter a value of every point.
    pub values: Vec<Vec<f64>>,
    /// The objective of every point, NaN where undefined.
    pub objective: Vec<f64>,
    /// How many points were tried before each.
    pub position: Vec<u64>,
    /// Points there are in the job's results.
    pub total: u64,
}

/// The best point.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// Its values.
    pub values: Vec<f64>,
    /// How good it is.
    pub objective: f64,
    /// What it is called.
    pub trial: String,
}

/// A share of the objective's variance.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// One parameter, or two of which this is what neither explains alone.
    pub names: Vec<String>,
    /// The share, in [0, 1].
    pub share: f64,
    /// Its standard deviation over the trees of a forest.
    pub spread: f64,
}

/// The best points by two objectives, and others.
#[derive(Debug, Clone, PartialEq)]
pub struct Front {
    /// Names of the metrics.
    pub names: [String; 2],
    /// Whether less of them is better.
    pub smaller: [bool; 2],
    /// Their units.
    pub units: [Unit; 2],
    /// Points of the front.
    pub front: Vec<[f64; 2]>,
    /// Other points.
    pub others: Vec<[f64; 2]>,
    /// Points tried, and the hypervolume of the front then.
    pub hypervolume: Vec<(u64, f64)>,
}

/// What a walk forward came to on one instrument.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Walk {
    /// The instrument, if there are several.
    pub instrument: Option<String>,
    /// Equity at the beginning.
    pub capital: f64,
    /// Time, UTC nanoseconds, and equity over all test windows, one after the other.
    pub curve: Vec<(i64, f64)>,
    /// The folds in their order.
    pub folds: Vec<Fold>,
    /// Annual return out of sample over that in sample, of all folds together.
    pub efficiency: Option<f64>,
    /// The winners' parameters.
    pub drift: Vec<Drift>,
    /// The folds as rows.
    pub table: Table,
}

/// A window of a walk-forward validation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fold {
    /// What it is called: its test window.
    pub name: String,
    /// When that begins, UTC nanoseconds.
    pub from: i64,
    /// The objective where it was optimized.
    pub inside: Option<f64>,
    /// The objective of the same point on the window after it.
    pub outside: Option<f64>,
    /// Annual return out of sample over that in sample.
    pub efficiency: Option<f64>,
}

/// A parameter of the winners of the folds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drift {
    /// Its name.
    pub name: String,
    /// Its value in each fold; a choice's position.
    pub values: Vec<Option<f64>>,
    /// The ends of its range.
    pub range: (f64, f64),
    /// Mean step from fold to fold as a share of the range; of a choice, how often it changes.
    pub share: Option<f64>,
}

/// Heatmaps at most.
const HEATS: usize = 3;
/// Names of pictures that a page of a job may have.
pub const JOB_PICTURES: [&str; 14] = [
    "luck",
    "paths",
    "objective",
    "convergence",
    "importance",
    "heatmap",
    "slices",
    "parallel",
    "front",
    "hypervolume",
    "walk",
    "folds",
    "efficiency",
    "drift",
];

/// The page of a job.
pub fn job_page(job: &JobReport) -> Page {
    let mut blocks = job
        .verdict
        .as_ref()
        .map_or_else(Vec::new, |verdict| crate::verdict::blocks(verdict, false));
    if !job.leaderboard.rows.is_empty() {
        blocks.push(Block::Table(job.leaderboard.clone()));
    }
    let defined = job.sample.objective.iter().any(|x| x.is_finite());
    if defined {
        blocks.push(Block::Figure(course::distribution(job)));
        blocks.push(Block::Figure(course::convergence(job)));
        parameters(job, &mut blocks);
    } else {
        let text = "The objective is undefined for every trial, so there is nothing to draw.";
        blocks.push(Block::Note(text.to_owned()));
    }
    if let Some(front) = &job.front {
        blocks.push(Block::Heading("Several objectives".to_owned()));
        blocks.extend(front::figures(front).map(Block::Figure));
    }
    if !job.walks.is_empty() {
        blocks.push(Block::Heading("Walk-forward".to_owned()));
        blocks.extend(job.walks.iter().flat_map(|walk| walk::blocks(&job.goal, walk)));
    }
    Page {
        title: job.title.clone(),
        subtitle: job.subtitle.clone(),
        facts: job.facts.clone(),
        blocks,
        footer: job.footer.clone(),
    }
}

/// What the objective does with the parameters.
fn parameters(job: &JobReport, blocks: &mut Vec<Block>) {
    let searched: Vec<usize> = (0..job.params.len()).filter(|i| varies(&job.sample.values[*i])).collect();
    if searched.is_empty() {
        return;
    }
    blocks.push(Block::Heading("Parameters".to_owned()));
    if !job.importance.is_empty() {
        blocks.push(Block::Figure(importance::figure(job)));
    }
    let pairs = pairs(job, &searched);
    let half = pairs.len() > 1 || !job.importance.is_empty();
    blocks.extend(pairs.into_iter().map(|pair| Block::Figure(heat::figure(job, pair, half))));
    blocks.push(Block::Figure(slices::figure(job, &searched)));
    if searched.len() > 1 {
        blocks.push(Block::Figure(parallel::figure(job, &searched)));
    }
}

fn varies(values: &[f64]) -> bool {
    values.first().is_some_and(|first| values.iter().any(|x| x != first))
}

/// Pairs of the parameters that matter most.
fn pairs(job: &JobReport, searched: &[usize]) -> Vec<(usize, usize)> {
    let share = |i: &usize| {
        let own = job
            .importance
            .iter()
            .find(|importance| importance.names == [job.params[*i].name.clone()]);
        own.map_or(0.0, |importance| importance.share)
    };
    let mut order = searched.to_vec();
    order.sort_by(|a, b| share(b).total_cmp(&share(a)).then(a.cmp(b)));
    order.truncate(3);
    let all = (0..order.len()).flat_map(|i| (i + 1..order.len()).map(move |j| (i, j)));
    all.map(|(i, j)| (order[i].min(order[j]), order[i].max(order[j])))
        .take(HEATS)
        .collect()
}
