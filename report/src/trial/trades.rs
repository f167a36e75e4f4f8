//! Trades: what each brought, what it cost, and how much of the time there was one.

use assay_core::metrics::Unit;

use super::TrialReport;
use super::curve::{LEFT, RIGHT, thinned};
use super::returns::histogram;
use crate::human;
use crate::ink::Ink;
use crate::page::{Figure, HALF, WIDTH, note};
use crate::plot::{Plot, Scale, legend};
use crate::shape::Picture;
use crate::ticks;

/// How wide a bar of the exposure picture is.
const SHARE: f64 = 10.0;

/// How often trades brought how much.
pub(super) fn distribution(trial: &TrialReport) -> Figure {
    let closed: Vec<f64> = trial
        .trades
        .iter()
        .filter(|trade| !trade.open)
        .map(|trade| trade.ret)
        .collect();
    histogram("trade_returns", "Returns of closed trades", &closed, Unit::Ratio)
}

/// Profit with and without costs, summed from trade to trade.
pub(super) fn costs(trial: &TrialReport) -> Figure {
    let mut picture = Picture::new(HALF, 276.0);
    let summed = |of: &dyn Fn(&super::TradeMark) -> f64| -> Vec<f64> {
        let mut sum = 0.0;
        std::iter::once(0.0)
            .chain(trial.trades.iter().map(|trade| {
                sum += of(trade);
                sum
            }))
            .collect()
    };
    let net = summed(&|trade| trade.pnl);
    let gross = summed(&|trade| trade.pnl + trade.fees);
    let plot = Plot {
        left: 66.0,
        top: 26.0,
        right: HALF - 10.0,
        bottom: 240.0,
        x: Scale::new(0.0, trial.trades.len() as f64),
        y: Scale::around(net.iter().chain(&gross).copied()).including(0.0),
    }
    .fitted(Unit::Money);
    plot.grid_y(&mut picture, Unit::Money);
    plot.level(&mut picture, 0.0, Ink::Axis);
    plot.curve(&mut picture, thinned(&gross, HALF), Ink::Other, 1.4);
    plot.curve(&mut picture, thinned(&net, HALF), Ink::Main, 1.8);
    plot.grid_x(&mut picture, Unit::Count);
    legend(
        &mut picture,
        (plot.left, 10.0),
        &[("after costs", Ink::Main), ("before", Ink::Other)],
    );
    let fees: f64 = trial.trades.iter().map(|trade| trade.fees).sum();
    let last = gross.last().copied().unwrap_or(0.0);
    let share = if last > 0.0 {
        format!(", {} of the profit before them", human::percent(fees / last))
    } else {
        String::new()
    };
    let note = format!("by number of trades; fees and accruals of {}{share}", trial.money(fees));
    Figure::new("costs", "Profit before and after costs", note, picture)
}

/// The share of bars with a position, long above and short below, in equal shares of time.
pub(super) fn exposure(trial: &TrialReport) -> Figure {
    // Shares that hold one bar each: their mean is over the bars themselves.
    let bars = held(trial, trial.times.len().max(1));
    let mean = |side: usize| bars.iter().map(|share| share[side]).sum::<f64>() / bars.len() as f64;
    let what = format!(
        "share of bars with a position: long {}, short {}",
        human::percent(mean(0)),
        human::percent(mean(1))
    );
    let note = note([&what, &ticks::gaps_told(&trial.times)].map(String::as_str));
    Figure::wide("exposure", "Exposure", note, |width| shares_of(trial, width))
}

fn shares_of(trial: &TrialReport, width: f64) -> Picture {
    let mut picture = Picture::new(width, 214.0);
    let shares = held(trial, ((width / SHARE) as usize).min(trial.times.len().max(1)));
    let [long, short] = [0, 1].map(|side| shares.iter().any(|share| share[side] > 0.0));
    let plot = Plot {
        left: if width < WIDTH { 48.0 } else { LEFT },
        top: 30.0,
        right: width - RIGHT,
        bottom: 178.0,
        x: Scale::new(0.0, trial.times.len().saturating_sub(1) as f64),
        y: Scale::new(if short { -1.0 } else { 0.0 }, if long || !short { 1.0 } else { 0.0 }),
    }
    .fitted(Unit::Ratio);
    plot.gaps_x(&mut picture, &trial.times);
    plot.grid_y(&mut picture, Unit::Ratio);
    let wide = (plot.right - plot.left) / shares.len() as f64;
    let zero = plot.y_at(0.0);
    for (i, [long, short]) in shares.iter().enumerate() {
        let left = plot.left + wide * i as f64;
        for (share, ink) in [(*long, Ink::Long), (-*short, Ink::Short)] {
            if share != 0.0 {
                picture.bar((left + 0.5, plot.y_at(share)), (left + wide - 0.5, zero), ink, 0.85);
            }
        }
    }
    plot.level(&mut picture, 0.0, Ink::Axis);
    plot.moments_x(&mut picture, &trial.times);
    let entries = [("long", Ink::Long, long), ("short", Ink::Short, short)];
    let entries: Vec<(&str, Ink)> = entries.iter().filter(|e| e.2).map(|e| (e.0, e.1)).collect();
    legend(&mut picture, (plot.left, 12.0), &entries);
    picture
}

/// Of each of `shares` equal shares of the bars the part held long and the part held short.
fn held(trial: &TrialReport, shares: usize) -> Vec<[f64; 2]> {
    let bars = trial.times.len();
    // Where sides begin and end: running sums of these are how many positions are open.
    let mut changes = vec![[0i32; 2]; bars + 1];
    for trade in &trial.trades {
        let side = usize::from(!trade.long);
        // A position is held at the closes from its entry on; the exit's own close only if it is still open there.
        let end = (trade.exit_bar + usize::from(trade.open)).min(bars);
        if trade.entry_bar < end {
            changes[trade.entry_bar][side] += 1;
            changes[end][side] -= 1;
        }
    }
    let mut found = vec![[0.0; 2]; shares];
    let mut counts = vec![0.0; shares];
    let mut open = [0; 2];
    for (bar, change) in changes.iter().take(bars).enumerate() {
        let share = bar * shares / bars;
        counts[share] += 1.0;
        for side in 0..2 {
            open[side] += change[side];
            found[share][side] += f64::from(u8::from(open[side] > 0));
        }
    }
    for (share, count) in found.iter_mut().zip(&counts) {
        for side in share {
            *side /= f64::max(*count, 1.0);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::TradeMark;

    #[test]
    fn bars_with_a_position_are_counted_by_side() {
        let trade = |long, entry_bar, exit_bar, open| TradeMark {
            long,
            entry_bar,
            exit_bar,
            entry_price: 1.0,
            exit_price: 1.0,
            pnl: 0.0,
            ret: 0.0,
            fees: 0.0,
            open,
        };
        let trial = TrialReport {
            times: (0..8).collect(),
            trades: vec![trade(true, 0, 2, false), trade(false, 2, 3, false), trade(true, 6, 7, true)],
            ..TrialReport::default()
        };
        assert_eq!(held(&trial, 2), [[0.5, 0.25], [0.5, 0.0]]);
    }
}
