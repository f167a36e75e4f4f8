//! How amounts, levels, sizes, goals and limits are written.
//!
//! By hand, because serde's untagged enums lose the reason when nothing fits.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Amount, Goal, Keep, Level, Size};
use crate::space::ParamValue;

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match ParamValue::deserialize(deserializer) {
            Ok(ParamValue::Int(value)) => Ok(Self::Number(value as f64)),
            Ok(ParamValue::Float(value)) => Ok(Self::Number(value)),
            Ok(ParamValue::Text(text)) => Ok(text.trim().parse().map_or(Self::Expression(text), Self::Number)),
            Err(_) => Err(serde::de::Error::custom("expected a number or an expression in quotes")),
        }
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match ParamValue::deserialize(deserializer) {
            Ok(value) => Ok(Self::from_text(&value.to_string())),
            Err(_) => Err(serde::de::Error::custom(
                "expected a percentage such as \"2%\" or a price distance such as \"2.5 * atr(14)\"",
            )),
        }
    }
}

impl Serialize for Level {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Distance(text) => f.write_str(text),
            Self::Percent(text) => write!(f, "{text}%"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SizeTable {
    fraction: Option<Amount>,
    units: Option<Amount>,
    notional: Option<Amount>,
    risk: Option<Amount>,
    vol_target: Option<Amount>,
    bars: Option<Amount>,
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        const FORMS: &str = "expected \"all_in\" or one of { fraction = f }, { units = n }, { notional = x }, { risk = r }, { vol_target = v, bars = n }";
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) if text == "all_in" => Ok(Self::AllIn),
            toml::Value::Table(table) => {
                let t: SizeTable = toml::Value::Table(table)
                    .try_into()
                    .map_err(|e: toml::de::Error| D::Error::custom(e.message()))?;
                match (t.fraction, t.units, t.notional, t.risk, t.vol_target, t.bars) {
                    (Some(x), None, None, None, None, None) => Ok(Self::Fraction(x)),
                    (None, Some(x), None, None, None, None) => Ok(Self::Units(x)),
                    (None, None, Some(x), None, None, None) => Ok(Self::Notional(x)),
                    (None, None, None, Some(x), None, None) => Ok(Self::Risk(x)),
                    (None, None, None, None, Some(target), Some(bars)) => Ok(Self::VolTarget { target, bars }),
                    _ => Err(D::Error::custom(FORMS)),
                }
            }
            _ => Err(D::Error::custom(FORMS)),
        }
    }
}

impl<'de> Deserialize<'de> for Goal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (negated, name) = text.strip_prefix('-').map_or((false, text.as_str()), |name| (true, name));
        let metric = name.trim().parse().map_err(serde::de::Error::custom)?;
        Ok(Self { metric, negated })
    }
}

impl Serialize for Goal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negated { "-" } else { "" }, self.metric)
    }
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match ParamValue::deserialize(deserializer) {
            Ok(ParamValue::Text(text)) if text == "all" => Ok(Self::All),
            Ok(ParamValue::Int(count)) if count > 0 => Ok(Self::Best(count as u64)),
            _ => Err(serde::de::Error::custom("expected \"all\" or a number above 0")),
        }
    }
}

impl Serialize for Keep {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Best(count) => serializer.serialize_u64(*count),
        }
    }
}
