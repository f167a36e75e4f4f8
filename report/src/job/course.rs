//! How good all trials were, and when the best were found.

use super::JobReport;
use super::bins::quantile;
use crate::decimate::spread;
use crate::human;
use crate::ink::Ink;
use crate::levels::{Level, levels};
use crate::page::{Figure, HALF};
use crate::plot::{Plot, Scale, legend};
use crate::shape::Picture;
use assay_core::metrics::Unit;

const BARS: usize = 60;
/// Trials drawn as dots.
const DOTS: usize = 1_200;

/// The objectives that are defined.
fn defined(job: &JobReport) -> Vec<f64> {
    job.sample.objective.iter().copied().filter(|x| x.is_finite()).collect()
}

/// How many trials had which objective, the best marked.
pub(super) fn distribution(job: &JobReport) -> Figure {
    let mut values = defined(job);
    let ends = [0.001, 0.5, 0.999].map(|share| quantile(&mut values, share).unwrap_or(0.0));
    let best = job.best.as_ref().map(|best| best.objective).filter(|x| x.is_finite());
    let scale = Scale::around([ends[0], ends[2]].into_iter().chain(best));
    let (low, high) = scale.ends();
    let mut counts = vec![0u64; BARS];
    let mut beyond = 0u64;
    for value in &values {
        let share = scale.share(*value);
        if (0.0..=1.0).contains(&share) {
            counts[((share * BARS as f64) as usize).min(BARS - 1)] += 1;
        } else {
            beyond += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let mut picture = Picture::new(HALF, 296.0);
    let plot = Plot {
        left: 62.0,
        top: 34.0,
        right: HALF - 12.0,
        bottom: 246.0,
        x: scale,
        y: Scale::new(0.0, most as f64 * 1.05),
    }
    .fitted(Unit::Count);
    plot.grid_y(&mut picture, Unit::Count);
    let width = (high - low) / BARS as f64;
    for (i, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let from = low + width * i as f64;
        let (left, right) = (plot.x_at(from) + 0.4, plot.x_at(from + width) - 0.4);
        // A bar of a single trial can be seen, too.
        let top = plot.y_at(*count as f64).min(plot.bottom - 1.0);
        picture.bar((left, top), (right, plot.bottom), Ink::Crowd, 1.0);
    }
    plot.grid_x(&mut picture, job.goal.unit);
    plot.name_x(&mut picture, &job.goal.name);
    let level = |value: f64, name: &str, ink: Ink| Level {
        value,
        name: format!("{name} {}", job.goal.text(value)),
        ink,
    };
    let best = best.map(|best| level(best, "best", Ink::Mark));
    let marks: Vec<Level> = best.into_iter().chain([level(ends[1], "median", Ink::Text)]).collect();
    levels(&mut picture, &plot, &[10.0, 24.0], &marks);
    let drawn = job.sample.objective.len() as u64;
    let mut notes = vec![match human::counted(job.sample.total, "point") {
        all if job.sample.total > drawn => format!("{} of {all}", human::count(drawn as i64)),
        all => all,
    }];
    let undefined = job.sample.objective.len() - values.len();
    if undefined > 0 {
        notes.push(format!("{} without an objective", human::count(undefined as i64)));
    }
    if beyond > 0 {
        notes.push(format!("{} beyond the ends", human::count(beyond as i64)));
    }
    Figure::new(
        "objective",
        format!("{} of all trials", job.goal.name),
        notes.join(", "),
        picture,
    )
}

/// The best objective so far over the points in their order, above the points themselves.
pub(super) fn convergence(job: &JobReport) -> Figure {
    let mut values = defined(job);
    let ends = [0.02, 0.98].map(|share| quantile(&mut values, share).unwrap_or(0.0));
    let best = job.best_so_far.iter().map(|step| step.1);
    let scale = Scale::around(ends.into_iter().chain(best));
    let last = job.sample.total.max(2) - 1;
    let mut picture = Picture::new(HALF, 296.0);
    let plot = Plot {
        left: 62.0,
        top: 34.0,
        right: HALF - 12.0,
        bottom: 246.0,
        x: Scale::new(0.0, last as f64),
        y: scale,
    }
    .fitted(job.goal.unit);
    plot.grid_y(&mut picture, job.goal.unit);
    let (low, high) = scale.ends();
    for i in spread(job.sample.objective.len(), DOTS) {
        let value = job.sample.objective[i];
        if value >= low && value <= high {
            picture.dot(plot.at(job.sample.position[i] as f64, value), 1.4, Ink::Crowd, 0.55);
        }
    }
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (position, value) in &job.best_so_far {
        if let Some((_, before)) = steps.last() {
            steps.push((*position as f64, *before));
        }
        steps.push((*position as f64, *value));
    }
    if let Some((_, value)) = steps.last().copied() {
        steps.push((last as f64, value));
    }
    plot.curve(&mut picture, steps, Ink::Mark, 2.0);
    plot.grid_x(&mut picture, Unit::Count);
    plot.name_x(&mut picture, "points tried");
    legend(
        &mut picture,
        (plot.left, 12.0),
        &[("best so far", Ink::Mark), ("points", Ink::Crowd)],
    );
    let note = match job.best_so_far.last() {
        Some((position, _)) => format!(
            "the best was point {} of {}; it took {} to get there",
            human::count(*position as i64 + 1),
            human::count(job.sample.total as i64),
            human::counted(job.best_so_far.len() as u64 - 1, "improvement")
        ),
        None => String::new(),
    };
    Figure::new("convergence", "Best so far", note, picture)
}
