//! Walk-forward: the stitched curve of all test windows, what each fold kept of what its search had found, and where the winners went.

use assay_core::metrics::Unit;

use super::{Fold, Goal, Walk};
use crate::decimate::spread;
use crate::human;
use crate::ink::Ink;
use crate::page::{Block, Figure, HALF, WIDTH, note};
use crate::plot::{Plot, Scale, legend};
use crate::shape::{Anchor, Picture, SIZE, shortened, width_of};
use crate::ticks;
use crate::trial::{depth, drawdown, signed, thinned};

/// Parameters whose way is drawn.
const WAYS: usize = 8;
const LANE: f64 = 44.0;

/// All that is drawn of a walk on one instrument.
pub(super) fn blocks(goal: &Goal, walk: &Walk) -> Vec<Block> {
    let mut blocks = Vec::new();
    if walk.curve.len() > 1 {
        blocks.push(Block::Figure(curve(walk)));
    }
    blocks.push(Block::Figure(folds(goal, walk)));
    let kept = walk.folds.iter().any(|fold| fold.efficiency.is_some());
    let drawn = walk.drift.iter().any(|drift| drift.values.iter().flatten().count() > 1);
    if kept {
        blocks.push(Block::Figure(efficiency(walk, drawn)));
    }
    if drawn {
        blocks.push(Block::Figure(drift(walk, kept)));
    }
    if !walk.table.rows.is_empty() {
        blocks.push(Block::Table(walk.table.clone()));
    }
    blocks
}

/// Equity over all test windows, one fold after the other, with drawdown below.
fn curve(walk: &Walk) -> Figure {
    let times: Vec<i64> = walk.curve.iter().map(|point| point.0).collect();
    let what = format!(
        "{} to {}: the winner of each of {} in the window after it, one after the other",
        ticks::day(times[0]),
        ticks::day(times[times.len() - 1]),
        human::counted(walk.folds.len() as u64, "fold")
    );
    let note = note([&what, &ticks::gaps_told(&times)].map(String::as_str));
    Figure::wide("walk", titled("Out of sample", walk), note, |width| {
        curve_picture(walk, &times, width)
    })
}

fn curve_picture(walk: &Walk, times: &[i64], width: f64) -> Picture {
    let mut picture = Picture::new(width, 410.0);
    let equity: Vec<f64> = walk.curve.iter().map(|point| point.1).collect();
    let below_peak = drawdown(&equity, walk.capital);
    let mut above = Plot {
        left: if width < WIDTH { 0.0 } else { 84.0 },
        top: 30.0,
        right: width - 16.0,
        bottom: 250.0,
        x: Scale::new(0.0, times.len() as f64 - 1.0),
        y: Scale::around(equity.iter().copied().chain([walk.capital])),
    }
    .fitted(Unit::Money);
    let below = Plot {
        top: 284.0,
        bottom: 374.0,
        y: depth(below_peak.iter().copied().fold(0.0, f64::min)),
        ..above
    }
    .fitted(Unit::Ratio);
    above.left = below.left;
    // Every other fold on a shade, so that it is seen where one ends.
    let starts: Vec<f64> = walk
        .folds
        .iter()
        .map(|fold| times.partition_point(|time| *time <= fold.from) as f64)
        .collect();
    for (i, start) in starts.iter().enumerate().skip(1).step_by(2) {
        let end = starts.get(i + 1).copied().unwrap_or(times.len() as f64 - 1.0);
        picture.bar(
            (above.x_at(*start), above.top),
            (above.x_at(end), below.bottom),
            Ink::Grid,
            0.6,
        );
    }
    above.gaps_x(&mut picture, times);
    below.gaps_x(&mut picture, times);
    above.grid_y(&mut picture, Unit::Money);
    above.level(&mut picture, walk.capital, Ink::Axis);
    above.curve(&mut picture, thinned(&equity, width), Ink::Main, 1.8);
    let total = equity.last().map_or(0.0, |end| end / walk.capital - 1.0);
    let name = format!("out of sample {}", signed(total));
    legend(&mut picture, (above.left, 12.0), &[(&name, Ink::Main)]);
    below.grid_y(&mut picture, Unit::Ratio);
    let points: Vec<(f64, f64)> = thinned(&below_peak, width).collect();
    below.filled(&mut picture, &points, 0.0, Ink::Bad, 0.25);
    below.curve(&mut picture, points, Ink::Bad, 1.2);
    below.moments_x(&mut picture, times);
    picture.text((above.left, 268.0), "drawdown", Anchor::Start, Ink::Muted);
    picture
}

