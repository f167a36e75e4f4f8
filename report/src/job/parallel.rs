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
/// Parameters that can be told apart on half of the width.
const NARROW: usize = 4;
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
    let (coloured, grey) = (best as u64, others.len() as u64);
    let coloured = format!("the best {} in colour", human::counted(coloured, "point"));
    let greys = (grey > 0).then(|| format!("{} in grey", human::counted(grey, "other")));
    let notes = [Some(coloured), Some("the best of all in orange".to_owned()), greys];
    let note = notes.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let draw = |width: f64| lines(job, shown, (&order[..best], &others), width);
    if shown.len() <= NARROW {
        Figure::wide("parallel", "Parallel coordinates", note, draw)
    } else {
        Figure::new("parallel", "Parallel coordinates", note, draw(WIDTH))
    }
}

fn lines(job: &JobReport, shown: &[usize], (best, others): (&[usize], &[usize]), width: f64) -> Picture {
    let objective = &job.sample.objective;
    let aside = if width < WIDTH { (40.0, 48.0) } else { (70.0, 90.0) };
    let step = (width - aside.0 - aside.1) / shown.len() as f64;
    let letters = ((step / 7.4) as usize).min(16);
    let mut axes: Vec<Axis<'_>> = shown
        .iter()
        .enumerate()
        .map(|(i, param)| axis(job, *param, aside.0 + step * i as f64))
        .collect();
    let scale = Scale::around(best.iter().chain(others).map(|i| objective[*i]));
    let (low, high) = scale.ends();
    axes.push(Axis {
        name: &job.goal.name,
        values: objective,
        scale,
        low: job.goal.text(low),
        high: job.goal.text(high),
        x: width - aside.1,
    });

    let mut picture = Picture::new(width, 346.0);
    for point in others {
        picture.faint_line(axes.iter().map(|axis| axis.at(*point)).collect(), Ink::Other, 1.0, 0.22);
    }
    for (rank, point) in best.iter().enumerate().rev() {
        let heat = Ink::heat(1.0 - 0.9 * rank as f64 / best.len().max(1) as f64);
        picture.faint_line(axes.iter().map(|axis| axis.at(*point)).collect(), heat, 1.3, 0.75);
    }
    if let Some(point) = best.first() {
        picture.line(axes.iter().map(|axis| axis.at(*point)).collect(), Ink::Mark, 2.6);
    }
    for axis in &axes {
        picture.line(vec![(axis.x, TOP), (axis.x, BOTTOM)], Ink::Axis, 1.5);
        picture.words(
            (axis.x, 12.0),
            shortened(axis.name, letters),
            Anchor::Middle,
            Ink::Text,
            SIZE,
            true,
        );
        picture.text((axis.x, TOP - 13.0), axis.high.as_str(), Anchor::Middle, Ink::Muted);
        picture.text((axis.x, BOTTOM + 14.0), axis.low.as_str(), Anchor::Middle, Ink::Muted);
    }
    picture
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
