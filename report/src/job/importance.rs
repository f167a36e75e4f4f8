//! Which parameters the objective depends on.

use assay_core::metrics::Unit;

use super::{Importance, JobReport};
use crate::human;
use crate::ink::Ink;
use crate::page::{Figure, HALF};
use crate::plot::{Plot, Scale};
use crate::shape::{Anchor, Picture, SIZE, shortened, width_of};

/// Bars that are drawn.
const MOST: usize = 12;
const HIGH: f64 = 430.0;

/// A bar for each parameter and each pair that explains something.
pub(super) fn figure(job: &JobReport) -> Figure {
    let shown: Vec<&Importance> = job
        .importance
        .iter()
        .filter(|importance| importance.names.len() == 1 || importance.share >= 0.01)
        .take(MOST)
        .collect();
    let names: Vec<String> = shown
        .iter()
        .map(|importance| shortened(&importance.names.join(" \u{d7} "), 24))
        .collect();
    let left = names.iter().map(|name| width_of(name, SIZE)).fold(0.0, f64::max) + 16.0;
    let most = shown
        .iter()
        .map(|importance| importance.share + importance.spread)
        .fold(0.05, f64::max);
    let mut picture = Picture::new(HALF, HIGH);
    let row = ((HIGH - 80.0) / shown.len().max(1) as f64).min(60.0);
    let plot = Plot {
        left,
        top: 8.0,
        right: HALF - 62.0,
        bottom: 16.0 + row * shown.len() as f64,
        x: Scale::new(0.0, most),
        y: Scale::new(0.0, 1.0),
    };
    for (value, _) in plot.x.marks(Unit::Ratio, 4) {
        let x = plot.x_at(value);
        picture.line(vec![(x, plot.top), (x, plot.bottom)], Ink::Grid, 1.0);
    }
    for (i, (importance, name)) in shown.iter().zip(&names).enumerate() {
        let y = 12.0 + row * (i as f64 + 0.5);
        let half = (row * 0.28).min(14.0);
        let ink = if importance.names.len() == 1 { Ink::Main } else { Ink::Crowd };
        picture.bar(
            (plot.left, y - half),
            (plot.x_at(importance.share).max(plot.left + 1.0), y + half),
            ink,
            1.0,
        );
        let ends = [importance.share - importance.spread, importance.share + importance.spread];
        let [low, high] = ends.map(|share| plot.x_at(share.max(0.0)));
        picture.line(vec![(low, y), (high, y)], Ink::Text, 1.2);
        picture.text((plot.left - 8.0, y), name.as_str(), Anchor::End, Ink::Text);
        picture.text((high + 8.0, y), human::percent(importance.share), Anchor::Start, Ink::Muted);
    }
    plot.grid_x(&mut picture, Unit::Ratio);
    let note =
        "share of the objective's variance over the whole space (fANOVA on a forest); dark line: one deviation over its trees";
    Figure::new("importance", "Importance of parameters", note, picture)
}
