//! What can be wrong with what a search is told.

use assay_core::ids::Ordinal;
use assay_core::{Domain, Explain};

/// Outcomes or stored batches that are not those of the search.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StudyError {
    /// An outcome of a point that was not proposed.
    #[error("point {} was never proposed", ordinal.0)]
    NeverProposed {
        /// Its number.
        ordinal: Ordinal,
    },
    /// Two different outcomes of one point.
    #[error("point {} was told twice, with different outcomes", ordinal.0)]
    ToldTwice {
        /// Its number.
        ordinal: Ordinal,
    },
    /// An outcome with a wrong number of losses.
    #[error("{found} losses in an outcome, not {expected}")]
    Objectives {
        /// Objectives of the search.
        expected: usize,
        /// Losses told.
        found: usize,
    },
    /// A gap in the stored batches.
    #[error("stored batch {found} where batch {expected} belongs")]
    MissingBatch {
        /// The next number.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// A stored batch that could not have been proposed from the stored outcomes.
    #[error("stored batch {batch} was proposed from outcomes that are missing")]
    MissingOutcomes {
        /// Its number.
        batch: u64,
    },
    /// A stored batch whose points have other numbers than they would be given.
    #[error("the points of stored batch {batch} are not numbered as they were proposed")]
    OtherNumbers {
        /// Its number.
        batch: u64,
    },
}

impl Explain for StudyError {
    fn domain(&self) -> Domain {
        Domain::Internal
    }

    fn hint(&self) -> Option<String> {
        None
    }
}
