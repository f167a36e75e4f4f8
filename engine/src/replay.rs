//! One trial again in full detail: every trade, the equity of every bar, and metrics computed the plain way.
//!
//! The metrics here are computed from the whole equity curve and the list of trades with textbook formulas, not from the running
//! sums of the sweep: a replay that equals its row checks both.

use assay_core::metrics::{Metric, Metrics};

use crate::account::{Account, EquityBuffer, Order, read};
use crate::book::Moment;
use crate::config::ExitReason;
use crate::equity::{PEAK_DUST, simple_return};
use crate::finish::{self, VARIANCE_DUST, normal_cdf};
use crate::plan::{Path, Plan};
use crate::signals::{Settings, SignalTile};
use crate::simulate::Pass;
use crate::tile::{TILE, TileBuffers};
use crate::trades::Trade;
use crate::{bars, each_tick};

/// Share of the returns in the tail for value at risk.
const TAIL: f64 = 0.05;

/// A trial in full.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Start of each traded bar, UTC nanoseconds.
    pub times: Vec<i64>,
    /// Equity at the close of each traded bar.
    pub equity: Vec<f64>,
    /// Equity of buy-and-hold at the close of each traded bar.
    pub benchmark: Vec<f64>,
    /// Returns under the job's sampling.
    pub returns: Vec<f64>,
    /// The traded bar at whose close each return ends, counted from the first one.
    pub return_bars: Vec<usize>,
    /// Closed trades in order, then the open one if any.
    pub trades: Vec<Trade>,
    /// The metrics of the row, computed the plain way.
    pub metrics: Metrics,
    /// What only a replay knows.
    pub extra: Extra,
}

/// Metrics that need the whole curve.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extra {
    /// 95 % value at risk of a period, a ratio: the loss that is exceeded in one of twenty.
    pub value_at_risk: Option<f64>,
    /// Mean of the returns beyond it.
    pub conditional_value_at_risk: Option<f64>,
    /// Sum of returns above 0 / sum below 0.
    pub omega: Option<f64>,
    /// Square root of the mean squared drawdown over bars.
    pub ulcer_index: Option<f64>,
    /// 95th percentile of returns / |5th percentile|.
    pub tail_ratio: Option<f64>,
    /// Longest row of winning trades.
    pub longest_winning_streak: usize,
    /// Longest row of losing trades.
    pub longest_losing_streak: usize,
    /// Worst excursion against each trade, a share of its entry price (0 or negative), in the order of the trades.
    pub adverse_excursions: Vec<f64>,
    /// Best excursion in favour of each trade.
    pub favourable_excursions: Vec<f64>,
}

/// Signals over the whole market, tile by tile.
pub trait SignalSource {
    /// Signals of the tile `start..start + len`; asked for in order from the market's first bar.
    fn tile(&mut self, start: usize, len: usize) -> SignalTile<'_>;
}

/// Runs one trial bar by bar, or tick by tick.
pub fn replay(plan: &Plan, settings: &Settings, source: &mut impl SignalSource) -> Replay {
    run(plan, settings, source, false)
}

/// The same of a fold: a position that is open at its end is closed at the last close, with costs.
pub fn replay_fold(plan: &Plan, settings: &Settings, source: &mut impl SignalSource) -> Replay {
    run(plan, settings, source, true)
}

