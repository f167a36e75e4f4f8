//! Monte Carlo over trades: what the same trades could have done in another order.

use crate::generator::{key, random};
use crate::statistics::bootstrap::{below, quantile};
use crate::statistics::permutation::shuffle;

/// Stream of random numbers under a seed.
const STREAM: u64 = 0x5b03;

/// Where the trades of a path come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeOrder {
    /// Drawn with replacement: another future from the same trades.
    Drawn,
    /// All of them once, in another order: the same result by another way.
    Shuffled,
}

/// How to simulate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TradeSimulation {
    /// Where the trades of a path come from.
    pub order: TradeOrder,
    /// Paths.
    pub paths: usize,
    /// Share of the starting capital whose loss is ruin, above 0 and at most 1.
    pub ruin: f64,
    /// Seed.
    pub seed: u64,
}

/// What the paths came to.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeRisk {
    /// Risk of ruin: share of paths that lost that share of the capital at any time.
    pub ruin: f64,
    /// Share of paths that ended below the starting capital.
    pub loss: f64,
    drawdowns: Vec<f64>,
    totals: Vec<f64>,
}

impl TradeRisk {
    /// The maximum drawdown, from trade to trade, that a `share` of the paths stayed within: -0.3 for 30 %, as in the column.
    pub fn max_drawdown(&self, share: f64) -> Option<f64> {
        quantile(&self.drawdowns, 1.0 - share)
    }

    /// The total return below which a `share` of the paths ended.
    pub fn total_return(&self, share: f64) -> Option<f64> {
        quantile(&self.totals, share)
    }
}

/// Runs through trades in random orders. A trade's return is its net result by the equity before it; returns compound, and equity
/// never falls below 0. `None` without trades or paths.
///
/// Trades are taken to be independent of each other: where losses come in runs, real drawdowns are deeper. Source: R. Vince, "The
/// mathematics of money management", 1992; bootstrap: Efron (1979).
pub fn simulate_trades(returns: &[f64], simulation: &TradeSimulation) -> Option<TradeRisk> {
    if returns.is_empty() || simulation.paths == 0 {
        return None;
    }
    let (mut drawdowns, mut totals) = (Vec::new(), Vec::new());
    let (mut ruined, mut lost) = (0u64, 0u64);
    let mut path = returns.to_vec();
    for number in 0..simulation.paths as u64 {
        let of = key(key(simulation.seed, STREAM), number);
        match simulation.order {
            TradeOrder::Drawn => {
                for (counter, trade) in (0..).zip(&mut path) {
                    *trade = returns[below(random(of, counter), returns.len()) as usize];
                }
            }
            TradeOrder::Shuffled => {
                path.copy_from_slice(returns);
                shuffle(&mut path, of);
            }
        }
        let (mut equity, mut peak, mut lowest, mut drawdown) = (1f64, 1f64, 1f64, 0f64);
        for trade in &path {
            equity *= (1.0 + trade).max(0.0);
            peak = peak.max(equity);
            lowest = lowest.min(equity);
            drawdown = drawdown.min(equity / peak - 1.0);
        }
        ruined += u64::from(lowest <= 1.0 - simulation.ruin);
        lost += u64::from(equity < 1.0);
        drawdowns.push(drawdown);
        totals.push(equity - 1.0);
    }
    drawdowns.sort_by(f64::total_cmp);
    totals.sort_by(f64::total_cmp);
    Some(TradeRisk {
        ruin: ruined as f64 / simulation.paths as f64,
        loss: lost as f64 / simulation.paths as f64,
        drawdowns,
        totals,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simulation(order: TradeOrder, ruin: f64) -> TradeSimulation {
        TradeSimulation {
            order,
            paths: 20_000,
            ruin,
            seed: 1,
        }
    }

    #[test]
    fn every_order_of_three_trades() {
        // Of the six orders of -50 %, -50 %, +100 % two begin with both losses (equity 0.25), two lose, win and lose, and two win
        // first, which loses three quarters from the peak.
        let risk = simulate_trades(&[-0.5, -0.5, 1.0], &simulation(TradeOrder::Shuffled, 0.75)).unwrap();
        assert!((risk.ruin - 1.0 / 3.0).abs() < 0.01, "{}", risk.ruin);
        assert_eq!(risk.loss, 1.0);
        assert_eq!((risk.total_return(0.0), risk.total_return(1.0)), (Some(-0.5), Some(-0.5)));
        // Two of three orders have a drawdown of 75 %, the third one of 50 %.
        assert_eq!((risk.max_drawdown(0.95), risk.max_drawdown(0.1)), (Some(-0.75), Some(-0.5)));
    }

    #[test]
    fn drawn_trades_follow_the_binomial() {
        // Ten trades of +-10 %: a loss at the end unless there are at least 6 wins (1.1^6 x 0.9^4 > 1 > 1.1^5 x 0.9^5).
        let trades: Vec<f64> = (0..10).map(|i| if i % 2 == 0 { 0.1 } else { -0.1 }).collect();
        let risk = simulate_trades(&trades, &simulation(TradeOrder::Drawn, 1.0)).unwrap();
        assert!((risk.loss - 638.0 / 1024.0).abs() < 0.012, "{}", risk.loss);
        assert_eq!(risk.ruin, 0.0);
        assert_eq!(risk, simulate_trades(&trades, &simulation(TradeOrder::Drawn, 1.0)).unwrap());
        let quantiles: Vec<f64> = [0.5, 0.9, 0.99]
            .iter()
            .map(|share| risk.max_drawdown(*share).unwrap())
            .collect();
        assert!(quantiles.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn nobody_loses_more_than_everything() {
        let risk = simulate_trades(&[-1.5], &simulation(TradeOrder::Drawn, 1.0)).unwrap();
        assert_eq!(
            (risk.ruin, risk.total_return(0.5), risk.max_drawdown(0.5)),
            (1.0, Some(-1.0), Some(-1.0))
        );
        assert_eq!(simulate_trades(&[], &simulation(TradeOrder::Drawn, 0.5)), None);
    }
}
