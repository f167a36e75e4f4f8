//! One trial on a page.

mod curve;
mod price;
mod returns;
#[cfg(test)]
mod tests;
mod trades;

pub use curve::drawdown;
pub(crate) use curve::{depth, signed, thinned};

use crate::page::{Block, Group, Page};

/// What is known of a trial that was replayed. Bars are those traded; their values have equal lengths.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrialReport {
    /// The trial.
    pub title: String,
    /// Job, instrument and parameters in one sentence.
    pub subtitle: String,
    /// Names and values that say what was run.
    pub facts: Vec<(String, String)>,
    /// All metrics by subject.
    pub statistics: Vec<Group>,
    /// Who made the page of what.
    pub footer: String,
    /// Start of each bar, UTC nanoseconds, ascending.
    pub times: Vec<i64>,
    /// Equity at the close of each bar, in quote currency.
    pub equity: Vec<f64>,
    /// Equity of all-in buy-and-hold with the same costs.
    pub benchmark: Vec<f64>,
    /// Prices of the bars.
    pub prices: Prices,
    /// Equity before the first bar.
    pub capital: f64,
    /// Quote currency, or empty.
    pub currency: String,
    /// Returns under the job's sampling.
    pub returns: Vec<f64>,
    /// The bar at whose close each return ends.
    pub return_bars: Vec<usize>,
    /// What one return spans: `day` or `bar`.
    pub sampling: String,
    /// Returns a year.
    pub periods_per_year: f64,
    /// Risk-free rate of one period.
    pub risk_free: f64,
    /// Closed trades in order, then the open one if any.
    pub trades: Vec<TradeMark>,
}

/// Open, high, low and close of each bar; from quotes the mid.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prices {
    /// First price.
    pub open: Vec<f64>,
    /// Highest.
    pub high: Vec<f64>,
    /// Lowest.
    pub low: Vec<f64>,
    /// Last.
    pub close: Vec<f64>,
}

/// A trade.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeMark {
    /// Bought first.
    pub long: bool,
    /// Bar of the entry.
    pub entry_bar: usize,
    /// Bar of the exit; of an open trade the last one.
    pub exit_bar: usize,
    /// Price paid.
    pub entry_price: f64,
    /// Price got.
    pub exit_price: f64,
    /// Net profit in quote currency.
    pub pnl: f64,
    /// Net profit as a share of the value bought or sold.
    pub ret: f64,
    /// Fees and accruals in quote currency.
    pub fees: f64,
    /// Still open at the end.
    pub open: bool,
}

impl TrialReport {
    /// `1,234.50 USD`
    pub(crate) fn money(&self, value: f64) -> String {
        format!("{} {}", crate::human::money(value), self.currency)
            .trim_end()
            .to_owned()
    }
}

/// Names of pictures that a page of a trial may have.
pub const TRIAL_PICTURES: [&str; 8] = [
    "equity",
    "price",
    "monthly",
    "returns",
    "rolling_sharpe",
    "trade_returns",
    "costs",
    "exposure",
];

/// The page of a trial.
pub fn trial_page(trial: &TrialReport) -> Page {
    let mut blocks = vec![
        Block::Figure(curve::equity(trial)),
        Block::Figure(price::trades_on_price(trial)),
        Block::Heading("Returns".to_owned()),
        Block::Figure(returns::monthly(trial)),
        Block::Figure(returns::distribution(trial)),
        Block::Figure(returns::rolling_sharpe(trial)),
        Block::Heading("Trades".to_owned()),
    ];
    if trial.trades.is_empty() {
        blocks.push(Block::Note("The strategy made no trades.".to_owned()));
    } else {
        blocks.push(Block::Figure(trades::distribution(trial)));
        blocks.push(Block::Figure(trades::costs(trial)));
        blocks.push(Block::Figure(trades::exposure(trial)));
    }
    blocks.push(Block::Heading("Statistics".to_owned()));
    blocks.push(Block::Groups(trial.statistics.clone()));
    Page {
        title: trial.title.clone(),
        subtitle: trial.subtitle.clone(),
        facts: trial.facts.clone(),
        blocks,
        footer: trial.footer.clone(),
    }
}