fn titled(title: &str, walk: &Walk) -> String {
    match &walk.instrument {
        Some(name) => format!("{title}, {name}"),
        None => title.to_owned(),
    }
}

/// Two bars a fold: the objective where it was optimized, and on the window after it.
fn folds(goal: &Goal, walk: &Walk) -> Figure {
    let title = titled(&format!("{} in and out of sample", goal.name), walk);
    let note = "each fold's winner where it was found, and on the window that follows";
    Figure::wide("folds", title, note, |width| folds_picture(goal, &walk.folds, width))
}

fn folds_picture(goal: &Goal, folds: &[Fold], width: f64) -> Picture {
    let mut picture = Picture::new(width, 300.0);
    let values = folds.iter().flat_map(|fold| [fold.inside, fold.outside]).flatten();
    let plot = Plot {
        left: if width < WIDTH { 0.0 } else { 76.0 },
        top: 30.0,
        right: width - 16.0,
        bottom: 260.0,
        x: Scale::new(-0.5, folds.len() as f64 - 0.5),
        y: Scale::around(values).including(0.0),
    }
    .fitted(goal.unit);
    plot.grid_y(&mut picture, goal.unit);
    let half = ((plot.right - plot.left) / folds.len() as f64 * 0.36).min(36.0);
    let zero = plot.y_at(0.0);
    for (i, fold) in folds.iter().enumerate() {
        let x = plot.x_at(i as f64);
        let outside = match fold.outside {
            Some(value) if goal.score(value) >= 0.0 => Ink::Good,
            _ => Ink::Bad,
        };
        for (left, value, ink) in [(x - half, fold.inside, Ink::Crowd), (x, fold.outside, outside)] {
            if let Some(value) = value {
                picture.bar((left + 1.0, plot.y_at(value)), (left + half - 1.0, zero), ink, 1.0);
            }
        }
    }
    plot.level(&mut picture, 0.0, Ink::Axis);
    names_below(&mut picture, &plot, folds);
    let entries = [
        ("in sample", Ink::Crowd),
        ("out of sample, gain", Ink::Good),
        ("loss", Ink::Bad),
    ];
    legend(&mut picture, (plot.left, 10.0), &entries);
    picture
}

fn names_below(picture: &mut Picture, plot: &Plot, folds: &[Fold]) {
    let marks: Vec<(f64, String)> = folds
        .iter()
        .enumerate()
        .map(|(i, fold)| (plot.x_at(i as f64), shortened(&fold.name, 18)))
        .collect();
    plot.marks_below(picture, marks.into_iter());
}

/// What each fold kept of the annual return of its training window.
fn efficiency(walk: &Walk, half: bool) -> Figure {
    let note = "annual return out of sample over that in sample; none where the latter is no gain";
    let title = titled("Efficiency", walk);
    if half {
        Figure::new("efficiency", title, note, efficiency_picture(walk, HALF))
    } else {
        Figure::wide("efficiency", title, note, |width| efficiency_picture(walk, width))
    }
}

