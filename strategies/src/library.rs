//! The strategies that come with Assay.

use assay_core::nearest;

use crate::error::StrategyError;
use crate::strategy::Strategy;

macro_rules! library {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../library/", $name, ".toml")))),*]
    };
}

/// Name and TOML source of every library strategy, sorted by name.
pub fn library() -> &'static [(&'static str, &'static str)] {
    library![
        "adx_trend",
        "aroon_momentum",
        "atr_channel",
        "bollinger_reversion",
        "bollinger_squeeze",
        "candle_reversal",
        "cci_reversion",
        "chandelier_exit",
        "donchian_breakout",
        "ema_ribbon",
        "gap_fade",
        "grid_breakout",
        "grid_reversion",
        "hull_slope",
        "ichimoku_cloud",
        "kama_trend",
        "keltner_breakout",
        "keltner_reversion",
        "lead_lag",
        "ma_cross",
        "macd_momentum",
        "mfi_reversion",
        "narrow_range",
        "obv_momentum",
        "opening_range_breakout",
        "pairs_ratio",
        "pairs_spread",
        "parabolic_sar",
        "pivot_reversal",
        "regression_trend",
        "rsi2_pullback",
        "rsi_reversion",
        "session_breakout",
        "stochastic_reversion",
        "supertrend_flip",
        "time_of_day",
        "time_series_momentum",
        "tsi_momentum",
        "turn_of_month",
        "two_frames",
        "volatility_breakout",
        "volatility_regime",
        "vwap_reversion",
        "weekday",
        "zscore_reversion",
    ]
}

/// The library strategy of that name.
///
/// # Errors
/// There is none.
pub fn library_strategy(name: &str) -> Result<Strategy, StrategyError> {
    let Some((name, source)) = library().iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = library().iter().map(|(name, _)| *name).collect();
        return Err(StrategyError::UnknownStrategy {
            name: name.to_owned(),
            hint: nearest::hint(name, &known),
        });
    };
    Strategy::parse(source, name)
}
