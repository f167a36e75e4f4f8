//! Metrics of trades that were made elsewhere, by the formulas of a trial.
//!
//! Equity is known only when a trade is closed: money is counted at exits, and what happened in between is not seen. So drawdowns are at
//! least those given here, and there is no exposure, no benchmark, and nothing of open positions.

use assay_core::calendar::{Calendar, Week, is_weekend};
use assay_core::metrics::{Metric, Metrics};

use crate::config::YEAR_NS;
use crate::equity::Central;
use crate::finish;
use crate::trades::TradeStats;

/// A closed trade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClosedTrade {
    /// UTC nanoseconds.
    pub entry_time: i64,
    /// UTC nanoseconds, not before the entry.
    pub exit_time: i64,
    /// Units x price at entry.
    pub entry_value: f64,
    /// Units x price at exit.
    pub exit_value: f64,
    /// Net profit.
    pub pnl: f64,
    /// Fees and accruals paid.
    pub fees: f64,
}

/// Metrics of trades in the order of their exits, in the account's currency. Returns are by day of `calendar`, days without an exit count as 0;
/// time runs from the first entry to the last exit. `risk_free` is annual.
pub fn metrics(trades: &[ClosedTrade], capital: f64, calendar: &Calendar, risk_free: f64) -> Metrics {
    let mut metrics = Metrics::default();
    let (Some(begin), Some(last)) = (trades.iter().map(|trade| trade.entry_time).min(), trades.last()) else {
        return metrics;
    };
    let (mut stats, mut equity, mut curve) = (TradeStats::default(), capital, vec![(begin, capital)]);
    for trade in trades {
        stats.fill(trade.entry_value + trade.exit_value, trade.fees);
        stats.close(trade.pnl, trade.pnl / trade.entry_value, trade.exit_time - trade.entry_time);
        equity += trade.pnl;
        curve.push((trade.exit_time, equity));
    }
    let growth = equity / capital;
    let elapsed = (last.exit_time - begin) as f64;
    let periods_per_year = calendar.days_per_year();
    metrics.set(Metric::FinalEquity, equity);
    metrics.set(Metric::PeriodsPerYear, periods_per_year);
    metrics.set(Metric::TotalReturn, growth - 1.0);
    let ruined = curve.iter().any(|(_, equity)| *equity <= 0.0);
    if !ruined && elapsed > 0.0 {
        metrics.set(Metric::Cagr, libm::pow(growth, YEAR_NS / elapsed) - 1.0);
    }
    let fall = Fall::of(&curve);
    metrics.set(Metric::MaxDrawdown, fall.share);
    metrics.set(Metric::MaxDrawdownDuration, fall.below_ns as f64 / 1e9);
    if let Some(cagr) = metrics.get(Metric::Cagr) {
        metrics.set(Metric::Calmar, cagr / fall.share.abs());
    }
    metrics.set(Metric::RecoveryFactor, (equity - capital) / fall.money);
    let risk_free = risk_free / periods_per_year;
    finish::of_returns(
        &mut metrics,
        periods_per_year,
        risk_free,
        &by_day(&curve, calendar, risk_free),
    );
    finish::of_trades(&mut metrics, &stats, capital);
    metrics
}

/// The worst fall of equity from a peak.
#[derive(Default)]
struct Fall {
    /// As a share of the peak, 0 or negative.
    share: f64,
    /// In money, 0 or positive.
    money: f64,
    /// The longest time below a peak.
    below_ns: i64,
}

impl Fall {
    fn of(curve: &[(i64, f64)]) -> Self {
        let mut worst = Self::default();
        let Some(&(mut since, mut peak)) = curve.first() else {
            return worst;
        };
        for &(time, equity) in curve {
            if equity >= peak {
                (since, peak) = (time, equity);
            }
            worst.share = worst.share.min(equity / peak - 1.0);
            worst.money = worst.money.max(peak - equity);
            worst.below_ns = worst.below_ns.max(if equity < peak { time - since } else { 0 });
        }
        worst
    }
}

