//! What luck alone would have shown: the statistics by which a result of many trials is judged.
//!
//! Pure functions of returns, sketches and counts; each says its formula, source and units. A Sharpe ratio here is *per
//! observation* (`sharpe / sqrt(periods_per_year)`) and a kurtosis is *not* excess (3 for a normal) unless a name says
//! otherwise. What is undefined is `None`, never NaN. Random numbers come from a seed and a counter, so that the same
//! arguments give the same bits on any machine and any number of threads.

mod bootstrap;
mod cscv;
pub(crate) mod distributions;
mod effective;
mod haircut;
mod moments;
mod permutation;
mod sharpe;
mod superiority;
#[cfg(test)]
pub(crate) mod testing;
mod trades;
mod trials;

pub use bootstrap::{Interval, Resamples, confidence_interval, default_block};
pub use cscv::{BestInSample, Overfitting, RankOutOfSample, Sketches, overfitting};
pub use effective::{EffectiveTrials, SAME_TRIAL, effective_trials};
pub use haircut::{Haircut, benjamini_yekutieli, bonferroni, haircut, holm, sharpe_p_value};
pub use moments::Moments;
pub use permutation::{shuffled_blocks, sign_test, timing_test};
pub use sharpe::{SharpeEstimate, deflation_threshold, expected_maximum, minimum_backtest_years, verdict_variance};
pub use superiority::{StepDown, Superior, Superiority, SuperiorityTest};
pub use trades::{TradeOrder, TradeRisk, TradeSimulation, simulate_trades};
pub use trials::{JobStatistics, SearchStatistics};

/// A variance below this share of the mean square is rounding, as in the metrics of a trial.
pub(crate) const VARIANCE_DUST: f64 = 1e-12;
