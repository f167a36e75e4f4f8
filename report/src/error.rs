//! What can go wrong while drawing.

use assay_core::{Domain, Explain};

/// A page that cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The drawing library refused.
    #[error("cannot draw the report: {0}")]
    Drawing(String),
    /// The picture is larger than an image can be.
    #[error("the report is {height} pixels high, more than the {most} of an image")]
    TooHigh {
        /// Its height.
        height: u64,
        /// What is possible.
        most: u64,
    },
}

impl Explain for ReportError {
    fn domain(&self) -> Domain {
        match self {
            Self::Drawing(_) => Domain::Internal,
            Self::TooHigh { .. } => Domain::Usage,
        }
    }

    fn retryable(&self) -> bool {
        false
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Drawing(_) => None,
            Self::TooHigh { .. } => Some("write it as .html or .svg, or name one picture with --only".to_owned()),
        }
    }
}
