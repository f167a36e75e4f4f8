//! Returns: by month, by size, and how they were paid for over time.

use std::collections::BTreeMap;

use assay_core::metrics::Unit;

use super::TrialReport;
use super::curve::signed;
use crate::decimate::outline;
use crate::human;
use crate::ink::Ink;
use crate::page::{Figure, HALF, WIDTH, note};
use crate::plot::{Plot, Scale};
use crate::shape::{Anchor, Picture, SIZE};
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
    let note = "per cent, compounded, by month of UTC; the first and the last month may be partial";
    Figure::wide("monthly", "Monthly returns", note, |width| calendar(&years, width))
}

fn calendar(years: &BTreeMap<i16, [Option<f64>; 12]>, width: f64) -> Picture {
    let shown: Vec<_> = years.iter().rev().take(YEARS).collect();
    // What is narrow has smaller words.
    let (left, year, size) = if width < WIDTH {
        (40.0, 50.0, 10.5)
    } else {
        (64.0, 96.0, SIZE)
    };
    let (row, cell) = (30.0, (width - left - year - 8.0) / 12.0);
    let mut picture = Picture::new(width, 36.0 + row * shown.len().max(1) as f64);
    let middle = |month: usize| left + (month as f64 + 0.5) * cell;
    let last = width - year / 2.0;
    for (month, name) in MONTHS.iter().enumerate() {
        picture.words((middle(month), 12.0), *name, Anchor::Middle, Ink::Muted, size, false);
    }
    picture.words((last, 12.0), "year", Anchor::Middle, Ink::Muted, size, false);
    let largest = years
        .values()
        .flatten()
        .flatten()
        .fold(0.0f64, |most, x| most.max(x.abs()))
        .max(1e-9);
    for (i, (year, months)) in shown.into_iter().enumerate() {
        let top = 26.0 + row * i as f64;
        let y = top + row / 2.0;
        picture.words((left - 10.0, y), year.to_string(), Anchor::End, Ink::Muted, size, false);
        for (month, value) in months.iter().enumerate() {
            let Some(value) = value else { continue };
            let x = left + month as f64 * cell;
            let ink = Ink::balance(value / largest);
            picture.bar((x + 1.0, top + 1.0), (x + cell - 1.0, top + row - 1.0), ink, 1.0);
            picture.words(
                (middle(month), y),
                short_percent(*value),
                Anchor::Middle,
                Ink::Text,
                size,
                false,
            );
        }
        let whole = months.iter().flatten().fold(1.0, |product, r| product * (1.0 + r)) - 1.0;
        picture.words((last, y), short_percent(whole), Anchor::Middle, Ink::Text, size, true);
    }
    picture
}

/// `1.2`, `-0.03`: per cent, in as many digits as a small cell has room for.
fn short_percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    let places = match percent.abs() {
        x if x >= 99.95 => 0,
        x if x >= 0.095 => 1,
        x if x > 1e-9 => -libm::floor(libm::log10(x)) as usize,
        _ => 0,
    };
    human::grouped(percent, places)
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
    }
    .fitted(Unit::Count);
    plot.grid_y(&mut picture, Unit::Count);
    let zeros = sorted.iter().filter(|x| **x == 0.0).count() as u64;
    for (i, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let from = bins.low + bins.width * i as f64;
        let gains = from + bins.width / 2.0 > 0.0;
        let ink = if gains { Ink::Good } else { Ink::Bad };
        let (left, right) = (plot.x_at(from) + 0.5, plot.x_at(from + bins.width) - 0.5);
        // Nothing is no gain: it stands below the gains of its bin.
        let nothing = if i == bins.index(0.0) { zeros } else { 0 };
        let above = plot.y_at(nothing as f64);
        if nothing > 0 {
            picture.bar((left, above), (right, plot.bottom), Ink::Other, 0.85);
        }
        if *count > nothing {
            picture.bar((left, plot.y_at(*count as f64)), (right, above), ink, 0.85);
        }
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
    let counted = human::counted(sorted.len() as u64, "value");
    let mut parts = vec![
        counted,
        format!("median {}", signed(middle)),
        format!("{} above 0", human::percent(won)),
    ];
    if zeros > 0 {
        let share = human::percent(zeros as f64 / sorted.len() as f64);
        parts.push(format!("{share} exactly 0 (grey)"));
    }
    let beyond = if bins.beyond {
        "the outermost bars hold all that is beyond"
    } else {
        ""
    };
    let note = note([&parts.join(", "), beyond]);
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
            let around = if low == 0.0 { 0.01 } else { low.abs() };
            (low, high) = (low - around, low + around);
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
            counts[self.index(*value)] += 1;
        }
        counts
    }

    fn index(&self, value: f64) -> usize {
        // 0 is an edge, and what rounding makes of it must not put it with the losses.
        let bin = ((value - self.low) / self.width + 1e-9).max(0.0) as usize;
        bin.min(self.count - 1)
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
    if !values.iter().any(|x| x.is_finite()) {
        let text = "returns that do not vary have no Sharpe ratio";
        picture.text((HALF / 2.0, 138.0), text, Anchor::Middle, Ink::Muted);
        return Figure::new("rolling_sharpe", title, "", picture);
    }
    let plot = Plot {
        left: 52.0,
        top: 12.0,
        right: HALF - 10.0,
        bottom: 240.0,
        x: Scale::new(0.0, values.len().saturating_sub(1) as f64),
        y: Scale::around(values.iter().copied()).including(0.0),
    }
    .fitted(Unit::Plain);
    plot.gaps_x(&mut picture, &times);
    plot.grid_y(&mut picture, Unit::Plain);
    plot.level(&mut picture, 0.0, Ink::Axis);
    plot.curve(
        &mut picture,
        outline(&values, 400).into_iter().map(|i| (i as f64, values[i])),
        Ink::Main,
        1.5,
    );
    plot.moments_x(&mut picture, &times);
    let what = format!("annualised, of the last {window} returns (one a {})", trial.sampling);
    let note = note([&what, &ticks::gaps_told(&times)].map(String::as_str));
    Figure::new("rolling_sharpe", title, note, picture)
}

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
    fn nothing_is_neither_a_gain_nor_a_loss() {
        let inks = |values: &[f64]| -> Vec<Ink> {
            let figure = histogram("returns", "", values, Unit::Ratio);
            let bars = figure.picture.shapes.iter().filter_map(|shape| match shape {
                crate::shape::Shape::Bar { ink, .. } => Some(*ink),
                _ => None,
            });
            bars.collect()
        };
        assert_eq!(inks(&[0.0; 40]), [Ink::Other]);
        assert_eq!(inks(&[-0.01, 0.0, 0.0, 0.01]), [Ink::Bad, Ink::Other, Ink::Good]);
        assert_eq!(inks(&[-0.01, 0.01]), [Ink::Bad, Ink::Good]);
        let texts = [0.0, -0.000_001, 0.000_32, -0.012_3, 19.5, f64::MIN_POSITIVE].map(short_percent);
        assert_eq!(texts, ["0", "-0.0001", "0.03", "-1.2", "1,950", "0"]);
    }

    #[test]
    fn the_rolling_ratio_is_that_of_its_window() {
        let found = rolling(&[0.01, 0.02, 0.03, 0.0, 0.0, 0.0], 3, 0.0, 1.0);
        assert!((found[0] - 2.0).abs() < 1e-12);
        assert!(found.len() == 4 && found[3].is_nan());
        assert_eq!([lookback(5), lookback(100), lookback(5_000)], [10, 25, 63]);
    }
}
