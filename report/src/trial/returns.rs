//! Returns: by month, by size, and how they were paid for over time.

use std::collections::BTreeMap;

use assay_core::metrics::Unit;

use super::TrialReport;
use super::curve::{LEFT, RIGHT, signed};
use crate::decimate::outline;
use crate::human;
use crate::ink::Ink;
use crate::page::{Figure, HALF, WIDTH};
use crate::plot::{Plot, Scale};
use crate::shape::{Anchor, Picture};
use crate::ticks;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// Years that are drawn.
const YEARS: usize = 40;
/// Fewer returns have no rolling Sharpe ratio worth a line.
const FEWEST: usize = 20;

/// Compounded returns of each month and year of UTC.
fn by_month(trial: &TrialReport) -> BTreeMap<i16, [Option<f64>; 12]> {
    let mut years: BTreeMap<i16, [Option<f64>; 12]> = BTreeMap::new();
    for (ret, bar) in trial.returns.iter().zip(&trial.return_bars) {
        let Some(at) = trial.times.get(*bar).and_then(|time| ticks::civil(*time)) else {
            continue;
        };
        let month = &mut years.entry(at.year()).or_default()[at.month() as usize - 1];
        *month = Some((1.0 + month.unwrap_or(0.0)) * (1.0 + ret) - 1.0);
    }
    years
}

/// Months across, years down.
pub(super) fn monthly(trial: &TrialReport) -> Figure {
    let years = by_month(trial);
    let shown: Vec<_> = years.iter().rev().take(YEARS).collect();
    let (left, row, cell) = (64.0, 30.0, (WIDTH - 64.0 - 8.0 - 96.0) / 12.0);
    let mut picture = Picture::new(WIDTH, 36.0 + row * shown.len().max(1) as f64);
    let middle = |month: usize| left + (month as f64 + 0.5) * cell;
    for (month, name) in MONTHS.iter().enumerate() {
        picture.text((middle(month), 12.0), *name, Anchor::Middle, Ink::Muted);
    }
    picture.text((WIDTH - 48.0, 12.0), "year", Anchor::Middle, Ink::Muted);
    let largest = years
        .values()
        .flatten()
        .flatten()
        .fold(0.0f64, |most, x| most.max(x.abs()))
        .max(1e-9);
    for (i, (year, months)) in shown.into_iter().enumerate() {
        let top = 26.0 + row * i as f64;
        picture.text((left - 14.0, top + row / 2.0), year.to_string(), Anchor::End, Ink::Muted);
        for (month, value) in months.iter().enumerate() {
            let Some(value) = value else { continue };
            let x = left + month as f64 * cell;
            let ink = Ink::balance(value / largest);
            picture.bar((x + 1.0, top + 1.0), (x + cell - 1.0, top + row - 1.0), ink, 1.0);
            picture.text(
                (middle(month), top + row / 2.0),
                short_percent(*value),
                Anchor::Middle,
                Ink::Text,
            );
        }
        let whole = months.iter().flatten().fold(1.0, |product, r| product * (1.0 + r)) - 1.0;
        picture.words(
            (WIDTH - 48.0, top + row / 2.0),
            short_percent(whole),
            Anchor::Middle,
            Ink::Text,
            12.0,
            true,
        );
    }
    let note = "compounded, by month of UTC; the first and the last month may be partial";
    Figure::new("monthly", "Monthly returns", note, picture)
}

/// `1.2 %`, `-0.03 %`
fn short_percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    match percent.abs() {
        x if x >= 99.95 => format!("{percent:.0} %"),
        x if x >= 0.095 => format!("{percent:.1} %"),
        _ => format!("{percent:.2} %"),
    }
}

/// How often returns of each size came.
pub(super) fn distribution(trial: &TrialReport) -> Figure {
    let what = if trial.sampling == "bar" {
        "Returns of bars"
    } else {
        "Daily returns"
    };
    histogram("returns", what, &trial.returns, Unit::Ratio)
}

