//! A trial on one page.

use std::io::Write;

use assay_core::metrics::Metric;

use super::show::{Shown, params_text, trade_rows};
use crate::failure::Failure;
use crate::output::{Kind, Rows, human, stdout, table};

/// Metrics by subject; every metric is in one of them.
const GROUPS: [(&str, &[Metric]); 6] = [
    (
        "return",
        &[
            Metric::TotalReturn,
            Metric::Cagr,
            Metric::FinalEquity,
            Metric::BuyHoldReturn,
            Metric::Alpha,
            Metric::Beta,
            Metric::ExcessSharpe,
        ],
    ),
    (
        "risk",
        &[
            Metric::Sharpe,
            Metric::Sortino,
            Metric::Calmar,
            Metric::Volatility,
            Metric::MaxDrawdown,
            Metric::MaxDrawdownDuration,
            Metric::RecoveryFactor,
        ],
    ),
    (
        "trades",
        &[
            Metric::Trades,
            Metric::OpenTrades,
            Metric::WinRate,
            Metric::ProfitFactor,
            Metric::Expectancy,
            Metric::AvgTrade,
            Metric::Payoff,
            Metric::Sqn,
            Metric::AvgDuration,
        ],
    ),
    (
        "costs",
        &[Metric::Fees, Metric::CostShare, Metric::Turnover, Metric::Exposure],
    ),
    (
        "shape",
        &[Metric::Skew, Metric::Kurtosis, Metric::Psr, Metric::PeriodsPerYear],
    ),
    ("orders", &[Metric::AmbiguousBars, Metric::SkippedOrders, Metric::MarginCalls]),
];
/// Metrics shown of each reading.
const READ: [Metric; 6] = [
    Metric::TotalReturn,
    Metric::Sharpe,
    Metric::MaxDrawdown,
    Metric::ProfitFactor,
    Metric::WinRate,
    Metric::Trades,
];
/// Trades shown at each end.
const TRADES_SHOWN: usize = 5;
const SPARKLINE_WIDTH: usize = 60;
/// Groups side by side.
const ACROSS: usize = 3;

type Line = (String, String);

pub(super) fn print(shown: &Shown) -> Result<(), Failure> {
    let mut out = stdout();
    writeln!(out, "trial {}", shown.trial)?;
    writeln!(
        out,
        "{} of job {}: {}\n",
        shown.instrument(),
        shown.record.name,
        params_text(&shown.params())
    )?;
    let replay = &shown.replay;
    if let (Some(first), Some(last)) = (replay.times.first(), replay.times.last()) {
        let line = |values: &[f64]| human::sparkline(values, SPARKLINE_WIDTH);
        let low = replay.equity.iter().copied().fold(f64::INFINITY, f64::min);
        let high = replay.equity.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        writeln!(out, "equity    {}", line(&replay.equity))?;
        writeln!(out, "holding   {}", line(&replay.benchmark))?;
        writeln!(out, "drawdown  {}", line(&shown.drawdown()))?;
        writeln!(
            out,
            "          {} to {}, equity between {} and {}\n",
            human::time(*first),
            human::time(*last),
            human::money(low),
            human::money(high)
        )?;
    }
    for line in columns(&groups(shown)) {
        writeln!(out, "{line}")?;
    }
    print_readings(shown, &mut out)?;
    print_trades(shown, &mut out)?;
    let verdict = if shown.differences().is_empty() {
        "equals"
    } else {
        "DIFFERS FROM"
    };
    writeln!(out, "the replay {verdict} the stored row")?;
    Ok(out.flush()?)
}

/// All metrics by subject, and what only the replay knows.
pub(super) fn groups(shown: &Shown) -> Vec<(&'static str, Vec<Line>)> {
    let stored = GROUPS.iter().map(|(title, metrics)| (*title, lines(shown, metrics)));
    stored
        .chain([("replay", extra(shown).iter().map(extra_line).collect())])
        .collect()
}

fn lines(shown: &Shown, metrics: &[Metric]) -> Vec<Line> {
    let line = |metric: &Metric| (metric.name().to_owned(), human::metric(*metric, shown.metrics.get(*metric)));
    metrics.iter().map(line).collect()
}

fn extra_line(extra: &Extra) -> Line {
    let text = extra.value.map_or_else(|| human::UNDEFINED.to_owned(), extra.write);
    (extra.name.to_owned(), text)
}

/// A number that only the replay knows.
pub(super) struct Extra {
    pub(super) name: &'static str,
    pub(super) value: Option<f64>,
    write: fn(f64) -> String,
}

