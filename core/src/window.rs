//! Stretches of time that trials run over.

use serde::{Deserialize, Serialize};

use crate::time::UtcNs;

/// A stretch of a job's data. A job's first window is all of it; others are the training windows of folds, and the short windows in
/// which a search looks at many points before it runs the best of them in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First moment traded; by default the first there is.
    pub from: Option<UtcNs>,
    /// First moment no longer traded; by default none.
    pub to: Option<UtcNs>,
    /// The fold whose training window it is part of, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<u32>,
    /// Its length among the windows of a search that begins with short ones, from 0, the shortest.
    pub level: u32,
    /// Whether points are ranked by what they do in it: not in a short one.
    pub ranked: bool,
}

/// A training window and the test window after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// First moment of the training window.
    pub train_from: UtcNs,
    /// First moment after it.
    pub train_to: UtcNs,
    /// First moment of the test window.
    pub test_from: UtcNs,
    /// First moment after it.
    pub test_to: UtcNs,
}