fn efficiency_picture(walk: &Walk, width: f64) -> Picture {
    let mut picture = Picture::new(width, 300.0);
    let known = walk.folds.iter().filter_map(|fold| fold.efficiency);
    // A fold that hardly gained in sample has an efficiency of thousands of per cent; the others matter.
    let plot = Plot {
        left: 66.0,
        top: 34.0,
        right: width - 14.0,
        bottom: 260.0,
        x: Scale::new(-0.5, walk.folds.len() as f64 - 0.5),
        y: Scale::around(known.map(|share| share.clamp(-3.0, 3.0)).chain([1.0])).including(0.0),
    }
    .fitted(Unit::Ratio);
    plot.grid_y(&mut picture, Unit::Ratio);
    let half = ((plot.right - plot.left) / walk.folds.len() as f64 * 0.3).min(24.0);
    let zero = plot.y_at(0.0);
    for (i, fold) in walk.folds.iter().enumerate() {
        if let Some(share) = fold.efficiency {
            let (x, ink) = (plot.x_at(i as f64), if share > 0.0 { Ink::Good } else { Ink::Bad });
            let y = plot.y_at(share.clamp(-3.0, 3.0));
            picture.bar((x - half, y), (x + half, zero), ink, 1.0);
        }
    }
    plot.level(&mut picture, 0.0, Ink::Axis);
    plot.level(&mut picture, 1.0, Ink::Other);
    let mut entries = vec![("all of it was kept".to_owned(), Ink::Other)];
    if let Some(share) = walk.efficiency {
        let y = plot.y_at(share.clamp(-3.0, 3.0));
        picture.line(vec![(plot.left, y), (plot.right, y)], Ink::Mark, 1.6);
        entries.insert(0, (format!("all folds {}", human::percent(share)), Ink::Mark));
    }
    let entries: Vec<(&str, Ink)> = entries.iter().map(|(text, ink)| (text.as_str(), *ink)).collect();
    legend(&mut picture, (plot.left, 12.0), &entries);
    names_below(&mut picture, &plot, &walk.folds);
    picture
}

/// Where each parameter of the winners lay in its range, fold after fold.
fn drift(walk: &Walk, half: bool) -> Figure {
    let note = "the winners' parameters from the lowest to the highest of their ranges; right: mean step from fold to fold";
    let title = titled("Drift of parameters", walk);
    if half {
        Figure::new("drift", title, note, drift_picture(walk, HALF))
    } else {
        Figure::wide("drift", title, note, |width| drift_picture(walk, width))
    }
}

fn drift_picture(walk: &Walk, width: f64) -> Picture {
    let shown: Vec<_> = walk
        .drift
        .iter()
        .filter(|drift| drift.values.iter().flatten().count() > 1)
        .take(WAYS)
        .collect();
    let high = 60.0 + LANE * shown.len() as f64;
    let mut picture = Picture::new(width, high.max(300.0));
    let names: Vec<String> = shown.iter().map(|drift| shortened(&drift.name, 18)).collect();
    let left = names.iter().map(|name| width_of(name, SIZE)).fold(0.0, f64::max) + 20.0;
    let lane = ((picture.height - 60.0) / shown.len() as f64).min(110.0);
    let x = Scale::new(-0.5, walk.folds.len() as f64 - 0.5);
    let mut last = 20.0;
    for (i, (drift, name)) in shown.iter().zip(&names).enumerate() {
        let plot = Plot {
            left,
            top: 20.0 + lane * i as f64 + 8.0,
            right: width - 70.0,
            bottom: 20.0 + lane * (i as f64 + 1.0) - 8.0,
            x,
            y: Scale::new(drift.range.0, drift.range.1),
        };
        picture.bar((plot.left, plot.top), (plot.right, plot.bottom), Ink::Grid, 0.6);
        let way = drift.values.iter().enumerate();
        let way: Vec<(f64, f64)> = way.map(|(fold, value)| (fold as f64, value.unwrap_or(f64::NAN))).collect();
        plot.curve(&mut picture, way.iter().copied(), Ink::Main, 1.4);
        for place in spread(way.len(), 120) {
            if way[place].1.is_finite() {
                picture.dot(plot.at(way[place].0, way[place].1), 2.6, Ink::Main, 1.0);
            }
        }
        let middle = f64::midpoint(plot.top, plot.bottom);
        picture.text((left - 10.0, middle), name.as_str(), Anchor::End, Ink::Text);
        let share = drift.share.map_or_else(|| human::UNDEFINED.to_owned(), human::percent);
        picture.text((plot.right + 10.0, middle), share, Anchor::Start, Ink::Muted);
        last = plot.bottom + 8.0;
    }
    let plot = Plot {
        left,
        top: 20.0,
        right: width - 70.0,
        bottom: last,
        x,
        y: Scale::new(0.0, 1.0),
    };
    names_below(&mut picture, &plot, &walk.folds);
    picture
}
