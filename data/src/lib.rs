//! Market files to a validated Parquet catalog to Arrow columns.
//!
//! [`import::import`] reads files into the [`Catalog`] of a home, [`Catalog::bars`] makes bars of any length in time, ticks or volume from
//! it, [`Catalog::ticks`] maps its ticks into memory, and
//! [`check`], [`export`] and [`generate`] are what their names say. This crate must never use the network or a clock, print, or know
//! of strategies and results.
//!
//! ```
//! use assay_core::job::FillGaps;
//! use assay_data::{BarRequest, Catalog, DataError, GenerateRequest, generate};
//!
//! # fn main() -> Result<(), DataError> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # let home = folder.path();
//! let catalog = Catalog::open(home)?;
//! let ticks = GenerateRequest { days: 2, ticks_per_day: 5_000, ..GenerateRequest::demo(7) };
//! generate(&catalog, &ticks)?;
//! let bars = catalog.bars(&BarRequest {
//!     symbol: ticks.symbol,
//!     bars: "1h".parse().expect("a length"),
//!     fill_gaps: FillGaps::None,
//!     source: None,
//! })?;
//! assert_eq!((bars.batch.num_rows(), bars.source.as_str()), (48, "quotes"));
//! # Ok(())
//! # }
//! ```

mod bars;
pub mod catalog;
mod check;
mod error;
mod export;
mod frames;
mod generate;
pub mod history;
pub mod import;
mod mapped;
mod shield;
pub mod symbols;
mod ticks;

pub use bars::{BarRequest, BarTable, resample_rows};
pub use catalog::{Catalog, Dataset, DatasetKind, DatasetWriter, Manifest, Overlap, SourceInfo, ValuesHash, WriteReport};
pub use check::{CheckOptions, CheckReport, Gap, Gaps, Moves, Spike, Split, Splits, check};
pub use error::{DataError, Have};
pub use export::{ExportReport, export, write_table};
pub use frames::Frame;
pub use generate::{GenerateRequest, generate};
