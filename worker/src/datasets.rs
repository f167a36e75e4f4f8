//! Which data a job needs, and which of them are here.

use assay_data::{Catalog, DatasetKind};
use assay_store::DatasetId;
use assay_strategies::{Job, JobDataset};

/// All datasets that a job names.
pub fn named(job: &Job) -> Vec<DatasetId> {
    let id = |JobDataset { symbol, kind, hash }| DatasetId { symbol, kind, hash };
    job.datasets().into_iter().map(id).collect()
}

/// Those of a job's datasets that a catalog does not have, or not with these values.
pub fn missing(job: &Job, catalog: &Catalog) -> Vec<DatasetId> {
    let mut wanted = named(job);
    wanted.retain(|id| !has(catalog, id));
    wanted
}

/// Whether a catalog has a dataset with these values. One that cannot be read does not.
pub fn has(catalog: &Catalog, id: &DatasetId) -> bool {
    let kind = id.kind.parse::<DatasetKind>();
    let manifest = kind.ok().and_then(|kind| catalog.manifest(&id.symbol, kind).ok());
    manifest.is_some_and(|manifest| manifest.hash.to_string() == id.hash)
}
