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
        "bollinger_reversion",
        "donchian_breakout",
        "ma_cross",
        "macd_momentum",
        "rsi_reversion",
        "session_breakout",
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
