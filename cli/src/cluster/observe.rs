//! `/metrics`, `/live` and `/ready`, on a port of their own: no key, nothing secret.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::failure::Failure;

/// Brings numbers up to date before they are read.
type Refresh = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The numbers of this process. Cheap to clone; all of them have few labels, never one per trial or task.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Inner>);

struct Inner {
    registry: Mutex<Registry>,
    ready: AtomicBool,
    refresh: Mutex<Option<Arc<Refresh>>>,
}

impl Metrics {
    /// Without numbers; not ready.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            registry: Mutex::new(Registry::with_prefix("assay")),
            ready: AtomicBool::new(false),
            refresh: Mutex::new(None),
        }))
    }

    /// A number that goes up and down. `name` without the prefix `assay_`.
    pub(crate) fn gauge(&self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.registry().register(name, help, gauge.clone());
        gauge
    }

    /// Numbers that go up and down, by one label.
    pub(crate) fn gauges(&self, name: &str, help: &str) -> Family<[(&'static str, &'static str); 1], Gauge> {
        let family = Family::default();
        self.registry().register(name, help, family.clone());
        family
    }

    /// The numbers of a part of the program.
    pub(crate) fn register(&self, part: impl FnOnce(&mut Registry)) {
        part(&mut self.registry());
    }

    /// Called before the numbers are read.
    pub(crate) fn refresh_by(&self, refresh: impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static) {
        *self.0.refresh.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(Box::new(refresh)));
    }

    /// What `/ready` says.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Relaxed);
    }

    fn registry(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.0.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All numbers, as they are served.
    pub(crate) async fn text(&self) -> Option<String> {
        let refresh = self.0.refresh.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(refresh) = refresh {
            refresh().await;
        }
        let mut text = String::new();
        encode(&mut text, &self.registry()).ok()?;
        Some(text)
    }
}

/// Serves until the process ends.
pub(crate) async fn observe(at: Option<SocketAddr>, metrics: &Metrics) -> Result<(), Failure> {
    let Some(at) = at else { return Ok(()) };
    let listener = TcpListener::bind(at).await.map_err(|error| {
        Failure::external(format!("cannot serve metrics at {at}: {error}")).hint("choose another --metrics")
    })?;
    let routes = Router::new()
        .route("/live", get(|| async { StatusCode::OK }))
        .route("/ready", get(ready))
        .route("/metrics", get(text))
        .with_state(metrics.clone());
    tokio::spawn(async move {
        // It only ends with the process.
        let _ = axum::serve(listener, routes).await;
    });
    Ok(())
}

async fn ready(State(metrics): State<Metrics>) -> StatusCode {
    if metrics.0.ready.load(Ordering::Relaxed) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn text(State(metrics): State<Metrics>) -> impl IntoResponse {
    let kind = [(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    match metrics.text().await {
        Some(text) => (StatusCode::OK, kind, text),
        None => (StatusCode::INTERNAL_SERVER_ERROR, kind, String::new()),
    }
}
