//! `[validation]`: what a search may not see, and how what it found is judged.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::space::ParamValue;
use crate::time::DurationNs;

/// `[validation]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum ValidationSpec {
    /// The search sees the whole window.
    #[default]
    None,
    /// The last part of the window is held back from the search.
    Holdout(HoldoutSpec),
    /// Search in one window, run what was found in the next, move on.
    WalkForward(WalkForwardSpec),
    /// Combinatorial purged cross-validation of the trials' returns.
    Cpcv(CpcvSpec),
}

/// `method = "holdout"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HoldoutSpec {
    /// Share of the window's time held back at its end.
    pub share: f64,
    /// Held back from both before the part that is held back.
    pub purge: Extent,
    /// Further held back from the search.
    pub embargo: Extent,
}

impl Default for HoldoutSpec {
    fn default() -> Self {
        Self {
            share: 0.2,
            purge: Extent::ZERO,
            embargo: Extent::ZERO,
        }
    }
}

/// `method = "walk_forward"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalkForwardSpec {
    /// Length of the windows in which is searched; of the first one where they are anchored.
    pub train: Extent,
    /// Length of the windows in which the winners run.
    pub test: Extent,
    /// From one test window to the next; by default the test window's length.
    #[serde(default)]
    pub step: Option<Extent>,
    /// Whether all training windows begin with the data and grow.
    #[serde(default)]
    pub anchored: bool,
    /// Held back between training and test: as long as a trade may last.
    #[serde(default)]
    pub purge: Extent,
    /// Further held back.
    #[serde(default)]
    pub embargo: Extent,
}

/// `method = "cpcv"`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CpcvSpec {
    /// Groups of observations.
    pub n: u32,
    /// Groups tested at a time.
    pub k: u32,
    /// Held back from training on both sides of a test range.
    pub purge: Extent,
    /// Further held back after it.
    pub embargo: Extent,
}

impl Default for CpcvSpec {
    fn default() -> Self {
        Self {
            n: 6,
            k: 2,
            purge: Extent::ZERO,
            embargo: Extent::ZERO,
        }
    }
}

/// A length of a window: a time such as `"90d"`, or a number of bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Time.
    Time(DurationNs),
    /// Bars.
    Bars(u64),
}

impl Extent {
    /// Nothing, whatever the unit.
    pub const ZERO: Self = Self::Bars(0);

    /// Nothing.
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Time(DurationNs(0)) | Self::Bars(0))
    }

    /// The number, nanoseconds or bars.
    pub const fn amount(self) -> u64 {
        match self {
            Self::Time(time) => time.0.unsigned_abs(),
            Self::Bars(bars) => bars,
        }
    }
}

impl Default for Extent {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => time.fmt(f),
            Self::Bars(bars) => write!(f, "{bars} bars"),
        }
    }
}

impl Serialize for Extent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Time(time) => serializer.collect_str(time),
            Self::Bars(bars) => serializer.serialize_u64(*bars),
        }
    }
}

impl<'de> Deserialize<'de> for Extent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        match ParamValue::deserialize(deserializer) {
            Ok(ParamValue::Int(bars)) if bars >= 0 => Ok(Self::Bars(bars as u64)),
            Ok(ParamValue::Text(text)) => DurationNs::from_str(&text).map(Self::Time).map_err(D::Error::custom),
            Err(error) if error.to_string().starts_with("missing field") => Err(error),
            _ => Err(D::Error::custom(
                "expected a length of time such as \"90d\", or a number of bars",
            )),
        }
    }
}

/// What is wrong with a validation: its key, what is wrong, and what to do.
type Fault = (&'static str, String, &'static str);

/// Most groups of a cross-validation.
const MOST_GROUPS: u32 = 64;

impl ValidationSpec {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// As written.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Holdout(_) => "holdout",
            Self::WalkForward(_) => "walk_forward",
            Self::Cpcv(_) => "cpcv",
        }
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        match self {
            Self::None => Ok(()),
            Self::Holdout(holdout) => {
                if !(holdout.share > 0.0 && holdout.share < 1.0) {
                    let message = format!("{} is no share between 0 and 1", holdout.share);
                    return Err(("validation.share", message, "0.2 holds the last fifth back"));
                }
                Ok(())
            }
            Self::WalkForward(walk) => walk.check(),
            Self::Cpcv(CpcvSpec { n, k, .. }) => {
                if !(2..=MOST_GROUPS).contains(n) {
                    let message = format!("{n} groups are not from 2 to {MOST_GROUPS}");
                    return Err(("validation.n", message, "6 groups with k = 2 make 15 splits and 5 paths"));
                }
                if *k == 0 || k >= n {
                    let message = format!("{k} of {n} groups cannot be tested at a time");
                    return Err(("validation.k", message, "at least one group is tested and one trained on"));
                }
                Ok(())
            }
        }
    }
}

impl WalkForwardSpec {
    /// From one test window to the next.
    pub fn step(&self) -> Extent {
        self.step.unwrap_or(self.test)
    }

    /// Whether its lengths are numbers of bars.
    pub fn counts_bars(&self) -> bool {
        matches!(self.train, Extent::Bars(_))
    }

    fn check(&self) -> Result<(), Fault> {
        for (key, extent) in [("validation.train", self.train), ("validation.test", self.test)] {
            if extent.is_zero() {
                return Err((
                    key,
                    "an empty window".to_owned(),
                    "give it a length such as \"90d\" or 5000 (bars)",
                ));
            }
        }
        let others = [
            ("validation.test", self.test),
            ("validation.step", self.step()),
            ("validation.purge", self.purge),
            ("validation.embargo", self.embargo),
        ];
        for (key, extent) in others {
            if !extent.is_zero() && matches!(extent, Extent::Bars(_)) != self.counts_bars() {
                let message = format!("{extent} beside a training window of {}", self.train);
                return Err((key, message, "give all lengths in time, or all in bars"));
            }
        }
        if self.step().amount() < self.test.amount() {
            let message = format!("{} is shorter than the test window of {}", self.step(), self.test);
            return Err((
                "validation.step",
                message,
                "bars would be tested twice: leave it out, it is then the test window",
            ));
        }
        Ok(())
    }
}
