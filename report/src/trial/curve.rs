//! Equity, what holding would have been, and how far below its peak it was.

use assay_core::metrics::Unit;

use super::TrialReport;
use crate::decimate::outline;
use crate::human;
use crate::ink::Ink;
use crate::page::{Figure, WIDTH};
use crate::plot::{Plot, Scale, legend};
use crate::shape::{Anchor, Picture};
use crate::ticks;

/// Where the axis to the left ends.
pub(super) const LEFT: f64 = 84.0;
pub(super) const RIGHT: f64 = WIDTH - 16.0;
const COLUMNS: usize = 860;

/// Equity against buy-and-hold, with drawdown below.
pub(super) fn equity(trial: &TrialReport) -> Figure {
    let mut picture = Picture::new(WIDTH, 452.0);
    let bars = trial.equity.len();
    let x = Scale::new(0.0, bars.saturating_sub(1) as f64);
    let all = trial.equity.iter().chain(&trial.benchmark).copied().chain([trial.capital]);
    let above = Plot {
        left: LEFT,
        top: 30.0,
        right: RIGHT,
        bottom: 286.0,
        x,
        y: Scale::around(all),
    };
    above.grid_y(&mut picture, Unit::Money);
    above.level(&mut picture, trial.capital, Ink::Axis);
    above.curve(&mut picture, thinned(&trial.benchmark), Ink::Other, 1.3);
    above.curve(&mut picture, thinned(&trial.equity), Ink::Main, 1.8);
    let last = |values: &[f64]| values.last().map_or(0.0, |end| end / trial.capital - 1.0);
    let strategy = format!("strategy {}", signed(last(&trial.equity)));
    let holding = format!("buy and hold {}", signed(last(&trial.benchmark)));
    legend(&mut picture, (LEFT, 12.0), &[(&strategy, Ink::Main), (&holding, Ink::Other)]);

    let drawdown = drawdown(&trial.equity, trial.capital);
    let worst = (0..bars).min_by(|a, b| drawdown[*a].total_cmp(&drawdown[*b]));
    let below = Plot {
        top: 316.0,
        bottom: 416.0,
        y: Scale::new(worst.map_or(0.0, |i| drawdown[i]).min(-1e-6) * 1.08, 0.0),
        ..above
    };
    below.grid_y(&mut picture, Unit::Ratio);
    let points: Vec<(f64, f64)> = thinned(&drawdown).collect();
    below.filled(&mut picture, &points, 0.0, Ink::Bad, 0.25);
    below.curve(&mut picture, points, Ink::Bad, 1.2);
    below.moments_x(&mut picture, &trial.times);
    picture.text((LEFT, 302.0), "drawdown", Anchor::Start, Ink::Muted);
    let mut note = span(&trial.times);
    if let Some(bar) = worst.filter(|bar| drawdown[*bar] < 0.0) {
        let at = below.at(bar as f64, drawdown[bar]);
        picture.dot(at, 3.5, Ink::Bad, 1.0);
        let deepest = format!(
            "; deepest drawdown {} on {}",
            human::percent(drawdown[bar]),
            ticks::day(trial.times[bar])
        );
        note.push_str(&deepest);
    }
    let unit = if trial.currency.is_empty() {
        "quote currency"
    } else {
        &trial.currency
    };
    Figure::new("equity", format!("Equity, {unit}"), note, picture)
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

/// Index and value of as many values as can be told apart.
pub(super) fn thinned(values: &[f64]) -> impl Iterator<Item = (f64, f64)> {
    outline(values, COLUMNS).into_iter().map(|i| (i as f64, values[i]))
}

/// `1 Jan 2024 to 3 Feb 2024, 1,234 bars`
pub(super) fn span(times: &[i64]) -> String {
    match (times.first(), times.last()) {
        (Some(first), Some(last)) => {
            let bars = human::count(times.len() as i64);
            format!("{} to {}, {bars} bars", ticks::day(*first), ticks::day(*last))
        }
        _ => "no bars".to_owned(),
    }
}

/// `+1.25 %`
pub(crate) fn signed(ratio: f64) -> String {
    let sign = if ratio >= 0.0 { "+" } else { "" };
    format!("{sign}{}", human::percent(ratio))
}
