//! How errors travel: a status whose code tells the domain, with the hint beside it.

use assay_core::{Domain, Explain, SEMANTICS_VERSION};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// Metadata of every request: the version of the semantics under which the caller computes.
pub const SEMANTICS: &str = "assay-semantics";
/// Metadata of a status: what to do about it. Binary, since texts are UTF-8.
const HINT: &str = "assay-hint-bin";

/// Largest message that a worker may send: the statistics and best points of a long task.
pub const LARGEST_REPORT: usize = 64 << 20;
/// Largest message that anybody else may send.
pub const LARGEST_REQUEST: usize = 4 << 20;
/// Largest message with a dataset's manifest: a file a day for decades.
pub const LARGEST_MANIFEST: usize = 32 << 20;
/// Largest answer.
pub const LARGEST_ANSWER: usize = 64 << 20;

/// An error as a status.
pub fn of_error(error: &impl Explain) -> Status {
    refusal(error.domain(), error.to_string(), error.hint().as_deref())
}

/// A refusal as a status.
pub fn refusal(domain: Domain, message: impl Into<String>, hint: Option<&str>) -> Status {
    let mut metadata = MetadataMap::new();
    if let Some(hint) = hint {
        metadata.insert_bin(HINT, MetadataValue::from_bytes(hint.as_bytes()));
    }
    Status::with_metadata(code(domain), message, metadata)
}

/// Who can do something about it.
pub fn domain(status: &Status) -> Domain {
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange => Domain::Usage,
        Code::NotFound => Domain::NotFound,
        Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::AlreadyExists
        | Code::ResourceExhausted => Domain::NotAllowed,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Domain::Unreachable,
        Code::Internal | Code::Unimplemented => Domain::Internal,
        Code::Ok | Code::Unknown | Code::Aborted | Code::DataLoss => Domain::External,
    }
}

/// What to do about it.
pub fn hint(status: &Status) -> Option<String> {
    let bytes = status.metadata().get_bin(HINT)?.to_bytes().ok()?;
    String::from_utf8(bytes.to_vec()).ok()
}

const fn code(domain: Domain) -> Code {
    match domain {
        Domain::Usage => Code::InvalidArgument,
        Domain::NotFound => Code::NotFound,
        Domain::NotAllowed => Code::FailedPrecondition,
        Domain::External => Code::Unknown,
        Domain::Unreachable => Code::Unavailable,
        Domain::Internal => Code::Internal,
    }
}

/// Refuses a caller that computes under another version of the semantics: its numbers would not be ours.
pub fn check_semantics(metadata: &MetadataMap) -> Result<(), Status> {
    let theirs = metadata.get(SEMANTICS).and_then(|value| value.to_str().ok());
    if theirs == Some(&SEMANTICS_VERSION.to_string()) {
        return Ok(());
    }
    let theirs = theirs.unwrap_or("unknown");
    Err(refusal(
        Domain::NotAllowed,
        format!("the cluster is of version {SEMANTICS_VERSION} of the semantics, the caller of version {theirs}"),
        Some("use the same version of assay everywhere"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_and_hint_survive_the_wire() {
        for domain in [
            Domain::Usage,
            Domain::NotFound,
            Domain::NotAllowed,
            Domain::External,
            Domain::Unreachable,
            Domain::Internal,
        ] {
            let status = refusal(domain, "no", Some("größer"));
            assert_eq!(super::domain(&status), domain);
            assert_eq!(hint(&status).as_deref(), Some("größer"));
        }
        assert_eq!(hint(&Status::internal("x")), None);
    }

    #[test]
    fn another_version_is_refused() {
        let mut metadata = MetadataMap::new();
        assert!(check_semantics(&metadata).is_err());
        metadata.insert(SEMANTICS, "999".parse().unwrap());
        assert!(check_semantics(&metadata).unwrap_err().message().contains("999"));
        metadata.insert(SEMANTICS, SEMANTICS_VERSION.into());
        assert!(check_semantics(&metadata).is_ok());
    }
}
