//! Points as lines over all parameters.

use super::JobReport;
use super::bins::Bins;
use crate::decimate::spread;
use crate::human;
use crate::ink::Ink;
use crate::page::{Figure, WIDTH};
use crate::plot::Scale;
use crate::shape::{Anchor, At, Picture, SIZE, shortened};

/// Best points that are drawn in colour.
const BEST: usize = 100;
/// Others that are drawn in grey.
const OTHERS: usize = 250;
/// Parameters that are drawn.
const MOST: usize = 11;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 316.0;

/// An axis: a parameter, or the objective.
struct Axis<'a> {
    name: &'a str,
    values: &'a [f64],
    scale: Scale,
    low: String,
    high: String,
    x: f64,
}

impl Axis<'_> {
    fn at(&self, point: usize) -> At {
        let share = self.scale.share(self.values[point]).clamp(0.0, 1.0);
        (self.x, BOTTOM - (BOTTOM - TOP) * share)
    }
}

/// One line a point; the best ones coloured by their objective.
pub(super) fn figure(job: &JobReport, searched: &[usize]) -> Figure {
    let shown = &searched[..searched.len().min(MOST)];
    let objective = &job.sample.objective;
    let mut order: Vec<usize> = (0..objective.len()).filter(|i| objective[*i].is_finite()).collect();
    let by_score = |a: &usize, b: &usize| {
        let score = |i: &usize| job.goal.score(objective[*i]);
        score(b).total_cmp(&score(a)).then(a.cmp(b))
    };
    let best = order.len().min(BEST);
    if best < order.len() {
        order.select_nth_unstable_by(best, by_score);
    }
    order[..best].sort_by(by_score);
    let others: Vec<usize> = spread(order.len() - best, OTHERS)
        .into_iter()
        .map(|i| order[best + i])
        .collect();
    let drawn = || order[..best].iter().chain(&others);

    let step = (WIDTH - 160.0) / shown.len() as f64;
    let mut axes: Vec<Axis<'_>> = shown
        .iter()
        .enumerate()
        .map(|(i, param)| axis(job, *param, 70.0 + step * i as f64))
        .collect();
    let scale = Scale::around(drawn().map(|i| objective[*i]));
    let (low, high) = scale.ends();
    axes.push(Axis {
        name: &job.goal.name,
        values: objective,
        scale,
        low: job.goal.text(low),
        high: job.goal.text(high),
        x: WIDTH - 90.0,
    });

    let mut picture = Picture::new(WIDTH, 346.0);
    for point in &others {
        picture.faint_line(axes.iter().map(|axis| axis.at(*point)).collect(), Ink::Other, 1.0, 0.22);
    }
    for (rank, point) in order[..best].iter().enumerate().rev() {
        let heat = Ink::heat(1.0 - 0.9 * rank as f64 / best.max(1) as f64);
        picture.faint_line(axes.iter().map(|axis| axis.at(*point)).collect(), heat, 1.3, 0.75);
    }
    if let Some(point) = order.first() {
        picture.line(axes.iter().map(|axis| axis.at(*point)).collect(), Ink::Mark, 2.6);
    }
    for axis in &axes {
        picture.line(vec![(axis.x, TOP), (axis.x, BOTTOM)], Ink::Axis, 1.5);
        picture.words(
            (axis.x, 12.0),
            shortened(axis.name, 16),
            Anchor::Middle,
            Ink::Text,
            SIZE,
            true,
        );
        picture.text((axis.x, TOP - 13.0), axis.high.as_str(), Anchor::Middle, Ink::Muted);
        picture.text((axis.x, BOTTOM + 14.0), axis.low.as_str(), Anchor::Middle, Ink::Muted);
    }
    let note = format!(
        "the best {} points in colour, the best of all in orange, {} others in grey",
        human::count(best as i64),
        human::count(others.len() as i64)
    );
    Figure::new("parallel", "Parallel coordinates", note, picture)
}

fn axis(job: &JobReport, param: usize, x: f64) -> Axis<'_> {
    let (parameter, values) = (&job.params[param], &job.sample.values[param]);
    let bins = Bins::of(parameter, values);
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let text = |value: f64| match parameter.choices.get(value as usize) {
        Some(choice) => shortened(choice, 14),
        None => human::number(value),
    };
    Axis {
        name: &parameter.name,
        values,
        scale: if parameter.log || bins.log() {
            Scale::logarithmic(low, high)
        } else {
            Scale::new(low, high)
        },
        low: text(low),
        high: text(high),
        x,
    }
}
