//! Which data a job needs, and which of them are here.

use std::collections::BTreeSet;

use assay_data::{Catalog, DatasetKind};
use assay_store::DatasetId;
use assay_strategies::{Job, JobInstrument};

/// All datasets that a job names, those of instruments that its strategy only looks at as well.
pub fn named(job: &Job) -> Vec<DatasetId> {
    let of = |item: &JobInstrument| {
        let id = |kind: String, hash: &str| DatasetId {
            symbol: item.instrument.symbol.clone(),
            kind,
            hash: hash.to_owned(),
        };
        let ticks = item.ticks.as_ref().map(|ticks| id(ticks.kind.to_string(), &ticks.values));
        let funding = item.funding.as_ref().map(|hash| id("funding".to_owned(), hash));
        [Some(id(item.source(), &item.values)), ticks, funding]
    };
    let items = job.instruments.iter().chain(&job.references);
    let all: BTreeSet<DatasetId> = items.flat_map(of).flatten().collect();
    all.into_iter().collect()
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
