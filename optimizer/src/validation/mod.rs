//! Which bars a search may learn from and which judge it: index arithmetic only.
//!
//! Two ways to hold observations back from training:
//! - *purge*: observations beside a test range whose outcomes reach into it, or that its outcomes reach into: as many as a trade can
//!   last;
//! - *embargo*: further observations after the purged ones, while what happened in one range may still show in the next.

mod combinatorial;
mod cross;
mod walk_forward;

pub use combinatorial::{CombinatorialSplits, Split};
pub use cross::{CrossValidation, cross_validate};
pub use walk_forward::{Fold, WalkForward};
