//! `[fidelity]`: the best points of a sweep over bars, again on ticks.

use serde::{Deserialize, Serialize};

use crate::time::DurationNs;

/// `[fidelity]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FidelitySpec {
    /// How many of the best points are run again with fills from ticks.
    pub top: u64,
    /// Delay between the end of the signal's bar and the first tick that may fill it.
    #[serde(default)]
    pub latency: DurationNs,
}
