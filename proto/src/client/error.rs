//! What can go wrong on the way to a cluster, or there.

use assay_core::{Domain, Explain};
use tonic::{Code, Status};

use crate::convert::WireError;
use crate::status;

/// A call that did not bring what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// An address that cannot be one.
    #[error("`{address}` is not the address of a coordinator: {reason}")]
    Address {
        /// As given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key that cannot be one.
    #[error("the key holds characters that no key has")]
    Key,
    /// Certificates that cannot be used.
    #[error("the certificates cannot be used: {reason}")]
    Certificates {
        /// Why.
        reason: String,
    },
    /// Nobody answers, or the answer did not come.
    #[error("no coordinator answers at {addresses}: {reason}")]
    Unreachable {
        /// Where it was looked for.
        addresses: String,
        /// What happened.
        reason: String,
        /// Somebody is there, but stands by: it takes over within seconds, should the one in office be gone.
        standby: bool,
    },
    /// The cluster refuses.
    #[error("{message}")]
    Refused {
        /// Who can do something about it.
        domain: Domain,
        /// What the cluster said.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// An answer that is none.
    #[error("the cluster's answer cannot be understood: {0}")]
    Answer(#[from] WireError),
}

impl ClientError {
    /// From the status of a call to these addresses.
    pub(super) fn of_status(addresses: &str, status: &Status) -> Self {
        if is_gone(status) {
            return Self::Unreachable {
                addresses: addresses.to_owned(),
                reason: status.message().to_owned(),
                standby: false,
            };
        }
        if status.code() == Code::OutOfRange && status.message().contains("message length too large") {
            return Self::Refused {
                domain: Domain::NotAllowed,
                message: "the message is larger than the cluster takes".to_owned(),
                hint: Some("shorten the job's strategy, or ask the operator for a larger --max-message".to_owned()),
            };
        }
        Self::Refused {
            domain: status::domain(status),
            message: status.message().to_owned(),
            hint: status::hint(status),
        }
    }
}

/// Whether the other side is gone, as opposed to unwilling.
pub(super) fn is_gone(status: &Status) -> bool {
    use std::error::Error;
    // A broken connection shows as an error of the transport below a code that says little.
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled) || status.source().is_some()
}

impl Explain for ClientError {
    fn domain(&self) -> Domain {
        match self {
            Self::Address { .. } | Self::Key | Self::Certificates { .. } => Domain::Usage,
            Self::Unreachable { .. } => Domain::Unreachable,
            Self::Refused { domain, .. } => *domain,
            Self::Answer(_) => Domain::External,
        }
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address { .. } => "write `http://host:port` or `https://host:port`, several separated by commas".to_owned(),
            Self::Key => "use the key as `assay key create` showed it".to_owned(),
            Self::Certificates { .. } => "check the system's certificates, or the file that SSL_CERT_FILE names".to_owned(),
            Self::Unreachable { standby: true, .. } => {
                "a coordinator stands by there and takes over once the one in office is gone: try again, or name the other address, too"
                    .to_owned()
            }
            Self::Unreachable { .. } => {
                "check --cluster (or ASSAY_CLUSTER), that a coordinator runs there, and whether the address begins with http or https"
                    .to_owned()
            }
            Self::Refused { hint, .. } => return hint.clone(),
            Self::Answer(_) => "use the same version of assay everywhere".to_owned(),
        })
    }
}
