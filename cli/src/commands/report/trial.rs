//! A replayed trial as a page.

use assay_engine::{ExitReason, Side, Trade};
use assay_report::{Block, Group, Page, Prices, Tone, TradeMark, TrialReport, trial_page};

use crate::commands::show::{Shown, params_text};
use crate::commands::show_view;
use crate::output::human;

/// The page of a trial.
pub(super) fn page(shown: &Shown) -> Page {
    let mut page = trial_page(&report(shown));
    let differences = shown.differences();
    if !differences.is_empty() {
        let names: Vec<&str> = differences.iter().map(|metric| metric.name()).collect();
        let text = format!("This replay differs from the stored row in {}.", names.join(", "));
        page.blocks.insert(0, Block::Callout(Tone::Bad, text));
    }
    page
}

fn report(shown: &Shown) -> TrialReport {
    let plan = shown.plan();
    let (replay, market, config) = (&shown.replay, &plan.market, &plan.config);
    let window = market.window.clone();
    let cut = |column: &[f64]| column[window.clone()].to_vec();
    let groups = show_view::groups(shown).into_iter();
    TrialReport {
        title: format!("{}: {}", shown.instrument(), params_text(&shown.params())),
        subtitle: format!("trial {} of job {}", shown.trial, shown.record.name),
        facts: facts(shown),
        statistics: groups
            .map(|(title, lines)| Group {
                title: title.to_owned(),
                lines,
            })
            .collect(),
        footer: super::job::footer(&shown.record),
        times: replay.times.clone(),
        equity: replay.equity.clone(),
        benchmark: replay.benchmark.clone(),
        prices: Prices {
            open: cut(&market.mid.open),
            high: cut(&market.mid.high),
            low: cut(&market.mid.low),
            close: cut(&market.mid.close),
        },
        capital: config.capital,
        currency: market.instrument.facts.currency.clone(),
        returns: replay.returns.clone(),
        return_bars: replay.return_bars.clone(),
        sampling: if plan.samples_bars() { "bar" } else { "day" }.to_owned(),
        periods_per_year: config.periods_per_year,
        risk_free: config.risk_free,
        trades: replay.trades.iter().map(|trade| mark(trade, window.start)).collect(),
    }
}

fn facts(shown: &Shown) -> Vec<(String, String)> {
    let replay = &shown.replay;
    let metric = |metric| human::metric(metric, shown.metrics.get(metric));
    use assay_core::metrics::Metric::{MaxDrawdown, Sharpe, TotalReturn, Trades, WinRate};
    let window = match (replay.times.first(), replay.times.last()) {
        (Some(first), Some(last)) => format!("{} to {}", human::time(*first), human::time(*last)),
        _ => human::UNDEFINED.to_owned(),
    };
    [
        ("window", window),
        ("total return", metric(TotalReturn)),
        ("Sharpe ratio", metric(Sharpe)),
        ("deepest drawdown", metric(MaxDrawdown)),
        ("trades", metric(Trades)),
        ("win rate", metric(WinRate)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A trade whose bars are counted from the first one traded.
fn mark(trade: &Trade, first: usize) -> TradeMark {
    TradeMark {
        long: trade.side == Side::Long,
        entry_bar: trade.entry_bar.saturating_sub(first),
        exit_bar: trade.exit_bar.saturating_sub(first),
        entry_price: trade.entry_price,
        exit_price: trade.exit_price,
        pnl: trade.pnl,
        ret: trade.ret,
        fees: trade.fees,
        open: trade.reason == ExitReason::Open,
    }
}