fn run(plan: &Plan, settings: &Settings, source: &mut impl SignalSource, closing: bool) -> Replay {
    let plan = plan.reference();
    let window = plan.market.window.clone();
    let (mut account, mut buffer, mut tiles) = (Account::new(&plan), EquityBuffer::default(), TileBuffers::default());
    let mut trades: Vec<Trade> = Vec::new();
    let mut equity = Vec::with_capacity(window.len());
    let mut held = 0usize;
    for start in (0..window.end).step_by(TILE) {
        let range = start..window.end.min(start + TILE);
        let signals = source.tile(start, range.len());
        if range.end <= window.start {
            continue;
        }
        let tile = tiles.load(&plan, range);
        let before = account.bars_held;
        let pass = Pass {
            plan: &plan,
            tile: &tile,
            settings,
            signals,
        };
        if plan.path == Path::EachTick {
            each_tick::advance(&pass, &mut account, &mut buffer, &mut trades);
        } else {
            bars::advance(&pass, &mut account, &mut buffer, &mut trades);
        }
        held += (account.bars_held - before) as usize;
        equity.extend_from_slice(buffer.range_mut(tile.first, tile.len));
        if closing && tile.start + tile.len == window.end && !account.book.is_flat() {
            let seam = Order {
                exit: Some(ExitReason::Seam),
                enter: None,
                reading: read(&pass.signals, tile.len - 1),
                tick: 0,
            };
            bars::fill(&pass, &mut account, settings, &seam, tile.closes(tile.len - 1), &mut trades);
            account.set_last_equity(account.book.cash);
            if let Some(last) = equity.last_mut() {
                *last = account.book.cash;
            }
        }
    }
    let last = window.end - 1;
    if !account.book.is_flat() {
        let at = Moment {
            time: plan.market.end_of(last),
            bar: last,
        };
        trades.push(
            account
                .book
                .trade(plan.market.mid.close[last], at, ExitReason::Open, plan.config.multiplier),
        );
    }
    let returns = returns(&plan, &equity);
    let benchmark_equity: Vec<f64> = window.clone().map(|bar| plan.buy_and_hold_equity(bar)).collect();
    let benchmark = self::returns(&plan, &benchmark_equity);
    let return_bars = sample_ends(&plan).collect();
    let mut metrics = finish::metrics(&plan, &account);
    of_curve(&mut metrics, &plan, &equity, held);
    of_returns(&mut metrics, &plan, &returns, &benchmark);
    of_trades(&mut metrics, &trades);
    let extra = extra(&plan, &equity, &returns, &trades);
    Replay {
        times: plan.market.time[window].to_vec(),
        equity,
        benchmark: benchmark_equity,
        returns,
        return_bars,
        trades,
        metrics,
        extra,
    }
}

/// Bars of the window, counted from its first, at whose close equity is sampled.
pub(crate) fn sample_ends(plan: &Plan) -> impl Iterator<Item = usize> + '_ {
    let window = plan.market.window.clone();
    let days = &plan.market.days;
    (0..window.len()).filter(move |i| {
        let bar = window.start + i;
        plan.samples_bars() || bar + 1 == window.end || days[bar] != days[bar + 1]
    })
}

/// Returns by bar, or from day end to day end.
fn returns(plan: &Plan, equity: &[f64]) -> Vec<f64> {
    let mut before = plan.config.capital;
    sample_ends(plan)
        .map(|i| simple_return(std::mem::replace(&mut before, equity[i]), equity[i]))
        .collect()
}

