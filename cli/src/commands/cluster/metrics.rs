//! `assay metrics`

use assay_coordinator::Meters as CoordinatorMeters;
use assay_worker::Meters as WorkerMeters;
use tokio::runtime::Builder;

use crate::cluster::{CoordinatorNumbers, Metrics, WorkerNumbers};
use crate::failure::{Failure, Outcome};
use crate::output::{Kind, Rows, print_rows};
use crate::settings::Settings;

/// A number as its process describes it.
#[derive(Debug, PartialEq, Eq)]
struct Described {
    name: String,
    kind: String,
    about: String,
}

pub(in crate::commands) fn run(settings: &Settings) -> Outcome {
    let mut rows = Rows::new([
        ("process", Kind::Text),
        ("metric", Kind::Text),
        ("type", Kind::Text),
        ("about", Kind::Text),
    ]);
    for (process, metrics) in [("coordinator", coordinator()), ("worker", worker())] {
        for described in described(&text(&metrics)?) {
            rows.push(vec![
                process.into(),
                described.name.into(),
                described.kind.into(),
                described.about.into(),
            ]);
        }
    }
    print_rows(&rows, settings.format())?;
    Ok(0)
}

fn coordinator() -> Metrics {
    let metrics = Metrics::new();
    CoordinatorNumbers::new(&metrics, &CoordinatorMeters::default());
    metrics
}

fn worker() -> Metrics {
    let metrics = Metrics::new();
    WorkerNumbers::new(&metrics, &WorkerMeters::default());
    metrics
}

/// What a process serves before anything has happened.
fn text(metrics: &Metrics) -> Result<String, Failure> {
    let runtime = Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| Failure::external(format!("cannot start the runtime: {error}")))?;
    let text = runtime.block_on(metrics.text());
    text.ok_or_else(|| Failure::internal("the metrics cannot be encoded"))
}

/// The numbers that a text describes. A counter is called as its series are.
fn described(text: &str) -> Vec<Described> {
    let mut found: Vec<Described> = Vec::new();
    let mut about = "";
    for line in text.lines() {
        if let Some((_, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            about = help.trim_end_matches('.');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let name = if kind == "counter" {
                format!("{name}_total")
            } else {
                name.to_owned()
            };
            found.push(Described {
                name,
                kind: kind.to_owned(),
                about: about.to_owned(),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Names that begin like ours, in the files of a folder and those below it.
    fn named(path: &Path, names: &mut BTreeSet<String>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                named(&entry.unwrap().path(), names);
            }
            return;
        }
        let text = fs::read_to_string(path).unwrap();
        let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        names.extend(text.split(word).filter(|name| name.starts_with("assay_")).map(str::to_owned));
    }

    #[test]
    fn every_metric_that_dashboard_and_rules_name_is_served() {
        let mut series = BTreeSet::new();
        for metrics in [coordinator(), worker()] {
            for described in described(&text(&metrics).unwrap()) {
                match described.kind.as_str() {
                    "histogram" => series.extend(["bucket", "sum", "count"].map(|part| format!("{}_{part}", described.name))),
                    _ => _ = series.insert(described.name),
                }
            }
        }
        let mut names = BTreeSet::new();
        named(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../k3s/monitoring"), &mut names);
        assert!(names.len() > 20, "{names:?}");
        let unknown: Vec<_> = names.difference(&series).collect();
        assert!(unknown.is_empty(), "not served: {unknown:?}; served: {series:?}");
    }

    #[test]
    fn no_label_has_a_value_for_each_job_task_or_trial() {
        for metrics in [coordinator(), worker()] {
            let text = text(&metrics).unwrap();
            let labels = text
                .split(['{', ','])
                .filter_map(|part| part.split_once("=\""))
                .map(|(name, _)| name);
            let labels: BTreeSet<&str> = labels.filter(|name| name.chars().all(|c| c.is_ascii_lowercase())).collect();
            let known = BTreeSet::from(["code", "ending", "le", "method", "state"]);
            assert!(labels.is_subset(&known), "{labels:?}");
        }
    }
}
