//! Market files to a validated Parquet catalog to Arrow columns.
//!
//! It must never use the network or a clock, print, or know of strategies and results.

mod bars;
pub mod catalog;
mod check;
mod error;
mod export;
mod generate;
pub mod import;
pub mod symbols;

pub use bars::{BarRequest, BarTable, resample_rows};
pub use catalog::{Catalog, Dataset, DatasetKind, DatasetWriter, Manifest, Overlap, SourceInfo, ValuesHash, WriteReport};
pub use check::{CheckOptions, CheckReport, Gap, Gaps, Moves, Spike, check};
pub use error::{DataError, Have};
pub use export::{ExportReport, export, write_table};
pub use generate::{GenerateRequest, generate};
