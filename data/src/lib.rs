//! Market files to a validated Parquet catalog to Arrow columns.
//!
//! It must never use the network or a clock, print, or know of strategies and results.

pub mod catalog;
mod error;
pub mod import;
pub mod symbols;

pub use catalog::{Catalog, Dataset, DatasetKind, DatasetWriter, Manifest, Overlap, SourceInfo, ValuesHash, WriteReport};
pub use error::{DataError, Have};