pub(super) fn extra(shown: &Shown) -> Vec<Extra> {
    let ratio = |name, value| Extra {
        name,
        value,
        write: human::percent,
    };
    let number = |name, value| Extra {
        name,
        value,
        write: human::number,
    };
    let extra = &shown.replay.extra;
    let least = |values: &[f64]| values.iter().copied().reduce(f64::min);
    let most = |values: &[f64]| values.iter().copied().reduce(f64::max);
    vec![
        ratio("value_at_risk", extra.value_at_risk),
        ratio("conditional_value_at_risk", extra.conditional_value_at_risk),
        number("omega", extra.omega),
        ratio("ulcer_index", extra.ulcer_index),
        number("tail_ratio", extra.tail_ratio),
        number("longest_winning_streak", Some(extra.longest_winning_streak as f64)),
        number("longest_losing_streak", Some(extra.longest_losing_streak as f64)),
        ratio("worst_adverse_excursion", least(&extra.adverse_excursions)),
        ratio("best_favourable_excursion", most(&extra.favourable_excursions)),
    ]
}

/// Groups side by side, names to the left, values to the right.
fn columns(groups: &[(&str, Vec<Line>)]) -> Vec<String> {
    let mut text = Vec::new();
    for band in groups.chunks(ACROSS) {
        let widths: Vec<(usize, usize)> = band
            .iter()
            .map(|(title, lines)| {
                let names = lines.iter().map(|(name, _)| name.chars().count()).chain([title.len()]);
                let values = lines.iter().map(|(_, value)| value.chars().count());
                (names.max().unwrap_or(0), values.max().unwrap_or(0))
            })
            .collect();
        let height = band.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0);
        let row = |cells: Vec<String>| cells.join("    ").trim_end().to_owned();
        text.push(row(band
            .iter()
            .zip(&widths)
            .map(|((title, _), (n, v))| format!("{:<1$}", title.to_uppercase(), n + 2 + v))
            .collect()));
        for i in 0..height {
            let cell = |((_, lines), (n, v)): (&(&str, Vec<Line>), &(usize, usize))| match lines.get(i) {
                Some((name, value)) => format!("{name:<n$}  {value:>v$}"),
                None => " ".repeat(n + 2 + v),
            };
            text.push(row(band.iter().zip(&widths).map(cell).collect()));
        }
        text.push(String::new());
    }
    text
}

/// The trial under other assumptions, side by side.
fn print_readings(shown: &Shown, out: &mut dyn Write) -> Result<(), Failure> {
    let readings = &shown.readings;
    let mut columns = vec![("as run", shown.metrics)];
    if let Some([worst, best]) = readings.bounds {
        columns = vec![("stop first", worst), ("as run", shown.metrics), ("target first", best)];
    }
    columns.extend(readings.on_ticks.map(|metrics| ("on ticks", metrics)));
    if columns.len() == 1 {
        return Ok(());
    }
    let names = std::iter::once(("readings", Kind::Text)).chain(columns.iter().map(|(name, _)| (*name, Kind::Text)));
    let mut rows = Rows::new(names);
    for metric in READ {
        let values = columns
            .iter()
            .map(|(_, metrics)| human::metric(metric, metrics.get(metric)).into());
        rows.push(std::iter::once(metric.name().into()).chain(values).collect());
    }
    writeln!(out, "{}\n", table(&rows))?;
    Ok(())
}

fn print_trades(shown: &Shown, out: &mut dyn Write) -> Result<(), Failure> {
    let trades = &shown.replay.trades;
    if trades.is_empty() {
        writeln!(out, "no trades\n")?;
        return Ok(());
    }
    writeln!(out, "TRADES ({})", human::count(trades.len() as i64))?;
    if trades.len() <= 2 * TRADES_SHOWN {
        writeln!(out, "{}\n", table(&trade_rows(trades)))?;
        return Ok(());
    }
    let mut ends = trades[..TRADES_SHOWN].to_vec();
    ends.extend_from_slice(&trades[trades.len() - TRADES_SHOWN..]);
    let text = table(&trade_rows(&ends));
    for (i, line) in text.lines().enumerate() {
        if i == TRADES_SHOWN + 1 {
            writeln!(
                out,
                "... {} more; -o csv or -o json has all",
                human::count((trades.len() - 2 * TRADES_SHOWN) as i64)
            )?;
        }
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_shown_once() {
        let mut shown: Vec<Metric> = GROUPS.iter().flat_map(|(_, metrics)| metrics.iter().copied()).collect();
        shown.sort();
        assert_eq!(shown, Metric::ALL);
    }

    #[test]
    fn groups_stand_side_by_side() {
        let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let groups = [
            ("a", vec![line("one", "1"), line("two", "22")]),
            ("b", vec![line("three", "3")]),
        ];
        assert_eq!(columns(&groups), ["A          B", "one   1    three  3", "two  22", ""]);
    }
}
