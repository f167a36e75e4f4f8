//! What chance leaves open about the best trial: intervals, signs, and the order of its trades.

use assay_core::space::Point;
use assay_engine::ExitReason;
use assay_optimizer::statistics::{
    Interval, Resamples, SharpeEstimate, TradeOrder, TradeSimulation, confidence_interval, default_block, sign_test,
    simulate_trades,
};
use serde_json::{Value, json};

use super::Facts;
use super::market::Replays;
use crate::failure::Failure;
use crate::output::human;

/// Resamples and paths, and the numbers that they are drawn by.
const DRAWS: usize = 2_000;
const SEED: u64 = 1;
/// Of the intervals.
const CONFIDENCE: f64 = 0.95;
/// Share of the capital whose loss is ruin.
const RUIN: f64 = 0.5;
/// Returns beyond which intervals would take too long: resampling them is millions of numbers a draw.
const MOST_RETURNS: usize = 100_000;

/// Ratios from returns, in the unit of their column.
type Metric = (&'static str, bool, fn(&[f64], &Year) -> Option<f64>);
const METRICS: [Metric; 5] = [
    ("sharpe", false, sharpe),
    ("sortino", false, sortino),
    ("total_return", true, |returns, _| Some(growth(returns) - 1.0)),
    ("volatility", true, |returns, year| {
        Some(deviation(returns)? * year.periods.sqrt())
    }),
    ("max_drawdown", true, |returns, _| Some(deepest(returns))),
];

/// How returns become annual.
struct Year {
    periods: f64,
    /// Of a period.
    risk_free: f64,
}

/// What chance leaves open.
pub(super) struct Chance {
    intervals: Vec<(&'static str, bool, Interval)>,
    signs: Option<f64>,
    trades: Option<OfTrades>,
}

struct OfTrades {
    count: usize,
    drawdown: Option<f64>,
    total: [Option<f64>; 2],
    ruin: f64,
    loss: f64,
}

impl Chance {
    /// Of a point, from its returns and, on a single instrument, its trades.
    pub(super) fn of(replays: &Replays, point: &Point) -> Result<Option<Self>, Failure> {
        let returns = replays.returns(point)?;
        if returns.len() < 2 || returns.len() > MOST_RETURNS {
            return Ok(None);
        }
        let year = Year {
            periods: replays.periods_per_year(),
            risk_free: replays.risk_free(),
        };
        let block = default_block(returns.len());
        let resamples = Resamples::stationary(returns.len(), block, DRAWS, SEED);
        let interval = |(name, ratio, of): &Metric| {
            let found = confidence_interval(&returns, &resamples, CONFIDENCE, |series| of(series, &year))?;
            Some((*name, *ratio, found))
        };
        let excess: Vec<f64> = returns.iter().map(|r| r - year.risk_free).collect();
        Ok(Some(Self {
            intervals: METRICS.iter().filter_map(interval).collect(),
            signs: sign_test(&excess, block.ceil() as usize, DRAWS, SEED),
            trades: OfTrades::of(replays, point)?,
        }))
    }

    pub(super) fn to_json(&self) -> Value {
        let interval = |(name, _, found): &(&'static str, bool, Interval)| {
            ((*name).to_owned(), json!([found.low, found.estimate, found.high]))
        };
        json!({
            "intervals": self.intervals.iter().map(interval).collect::<serde_json::Map<_, _>>(),
            "signs": self.signs,
            "trades": self.trades.as_ref().map(|of| json!({
                "count": of.count,
                "drawdown_95": of.drawdown,
                "total_return_05": of.total[0],
                "total_return_95": of.total[1],
                "ruin": of.ruin,
                "loss": of.loss,
            })),
        })
    }

    pub(super) fn facts(&self) -> Facts {
        let show = |ratio: bool, value: f64| {
            if ratio { human::percent(value) } else { format!("{value:.2}") }
        };
        let mut facts: Facts = self
            .intervals
            .iter()
            .map(|(name, ratio, found)| {
                let text = format!("{} to {}", show(*ratio, found.low), show(*ratio, found.high));
                (format!("{name}, in 95 of 100"), text)
            })
            .collect();
        if let Some(p) = self.signs {
            facts.push(("as good with random signs".to_owned(), format!("p {p:.4}")));
        }
        if let Some(of) = &self.trades {
            let ratio = |value: Option<f64>| value.map_or_else(|| human::UNDEFINED.to_owned(), human::percent);
            facts.push((
                format!("total return of {} such trades, in 90 of 100", human::count(of.count as i64)),
                format!("{} to {}", ratio(of.total[0]), ratio(of.total[1])),
            ));
            facts.push(("their drawdown, in 19 of 20 not below".to_owned(), ratio(of.drawdown)));
            facts.push(("their end below the start".to_owned(), human::percent(of.loss)));
            facts.push(("half of the capital lost on the way".to_owned(), human::percent(of.ruin)));
        }
        facts
    }
}

impl OfTrades {
    /// Of a job with one instrument: the trades of several are no one's equity.
    fn of(replays: &Replays, point: &Point) -> Result<Option<Self>, Failure> {
        let mut sweeps = replays.sweeps();
        let (Some(sweep), None) = (sweeps.next(), sweeps.next()) else {
            return Ok(None);
        };
        let mut equity = sweep.plan().config.capital;
        let mut results = Vec::new();
        for trade in sweep.replay(point)?.trades {
            if trade.reason == ExitReason::Open || equity <= 0.0 {
                continue;
            }
            results.push(trade.pnl / equity);
            equity += trade.pnl;
        }
        let simulation = TradeSimulation {
            order: TradeOrder::Drawn,
            paths: DRAWS,
            ruin: RUIN,
            seed: SEED,
        };
        Ok(simulate_trades(&results, &simulation).map(|risk| Self {
            count: results.len(),
            drawdown: risk.max_drawdown(0.95),
            total: [risk.total_return(0.05), risk.total_return(0.95)],
            ruin: risk.ruin,
            loss: risk.loss,
        }))
    }
}

fn sharpe(returns: &[f64], year: &Year) -> Option<f64> {
    SharpeEstimate::measure(returns, year.risk_free).map(|found| found.sharpe * year.periods.sqrt())
}

fn mean(returns: &[f64]) -> f64 {
    returns.iter().sum::<f64>() / returns.len() as f64
}

fn deviation(returns: &[f64]) -> Option<f64> {
    let middle = mean(returns);
    let squares: f64 = returns.iter().map(|r| (r - middle) * (r - middle)).sum();
    (returns.len() > 1).then(|| (squares / (returns.len() as f64 - 1.0)).sqrt())
}

fn sortino(returns: &[f64], year: &Year) -> Option<f64> {
    let below = |r: &f64| {
        let under = (r - year.risk_free).min(0.0);
        under * under
    };
    let below: f64 = returns.iter().map(below).sum();
    let downside = (below / returns.len() as f64).sqrt();
    (downside > 0.0).then(|| (mean(returns) - year.risk_free) / downside * year.periods.sqrt())
}

fn growth(returns: &[f64]) -> f64 {
    returns.iter().fold(1.0, |equity, r| equity * (1.0 + r))
}

fn deepest(returns: &[f64]) -> f64 {
    let (mut equity, mut peak, mut worst) = (1.0f64, 1.0f64, 0.0f64);
    for r in returns {
        equity *= 1.0 + r;
        peak = peak.max(equity);
        worst = worst.min(equity / peak - 1.0);
    }
    worst
}
