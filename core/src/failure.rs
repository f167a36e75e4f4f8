//! What every error of the project can say about itself.

/// Who can do something about an error. The command line turns it into an exit code, a server into a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// The caller asked for something malformed (exit code 2).
    Usage,
    /// The thing named does not exist (exit code 3).
    NotFound,
    /// It exists, but not for this caller, or not now (exit code 4).
    NotAllowed,
    /// The data, the disk or another input outside the program is bad (exit code 1).
    External,
    /// A service cannot be reached (exit code 7).
    Unreachable,
    /// A defect of Assay (exit code 1).
    Internal,
}

impl Domain {
    /// Process exit code for an error of this domain.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::External | Self::Internal => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotAllowed => 4,
            Self::Unreachable => 7,
        }
    }
}

/// Implemented by the error enum of every library crate.
///
/// `Display` says what happened and where, in lower case and without a full stop; `hint` says what the user can do.
pub trait Explain: std::error::Error {
    /// Who can act on it.
    fn domain(&self) -> Domain;

    /// Whether trying the same again may help.
    fn retryable(&self) -> bool {
        false
    }

    /// What to do about it, as one sentence.
    fn hint(&self) -> Option<String> {
        None
    }
}
