//! Where a trial bought and sold.

use assay_core::metrics::Unit;

use super::curve::{LEFT, RIGHT, span, thinned};
use super::{Prices, TradeMark, TrialReport};
use crate::human;
use crate::ink::Ink;
use crate::page::{Figure, WIDTH, note};
use crate::plot::{Plot, Scale, legend};
use crate::shape::{Anchor, At, Picture, SIZE, width_of};
use crate::ticks;

/// Bars that are drawn as candles.
const CANDLES: usize = 160;
/// Trades that are drawn with arrows; of more, only lines from entry to exit.
const ARROWS: usize = 120;
/// Trades drawn at all.
const MOST: usize = 3_000;
/// Height of what shows when there was a position.
const LANE: f64 = 14.0;

/// Prices with a line for each trade from entry to exit, green if it won, and below when there was a position on which side.
pub(super) fn trades_on_price(trial: &TrialReport) -> Figure {
    let step = trial.trades.len().div_ceil(MOST).max(1);
    Figure::wide("price", "Trades on price", told(trial, step), |width| {
        picture(trial, step, width)
    })
}

fn picture(trial: &TrialReport, step: usize, width: f64) -> Picture {
    let lanes = if trial.trades.is_empty() { 0.0 } else { 2.0 * LANE + 6.0 };
    let mut picture = Picture::new(width, 356.0 + lanes);
    let prices = &trial.prices;
    let bars = prices.close.len();
    let plot = Plot {
        left: if width < WIDTH { 48.0 } else { LEFT },
        top: 30.0,
        right: width - RIGHT,
        bottom: 320.0,
        x: Scale::new(-0.5, bars as f64 - 0.5),
        y: Scale::around(prices.low.iter().chain(&prices.high).copied()),
    }
    .fitted(Unit::Plain);
    plot.gaps_x(&mut picture, &trial.times);
    plot.grid_y(&mut picture, Unit::Plain);
    let below = Plot {
        bottom: plot.bottom + lanes,
        ..plot
    };
    below.moments_x(&mut picture, &trial.times);
    if bars <= CANDLES {
        candles(&mut picture, &plot, prices);
    } else {
        plot.curve(&mut picture, thinned(&prices.close, width), Ink::Other, 1.1);
    }
    let arrows = trial.trades.len() <= ARROWS;
    for trade in trial.trades.iter().step_by(step) {
        let ink = if trade.pnl > 0.0 { Ink::Good } else { Ink::Bad };
        let (entry, exit) = (plot.at(trade.entry_bar as f64, trade.entry_price), exit(&plot, trade));
        picture.line(vec![entry, exit], ink, 1.6);
        if arrows {
            picture.dot(exit, 2.6, ink, 1.0);
        }
    }
    // Above all lines, so that none hides where a trade began.
    for trade in trial.trades.iter().filter(|_| arrows) {
        arrow(&mut picture, plot.at(trade.entry_bar as f64, trade.entry_price), trade.long);
    }
    if !trial.trades.is_empty() {
        positions(&mut picture, &plot, trial);
    }
    explain(&mut picture, &plot, trial, arrows);
    picture
}

/// What the colours and the arrows are.
fn explain(picture: &mut Picture, plot: &Plot, trial: &TrialReport, arrows: bool) {
    let all = [("won", Ink::Good), ("lost", Ink::Bad), ("price", Ink::Other)];
    let shown = if trial.trades.is_empty() { &all[2..] } else { &all[..] };
    let mut x = legend(picture, (plot.left, 12.0), shown);
    if arrows {
        for (name, long) in [("long", true), ("short", false)] {
            if trial.trades.iter().any(|trade| trade.long == long) {
                arrow(picture, (x + 6.0, if long { 7.0 } else { 17.0 }), long);
                picture.text((x + 18.0, 12.0), name, Anchor::Start, Ink::Muted);
                x += 18.0 + width_of(name, SIZE) + 18.0;
            }
        }
    }
}

fn side(long: bool) -> Ink {
    if long { Ink::Long } else { Ink::Short }
}

