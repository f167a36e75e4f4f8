//! What a fill at any bar of a tile comes to, worked out once for all trials.
//!
//! Where positions are long, all-in and without leverage, and costs are in proportion to value, a trial's cash only scales what
//! happens: the return of a bar with an entry or an exit depends on the bar alone.

use assay_core::job::Fill;

use crate::config::Config;
use crate::equity::simple_return;
use crate::line::Line;
use crate::plan::Plan;
use crate::tile::Side4;

/// Prices of one unit at a bar's fill, with slippage and, but for `paid`, commission.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Price {
    /// What a buyer pays before commission.
    pub paid: f64,
    /// What a unit costs.
    pub cost: f64,
    /// Units that one of cash pays for: `1 / cost`.
    pub units: f64,
    /// What a unit brings.
    pub proceeds: f64,
}

/// Fills at every bar of a tile. A holding's bars and nanoseconds are the sums of those at its ends and between.
#[derive(Debug, Default)]
pub struct FillTable {
    /// What a unit costs for each 1 of its price.
    pub(crate) cost_factor: f64,
    /// Time from a bar's start to its fill.
    pub(crate) delay: i64,
    pub(crate) prices: Vec<Price>,
    /// What a bar adds when a position is entered in it.
    pub(crate) entered: Vec<Line>,
    /// What a bar adds when a position is left in it.
    pub(crate) left: Vec<Line>,
}

impl FillTable {
    /// `benchmark` may be empty.
    pub(crate) fn build(
        &mut self,
        plan: &Plan,
        start: usize,
        (buy, sell): (Side4<'_>, Side4<'_>),
        close: &[f64],
        benchmark: &[f64],
    ) {
        let config = &plan.config;
        let multiplier = config.multiplier;
        let (buy, sell, delay) = match config.fill {
            Fill::Close => (buy.close, sell.close, plan.market.bar_ns),
            _ => (buy.open, sell.open, 0),
        };
        self.delay = delay;
        self.cost_factor = multiplier * (1.0 + config.commission);
        let times = &plan.market.time[start..start + close.len()];
        self.prices.clear();
        self.prices.extend(buy.iter().zip(sell).map(|(buy, sell)| {
            let paid = config.bought_at(*buy);
            let cost = paid * self.cost_factor;
            Price {
                paid,
                cost,
                units: 1.0 / cost,
                proceeds: config.proceeds(*sell),
            }
        }));
        self.entered.clear();
        self.left.clear();
        for (i, price) in self.prices.iter().enumerate() {
            let before = plan.market.mid.close[(start + i).saturating_sub(1)];
            let elapsed = (times[i] - times[0]) as f64;
            let term = |r: f64| Line::of_return(r, config.risk_free, benchmark.get(i).copied().unwrap_or(0.0));
            let mut entered = term(price.units * (multiplier * close[i]) - 1.0);
            entered.set_place(1, -elapsed);
            self.entered.push(entered);
            let mut left = term(simple_return(multiplier * before, price.proceeds));
            left.set_place(0, elapsed);
            self.left.push(left);
        }
    }
}

/// A fill of one unit for one side of the deal at one bar, with slippage.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(32))]
pub(crate) struct Deal {
    /// Price.
    pub(crate) price: f64,
    /// What a buyer pays or a seller gets, with fees in proportion to value and to units.
    pub(crate) net: f64,
    /// [`Config::affordable_by_one`] of an entry.
    pub(crate) amount: f64,
    /// Nanoseconds from the tile's first bar.
    pub(crate) elapsed_ns: f64,
}

/// Deals at every bar of a tile, for positions of either side that turn.
#[derive(Debug, Default)]
pub(crate) struct DealTable {
    /// Of a seller and of a buyer.
    deals: Vec<[Deal; 2]>,
    /// The most that a unit loses if it is left at once where it was entered.
    pub(crate) most_lost: f64,
}

impl DealTable {
    pub(crate) fn build(&mut self, plan: &Plan, start: usize, (buy, sell): (Side4<'_>, Side4<'_>)) {
        let config = &plan.config;
        let (buy, sell) = match config.fill {
            Fill::Close => (buy.close, sell.close),
            _ => (buy.open, sell.open),
        };
        let times = &plan.market.time[start..];
        self.deals.clear();
        self.most_lost = 0.0;
        for (i, (buy, sell)) in buy.iter().zip(sell).enumerate() {
            let deal = |price: f64, buys: bool| Deal {
                price,
                net: net_value(config, price, buys),
                amount: config.affordable_by_one(price),
                elapsed_ns: (times[i] - times[0]) as f64,
            };
            let [sold, bought] = [deal(config.sold_at(*sell), false), deal(config.bought_at(*buy), true)];
            let long = bought.net - sell * config.multiplier;
            let short = buy * config.multiplier - sold.net;
            self.most_lost = self.most_lost.max(long).max(short);
            self.deals.push([sold, bought]);
        }
    }

    /// The deal at bar `i`.
    #[inline(always)]
    pub(crate) fn at(&self, i: usize, buys: bool) -> &Deal {
        &self.deals[i][usize::from(buys)]
    }
}

/// What a buyer pays or a seller gets for a unit at this price, with fees in proportion to value and units.
#[inline(always)]
pub(crate) fn net_value(config: &Config, price: f64, buys: bool) -> f64 {
    let value = price * config.multiplier;
    if buys {
        value * (1.0 + config.commission) + config.commission_per_unit
    } else {
        value * (1.0 - config.commission) - config.commission_per_unit
    }
}
