//! Deterministic vectorized simulation: signals to fills, costs, equity and metrics.
//!
//! The engine never reads a clock, a file or the network, and never asks for randomness: the same market, settings and signals
//! give the same bits on every machine and with any number of threads.

pub mod market;
pub mod signals;

pub use market::Market;
pub use signals::{Level, Settings, SignalTile, Size};