/// A histogram, losses in red, with its mean marked. Bins hold 0 as an edge, so that none is both.
pub(super) fn histogram(name: &'static str, title: &str, values: &[f64], unit: Unit) -> Figure {
    let mut picture = Picture::new(HALF, 276.0);
    let mut sorted: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(bins) = Bins::of(&sorted) else {
        picture.text((HALF / 2.0, 138.0), "nothing to count", Anchor::Middle, Ink::Muted);
        return Figure::new(name, title, "", picture);
    };
    let counts = bins.counts(&sorted);
    let most = counts.iter().copied().max().unwrap_or(1);
    let plot = Plot {
        left: 52.0,
        top: 22.0,
        right: HALF - 10.0,
        bottom: 240.0,
        x: Scale::new(bins.low, bins.low + bins.width * counts.len() as f64),
        y: Scale::new(0.0, most as f64 * 1.06),
    };
    plot.grid_y(&mut picture, Unit::Count);
    for (i, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let from = bins.low + bins.width * i as f64;
        let ink = if from + bins.width / 2.0 < 0.0 { Ink::Bad } else { Ink::Good };
        let (left, right) = (plot.x_at(from) + 0.5, plot.x_at(from + bins.width) - 0.5);
        picture.bar((left, plot.y_at(*count as f64)), (right, plot.bottom), ink, 0.85);
    }
    plot.grid_x(&mut picture, unit);
    let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
    let x = plot.x_at(mean);
    picture.line(vec![(x, plot.top - 6.0), (x, plot.bottom)], Ink::Text, 1.2);
    let (text, anchor, at) = if x > f64::midpoint(plot.left, plot.right) {
        ("mean ", Anchor::End, x - 5.0)
    } else {
        ("mean ", Anchor::Start, x + 5.0)
    };
    picture.text((at, plot.top - 10.0), format!("{text}{}", signed(mean)), anchor, Ink::Text);
    let middle = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    let won = sorted.iter().filter(|x| **x > 0.0).count() as f64 / sorted.len() as f64;
    let mut note = format!(
        "{} values, median {}, {} above 0",
        human::count(sorted.len() as i64),
        signed(middle),
        human::percent(won)
    );
    if bins.beyond {
        note.push_str("; the outermost bars hold all that is beyond");
    }
    Figure::new(name, title, note, picture)
}

/// Equal bins with an edge at 0.
struct Bins {
    low: f64,
    width: f64,
    count: usize,
    /// Whether values lie outside.
    beyond: bool,
}

impl Bins {
    /// Of ascending values: Freedman and Diaconis (1981), at most 48, over all but the outermost thousandths.
    fn of(sorted: &[f64]) -> Option<Self> {
        let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64) as usize];
        let (first, last) = (*sorted.first()?, *sorted.last()?);
        let (mut low, mut high) = (first, last);
        if sorted.len() > 500 {
            (low, high) = (at(0.002).min(0.0), at(0.998).max(0.0));
        }
        if high <= low {
            (low, high) = (low - low.abs().max(1e-6), low + low.abs().max(1e-6));
        }
        let rule = 2.0 * (at(0.75) - at(0.25)) / libm::cbrt(sorted.len() as f64);
        let width = rule.max((high - low) / 46.0).min((high - low) / 6.0);
        let low = libm::floor(low / width) * width;
        let count = (libm::ceil((high - low) / width + 1e-9) as usize).clamp(1, 64);
        let end = low + width * count as f64;
        Some(Self {
            low,
            width,
            count,
            beyond: first < low - 1e-12 || last > end + 1e-12,
        })
    }

    fn counts(&self, values: &[f64]) -> Vec<u64> {
        let mut counts = vec![0; self.count];
        for value in values {
            let bin = ((value - self.low) / self.width).max(0.0) as usize;
            counts[bin.min(self.count - 1)] += 1;
        }
        counts
    }
}

