//! Addresses of depots, and the client of a bucket.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::error::{DepotTrouble, StoreError};
use crate::files;

/// How long, and how often, a bucket is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// How long it may take to be connected.
    pub(super) connect: Duration,
    /// How long it may say nothing.
    pub(super) quiet: Duration,
    /// How long a request may take in all.
    pub(super) request: Duration,
    /// How often what failed is tried again.
    pub(super) retries: usize,
    /// For how long.
    pub(super) retry_for: Duration,
}

impl Patience {
    pub(super) const USUAL: Self = Self {
        connect: Duration::from_secs(5),
        quiet: Duration::from_secs(20),
        request: Duration::from_mins(3),
        retries: 8,
        retry_for: Duration::from_secs(45),
    };
    /// At the start of a process, when somebody waits to hear that it cannot be.
    pub(super) const START: Self = Self {
        connect: Duration::from_secs(5),
        quiet: Duration::from_secs(5),
        request: Duration::from_secs(10),
        retries: 3,
        retry_for: Duration::from_secs(10),
    };
}

/// How far apart what failed is tried again: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Where a depot is: a folder by its path or as `file:///path`, or `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DepotAddress {
    /// A folder.
    Folder(PathBuf),
    /// A bucket. Its endpoint, region and keys come from the variables `AWS_*`, as everywhere.
    Bucket {
        /// Its name.
        bucket: String,
        /// What all names of objects begin with, without a slash at its ends; may be empty.
        prefix: String,
    },
}

impl FromStr for DepotAddress {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let refuse = |reason: &str| StoreError::DepotAddress {
            reason: reason.to_owned(),
        };
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
            if bucket.is_empty() || !bucket.chars().all(plain) {
                return Err(refuse("it names no bucket"));
            }
            let prefix = prefix.trim_end_matches('/');
            if prefix.starts_with('/') || ObjectPath::parse(prefix).is_err() {
                return Err(refuse("its prefix is no name of an object"));
            }
            return Ok(Self::Bucket {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
            });
        }
        let path = match text.strip_prefix("file://") {
            Some(path) if !path.starts_with('/') => return Err(refuse("`file://` names no host: three slashes")),
            Some(path) => path,
            None => text,
        };
        match (path.is_empty(), path.contains("://")) {
            (true, _) => Err(refuse("it is empty")),
            (_, true) => Err(refuse("unknown scheme")),
            _ => Ok(Self::Folder(PathBuf::from(path))),
        }
    }
}

impl fmt::Display for DepotAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl DepotAddress {
    /// What reads and writes the objects there.
    pub(super) fn client(&self, patience: Patience) -> Result<Arc<dyn ObjectStore>, StoreError> {
        match self {
            Self::Folder(folder) => {
                files::create_folder(folder)?;
                let local = LocalFileSystem::new_with_prefix(folder).map_err(|e| self.refused(&e))?;
                Ok(Arc::new(local.with_fsync(true)))
            }
            Self::Bucket { .. } => {
                let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
                let endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
                self.bucket_client(AmazonS3Builder::from_env(), endpoint, patience)
            }
        }
    }

    /// The client of a bucket at an endpoint, or at Amazon's.
    pub(super) fn bucket_client(
        &self,
        builder: AmazonS3Builder,
        endpoint: Option<String>,
        patience: Patience,
    ) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let Self::Bucket { bucket, prefix } = self else {
            return self.client(patience);
        };
        // One that is there already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Plain text only where the address itself says so.
        let plain = endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let options = ClientOptions::new()
            .with_allow_http(plain)
            .with_connect_timeout(patience.connect)
            .with_read_timeout(patience.quiet)
            .with_timeout(patience.request);
        let mut builder = builder
            .with_bucket_name(bucket)
            .with_client_options(options)
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: BACKOFF.0,
                    max_backoff: BACKOFF.1,
                    base: 2.0,
                },
                max_retries: patience.retries,
                retry_timeout: patience.retry_for,
            });
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        if builder.get_config_value(&AmazonS3ConfigKey::Region).is_none() {
            builder = builder.with_region("us-east-1");
        }
        let client: Arc<dyn ObjectStore> = Arc::new(builder.build().map_err(|e| self.refused(&e))?);
        if prefix.is_empty() {
            return Ok(client);
        }
        let prefix = ObjectPath::parse(prefix).map_err(|e| self.refused(&e.into()))?;
        Ok(Arc::new(PrefixStore::new(client, prefix)))
    }

    fn refused(&self, error: &object_store::Error) -> StoreError {
        trouble("open", "the depot", &self.to_string(), error)
    }
}

/// An error of a depot.
pub(super) fn trouble(action: &'static str, what: &str, place: &str, error: &object_store::Error) -> StoreError {
    use object_store::Error;
    let reason = reason_of(error);
    let says = |codes: &[&str]| codes.iter().any(|code| reason.contains(code));
    let kind = match error {
        // Of a listing the client says no more than the server's answer.
        Error::Generic { .. } if says(&["NoSuchBucket"]) => DepotTrouble::Missing,
        Error::Generic { .. } if says(&["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"]) => DepotTrouble::Denied,
        Error::NotFound { .. } => DepotTrouble::Missing,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => DepotTrouble::Denied,
        Error::UnknownConfigurationKey { .. } | Error::InvalidPath { .. } | Error::NotSupported { .. } => DepotTrouble::Address,
        // Everything else is what networks and servers do.
        _ => DepotTrouble::Unreachable,
    };
    StoreError::Depot {
        action,
        what: what.to_owned(),
        place: place.to_owned(),
        kind,
        reason,
    }
}

/// The innermost reasons; those outside only say that there is one.
fn reason_of(error: &object_store::Error) -> String {
    let mut reasons = Vec::new();
    let mut at: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = at {
        reasons.push(error.to_string());
        at = error.source();
    }
    let text = reasons
        .iter()
        .rev()
        .find(|text| !text.is_empty())
        .cloned()
        .unwrap_or_default();
    // Servers answer with pages.
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use assay_core::Explain;

    use super::*;

    #[test]
    fn addresses_are_folders_or_buckets() {
        let folder = |path: &str| DepotAddress::Folder(PathBuf::from(path));
        let bucket = |bucket: &str, prefix: &str| DepotAddress::Bucket {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        for (text, wanted) in [
            ("/var/depot", folder("/var/depot")),
            ("depot", folder("depot")),
            ("file:///var/depot", folder("/var/depot")),
            ("s3://assay", bucket("assay", "")),
            ("s3://assay/depot/v1/", bucket("assay", "depot/v1")),
        ] {
            assert_eq!(text.parse::<DepotAddress>().unwrap(), wanted, "{text}");
        }
        for text in [
            "",
            "s3://",
            "s3:///x",
            "s3://a b/c",
            "s3://a//b",
            "file://host/x",
            "gs://a/b",
            "https://a/b",
        ] {
            let error = text.parse::<DepotAddress>().unwrap_err();
            assert!(
                error.hint().is_some_and(|hint| hint.contains("s3://bucket/prefix")),
                "{text}: {error}"
            );
        }
    }
}
