//! The facts about an instrument that change what a backtest means.

use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::ids::Symbol;

/// A tradable symbol with its facts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Instrument {
    /// Its name.
    pub symbol: Symbol,
    /// The facts.
    #[serde(flatten)]
    pub facts: Facts,
    /// False when the symbol table does not know the symbol and the defaults stand in.
    pub known: bool,
}

/// What the symbol table says of an instrument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// A few words.
    #[serde(default)]
    pub about: String,
    /// Quote currency: what prices, capital and fees are in.
    #[serde(default = "dollars")]
    pub currency: String,
    /// Smallest price step; 0 when unknown.
    #[serde(default)]
    pub tick: f64,
    /// Smallest quantity step in units; 0 allows any fraction.
    #[serde(default)]
    pub lot: f64,
    /// Quote currency gained by one unit when the price rises by 1.
    #[serde(default = "one")]
    pub multiplier: f64,
    /// Trading hours.
    #[serde(default = "Calendar::always_open")]
    pub calendar: Calendar,
}

fn dollars() -> String {
    "USD".to_owned()
}

fn one() -> f64 {
    1.0
}

impl Instrument {
    /// An unknown symbol: multiplier 1, any fraction of a unit, open all the time.
    pub fn unknown(symbol: Symbol) -> Self {
        let facts = Facts {
            about: String::new(),
            currency: dollars(),
            tick: 0.0,
            lot: 0.0,
            multiplier: 1.0,
            calendar: Calendar::always_open(),
        };
        Self {
            symbol,
            facts,
            known: false,
        }
    }
}