/// Two lanes below the prices, filled where there was a long and where there was a short position.
fn positions(picture: &mut Picture, plot: &Plot, trial: &TrialReport) {
    /// Narrower ones would not be seen.
    const LEAST: f64 = 0.8;
    for (lane, (name, long)) in [("long", true), ("short", false)].into_iter().enumerate() {
        let top = plot.bottom + 6.0 + LANE * lane as f64;
        picture.text((plot.left - 8.0, top + LANE / 2.0), name, Anchor::End, side(long));
        picture.bar((plot.left, top + 2.0), (plot.right, top + LANE - 2.0), Ink::Grid, 0.6);
        let mut runs: Vec<(f64, f64)> = Vec::new();
        for trade in trial.trades.iter().filter(|trade| trade.long == long) {
            let from = plot.x_at(trade.entry_bar as f64);
            let to = plot.x_at(trade.exit_bar as f64).max(from + LEAST);
            match runs.last_mut() {
                // What cannot be told apart is one.
                Some(last) if from < last.1 + LEAST / 2.0 => last.1 = last.1.max(to),
                _ => runs.push((from, to)),
            }
        }
        for (from, to) in runs {
            picture.bar((from, top + 2.0), (to, top + LANE - 2.0), side(long), 1.0);
        }
    }
}

fn told(trial: &TrialReport, step: usize) -> String {
    let count = trial.trades.len();
    if count == 0 {
        let bars = span(&trial.times);
        return note([&bars, "no trades", &ticks::gaps_told(&trial.times)]);
    }
    let long = trial.trades.iter().filter(|trade| trade.long).count();
    let trades = format!(
        "{}, {} long and {} short, each from entry to exit",
        human::counted(count as u64, "trade"),
        human::count(long as i64),
        human::count((count - long) as i64)
    );
    let drawn = if step > 1 {
        format!("one of {step} is drawn")
    } else {
        String::new()
    };
    note([&trades, &drawn, &ticks::gaps_told(&trial.times)].map(String::as_str))
}

fn exit(plot: &Plot, trade: &TradeMark) -> At {
    // A trade within a bar is drawn as high as it was, and wide enough to be seen.
    let bar = if trade.exit_bar > trade.entry_bar {
        trade.exit_bar as f64
    } else {
        trade.entry_bar as f64 + 0.3
    };
    plot.at(bar, trade.exit_price)
}

/// Up where was bought, down where was sold short, on a rim that keeps it apart from what is below.
fn arrow(picture: &mut Picture, at: At, long: bool) {
    let down = if long { 1.0 } else { -1.0 };
    let triangle = |half: f64, tip: f64, foot: f64| {
        let foot = at.1 + foot * down;
        vec![(at.0 - half, foot), (at.0 + half, foot), (at.0, at.1 + tip * down)]
    };
    picture.area(triangle(7.0, -2.2, 11.2), Ink::Surface, 1.0);
    picture.area(triangle(5.0, 0.0, 10.0), side(long), 1.0);
}

fn candles(picture: &mut Picture, plot: &Plot, prices: &Prices) {
    let half = ((plot.right - plot.left) / prices.close.len().max(1) as f64 * 0.32).clamp(0.8, 6.0);
    for i in 0..prices.close.len() {
        let x = plot.x_at(i as f64);
        let (open, close) = (plot.y_at(prices.open[i]), plot.y_at(prices.close[i]));
        picture.line(
            vec![(x, plot.y_at(prices.high[i])), (x, plot.y_at(prices.low[i]))],
            Ink::Other,
            1.0,
        );
        // A bar that closes higher is hollow.
        let (top, bottom) = (open.min(close), open.max(close).max(open.min(close) + 1.0));
        picture.bar((x - half, top), (x + half, bottom), Ink::Other, 1.0);
        if close < open && half > 1.5 && bottom - top > 2.0 {
            picture.bar((x - half + 1.0, top + 1.0), (x + half - 1.0, bottom - 1.0), Ink::Surface, 1.0);
        }
    }
}
