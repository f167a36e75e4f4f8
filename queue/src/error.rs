//! What can go wrong with a queue.

use std::time::Duration;

use assay_core::{Domain, Explain};

use crate::{AddressError, PrefixError};

/// A queue that cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Not a prefix.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// Nothing there, or no way there.
    #[error("cannot reach the broker at {address}: {reason}")]
    Unreachable {
        /// Where, without credentials.
        address: String,
        /// Why.
        reason: String,
    },
    /// The broker does not let this account do it.
    #[error("the broker at {address} refuses: {reason}")]
    Refused {
        /// Where, without credentials.
        address: String,
        /// Why.
        reason: String,
    },
    /// The broker is short of disk or memory and takes no messages.
    #[error("the broker takes no messages at the moment")]
    Blocked,
    /// No answer in time.
    #[error("the broker did not {action} within {} s", after.as_secs_f64())]
    TimedOut {
        /// What was asked for.
        action: &'static str,
        /// For how long.
        after: Duration,
    },
    /// The broker took only some of the messages.
    #[error("the broker did not take {refused} of {of} messages")]
    NotTaken {
        /// Messages that it refused or could not route.
        refused: usize,
        /// Messages published.
        of: usize,
    },
    /// The broker answered with an error, or the connection broke.
    #[error("cannot {action}: {reason}")]
    Broker {
        /// What was asked for.
        action: &'static str,
        /// What it said.
        reason: String,
    },
}

impl Explain for QueueError {
    fn domain(&self) -> Domain {
        match self {
            Self::Address(error) => error.domain(),
            Self::Prefix(error) => error.domain(),
            Self::Unreachable { .. } | Self::TimedOut { .. } => Domain::Unreachable,
            Self::Refused { .. } => Domain::NotAllowed,
            Self::Blocked | Self::NotTaken { .. } | Self::Broker { .. } => Domain::External,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Address(_) | Self::Prefix(_) | Self::Refused { .. } => false,
            Self::Unreachable { .. } | Self::Blocked | Self::TimedOut { .. } | Self::NotTaken { .. } | Self::Broker { .. } => {
                true
            }
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address(error) => return error.hint(),
            Self::Prefix(error) => return error.hint(),
            Self::Unreachable { .. } => {
                "is the broker running, and are host, port and scheme those of its listener?".to_owned()
            }
            Self::Refused { .. } => "check user, password, virtual host and the permissions of the account".to_owned(),
            Self::Blocked => "free disk or memory on the broker's machine: it goes on by itself".to_owned(),
            Self::TimedOut { .. } | Self::NotTaken { .. } | Self::Broker { .. } => {
                "look into the broker's log; what was not delivered is published again from the database".to_owned()
            }
        })
    }
}
