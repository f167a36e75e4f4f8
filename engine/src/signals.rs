//! What a strategy tells the engine.

/// How many units an entry takes, with the parameters of the trial filled in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Size {
    /// As many as equity and leverage pay for.
    AllIn,
    /// This share of that.
    Fraction(f64),
    /// A fixed number of units.
    Units(f64),
    /// A fixed value in quote currency.
    Notional(f64),
    /// So many that reaching the stop loses this share of equity.
    Risk(f64),
    /// So many that the annual volatility of the position is this share of equity; volatility comes with the signals.
    VolTarget(f64),
}

/// Where a stop, target or trailing stop lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// Share of the price paid: 0.02 is two per cent.
    Share(f64),
    /// A price distance read on the signal's bar from the column that comes with the signals.
    Distance,
}

/// The scalars of one trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Units of an entry.
    pub size: Size,
    /// Stop loss.
    pub stop: Option<Level>,
    /// Take profit.
    pub target: Option<Level>,
    /// Trailing stop.
    pub trail: Option<Level>,
    /// Bars after which a position is left; at least 1.
    pub max_bars: Option<u32>,
}

impl Settings {
    /// No stop, target, trailing stop or expiry.
    pub fn rules_only(&self) -> bool {
        self.stop.is_none() && self.target.is_none() && self.trail.is_none() && self.max_bars.is_none()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            size: Size::AllIn,
            stop: None,
            target: None,
            trail: None,
            max_bars: None,
        }
    }
}

/// The signals of one trial over one tile of consecutive bars.
///
/// Bit `j` of word `w` is the tile's bar `64 w + j`; a tile begins at a multiple of 64 bars; bits past its end are 0. An empty
/// slice stands for a rule that never fires or a column that the trial does not use. NaN is undefined.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignalTile<'a> {
    /// Entries into a long position.
    pub enter_long: &'a [u64],
    /// Exits from a long position.
    pub exit_long: &'a [u64],
    /// Entries into a short position.
    pub enter_short: &'a [u64],
    /// Exits from a short position.
    pub exit_short: &'a [u64],
    /// Price distance of the stop.
    pub stop: &'a [f64],
    /// Price distance of the target.
    pub target: &'a [f64],
    /// Price distance of the trailing stop.
    pub trail: &'a [f64],
    /// Annual volatility of returns, for [`Size::VolTarget`].
    pub volatility: &'a [f64],
}
