//! Which data a job needs, and which of them are here.

use assay_data::{Catalog, DatasetKind};
use assay_store::DatasetId;
use assay_strategies::{Job, JobDataset};

/// All datasets that a job names, with those on which its best points run again.
pub fn named(job: &Job) -> Vec<DatasetId> {
    job.all_datasets().into_iter().map(id).collect()
}

/// The datasets that a job's trials need.
pub(crate) fn needed(job: &Job) -> Vec<DatasetId> {
    job.datasets().into_iter().map(id).collect()
}

fn id(JobDataset { symbol, kind, hash }: JobDataset) -> DatasetId {
    DatasetId { symbol, kind, hash }
}

/// Whether a catalog has a dataset with these values. One that cannot be read does not.
pub fn has(catalog: &Catalog, id: &DatasetId) -> bool {
    let kind = id.kind.parse::<DatasetKind>();
    let manifest = kind.ok().and_then(|kind| catalog.manifest(&id.symbol, kind).ok());
    manifest.is_some_and(|manifest| manifest.hash.to_string() == id.hash)
}
