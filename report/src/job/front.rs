//! Several objectives: the points that no other is better than.

use assay_core::metrics::Unit;

use super::Front;
use crate::decimate::spread;
use crate::human;
use crate::ink::Ink;
use crate::page::{Figure, HALF};
use crate::plot::{Plot, Scale, legend};
use crate::shape::{Anchor, Picture, shortened};

/// Points beside the front that are drawn.
const OTHERS: usize = 1_000;

/// The front, and how its hypervolume grew.
pub(super) fn figures(front: &Front) -> impl Iterator<Item = Figure> {
    let grown = (front.hypervolume.len() > 1).then(|| hypervolume(front));
    std::iter::once(points(front)).chain(grown)
}

fn points(front: &Front) -> Figure {
    let all = || front.front.iter().chain(&front.others);
    let mut picture = Picture::new(HALF, 330.0);
    let plot = Plot {
        left: 66.0,
        top: 44.0,
        right: HALF - 14.0,
        bottom: 280.0,
        x: Scale::around(all().map(|point| point[0])),
        y: Scale::around(all().map(|point| point[1])),
    }
    .fitted(front.units[1]);
    plot.grid_y(&mut picture, front.units[1]);
    for i in spread(front.others.len(), OTHERS) {
        let [x, y] = front.others[i];
        picture.dot(plot.at(x, y), 1.8, Ink::Crowd, 0.5);
    }
    let mut best = front.front.clone();
    best.sort_by(|a, b| a[0].total_cmp(&b[0]));
    plot.curve(&mut picture, best.iter().map(|point| (point[0], point[1])), Ink::Main, 1.2);
    for [x, y] in &best {
        picture.dot(plot.at(*x, *y), 3.4, Ink::Main, 1.0);
    }
    plot.grid_x(&mut picture, front.units[0]);
    let name = |axis: usize| shortened(&front.names[axis], 30);
    let [across, up] = front.smaller.map(|smaller| if smaller { "lower" } else { "higher" });
    plot.name_x(&mut picture, &format!("{}, {across} is better", name(0)));
    let above = format!("{}, {up} is better", name(1));
    picture.text((8.0, 30.0), above, Anchor::Start, Ink::Muted);
    legend(
        &mut picture,
        (plot.left, 12.0),
        &[("front", Ink::Main), ("other points", Ink::Crowd)],
    );
    let note = format!(
        "{} of which no other is better in both",
        human::counted(best.len() as u64, "point")
    );
    Figure::new("front", "Pareto front", note, picture)
}

fn hypervolume(front: &Front) -> Figure {
    let mut picture = Picture::new(HALF, 330.0);
    let last = front.hypervolume.last().map_or(1.0, |step| step.0 as f64);
    let plot = Plot {
        left: 66.0,
        top: 20.0,
        right: HALF - 14.0,
        bottom: 280.0,
        x: Scale::new(0.0, last),
        y: Scale::around(front.hypervolume.iter().map(|step| step.1)).including(0.0),
    }
    .fitted(Unit::Plain);
    plot.grid_y(&mut picture, Unit::Plain);
    plot.curve(
        &mut picture,
        front.hypervolume.iter().map(|(n, volume)| (*n as f64, *volume)),
        Ink::Main,
        1.8,
    );
    plot.grid_x(&mut picture, Unit::Count);
    plot.name_x(&mut picture, "points tried");
    Figure::new(
        "hypervolume",
        "Hypervolume",
        "what the front is better than, over the points in their order",
        picture,
    )
}
