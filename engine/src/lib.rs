//! Deterministic vectorized simulation: signals to fills, costs, equity and metrics.
//!
//! The engine never reads a clock, a file or the network, and never asks for randomness: the same market, settings and signals
//! give the same bits on every machine and with any number of threads.

mod account;
mod bars;
mod book;
pub mod config;
mod course;
mod each_tick;
mod equity;
mod events;
mod fills;
mod finish;
pub mod history;
mod holdings;
mod jumps;
mod levels;
mod line;
pub mod market;
mod plan;
pub mod replay;
mod search;
mod shape;
pub mod signals;
pub mod simulate;
mod stitch;
mod ticks;
mod tile;
mod trades;
mod turns;

pub use account::{Account, TrialBuffers};
pub use config::{ConfigError, ExitReason, Side};
pub use finish::normal_cdf;
pub use market::Market;
pub use plan::{Path, Plan};
pub use replay::{Replay, replay, replay_fold};
pub use signals::{Settings, SignalTile, Size};
pub use simulate::{Level as SimdLevel, Pass};
pub use stitch::{Stitched, stitch};
pub use ticks::Ticks;
pub use tile::{TILE, Tile, TileBuffers};
pub use trades::Trade;
