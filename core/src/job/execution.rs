//! `[execution]`: how signals become fills.

use serde::{Deserialize, Serialize};

use crate::time::DurationNs;

/// When an order fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// Open of the next bar.
    #[default]
    NextOpen,
    /// Close of the signal's bar.
    Close,
    /// First tick after the signal's bar and the latency.
    NextTick,
}

/// Which sides are traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Long only.
    #[default]
    Long,
    /// Short only.
    Short,
    /// Both.
    Both,
}

/// What an entry against the position does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnOpposite {
    /// Close and enter the other side.
    #[default]
    Reverse,
    /// Close only.
    Close,
    /// Nothing.
    Ignore,
}

/// Which of stop and target counts when one bar reaches both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intrabar {
    /// The stop.
    #[default]
    Worst,
    /// The target.
    Best,
    /// Whichever the bar's ticks reached first.
    Ticks,
}

/// A number, or a scalar expression over the parameters.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Amount {
    /// A number.
    Number(f64),
    /// An expression such as `risk / 2`.
    Expression(String),
}

/// How many units an entry takes.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// As many as equity and leverage pay for.
    #[default]
    AllIn,
    /// This share of that.
    Fraction(Amount),
    /// A fixed number of units.
    Units(Amount),
    /// A fixed value in quote currency.
    Notional(Amount),
    /// So many that reaching the stop loses this share of equity.
    Risk(Amount),
    /// So many that the annual volatility of the position is this share of equity.
    VolTarget {
        /// The share.
        target: Amount,
        /// Bars over which volatility is measured.
        bars: Amount,
    },
}

/// Distance of a stop, target or trailing stop from the price paid.
#[derive(Debug, Clone, PartialEq)]
pub enum Level {
    /// Price distance: an expression read on the signal's bar.
    Distance(String),
    /// Share of the price paid: a scalar expression, already divided by 100 (`"2%"` has the text `(2) / 100`).
    Percent(String),
}

impl Level {
    /// From its text: `"1.5%"`, `"sl%"`, `"2.5 * atr(14)"`.
    pub fn from_text(text: &str) -> Self {
        match text.trim().strip_suffix('%') {
            Some(percent) => Self::Percent(percent.trim().to_owned()),
            None => Self::Distance(text.trim().to_owned()),
        }
    }

    /// The distance that it always is, if it is one number.
    pub fn constant(&self) -> Option<f64> {
        self.expression().trim().parse().ok()
    }

    /// The expression inside: per cent for [`Level::Percent`], price for [`Level::Distance`].
    pub fn expression(&self) -> &str {
        match self {
            Self::Distance(text) | Self::Percent(text) => text,
        }
    }
}

/// `[execution]`: how signals become fills.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Execution {
    /// When orders fill.
    pub fill: Fill,
    /// Sides traded.
    pub direction: Direction,
    /// What an entry against the position does.
    pub on_opposite: OnOpposite,
    /// Entries in total in one position.
    pub pyramiding: u32,
    /// Starting equity in quote currency.
    pub capital: f64,
    /// How many times equity a position may be worth.
    pub leverage: f64,
    /// Share of the position's value below which equity triggers a margin call.
    pub maintenance_margin: f64,
    /// Share of the value, per side.
    pub commission: f64,
    /// Quote currency per side.
    pub commission_fixed: f64,
    /// Quote currency per unit and side.
    pub commission_per_unit: f64,
    /// Least fee per side.
    pub commission_min: f64,
    /// Share of the price, paid on every fill.
    pub slippage: f64,
    /// Full width in price, for bars without quotes.
    pub spread: f64,
    /// Annual rate paid on long positions.
    pub financing_long: f64,
    /// Annual rate paid on short positions.
    pub financing_short: f64,
    /// Annual rate paid on borrowed units (short positions).
    pub borrow: f64,
    /// The rates of each instrument's `funding` dataset are paid by long positions and received by short ones. Left out of the
    /// canonical job where it is off, so that jobs without it keep their ids.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub funding: bool,
    /// Delay between the end of the signal's bar and the first tick that may fill it.
    pub latency: DurationNs,
    /// Stop against target inside one bar.
    pub intrabar: Intrabar,
    /// Units of an entry; overrides the strategy's.
    pub size: Option<Size>,
    /// Stop loss; overrides the strategy's.
    pub stop_loss: Option<Level>,
    /// Take profit; overrides the strategy's.
    pub take_profit: Option<Level>,
    /// Trailing stop; overrides the strategy's.
    pub trailing_stop: Option<Level>,
    /// Bars after which a position is left; overrides the strategy's.
    pub max_bars: Option<Amount>,
}

impl Execution {
    /// Fills or levels are decided by ticks.
    pub fn needs_ticks(&self) -> bool {
        self.fill == Fill::NextTick || self.intrabar == Intrabar::Ticks
    }
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            fill: Fill::default(),
            direction: Direction::default(),
            on_opposite: OnOpposite::default(),
            pyramiding: 1,
            capital: 10_000.0,
            leverage: 1.0,
            maintenance_margin: 0.0,
            commission: 0.0,
            commission_fixed: 0.0,
            commission_per_unit: 0.0,
            commission_min: 0.0,
            slippage: 0.0,
            spread: 0.0,
            financing_long: 0.0,
            financing_short: 0.0,
            borrow: 0.0,
            funding: false,
            latency: DurationNs(0),
            intrabar: Intrabar::default(),
            size: None,
            stop_loss: None,
            take_profit: None,
            trailing_stop: None,
            max_bars: None,
        }
    }
}
