//! What luck alone would have shown: the statistics by which a result of many trials is judged.
//!
//! Pure functions of returns, sketches and counts; each says its formula, source and units. A Sharpe ratio here is *per
//! observation* (`sharpe / sqrt(periods_per_year)`) and a kurtosis is *not* excess (3 for a normal) unless a name says
//! otherwise. What is undefined is `None`, never NaN. Random numbers come from a seed and a counter, so that the same
//! arguments give the same bits on any machine and any number of threads.

mod cscv;
mod distributions;
mod haircut;
mod moments;
mod sharpe;
#[cfg(test)]
mod testing;
mod trials;

pub use cscv::{BestInSample, Overfitting, RankOutOfSample, Sketches, overfitting};
pub use haircut::{Haircut, benjamini_yekutieli, bonferroni, haircut, holm, sharpe_p_value};
pub use moments::Moments;
pub use sharpe::{SharpeEstimate, deflation_threshold, expected_maximum, minimum_backtest_years, verdict_variance};
pub use trials::{JobStatistics, SearchStatistics};
