//! Trades and their statistics.

use crate::config::{ExitReason, Side};

/// A position from flat to flat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trade {
    /// Side.
    pub side: Side,
    /// First entry, UTC nanoseconds.
    pub entry_time: i64,
    /// Exit, UTC nanoseconds; of an open trade the end of the last bar.
    pub exit_time: i64,
    /// Bar of the first entry.
    pub entry_bar: usize,
    /// Bar of the exit.
    pub exit_bar: usize,
    /// Average price paid.
    pub entry_price: f64,
    /// Price got; of an open trade the last close.
    pub exit_price: f64,
    /// Units in total.
    pub units: f64,
    /// Net profit in quote currency.
    pub pnl: f64,
    /// `pnl / (units x entry price x multiplier)`.
    pub ret: f64,
    /// Fees and accruals.
    pub fees: f64,
    /// Why it ended.
    pub reason: ExitReason,
}

/// Running sums over closed trades.
#[derive(Debug, Clone, Copy, Default)]
pub struct TradeStats {
    /// Closed trades.
    pub closed: f64,
    /// Those with pnl > 0.
    pub wins: f64,
    /// Those with pnl < 0.
    pub losses: f64,
    /// Sum of positive pnl.
    pub won: f64,
    /// Sum of negative pnl, as a positive number.
    pub lost: f64,
    /// The first trade's pnl: the point from which the deviations below are measured, so that they do not cancel when all
    /// trades end alike.
    pub first_pnl: f64,
    /// Sums of pnl - first pnl, and of its square.
    pub deviations: [f64; 2],
    /// Sum of trade returns.
    pub returns: f64,
    /// Sum of times in a trade, nanoseconds.
    pub duration_ns: f64,
    /// Fees and accruals of all fills, open positions included.
    pub fees: f64,
    /// Value of all fills.
    pub traded: f64,
}

impl TradeStats {
    /// Adds a closed trade; its fees and value were added with its fills.
    #[inline(always)]
    pub fn close(&mut self, pnl: f64, ret: f64, duration_ns: i64) {
        self.close_all(&[pnl]);
        self.returns += ret;
        self.duration_ns += duration_ns as f64;
    }

    /// Adds closed trades by their pnl alone.
    #[inline(always)]
    pub fn close_all(&mut self, pnls: &[f64]) {
        const LANES: usize = 4;
        if self.closed == 0.0 {
            self.first_pnl = pnls.first().copied().unwrap_or(0.0);
        }
        self.closed += pnls.len() as f64;
        let (lanes, rest) = pnls.as_chunks::<LANES>();
        let mut sums = [[0.0; LANES]; 6];
        for pnls in lanes {
            for k in 0..LANES {
                let terms = self.terms(pnls[k]);
                for (sum, term) in sums.iter_mut().zip(terms) {
                    sum[k] += term;
                }
            }
        }
        let mut sums = sums.map(|l| (l[0] + l[1]) + (l[2] + l[3]));
        for pnl in rest {
            for (sum, term) in sums.iter_mut().zip(self.terms(*pnl)) {
                *sum += term;
            }
        }
        let [wins, losses, won, lost, deviation, square] = sums;
        self.wins += wins;
        self.losses += losses;
        self.won += won;
        self.lost += lost;
        self.deviations[0] += deviation;
        self.deviations[1] += square;
    }

    /// What a pnl adds to wins, losses, won, lost and the deviations.
    #[inline(always)]
    fn terms(&self, pnl: f64) -> [f64; 6] {
        let deviation = pnl - self.first_pnl;
        [
            f64::from(u8::from(pnl > 0.0)),
            f64::from(u8::from(pnl < 0.0)),
            if pnl > 0.0 { pnl } else { 0.0 },
            if pnl < 0.0 { -pnl } else { 0.0 },
            deviation,
            deviation * deviation,
        ]
    }

    /// Adds a fill.
    #[inline(always)]
    pub fn fill(&mut self, value: f64, fee: f64) {
        self.fees += fee;
        self.traded += value;
    }
}

/// Where trades are written down, if anywhere.
pub trait Journal {
    /// A position has ended.
    fn trade(&mut self, trade: &Trade);
}

impl Journal for () {
    #[inline(always)]
    fn trade(&mut self, _: &Trade) {}
}

impl Journal for Vec<Trade> {
    fn trade(&mut self, trade: &Trade) {
        self.push(*trade);
    }
}
