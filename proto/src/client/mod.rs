//! The way to a cluster.

mod data;
mod error;
mod schedules;
mod users;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use assay_core::{Explain, SEMANTICS_VERSION};
use backon::{ExponentialBuilder, Retryable};
use tokio::task::JoinSet;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Response, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

pub use error::ClientError;
pub use users::Watch;

use crate::status;

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How often a quiet connection is tried, and how long that may take.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));
/// How long nobody may answer before a call is given up, and how long if somebody stands by.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(15));
/// No address is known to be that of the coordinator in office.
const NOBODY: usize = usize::MAX;

/// Where a cluster is, and who asks.
#[derive(Clone, Default)]
pub struct RemoteSettings {
    /// `http://host:port` or `https://host:port`, several separated by commas.
    pub addresses: String,
    /// The caller's key.
    pub key: Option<String>,
}

impl std::fmt::Debug for RemoteSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys are never shown.
        f.debug_struct("RemoteSettings")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// A cluster's coordinator, wherever it is in office. Cheap to clone.
///
/// Of several addresses calls go to the one that is in office; when it is gone the others are asked. A call that may be repeated is,
/// for some seconds.
#[derive(Debug, Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    addresses: String,
    channels: Vec<Channel>,
    credentials: Credentials,
    /// Which channel is known to lead to the coordinator in office.
    ready: AtomicUsize,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// Puts on each request who asks.
#[derive(Clone)]
struct Credentials {
    bearer: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        metadata.insert(status::SEMANTICS, SEMANTICS_VERSION.into());
        if let Some(bearer) = &self.bearer {
            metadata.insert("authorization", bearer.clone());
        }
        Ok(request)
    }
}

/// A connection with credentials.
type Wired = InterceptedService<Channel, Credentials>;

impl Remote {
    /// The way there; nothing is reached for yet. To be called inside of a runtime.
    pub fn new(settings: &RemoteSettings) -> Result<Self, ClientError> {
        let addresses = settings
            .addresses
            .split(',')
            .map(str::trim)
            .filter(|address| !address.is_empty());
        let channels = addresses.map(channel);
        let channels: Vec<Channel> = channels.collect::<Result<_, _>>()?;
        if channels.is_empty() {
            return Err(ClientError::Address {
                address: settings.addresses.clone(),
                reason: "it is empty".to_owned(),
            });
        }
        let bearer = settings.key.as_deref().map(bearer).transpose()?;
        Ok(Self(Arc::new(Inner {
            addresses: settings.addresses.clone(),
            ready: AtomicUsize::new(if channels.len() == 1 { 0 } else { NOBODY }),
            channels,
            credentials: Credentials { bearer },
        })))
    }

    /// Asks once.
    async fn once<T, F>(&self, ask: impl FnOnce(Wired) -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let at = self.in_office().await?;
        self.ask(at, ask).await
    }

    /// Asks until there is an answer, or patience is over: for what may be asked twice.
    async fn again<T, F>(&self, ask: impl Fn(Wired) -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        patiently(|| self.once(&ask)).await
    }

    /// Looks until somebody is in office, or patience is over, and asks once.
    async fn only_once<T, F>(&self, ask: impl FnOnce(Wired) -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        // Asked of all: what is known may be old.
        self.forget();
        let at = patiently(|| self.in_office()).await?;
        self.ask(at, ask).await
    }

    async fn ask<T, F>(&self, at: usize, ask: impl FnOnce(Wired) -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let channel = self.0.channels[at].clone();
        match ask(InterceptedService::new(channel, self.0.credentials.clone())).await {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => {
                if error::is_gone(&status) {
                    self.forget();
                }
                Err(ClientError::of_status(&self.0.addresses, &status))
            }
        }
    }

    /// The next message of a stream; `None` after the last.
    async fn next_of<T>(&self, stream: &mut Streaming<T>) -> Result<Option<T>, ClientError> {
        stream.message().await.map_err(|status| {
            if error::is_gone(&status) {
                self.forget();
            }
            ClientError::of_status(&self.0.addresses, &status)
        })
    }

    fn forget(&self) {
        self.0.ready.store(NOBODY, Ordering::Relaxed);
    }

    /// Which channel leads to the coordinator in office.
    async fn in_office(&self) -> Result<usize, ClientError> {
        let known = self.0.ready.load(Ordering::Relaxed);
        if known != NOBODY {
            return Ok(known);
        }
        let mut looks = JoinSet::new();
        for (at, channel) in self.0.channels.iter().cloned().enumerate() {
            looks.spawn(async move { (at, serves(channel).await) });
        }
        let mut standby = false;
        let mut reason = String::new();
        while let Some(look) = looks.join_next().await {
            match look {
                Ok((at, Ok(true))) => {
                    self.0.ready.store(at, Ordering::Relaxed);
                    return Ok(at);
                }
                Ok((_, Ok(false))) => standby = true,
                Ok((_, Err(status))) => status.message().clone_into(&mut reason),
                // A look that was cancelled found nobody.
                Err(_) => {}
            }
        }
        if standby {
            "it stands by".clone_into(&mut reason);
        }
        Err(ClientError::Unreachable {
            addresses: self.0.addresses.clone(),
            reason,
            standby,
        })
    }
}

/// Tries again for as long as it is likely to help.
async fn patiently<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let began = Instant::now();
    let pace = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_millis(500))
        .without_max_times()
        .with_jitter();
    let worth_it = |error: &ClientError| {
        let patience = match error {
            ClientError::Unreachable { standby: true, .. } => PATIENCE.1,
            _ => PATIENCE.0,
        };
        error.retryable() && began.elapsed() < patience
    };
    (|| attempt()).retry(pace).when(worth_it).await
}

/// Whether a coordinator is there and in office.
async fn serves(channel: Channel) -> Result<bool, Status> {
    let check = HealthClient::new(channel).check(HealthCheckRequest::default()).await?;
    Ok(check.into_inner().status() == ServingStatus::Serving)
}

fn bearer(key: &str) -> Result<MetadataValue<Ascii>, ClientError> {
    let mut bearer: MetadataValue<Ascii> = format!("Bearer {key}").parse().map_err(|_| ClientError::Key)?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

fn channel(address: &str) -> Result<Channel, ClientError> {
    let wrong = |reason: String| ClientError::Address {
        address: address.to_owned(),
        reason,
    };
    let encrypted = address.starts_with("https://");
    if !(encrypted || address.starts_with("http://")) {
        return Err(wrong("it begins with neither `http://` nor `https://`".to_owned()));
    }
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|error| wrong(error.to_string()))?;
    let mut endpoint = endpoint
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ANSWER_WITHIN)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1)
        .keep_alive_while_idle(true);
    if encrypted {
        // Those of the system, or of the file that SSL_CERT_FILE names.
        let tls = ClientTlsConfig::new().with_native_roots();
        endpoint = endpoint.tls_config(tls).map_err(|error| ClientError::Certificates {
            reason: error.to_string(),
        })?;
    }
    Ok(endpoint.connect_lazy())
}
