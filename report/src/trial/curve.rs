//! Equity, what holding would have been, and how far below its peak it was.

use assay_core::metrics::Unit;

use super::TrialReport;
use crate::decimate::outline;
use crate::human;
use crate::ink::Ink;
use crate::page::{Figure, WIDTH, note};
use crate::plot::{Plot, Scale, legend};
use crate::shape::{Anchor, Picture};
use crate::ticks;

/// Where the axis to the left begins, unless its words need more.
pub(super) const LEFT: f64 = 84.0;
/// What lies between the right end of a plot and of its picture.
pub(super) const RIGHT: f64 = 16.0;

/// Equity against buy-and-hold, with drawdown below.
pub(super) fn equity(trial: &TrialReport) -> Figure {
    let below_peak = drawdown(&trial.equity, trial.capital);
    let worst = (0..below_peak.len()).min_by(|a, b| below_peak[*a].total_cmp(&below_peak[*b]));
    let worst = worst.filter(|bar| below_peak[*bar] < -DUST);
    let deepest = worst.map_or_else(String::new, |bar| {
        let percent = human::percent(below_peak[bar]);
        format!("deepest drawdown {percent} on {}", ticks::day(trial.times[bar]))
    });
    let note = note([&span(&trial.times), &deepest, &ticks::gaps_told(&trial.times)].map(String::as_str));
    let unit = if trial.currency.is_empty() {
        "quote currency"
    } else {
        &trial.currency
    };
    Figure::wide("equity", format!("Equity, {unit}"), note, |width| {
        picture(trial, &below_peak, worst, width)
    })
}

fn picture(trial: &TrialReport, below_peak: &[f64], worst: Option<usize>, width: f64) -> Picture {
    let mut picture = Picture::new(width, 452.0);
    let x = Scale::new(0.0, trial.equity.len().saturating_sub(1) as f64);
    let all = trial.equity.iter().chain(&trial.benchmark).copied().chain([trial.capital]);
    let mut above = Plot {
        left: if width < WIDTH { 0.0 } else { LEFT },
        top: 30.0,
        right: width - RIGHT,
        bottom: 286.0,
        x,
        y: Scale::around(all),
    }
    .fitted(Unit::Money);
    let below = Plot {
        top: 316.0,
        bottom: 416.0,
        y: depth(worst.map_or(0.0, |bar| below_peak[bar])),
        ..above
    }
    .fitted(Unit::Ratio);
    above.left = below.left;
    above.gaps_x(&mut picture, &trial.times);
    below.gaps_x(&mut picture, &trial.times);
    above.grid_y(&mut picture, Unit::Money);
    above.level(&mut picture, trial.capital, Ink::Axis);
    above.curve(&mut picture, thinned(&trial.benchmark, width), Ink::Other, 1.3);
    above.curve(&mut picture, thinned(&trial.equity, width), Ink::Main, 1.8);
    let last = |values: &[f64]| values.last().map_or(0.0, |end| end / trial.capital - 1.0);
    let strategy = format!("strategy {}", signed(last(&trial.equity)));
    let holding = format!("buy and hold {}", signed(last(&trial.benchmark)));
    let entries = [(strategy.as_str(), Ink::Main), (holding.as_str(), Ink::Other)];
    legend(&mut picture, (above.left, 12.0), &entries);
    below.grid_y(&mut picture, Unit::Ratio);
    let points: Vec<(f64, f64)> = thinned(below_peak, width).collect();
    below.filled(&mut picture, &points, 0.0, Ink::Bad, 0.25);
    below.curve(&mut picture, points, Ink::Bad, 1.2);
    below.moments_x(&mut picture, &trial.times);
    picture.text((above.left, 302.0), "drawdown", Anchor::Start, Ink::Muted);
    if let Some(bar) = worst {
        picture.dot(below.at(bar as f64, below_peak[bar]), 3.5, Ink::Bad, 1.0);
    }
    picture
}

/// Less than this is what is left of adding up numbers, not a drawdown.
const DUST: f64 = 1e-9;

/// From the deepest drawdown to none; some depth also where there was none.
pub(crate) fn depth(worst: f64) -> Scale {
    let low = if worst < -DUST { worst * 1.08 } else { -0.01 };
    Scale::new(low, 0.0)
}

/// How far equity is below its peak so far, the first peak being the capital: 0 or a negative ratio.
pub fn drawdown(equity: &[f64], capital: f64) -> Vec<f64> {
    let mut peak = capital;
    let below = |e: &f64| {
        peak = peak.max(*e);
        e / peak - 1.0
    };
    equity.iter().map(below).collect()
}

/// Index and value of as many values as can be told apart in a picture of some width.
pub(crate) fn thinned(values: &[f64], width: f64) -> impl Iterator<Item = (f64, f64)> {
    let columns = (width * 0.9) as usize;
    outline(values, columns).into_iter().map(|i| (i as f64, values[i]))
}

/// `1 Jan 2024 to 3 Feb 2024, 1,234 bars`
pub(super) fn span(times: &[i64]) -> String {
    match (times.first(), times.last()) {
        (Some(first), Some(last)) => {
            let bars = human::counted(times.len() as u64, "bar");
            format!("{} to {}, {bars}", ticks::day(*first), ticks::day(*last))
        }
        _ => "no bars".to_owned(),
    }
}

/// `+1.25 %`
pub(crate) fn signed(ratio: f64) -> String {
    let text = human::percent(ratio);
    let gain = ratio > 0.0 && text != human::percent(0.0);
    format!("{}{text}", if gain { "+" } else { "" })
}
