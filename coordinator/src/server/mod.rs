//! The coordinator's services: thin adapters from gRPC to a [`Coordinator`] and the store.
//!
//! A server answers from the day its process starts. While another coordinator is in office it stands by: it is live, its health is
//! `NOT_SERVING`, and every call but that for health is told to try elsewhere.

mod access;
mod cluster;
mod data;
mod jobs;
mod nights;
mod replays;
mod schedules;
mod workers;

use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use assay_core::time::UtcNs;
use assay_core::{Domain, Explain};
use assay_proto::status::{self, LARGEST_ANSWER, LARGEST_MANIFEST, LARGEST_REPORT, LARGEST_REQUEST};
use assay_proto::wire::cluster_server::ClusterServer;
use assay_proto::wire::data_server::DataServer;
use assay_proto::wire::jobs_server::JobsServer;
use assay_proto::wire::schedules_server::SchedulesServer;
use assay_proto::wire::workers_server::WorkersServer;
use assay_store::{AuditEntry, Change, Depot, Store};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server as Transport, ServerTlsConfig};
use tonic::{Code, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tracing::Instrument;

use access::Keys;
pub use access::{AccessError, Caller, create_key};

use crate::meters::Meters;
use crate::office::Coordinator;

/// How often a quiet connection is tried, and how long that may take.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));
/// How long a call may take until its answer begins.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);
/// Calls under way on one connection.
const MOST_STREAMS: u32 = 1_024;

/// What users may ask for at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a message from a user.
    pub message_bytes: usize,
    /// Bytes of a job's text.
    pub job_bytes: usize,
    /// Trials of a job.
    pub trials: u64,
    /// Instruments of a job.
    pub instruments: usize,
    /// Jobs of an owner that are not over.
    pub jobs_of_owner: u64,
    /// Levels of an expression, with the lets that it mentions written out.
    pub expression_depth: usize,
    /// Requests a second of a user's key; twice as many at once.
    pub requests_per_second: NonZeroU32,
}

/// Certificate and key of a server, as PEM.
#[derive(Clone)]
pub struct Certificate {
    /// The certificate, and those that lead to its authority.
    pub chain: String,
    /// Its private key.
    pub key: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate")
    }
}

/// A server that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Its certificate or its sockets.
    #[error("the server cannot go on: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The descriptors of its services.
    #[error("the services cannot be described: {0}")]
    Reflection(String),
}

impl Explain for ServerError {
    fn domain(&self) -> Domain {
        match self {
            Self::Transport(_) => Domain::External,
            Self::Reflection(_) => Domain::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Transport(_) => Some("check the certificate, its key and the address".to_owned()),
            Self::Reflection(_) => None,
        }
    }
}

/// The services of a coordinator, in office or not. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Server(Arc<Front>);

/// What all services share.
#[derive(Debug)]
struct Front {
    store: Arc<Store>,
    depot: Depot,
    limits: Limits,
    keys: Keys,
    office: RwLock<Option<Coordinator>>,
    health: HealthReporter,
    meters: Meters,
    replays: replays::Replays,
    /// One submission at a time, so that none is looked up while another one is written.
    submitting: tokio::sync::Mutex<()>,
}

impl Server {
    /// A server that stands by, and counts what it is asked.
    pub fn new(store: Arc<Store>, depot: Depot, limits: Limits, meters: Meters) -> Self {
        Self(Arc::new(Front {
            keys: Keys::new(Arc::clone(&store), limits.requests_per_second),
            store,
            depot,
            limits,
            office: RwLock::new(None),
            health: HealthReporter::new(),
            meters,
            replays: replays::Replays::default(),
            submitting: tokio::sync::Mutex::new(()),
        }))
    }

