//! Between wire types and the plain types, checked by hand: what comes from outside is looked at here once.

mod alone;
mod data;
mod schedules;
mod trades;
mod users;
mod workers;

use std::str::FromStr;

use assay_core::ids::Ordinal;
use assay_core::metrics::{METRICS, Metric, Metrics};
use assay_core::rank::Ranked;
use assay_core::space::Point;
use assay_store::JobState;

use crate::wire;

pub use alone::{TaskAlone, report_of, report_to_bytes};
pub use users::goal;

/// A message that does not hold what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct WireError {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl WireError {
    /// A field that is wrong.
    #[allow(clippy::needless_pass_by_value, reason = "errors and texts are made where they are passed")]
    pub fn new(field: &'static str, reason: impl ToString) -> Self {
        Self {
            field,
            reason: reason.to_string(),
        }
    }

    /// A field that is not there.
    pub fn missing(field: &'static str) -> Self {
        Self::new(field, "missing")
    }
}

/// A text field as what it stands for.
pub fn parse<T: FromStr<Err: ToString>>(field: &'static str, text: &str) -> Result<T, WireError> {
    text.parse().map_err(|error: T::Err| WireError::new(field, error))
}

impl From<&Metrics> for wire::MetricValues {
    fn from(metrics: &Metrics) -> Self {
        Self {
            values: metrics.values().to_vec(),
        }
    }
}

impl wire::MetricValues {
    /// The metrics; `None` for a failed trial.
    pub fn metrics(&self) -> Result<Option<Metrics>, WireError> {
        if self.values.is_empty() {
            return Ok(None);
        }
        if self.values.len() != METRICS {
            return Err(WireError::new(
                "metrics",
                format!("{} values instead of {METRICS}", self.values.len()),
            ));
        }
        let mut metrics = Metrics::default();
        for (metric, value) in Metric::ALL.into_iter().zip(&self.values) {
            if !value.is_nan() {
                metrics.set(metric, *value);
            }
        }
        Ok(Some(metrics))
    }
}

impl From<&Ranked> for wire::RankedPoint {
    fn from(ranked: &Ranked) -> Self {
        let metrics = ranked.metrics.iter();
        Self {
            ordinal: ranked.ordinal.0,
            coordinates: ranked.point.0.to_vec(),
            objective: ranked.objective,
            violation: ranked.violation,
            metrics: metrics
                .map(|metrics| metrics.as_ref().map(Into::into).unwrap_or_default())
                .collect(),
        }
    }
}

impl TryFrom<wire::RankedPoint> for Ranked {
    type Error = WireError;

    fn try_from(ranked: wire::RankedPoint) -> Result<Self, WireError> {
        let metrics = ranked.metrics.iter().map(wire::MetricValues::metrics);
        Ok(Self {
            ordinal: Ordinal(ranked.ordinal),
            point: Point(ranked.coordinates.into()),
            objective: ranked.objective,
            violation: ranked.violation,
            metrics: metrics.collect::<Result<_, _>>()?,
        })
    }
}

impl From<JobState> for wire::JobState {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Queued => Self::Queued,
            JobState::Running => Self::Running,
            JobState::Paused => Self::Paused,
            JobState::Stopped => Self::Stopped,
            JobState::Failed => Self::Failed,
            JobState::Done => Self::Done,
        }
    }
}

impl TryFrom<wire::JobState> for JobState {
    type Error = WireError;

    fn try_from(state: wire::JobState) -> Result<Self, WireError> {
        Ok(match state {
            wire::JobState::Unspecified => return Err(WireError::missing("state")),
            wire::JobState::Queued => Self::Queued,
            wire::JobState::Running => Self::Running,
            wire::JobState::Paused => Self::Paused,
            wire::JobState::Stopped => Self::Stopped,
            wire::JobState::Failed => Self::Failed,
            wire::JobState::Done => Self::Done,
        })
    }
}

/// A weight of a job beside others: 1 to 10.
pub fn priority(value: u32) -> Result<u8, WireError> {
    match u8::try_from(value) {
        Ok(priority @ 1..=10) => Ok(priority),
        _ => Err(WireError::new("priority", format!("{value} is not one of 1 to 10"))),
    }
}
