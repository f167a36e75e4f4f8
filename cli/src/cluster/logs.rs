//! What the processes of a cluster say about themselves: lines of JSON on stderr, and traces for whoever collects them.

use std::env;
use std::io::stderr;
use std::str::FromStr;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::task::spawn_blocking;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::failure::Failure;

/// What is logged unless `ASSAY_LOG` says otherwise.
const LOG: &str = "warn,assay=info";
/// Where traces go, the second one before the first.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// Traces on their way to a collector, if there is one.
pub(crate) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Sends what is left; a collector that does not answer holds nobody up for long.
    pub(crate) async fn flush(self) {
        if let Some(provider) = self.0 {
            // What cannot be sent now is lost, and so is the word about it.
            let _ = spawn_blocking(move || provider.shutdown()).await;
        }
    }
}

/// From now on events are lines of JSON on stderr, each with the spans that it happened in. `ASSAY_LOG` says which: `debug`, or
/// `warn,assay_coordinator=debug`. The standard variables of OpenTelemetry switch on that spans go to a collector by OTLP over gRPC.
/// To be called inside of a runtime.
pub(crate) fn log_to_stderr(service: &'static str) -> Result<Traces, Failure> {
    let wish = env::var("ASSAY_LOG").unwrap_or_else(|_| LOG.to_owned());
    let targets = Targets::from_str(&wish).map_err(|error| {
        Failure::usage(format!("ASSAY_LOG `{wish}`: {error}")).hint("write a level, or targets and levels: warn,assay=debug")
    })?;
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(stderr)
        .with_current_span(false);
    let provider = if wanted(|name| env::var(name).ok()) {
        Some(provider(service)?)
    } else {
        None
    };
    let spans = provider
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("assay")));
    tracing_subscriber::registry().with(targets).with(lines).with(spans).init();
    Ok(Traces(provider))
}

/// Whether traces are to be sent, by the variables that OpenTelemetry defines.
fn wanted(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, value: &str| variable(name).is_some_and(|found| found.eq_ignore_ascii_case(value));
    let named = ENDPOINTS
        .iter()
        .any(|name| variable(name).is_some_and(|place| !place.is_empty()));
    let off = is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none");
    (named || is("OTEL_TRACES_EXPORTER", "otlp")) && !off
}

fn provider(service: &'static str) -> Result<SdkTracerProvider, Failure> {
    let exporter = SpanExporter::builder().with_tonic().build().map_err(|error| {
        Failure::usage(format!("traces cannot be sent: {error}")).hint(format!("check {} and its kin", ENDPOINTS[0]))
    })?;
    // `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` come before it.
    let mut resource = Resource::builder();
    if env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(service);
    }
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_variables_switch_traces_on_and_off() {
        let with = |set: &[(&str, &str)]| {
            let set: Vec<(String, String)> = set.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            wanted(|name| set.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
        };
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
        assert!(!with(&[]));
        assert!(!with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]));
        assert!(with(&[endpoint]));
        assert!(with(&[("OTEL_TRACES_EXPORTER", "otlp")]));
        assert!(!with(&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")]));
        assert!(!with(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]));
    }
}