    /// From now on it answers for this coordinator, or stands by again.
    pub async fn set_office(&self, coordinator: Option<Coordinator>) {
        let status = if coordinator.is_some() {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        *self.0.office.write().unwrap_or_else(PoisonError::into_inner) = coordinator;
        self.0.health.set_service_status("", status).await;
    }

    /// Answers until it is told to stop.
    pub async fn serve(
        self,
        listener: TcpListener,
        certificate: Option<Certificate>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServerError> {
        let front = self.0;
        if front.coordinator().is_err() {
            front.health.set_service_status("", ServingStatus::NotServing).await;
        }
        let health = tonic_health::pb::health_server::HealthServer::new(
            tonic_health::server::HealthService::from_health_reporter(front.health.clone()),
        );
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(assay_proto::wire::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .map_err(|error| ServerError::Reflection(error.to_string()))?;
        let workers = WorkersServer::new(workers::WorkersService(Arc::clone(&front)));
        let largest = front.limits.message_bytes;
        let jobs = JobsServer::new(jobs::JobsService(Arc::clone(&front)));
        let cluster = ClusterServer::new(cluster::ClusterService(Arc::clone(&front)));
        let schedules = SchedulesServer::new(schedules::SchedulesService(Arc::clone(&front)));
        let data = DataServer::new(data::DataService(Arc::clone(&front)));
        let nights = tokio::spawn(nights::keep(Arc::clone(&front)));
        let routes = Routes::new(health)
            .add_service(reflection)
            .add_service(workers.max_decoding_message_size(LARGEST_REPORT))
            .add_service(
                jobs.max_decoding_message_size(largest)
                    .max_encoding_message_size(LARGEST_ANSWER),
            )
            .add_service(
                cluster
                    .max_decoding_message_size(LARGEST_REQUEST)
                    .max_encoding_message_size(LARGEST_ANSWER),
            )
            .add_service(
                schedules
                    .max_decoding_message_size(largest)
                    .max_encoding_message_size(LARGEST_ANSWER),
            )
            .add_service(
                data.max_decoding_message_size(LARGEST_MANIFEST)
                    .max_encoding_message_size(LARGEST_ANSWER),
            )
            .into_axum_router()
            .layer(middleware::from_fn_with_state(front, attend));
        let mut transport = Transport::builder()
            .timeout(ANSWER_WITHIN)
            .max_concurrent_streams(MOST_STREAMS)
            .http2_keepalive_interval(Some(KEEPALIVE.0))
            .http2_keepalive_timeout(Some(KEEPALIVE.1));
        if let Some(certificate) = certificate {
            let identity = Identity::from_pem(certificate.chain, certificate.key);
            transport = transport.tls_config(ServerTlsConfig::new().identity(identity))?;
        }
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let served = transport
            .add_routes(Routes::from(routes))
            .serve_with_incoming_shutdown(incoming, stop)
            .await;
        nights.abort();
        Ok(served?)
    }
}

/// Counts a request and how it was answered.
async fn attend(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let (path, began) = (request.uri().path().to_owned(), Instant::now());
    // Workers ask so often that only those who look for something want to see it.
    let span = if path.starts_with("/assay.v1.Workers/") {
        tracing::debug_span!("request", method = path, code = tracing::field::Empty)
    } else {
        tracing::info_span!("request", method = path, code = tracing::field::Empty)
    };
    let response = admit(&front, request, next).instrument(span.clone()).await;
    // The status of a call that failed comes first; that of a stream, at its end, is not waited for.
    let code = Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code());
    span.record("code", tracing::field::debug(code));
    front.meters.answered(&path, code, began.elapsed());
    response
}

/// Nobody gets past without a key, except for a look at the health; each service sees who calls.
async fn admit(front: &Front, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/grpc.health.v1.Health/") {
        return next.run(request).await;
    }
    // Tools that only look at what there is know nothing of our versions.
    let versioned = path.starts_with("/assay.v1.");
    let metadata = tonic::metadata::MetadataMap::from_headers(request.headers().clone());
    let caller = async {
        front.coordinator()?;
        let caller = front.keys.caller(&metadata, now()).await.map_err(|error| error.status())?;
        if versioned {
            status::check_semantics(&metadata)?;
        }
        Ok::<_, Status>(caller)
    };
    match caller.await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(status) => status.into_http(),
    }
}

impl Front {
    /// Whoever is in office in this process.
    #[allow(clippy::result_large_err, reason = "tonic's error")]
    fn coordinator(&self) -> Result<Coordinator, Status> {
        let office = self.office.read().unwrap_or_else(PoisonError::into_inner);
        office.clone().ok_or_else(|| {
            status::refusal(
                Domain::Unreachable,
                "this coordinator stands by",
                Some("ask the one in office, or try again: a standby takes over within seconds"),
            )
        })
    }
}

/// A line of the audit.
fn audited(actor: &str, action: &str, subject: &impl ToString, detail: impl Into<String>) -> Change {
    Change::Audited(AuditEntry {
        at: now(),
        actor: actor.to_owned(),
        action: action.to_owned(),
        subject: subject.to_string(),
        detail: detail.into(),
    })
}

/// Who calls.
#[allow(clippy::result_large_err, reason = "tonic's error")]
fn caller_of<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| status::refusal(Domain::Internal, "a call without a caller", None))
}

/// An error as a status.
#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn refuse(error: impl Explain) -> Status {
    status::of_error(&error)
}

/// A message that does not hold what it should.
#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn malformed(error: impl std::fmt::Display) -> Status {
    status::refusal(Domain::Usage, error.to_string(), None)
}

/// The wall clock.
fn now() -> UtcNs {
    UtcNs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as i64)
}
