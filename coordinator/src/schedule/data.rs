//! Which data a run uses.

use assay_core::time::UtcNs;
#[cfg(feature = "grpc")]
use {
    assay_core::ids::Symbol,
    assay_store::{DatasetRecord, Store, StoreError},
    assay_strategies::{Job, JobInstrument},
};

/// What a run needs to know of a dataset's manifest.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Extent {
    pub(crate) rows: u64,
    pub(crate) first: UtcNs,
    pub(crate) last: UtcNs,
}

/// The instruments of a job with the newest datasets of the cluster's catalog. What the catalog does not have stays as it was when the
/// schedule was made.
#[cfg(feature = "grpc")]
pub(crate) async fn newest(store: &Store, job: &Job) -> Result<Vec<JobInstrument>, StoreError> {
    // Newest first.
    let datasets = store.datasets().await?;
    Ok(job.instruments.iter().map(|item| on_newest(&datasets, item)).collect())
}

#[cfg(feature = "grpc")]
fn on_newest(datasets: &[DatasetRecord], item: &JobInstrument) -> JobInstrument {
    let symbol = &item.instrument.symbol;
    let mut item = item.clone();
    if let Some((dataset, extent)) = find(datasets, symbol, &item.source()) {
        item.values.clone_from(&dataset.hash);
        (item.first, item.last) = (extent.first, extent.last);
    }
    for ticks in [&mut item.ticks, &mut item.ladder].into_iter().flatten() {
        if let Some((dataset, _)) = find(datasets, symbol, &ticks.kind.to_string()) {
            ticks.values.clone_from(&dataset.hash);
        }
    }
    if item.funding.is_some()
        && let Some((dataset, _)) = find(datasets, symbol, "funding")
    {
        item.funding = Some(dataset.hash.clone());
    }
    item
}

#[cfg(feature = "grpc")]
fn find<'a>(datasets: &'a [DatasetRecord], symbol: &Symbol, kind: &str) -> Option<(&'a DatasetRecord, Extent)> {
    let dataset = datasets
        .iter()
        .find(|dataset| dataset.symbol == *symbol && dataset.kind == kind)?;
    let extent = serde_json::from_str(&dataset.manifest).ok()?;
    Some((dataset, extent))
}

#[cfg(all(test, feature = "grpc"))]
mod tests {
    use super::*;

    #[test]
    fn the_newest_dataset_of_the_same_kind_is_used() {
        let symbol: Symbol = "EURUSD".parse().unwrap();
        let dataset = |kind: &str, hash: &str, last: &str| DatasetRecord {
            symbol: symbol.clone(),
            kind: kind.to_owned(),
            hash: hash.to_owned(),
            manifest: format!(r#"{{"rows": 7, "first": "2026-01-01", "last": "{last}", "more": 1}}"#),
            object: String::new(),
            bytes: 1,
            owner: "ann".to_owned(),
            uploaded: UtcNs(0),
        };
        let item = JobInstrument {
            instrument: assay_core::instrument::Instrument::unknown(symbol.clone()),
            kind: assay_core::job::DataKind::Bars,
            bar: Some("1m".parse().unwrap()),
            values: "old".to_owned(),
            first: UtcNs(0),
            last: UtcNs(1),
            funding: Some("old".to_owned()),
            ticks: None,
            ladder: None,
        };
        let datasets = [
            dataset("quotes", "q", "2026-05-01"),
            dataset("bars-1m", "new", "2026-04-01"),
            dataset("bars-1m", "older", "2026-03-01"),
            dataset("funding", "f", "2026-03-01"),
        ];
        let found = on_newest(&datasets, &item);
        assert_eq!(
            (found.values.as_str(), found.last, found.funding.as_deref()),
            ("new", "2026-04-01".parse().unwrap(), Some("f"))
        );
        assert_eq!(on_newest(&datasets[..1], &item), item, "what is not there stays");
    }
}
