//! From the sums of a trial to its metrics. The formulas are those of `docs/semantics.md`.

use assay_core::metrics::{Metric, Metrics};
use assay_core::row::Sketch;

use crate::account::Account;
use crate::config::YEAR_NS;
use crate::equity::Central;
use crate::plan::Plan;
use crate::trades::TradeStats;

/// A variance below this share of the mean square of its terms is dust of rounding: zero.
pub(crate) const VARIANCE_DUST: f64 = 1e-12;

/// Standard normal distribution function.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// `squares` without what is only dust of rounding beside `scale`.
fn without_dust(squares: f64, scale: f64) -> f64 {
    if squares <= VARIANCE_DUST * scale { 0.0 } else { squares }
}

/// Metrics that follow from the returns alone. `rf` is the risk-free rate of a period.
pub(crate) fn of_returns(metrics: &mut Metrics, ppy: f64, rf: f64, r: &Central) {
    let n = r.n;
    if n < 2.0 {
        return;
    }
    let per_year = ppy.sqrt();
    let excess = r.mean - rf;
    let squares = without_dust(r.powers[0], r.squares);
    let std = (squares / (n - 1.0)).sqrt();
    metrics.set(Metric::Volatility, std * per_year);
    metrics.set(Metric::Sortino, excess / (r.downside / n).sqrt() * per_year);
    if std > 0.0 {
        let sharpe = excess / std;
        metrics.set(Metric::Sharpe, sharpe * per_year);
        let [m2, m3, m4] = r.powers.map(|sum| sum / n);
        let skew = m3 / (m2 * m2.sqrt());
        let kurtosis = m4 / (m2 * m2) - 3.0;
        metrics.set(Metric::Skew, skew);
        metrics.set(Metric::Kurtosis, kurtosis);
        let spread = 1.0 - skew * sharpe + (kurtosis + 2.0) / 4.0 * sharpe * sharpe;
        metrics.set(Metric::Psr, normal_cdf(sharpe * (n - 1.0).sqrt() / spread.sqrt()));
    }
}

/// Metrics that compare the returns with those of holding the instrument.
fn beside_benchmark(metrics: &mut Metrics, plan: &Plan, r: &Central) {
    let n = r.n;
    if n < 2.0 {
        return;
    }
    let (ppy, rf, benchmark) = (plan.config.periods_per_year, plan.config.risk_free, &plan.benchmark.central);
    let benchmark_squares = without_dust(benchmark.powers[0], benchmark.squares);
    if benchmark_squares > 0.0 {
        let beta = r.with_benchmark / benchmark_squares;
        metrics.set(Metric::Beta, beta);
        metrics.set(Metric::Alpha, (r.mean - rf - beta * (r.benchmark_mean - rf)) * ppy);
    }
    let difference = without_dust(r.difference, r.squares + benchmark.squares);
    if difference > 0.0 {
        metrics.set(
            Metric::ExcessSharpe,
            (r.mean - r.benchmark_mean) / (difference / (n - 1.0)).sqrt() * ppy.sqrt(),
        );
    }
}

/// Metrics that follow from the closed trades alone.
pub(crate) fn of_trades(metrics: &mut Metrics, stats: &TradeStats, capital: f64) {
    let n = stats.closed;
    let pnl = stats.won - stats.lost;
    metrics.set(Metric::Trades, n);
    metrics.set(Metric::WinRate, stats.wins / n);
    metrics.set(Metric::ProfitFactor, stats.won / stats.lost);
    metrics.set(Metric::Expectancy, pnl / n);
    metrics.set(Metric::AvgTrade, stats.returns / n);
    metrics.set(Metric::Payoff, (stats.won / stats.wins) / (stats.lost / stats.losses));
    let [sum, squares] = stats.deviations;
    let spread = without_dust(
        squares - sum * sum / n,
        squares + stats.first_pnl * (2.0 * sum + n * stats.first_pnl),
    );
    if n >= 2.0 && spread > 0.0 {
        metrics.set(Metric::Sqn, n.sqrt() * (pnl / n) / (spread / (n - 1.0)).sqrt());
    }
    metrics.set(Metric::AvgDuration, stats.duration_ns / n / 1e9);
    metrics.set(Metric::Turnover, stats.traded / capital);
    metrics.set(Metric::Fees, stats.fees);
    metrics.set(Metric::CostShare, stats.fees / stats.won);
}

fn of_orders(metrics: &mut Metrics, account: &Account) {
    metrics.set(Metric::OpenTrades, f64::from(u8::from(!account.book.is_flat())));
    metrics.set(Metric::AmbiguousBars, f64::from(account.book.ambiguous));
    metrics.set(Metric::SkippedOrders, f64::from(account.book.skipped));
    metrics.set(Metric::MarginCalls, f64::from(account.book.margin_calls));
}

/// Metrics of a trial whose last tile has been run.
pub(crate) fn metrics(plan: &Plan, account: &Account) -> Metrics {
    let mut metrics = Metrics::default();
    let config = &plan.config;
    let window = plan.market.window.clone();
    let equity = account.last_equity();
    let growth = equity / config.capital;
    let elapsed = plan.market.end_of(window.end - 1) - plan.market.time[window.start];
    metrics.set(Metric::FinalEquity, equity);
    metrics.set(Metric::PeriodsPerYear, config.periods_per_year);
    metrics.set(Metric::TotalReturn, growth - 1.0);
    if growth > 0.0 && !account.ruined {
        metrics.set(Metric::Cagr, libm::pow(growth, YEAR_NS / elapsed as f64) - 1.0);
    }
    let times = plan.market.times();
    let (worst, worst_money, below_ns) = account.drawdown.finish((window.end - 1) as u32, times);
    metrics.set(Metric::MaxDrawdown, worst);
    metrics.set(Metric::MaxDrawdownDuration, below_ns as f64 / 1e9);
    if let Some(cagr) = metrics.get(Metric::Cagr) {
        metrics.set(Metric::Calmar, cagr / worst.abs());
    }
    metrics.set(Metric::RecoveryFactor, (equity - config.capital) / worst_money);
    metrics.set(Metric::Exposure, account.bars_held as f64 / window.len() as f64);
    metrics.set(Metric::BuyHoldReturn, plan.benchmark.total_return);
    let returns = if plan.samples_bars() {
        Central::from_raw(window.len() as f64, &account.moments, &plan.benchmark.moments)
    } else {
        account.daily
    };
    of_returns(&mut metrics, config.periods_per_year, config.risk_free, &returns);
    beside_benchmark(&mut metrics, plan, &returns);
    of_trades(&mut metrics, &account.book.stats, config.capital);
    of_orders(&mut metrics, account);
    metrics
}

/// The sketch of a trial, where its window is long enough for one.
pub(crate) fn sketch(plan: &Plan, account: &Account) -> Option<Box<Sketch>> {
    let counts = plan.sketch_counts?;
    Some(Box::new(Sketch {
        sums: account.sketch.sums,
        squares: account.sketch.squares,
        counts,
    }))
}
