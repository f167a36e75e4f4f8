//! The objective along each parameter, whatever the others were.

use super::JobReport;
use super::bins::{Bins, grouped, quantile};
use crate::ink::Ink;
use crate::page::{Figure, WIDTH};
use crate::plot::{Plot, Scale, legend};
use crate::shape::{Anchor, Picture, SIZE, shortened};
use assay_core::metrics::Unit;

const ACROSS: usize = 3;
const HIGH: f64 = 206.0;
/// Parameters that are drawn.
const MOST: usize = 12;

/// Median, middle half and best of the objective in each bin of a parameter.
struct Slice {
    bins: Bins,
    /// Bin, quartiles, and the best.
    rows: Vec<(usize, [f64; 3], f64)>,
}

impl Slice {
    fn of(job: &JobReport, param: usize) -> Self {
        let values = &job.sample.values[param];
        let bins = Bins::of(&job.params[param], values);
        let groups = grouped(&job.sample.objective, bins.len(), |i| bins.index(values[i]));
        let row = |(bin, mut group): (usize, Vec<f64>)| {
            let quartiles = [0.25, 0.5, 0.75].map(|share| quantile(&mut group, share));
            let best = group
                .iter()
                .copied()
                .reduce(|a, b| if job.goal.score(b) > job.goal.score(a) { b } else { a })?;
            Some((bin, [quartiles[0]?, quartiles[1]?, quartiles[2]?], best))
        };
        Self {
            rows: groups.into_iter().enumerate().filter_map(row).collect(),
            bins,
        }
    }
}

/// A small plot for every parameter, all with the same scale.
pub(super) fn figure(job: &JobReport, searched: &[usize]) -> Figure {
    let shown = &searched[..searched.len().min(MOST)];
    let slices: Vec<Slice> = shown.iter().map(|param| Slice::of(job, *param)).collect();
    let seen = slices.iter().flat_map(|slice| &slice.rows);
    let scale = Scale::around(seen.flat_map(|(_, quartiles, best)| quartiles.iter().copied().chain([*best])));
    let note = "by value or range of a parameter, over all values of the others";
    Figure::wide("slices", format!("{} along each parameter", job.goal.name), note, |width| {
        let across = if width < WIDTH { ACROSS - 1 } else { ACROSS };
        lattice(job, shown, &slices, scale, (width, across.min(shown.len())))
    })
}

fn lattice(job: &JobReport, shown: &[usize], slices: &[Slice], scale: Scale, (width, across): (f64, usize)) -> Picture {
    let rows = shown.len().div_ceil(across);
    let mut picture = Picture::new(width, 28.0 + HIGH * rows as f64);
    let entries = [
        ("median", Ink::Main),
        ("middle half", Ink::Crowd),
        ("best", Ink::Good),
        ("the best trial", Ink::Mark),
    ];
    legend(&mut picture, (if width < WIDTH { 8.0 } else { 62.0 }, 10.0), &entries);
    let wide = width / across as f64;
    for (i, (param, slice)) in shown.iter().zip(slices).enumerate() {
        let (left, top) = ((i % across) as f64 * wide, 28.0 + (i / across) as f64 * HIGH);
        let plot = Plot {
            left: 46.0,
            top: top + 24.0,
            right: left + wide - 14.0,
            bottom: top + HIGH - 32.0,
            x: Scale::new(0.0, 1.0),
            y: scale,
        }
        .fitted(job.goal.unit);
        let plot = Plot {
            left: left + plot.left,
            ..plot
        };
        one(&mut picture, job, *param, slice, plot);
    }
    picture
}

fn one(picture: &mut Picture, job: &JobReport, param: usize, slice: &Slice, mut plot: Plot) {
    let parameter = &job.params[param];
    let (first, last) = (slice.bins.middles[0], slice.bins.middles[slice.bins.len() - 1]);
    let category = !parameter.choices.is_empty();
    plot.x = if category {
        Scale::new(-0.5, slice.bins.len() as f64 - 0.5)
    } else if slice.bins.log() || (parameter.log && first > 0.0) {
        Scale::logarithmic(first, last)
    } else {
        Scale::new(first, last)
    };
    plot.grid_y(picture, job.goal.unit);
    let at = |bin: &usize| slice.bins.middles[*bin];
    if category {
        let half = ((plot.right - plot.left) / slice.bins.len() as f64 * 0.3).min(28.0);
        for (bin, [low, middle, high], best) in &slice.rows {
            let x = plot.x_at(at(bin));
            picture.bar((x - half, plot.y_at(*high)), (x + half, plot.y_at(*low)), Ink::Crowd, 0.45);
            let y = plot.y_at(*middle);
            picture.line(vec![(x - half, y), (x + half, y)], Ink::Main, 2.0);
            picture.dot((x, plot.y_at(*best)), 3.0, Ink::Good, 1.0);
        }
        let names = slice.bins.names.iter().enumerate();
        let marks: Vec<_> = names.map(|(i, name)| (plot.x_at(i as f64), shortened(name, 14))).collect();
        plot.marks_below(picture, marks.into_iter());
    } else {
        let upper = slice.rows.iter().map(|(bin, quartiles, _)| plot.at(at(bin), quartiles[2]));
        let lower = slice
            .rows
            .iter()
            .rev()
            .map(|(bin, quartiles, _)| plot.at(at(bin), quartiles[0]));
        picture.area(upper.chain(lower).collect(), Ink::Crowd, 0.35);
        plot.curve(picture, slice.rows.iter().map(|(bin, q, _)| (at(bin), q[1])), Ink::Main, 1.8);
        plot.curve(
            picture,
            slice.rows.iter().map(|(bin, _, best)| (at(bin), *best)),
            Ink::Good,
            1.2,
        );
        plot.grid_x(picture, Unit::Plain);
    }
    if let Some(best) = &job.best {
        let x = plot.x_at(best.values[param]);
        picture.line(vec![(x, plot.top), (x, plot.bottom)], Ink::Mark, 1.2);
    }
    let name = shortened(&parameter.name, 34);
    picture.words((plot.left, plot.top - 12.0), name, Anchor::Start, Ink::Text, SIZE, true);
}