/// Returns from the close of one day to that of the next; days on which nothing closed have none of their own and count as 0.
fn by_day(curve: &[(i64, f64)], calendar: &Calendar, risk_free: f64) -> Central {
    let times: Vec<i64> = curve.iter().map(|(time, _)| *time).collect();
    let days = calendar.trading_days(&times);
    let mut closes: Vec<(i32, f64)> = Vec::new();
    for (day, (_, equity)) in days.into_iter().zip(curve) {
        match closes.last_mut() {
            Some((last, close)) if *last == day => *close = *equity,
            _ => closes.push((day, *equity)),
        }
    }
    let mut central = Central::default();
    let (mut before, mut previous) = (curve[0].1, None::<i32>);
    for (day, close) in closes {
        let quiet = previous.map_or(0, |previous| {
            let open = |day: &i32| calendar.week == Week::AlwaysOpen || !is_weekend(*day);
            (previous + 1..day).filter(open).count()
        });
        (0..quiet).for_each(|_| central.push(0.0, risk_free, 0.0));
        let r = if before > 0.0 { close / before - 1.0 } else { 0.0 };
        central.push(r, risk_free, 0.0);
        (before, previous) = (close, Some(day));
    }
    central
}

#[cfg(test)]
mod tests {
    use assay_core::time::DAY_NS;

    use super::*;

    fn trade(entry_day: f64, exit_day: f64, pnl: f64) -> ClosedTrade {
        let at = |day: f64| (day * DAY_NS as f64) as i64;
        ClosedTrade {
            entry_time: at(entry_day),
            exit_time: at(exit_day),
            entry_value: 100.0,
            exit_value: 100.0 + pnl,
            pnl,
            fees: 1.0,
        }
    }

    #[test]
    fn by_hand() {
        let trades = [trade(0.0, 0.5, 100.0), trade(1.0, 2.5, -110.0), trade(2.0, 4.5, 20.0)];
        let found = metrics(&trades, 1_000.0, &Calendar::always_open(), 0.0);
        let get = |metric| found.get(metric).unwrap();
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        close(get(Metric::FinalEquity), 1_010.0);
        close(get(Metric::TotalReturn), 0.01);
        close(get(Metric::MaxDrawdown), -0.1);
        close(get(Metric::MaxDrawdownDuration), 4.0 * 86_400.0);
        close(get(Metric::RecoveryFactor), 10.0 / 110.0);
        close(get(Metric::WinRate), 2.0 / 3.0);
        close(get(Metric::ProfitFactor), 120.0 / 110.0);
        close(get(Metric::AvgDuration), 4.5 / 3.0 * 86_400.0);
        close(get(Metric::Fees), 3.0);
        // Days 0 to 4: +10 %, 0, -10 %, 0, 20/990.
        let returns = [0.1, 0.0, -0.1, 0.0, 20.0 / 990.0];
        let mean = returns.iter().sum::<f64>() / 5.0;
        let variance = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / 4.0;
        close(get(Metric::Sharpe), mean / variance.sqrt() * 365_f64.sqrt());
        assert!(found.get(Metric::Beta).is_none() && found.get(Metric::ExcessSharpe).is_none());
        assert!(found.get(Metric::Exposure).is_none());
    }

    #[test]
    fn ruin_and_emptiness_are_undefined() {
        let always = Calendar::always_open();
        assert!(metrics(&[], 1.0, &always, 0.0).get(Metric::FinalEquity).is_none());
        let ruined = metrics(&[trade(0.0, 1.0, -200.0), trade(1.0, 2.0, 50.0)], 100.0, &always, 0.0);
        assert!(ruined.get(Metric::Cagr).is_none());
        assert_eq!(ruined.get(Metric::FinalEquity), Some(-50.0));
    }
}