/// Returns that a rolling Sharpe ratio looks back on: a quarter of them, at least ten, at most a quarter of a year of days.
fn lookback(returns: usize) -> usize {
    (returns / 4).clamp(10, 63)
}

/// Annual Sharpe ratio of the returns in a window that ends at each of them; NaN where there is no variance.
fn rolling(returns: &[f64], window: usize, risk_free: f64, periods_per_year: f64) -> Vec<f64> {
    let of = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
        if variance > 1e-24 {
            (mean - risk_free) / variance.sqrt() * periods_per_year.sqrt()
        } else {
            f64::NAN
        }
    };
    returns.windows(window).map(of).collect()
}

/// The Sharpe ratio of the last returns, over time.
pub(super) fn rolling_sharpe(trial: &TrialReport) -> Figure {
    let title = "Rolling Sharpe ratio";
    let window = lookback(trial.returns.len());
    if trial.returns.len() < FEWEST {
        let mut picture = Picture::new(HALF, 276.0);
        let text = format!("{} returns are too few", trial.returns.len());
        picture.text((HALF / 2.0, 138.0), text, Anchor::Middle, Ink::Muted);
        return Figure::new("rolling_sharpe", title, "", picture);
    }
    let values = rolling(&trial.returns, window, trial.risk_free, trial.periods_per_year);
    let times: Vec<i64> = trial.return_bars[window - 1..].iter().map(|bar| trial.times[*bar]).collect();
    let mut picture = Picture::new(HALF, 276.0);
    let plot = Plot {
        left: 52.0,
        top: 12.0,
        right: HALF - 10.0,
        bottom: 240.0,
        x: Scale::new(0.0, values.len().saturating_sub(1) as f64),
        y: Scale::around(values.iter().copied()).including(0.0),
    };
    plot.grid_y(&mut picture, Unit::Plain);
    plot.level(&mut picture, 0.0, Ink::Axis);
    plot.curve(
        &mut picture,
        outline(&values, 400).into_iter().map(|i| (i as f64, values[i])),
        Ink::Main,
        1.5,
    );
    plot.moments_x(&mut picture, &times);
    let note = format!("annualised, of the last {window} returns (one a {})", trial.sampling);
    Figure::new("rolling_sharpe", title, note, picture)
}

/// Left and right end of a wide plot.
pub(super) const ENDS: (f64, f64) = (LEFT, RIGHT);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_compound_and_bins_count_everything() {
        let day = 86_400_000_000_000;
        let trial = TrialReport {
            times: (0..60).map(|i| 1_704_067_200_000_000_000 + i * day).collect(),
            returns: vec![0.01; 60],
            return_bars: (0..60).collect(),
            ..TrialReport::default()
        };
        let months = by_month(&trial)[&2024];
        assert!((months[0].unwrap() - (libm::pow(1.01, 31.0) - 1.0)).abs() < 1e-12);
        assert!((months[1].unwrap() - (libm::pow(1.01, 29.0) - 1.0)).abs() < 1e-12);
        assert_eq!(months[2], None);
        for values in [
            vec![0.5],
            vec![-1.0, 0.0, 1.0],
            vec![2.0; 700],
            (0..5_000).map(|i| f64::from(i) - 9.0).collect(),
        ] {
            let bins = Bins::of(&values).unwrap();
            assert_eq!(bins.counts(&values).iter().sum::<u64>(), values.len() as u64);
            let edge = bins.low / bins.width;
            assert!((edge - edge.round()).abs() < 1e-6, "0 is an edge");
        }
        assert!(Bins::of(&[]).is_none());
    }

    #[test]
    fn the_rolling_ratio_is_that_of_its_window() {
        let found = rolling(&[0.01, 0.02, 0.03, 0.0, 0.0, 0.0], 3, 0.0, 1.0);
        assert!((found[0] - 2.0).abs() < 1e-12);
        assert!(found.len() == 4 && found[3].is_nan());
        assert_eq!([lookback(5), lookback(100), lookback(5_000)], [10, 25, 63]);
    }
}
