//! Where a trial bought and sold.

use assay_core::metrics::Unit;

use super::curve::{LEFT, RIGHT, span, thinned};
use super::{Prices, TradeMark, TrialReport};
use crate::human;
use crate::ink::Ink;
use crate::page::{Figure, WIDTH};
use crate::plot::{Plot, Scale, legend};
use crate::shape::{At, Picture};

/// Bars that are drawn as candles.
const CANDLES: usize = 160;
/// Trades that are drawn with arrows; of more, only lines from entry to exit.
const ARROWS: usize = 120;
/// Trades drawn at all.
const MOST: usize = 3_000;

/// Prices with a line for each trade from entry to exit, green if it won.
pub(super) fn trades_on_price(trial: &TrialReport) -> Figure {
    let mut picture = Picture::new(WIDTH, 356.0);
    let prices = &trial.prices;
    let bars = prices.close.len();
    let plot = Plot {
        left: LEFT,
        top: 30.0,
        right: RIGHT,
        bottom: 320.0,
        x: Scale::new(-0.5, bars as f64 - 0.5),
        y: Scale::around(prices.low.iter().chain(&prices.high).copied()),
    };
    plot.grid_y(&mut picture, Unit::Plain);
    plot.moments_x(&mut picture, &trial.times);
    if bars <= CANDLES {
        candles(&mut picture, &plot, prices);
    } else {
        plot.curve(&mut picture, thinned(&prices.close), Ink::Other, 1.1);
    }
    let step = trial.trades.len().div_ceil(MOST).max(1);
    for trade in trial.trades.iter().step_by(step) {
        let ink = if trade.pnl > 0.0 { Ink::Good } else { Ink::Bad };
        let (entry, exit) = (plot.at(trade.entry_bar as f64, trade.entry_price), exit(&plot, trade));
        picture.line(vec![entry, exit], ink, 1.6);
        if trial.trades.len() <= ARROWS {
            arrow(&mut picture, entry, trade.long, ink);
            picture.dot(exit, 2.6, ink, 1.0);
        }
    }
    legend(
        &mut picture,
        (LEFT, 12.0),
        &[("won", Ink::Good), ("lost", Ink::Bad), ("price", Ink::Other)],
    );
    Figure::new("price", "Trades on price", note(trial, step), picture)
}

fn note(trial: &TrialReport, step: usize) -> String {
    let count = trial.trades.len();
    if count == 0 {
        return format!("{}; no trades", span(&trial.times));
    }
    let long = trial.trades.iter().filter(|trade| trade.long).count();
    let mut notes = vec![format!(
        "{} trades, {} long and {} short, each from entry to exit",
        human::count(count as i64),
        human::count(long as i64),
        human::count((count - long) as i64)
    )];
    if count <= ARROWS {
        notes.push("arrows up buy, arrows down sell short".to_owned());
    }
    if step > 1 {
        notes.push(format!("one of {step} is drawn"));
    }
    notes.join("; ")
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

fn arrow(picture: &mut Picture, at: At, up: bool, ink: Ink) {
    let height = if up { 9.0 } else { -9.0 };
    let foot = at.1 + height;
    picture.area(vec![(at.0 - 4.5, foot), (at.0 + 4.5, foot), at], ink, 1.0);
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
