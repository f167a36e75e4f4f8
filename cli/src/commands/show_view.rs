//! A trial on one page.

use std::io::Write;

use assay_core::metrics::Metric::{self, *};

use super::show::{Shown, params_text, trade_rows};
use crate::failure::Failure;
use crate::output::{human, stdout, table};

/// Metrics by subject; every metric is in one of them.
const GROUPS: [(&str, &[Metric]); 6] = [
    (
        "return",
        &[TotalReturn, Cagr, FinalEquity, BuyHoldReturn, Alpha, Beta, ExcessSharpe],
    ),
    (
        "risk",
        &[
            Sharpe,
            Sortino,
            Calmar,
            Volatility,
            MaxDrawdown,
            MaxDrawdownDuration,
            RecoveryFactor,
        ],
    ),
    (
        "trades",
        &[
            Trades,
            OpenTrades,
            WinRate,
            ProfitFactor,
            Expectancy,
            AvgTrade,
            Payoff,
            Sqn,
            AvgDuration,
        ],
    ),
    ("costs", &[Fees, CostShare, Turnover, Exposure]),
    ("shape", &[Skew, Kurtosis, Psr, PeriodsPerYear]),
    ("orders", &[AmbiguousBars, SkippedOrders, MarginCalls]),
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
        let line = human::sparkline(&replay.equity, SPARKLINE_WIDTH);
        let low = replay.equity.iter().copied().fold(f64::INFINITY, f64::min);
        let high = replay.equity.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        writeln!(out, "equity {line}")?;
        writeln!(
            out,
            "       {} to {}, between {} and {}\n",
            human::time(*first),
            human::time(*last),
            human::money(low),
            human::money(high)
        )?;
    }
    let mut groups: Vec<(&str, Vec<Line>)> = GROUPS
        .iter()
        .map(|(title, metrics)| (*title, lines(shown, metrics)))
        .collect();
    groups.push((
        "replay",
        extra(shown)
            .into_iter()
            .map(|(name, value, text)| (name.to_owned(), text(value)))
            .collect(),
    ));
    for line in columns(&groups) {
        writeln!(out, "{line}")?;
    }
    print_trades(shown, &mut out)?;
    let verdict = if shown.differences().is_empty() {
        "equals"
    } else {
        "DIFFERS FROM"
    };
    writeln!(out, "the replay {verdict} the stored row")?;
    Ok(out.flush()?)
}

fn lines(shown: &Shown, metrics: &[Metric]) -> Vec<Line> {
    let line = |metric: &Metric| (metric.name().to_owned(), human::metric(*metric, shown.metrics.get(*metric)));
    metrics.iter().map(line).collect()
}

/// What only the replay knows: name, value, and how it is written.
pub(super) fn extra(shown: &Shown) -> Vec<(&'static str, Option<f64>, fn(Option<f64>) -> String)> {
    fn percent(value: Option<f64>) -> String {
        value.map_or_else(|| human::UNDEFINED.to_owned(), human::percent)
    }
    fn number(value: Option<f64>) -> String {
        value.map_or_else(|| human::UNDEFINED.to_owned(), human::number)
    }
    let extra = &shown.replay.extra;
    let worst = |values: &[f64], pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick);
    vec![
        ("value_at_risk", extra.value_at_risk, percent),
        ("conditional_value_at_risk", extra.conditional_value_at_risk, percent),
        ("omega", extra.omega, number),
        ("ulcer_index", extra.ulcer_index, percent),
        ("tail_ratio", extra.tail_ratio, number),
        ("longest_winning_streak", Some(extra.longest_winning_streak as f64), number),
        ("longest_losing_streak", Some(extra.longest_losing_streak as f64), number),
        ("worst_adverse_excursion", worst(&extra.adverse_excursions, f64::min), percent),
        (
            "best_favourable_excursion",
            worst(&extra.favourable_excursions, f64::max),
            percent,
        ),
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
    let text = table(&trade_rows(&ends)).to_string();
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
        assert_eq!(columns(&groups), ["A            B", "one   1    three  3", "two  22", ""]);
    }
}