fn of_curve(metrics: &mut Metrics, plan: &Plan, equity: &[f64], held: usize) {
    let capital = plan.config.capital;
    let last = equity.last().copied().unwrap_or(capital);
    metrics.set(Metric::FinalEquity, last);
    metrics.set(Metric::TotalReturn, last / capital - 1.0);
    metrics.set(Metric::Exposure, held as f64 / equity.len() as f64);
    let (mut peak, mut worst, mut worst_money) = (capital, 0.0f64, 0.0f64);
    let (mut since, mut longest) = (None, 0i64);
    for (bar, e) in plan.market.window.clone().zip(equity) {
        let start = plan.market.time[bar];
        if *e >= peak * (1.0 - PEAK_DUST) {
            since = None;
        } else {
            let first = *since.get_or_insert(start);
            longest = longest.max(plan.market.end_of(bar) - first);
            worst = worst.min(e / peak - 1.0);
            worst_money = worst_money.max(peak - e);
        }
        peak = peak.max(*e);
    }
    metrics.set(Metric::MaxDrawdown, worst);
    metrics.set(Metric::MaxDrawdownDuration, longest as f64 / 1e9);
    metrics.set(Metric::RecoveryFactor, (last - capital) / worst_money);
    metrics.set(
        Metric::Calmar,
        metrics.get(Metric::Cagr).map_or(f64::NAN, |cagr| cagr / worst.abs()),
    );
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation with ddof 1; zero where only dust of rounding is left.
fn deviation(values: &[f64]) -> f64 {
    let m = mean(values);
    let squares: f64 = values.iter().map(|x| (x - m) * (x - m)).sum();
    let scale: f64 = values.iter().map(|x| x * x).sum();
    if squares <= VARIANCE_DUST * scale {
        0.0
    } else {
        (squares / (values.len() as f64 - 1.0)).sqrt()
    }
}

pub(crate) fn of_returns(metrics: &mut Metrics, plan: &Plan, r: &[f64], benchmark: &[f64]) {
    use Metric::{Alpha, Beta, ExcessSharpe, Kurtosis, Psr, Sharpe, Skew, Sortino, Volatility};
    let (ppy, rf, n) = (plan.config.periods_per_year, plan.config.risk_free, r.len() as f64);
    for metric in [Alpha, Beta, ExcessSharpe, Kurtosis, Psr, Sharpe, Skew, Sortino, Volatility] {
        metrics.set(metric, f64::NAN);
    }
    if r.len() < 2 {
        return;
    }
    let (m, std) = (mean(r), deviation(r));
    let downside = (r.iter().map(|x| (x - rf).min(0.0)).map(|x| x * x).sum::<f64>() / n).sqrt();
    metrics.set(Volatility, std * ppy.sqrt());
    metrics.set(Sortino, (m - rf) / downside * ppy.sqrt());
    if std > 0.0 {
        let sharpe = (m - rf) / std;
        let central = |power: &dyn Fn(f64) -> f64| r.iter().map(|x| power(x - m)).sum::<f64>() / n;
        let m2 = central(&|d| d * d);
        let skew = central(&|d| d * d * d) / (m2 * m2.sqrt());
        let kurtosis = central(&|d| d * d * d * d) / (m2 * m2) - 3.0;
        metrics.set(Sharpe, sharpe * ppy.sqrt());
        metrics.set(Skew, skew);
        metrics.set(Kurtosis, kurtosis);
        let spread = 1.0 - skew * sharpe + (kurtosis + 2.0) / 4.0 * sharpe * sharpe;
        metrics.set(Psr, normal_cdf(sharpe * (n - 1.0).sqrt() / spread.sqrt()));
    }
    let (mb, sb) = (mean(benchmark), deviation(benchmark));
    if !benchmark.is_empty() && sb > 0.0 {
        let covariance = r.iter().zip(benchmark).map(|(x, b)| (x - m) * (b - mb)).sum::<f64>() / (n - 1.0);
        let beta = covariance / (sb * sb);
        metrics.set(Beta, beta);
        metrics.set(Alpha, (m - rf - beta * (mb - rf)) * ppy);
    }
    let difference: Vec<f64> = r.iter().zip(benchmark).map(|(x, b)| x - b).collect();
    let scale: f64 = r.iter().chain(benchmark).map(|x| x * x).sum();
    let d = mean(&difference);
    let squares: f64 = difference.iter().map(|x| (x - d) * (x - d)).sum();
    if squares > VARIANCE_DUST * scale {
        metrics.set(ExcessSharpe, d / (squares / (n - 1.0)).sqrt() * ppy.sqrt());
    }
}

pub(crate) fn of_trades(metrics: &mut Metrics, trades: &[Trade]) {
    use Metric::{AvgDuration, AvgTrade, CostShare, Expectancy, Fees, OpenTrades, Payoff, ProfitFactor, Sqn, Trades, WinRate};
    let closed: Vec<&Trade> = trades.iter().filter(|t| t.reason != ExitReason::Open).collect();
    let pnl: Vec<f64> = closed.iter().map(|t| t.pnl).collect();
    let n = closed.len() as f64;
    let wins: Vec<f64> = pnl.iter().copied().filter(|p| *p > 0.0).collect();
    let losses: Vec<f64> = pnl.iter().copied().filter(|p| *p < 0.0).collect();
    let (won, lost) = (wins.iter().sum::<f64>(), -losses.iter().sum::<f64>());
    let fees = trades.iter().map(|t| t.fees).sum::<f64>();
    metrics.set(Trades, n);
    metrics.set(OpenTrades, (trades.len() - closed.len()) as f64);
    metrics.set(WinRate, wins.len() as f64 / n);
    metrics.set(ProfitFactor, won / lost);
    metrics.set(Expectancy, pnl.iter().sum::<f64>() / n);
    metrics.set(AvgTrade, closed.iter().map(|t| t.ret).sum::<f64>() / n);
    metrics.set(Payoff, mean(&wins) / -mean(&losses));
    let sqn = if pnl.len() < 2 {
        f64::NAN
    } else {
        n.sqrt() * mean(&pnl) / deviation(&pnl)
    };
    metrics.set(Sqn, sqn);
    metrics.set(
        AvgDuration,
        closed.iter().map(|t| (t.exit_time - t.entry_time) as f64).sum::<f64>() / n / 1e9,
    );
    metrics.set(Fees, fees);
    metrics.set(CostShare, fees / won);
}

/// The `share` quantile by linear interpolation between order statistics; `sorted` is ascending and not empty.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let below = position as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

fn extra(plan: &Plan, equity: &[f64], returns: &[f64], trades: &[Trade]) -> Extra {
    let mut extra = Extra::default();
    let finite = |x: f64| x.is_finite().then_some(x);
    if returns.len() >= 2 {
        let mut sorted = returns.to_vec();
        sorted.sort_by(f64::total_cmp);
        let low = quantile(&sorted, TAIL);
        let beyond: Vec<f64> = sorted.iter().copied().filter(|r| *r <= low).collect();
        extra.value_at_risk = finite(-low);
        extra.conditional_value_at_risk = finite(-mean(&beyond));
        extra.tail_ratio = finite(quantile(&sorted, 1.0 - TAIL) / low.abs());
        let gain: f64 = returns.iter().filter(|r| **r > 0.0).sum();
        let loss: f64 = returns.iter().filter(|r| **r < 0.0).sum();
        extra.omega = finite(gain / -loss);
    }
    let mut peak = plan.config.capital;
    let squares = equity.iter().map(|e| {
        peak = peak.max(*e);
        let drawdown = e / peak - 1.0;
        drawdown * drawdown
    });
    extra.ulcer_index = finite((squares.sum::<f64>() / equity.len() as f64).sqrt());
    let streak = |won: bool| {
        let closed = trades.iter().filter(|t| t.reason != ExitReason::Open);
        let runs = closed.scan(0, |run, t| {
            *run = if (t.pnl > 0.0) == won { *run + 1 } else { 0 };
            Some(*run)
        });
        runs.max().unwrap_or(0)
    };
    extra.longest_winning_streak = streak(true);
    extra.longest_losing_streak = streak(false);
    for trade in trades {
        let bars = trade.entry_bar..=trade.exit_bar;
        let low = plan.market.mid.low[bars.clone()]
            .iter()
            .copied()
            .fold(trade.exit_price.min(trade.entry_price), f64::min);
        let high = plan.market.mid.high[bars]
            .iter()
            .copied()
            .fold(trade.exit_price.max(trade.entry_price), f64::max);
        let (worst, best) = if trade.side.sign() > 0.0 { (low, high) } else { (high, low) };
        let share = |price: f64| trade.side.sign() * (price / trade.entry_price - 1.0);
        extra.adverse_excursions.push(share(worst).min(0.0));
        extra.favourable_excursions.push(share(best).max(0.0));
    }
    extra
}
