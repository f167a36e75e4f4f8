//! Market files into the catalog: delimited text, Parquet, JSON, wide tables, LEAN zips, dumps of exchanges and brokers.
//!
//! Everything is decided from names and heads first (`plan`); then each dataset is read in chunks that are parsed in
//! parallel and stored in order, in bounded memory. Datasets become visible after all of them were read, so an error anywhere leaves
//! the catalog as it was.

mod adjust;
mod checks;
mod columns;
mod container;
mod dukascopy;
mod error;
mod json;
mod known;
mod lean;
mod missing;
mod number;
mod parquet;
mod paths;
mod plan;
mod records;
mod request;
mod rows;
mod sink;
mod stream;
mod text;
mod times;
mod wide;

use std::time::Instant;

pub use error::{ImportError, Place, Problem};
pub use request::{
    Adjust, AssetClass, BadBars, Crossed, DatasetReport, Format, ImportNote, ImportProgress, ImportReport, ImportRequest,
    SkippedFile, TimeFormat, UnknownWord, Unsorted,
};

pub(crate) use container::{Input, inputs_of};
pub(crate) use text::delimiter;
pub(crate) use times::{TimeReader, TimeRule, year_last};

use crate::catalog::{Catalog, Overlap, SourceInfo};
use crate::error::DataError;
use checks::Treatment;
use plan::Part;
use sink::Sink;

/// Imports files into a catalog. Importing the same rows again changes nothing; rows that contradict stored ones are refused unless the
/// request says to replace them.
///
/// # Errors
/// Whatever is wrong with the request or a file, with file, member, line and column; then nothing was stored.
pub fn import(
    catalog: &Catalog,
    request: &ImportRequest,
    progress: &(dyn Fn(ImportProgress) + Sync),
) -> Result<ImportReport, DataError> {
    let start = Instant::now();
    let plan = plan::plan(request)?;
    let mut meter = stream::Meter::new(&plan.parts, progress);
    let mut sinks = Vec::new();
    for parts in plan.parts.chunk_by(|a, b| (&a.symbol, a.kind) == (&b.symbol, b.kind)) {
        if let Some(other) = parts.iter().find(|part| part.layout.shape != parts[0].layout.shape) {
            return Err(other.input.error(Problem::MixedBars).into());
        }
        let first = &parts[0];
        let overlap = if request.replace { Overlap::Replace } else { Overlap::Merge };
        let before = catalog
            .manifest(&first.symbol, first.kind)
            .map_or(0, |manifest| manifest.rows);
        let writer = catalog.writer(&first.symbol, first.kind, source_of(first))?.overlap(overlap);
        let mut sink = Sink::new(parts, writer, request.unsorted);
        let treatment = Treatment {
            crossed: request.crossed,
            bad_bars: request.bad_bars,
        };
        stream::stream(parts, treatment, &mut sink, &mut |part, rows, last| {
            meter.advance(part, rows, last);
        })?;
        sinks.push((sink, before));
    }
    let mut datasets = Vec::with_capacity(sinks.len());
    for (sink, before) in sinks {
        datasets.push(sink.finish(before, request.replace)?);
    }
    Ok(ImportReport {
        datasets,
        skipped: plan.skipped,
        ignored_columns: plan.ignored_columns,
        notes: plan.notes.into_iter().collect(),
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// The file of a part, by its name without folders: a catalog does not tell where on a disk its rows once were.
fn source_of(part: &Part) -> SourceInfo {
    let file = part.input.path.file_name().unwrap_or(part.input.path.as_os_str());
    SourceInfo {
        name: file.to_string_lossy().into_owned(),
        format: part.format.to_owned(),
        bytes: std::fs::metadata(&part.input.path).map_or(part.input.stored, |metadata| metadata.len()),
        hash: None,
    }
}
