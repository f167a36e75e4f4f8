//! Walk-forward: what was found, and what it was worth afterwards.

use super::{Fold, JobReport};
use crate::ink::Ink;
use crate::page::{Figure, WIDTH};
use crate::plot::{Plot, Scale, legend};
use crate::shape::{Picture, shortened};

/// Two bars a fold: the objective where it was optimized, and on the window after it.
pub(super) fn figure(job: &JobReport) -> Figure {
    let folds = &job.folds;
    let mut picture = Picture::new(WIDTH, 300.0);
    let values = folds.iter().flat_map(|fold| [fold.inside, fold.outside]).flatten();
    let plot = Plot {
        left: 76.0,
        top: 30.0,
        right: WIDTH - 16.0,
        bottom: 260.0,
        x: Scale::new(-0.5, folds.len() as f64 - 0.5),
        y: Scale::around(values).including(0.0),
    };
    plot.grid_y(&mut picture, job.goal.unit);
    let half = ((plot.right - plot.left) / folds.len() as f64 * 0.36).min(36.0);
    let zero = plot.y_at(0.0);
    for (i, fold) in folds.iter().enumerate() {
        let x = plot.x_at(i as f64);
        let bars = [(x - half, fold.inside, Ink::Crowd), (x, fold.outside, outside_ink(job, fold))];
        for (left, value, ink) in bars {
            if let Some(value) = value {
                picture.bar((left + 1.0, plot.y_at(value)), (left + half - 1.0, zero), ink, 1.0);
            }
        }
    }
    plot.level(&mut picture, 0.0, Ink::Axis);
    let marks: Vec<_> = folds
        .iter()
        .enumerate()
        .map(|(i, fold)| (plot.x_at(i as f64), shortened(&fold.name, 18)))
        .collect();
    plot.marks_below(&mut picture, marks.into_iter());
    let entries = [
        ("in sample", Ink::Crowd),
        ("out of sample, gain", Ink::Good),
        ("loss", Ink::Bad),
    ];
    legend(&mut picture, (76.0, 10.0), &entries);
    let title = format!("{} in and out of sample", job.goal.name);
    let note = "each fold's winner where it was found, and on the window that follows";
    Figure::new("folds", title, note, picture)
}

fn outside_ink(job: &JobReport, fold: &Fold) -> Ink {
    match fold.outside {
        Some(value) if job.goal.score(value) >= 0.0 => Ink::Good,
        _ => Ink::Bad,
    }
}
