//! Everything that can go wrong between a market file and a column of prices.

use std::io;
use std::path::{Path, PathBuf};

use assay_core::bars::BarSpec;
use assay_core::ids::Symbol;
use assay_core::time::{BarLength, UtcNs};
use assay_core::{Domain, Explain};

use crate::catalog::DatasetKind;
use crate::import::ImportError;

/// An error of the data crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted, as a verb: `read`, `write`, `rename`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
    /// No space left.
    #[error("the disk is full: cannot write {}", path.display())]
    DiskFull {
        /// The file being written.
        path: PathBuf,
    },
    /// A Parquet file that cannot be read or written.
    #[error("parquet: {}: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: parquet::errors::ParquetError,
    },
    /// Arrow columns that do not fit together.
    #[error("cannot {action}: {source}")]
    Arrow {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The library's reason.
        source: arrow::error::ArrowError,
    },
    /// Another process writes to this catalog.
    #[error("the catalog {} is being written by {holder}", path.display())]
    Locked {
        /// The catalog.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// Two writers of one dataset in this process.
    #[error("{symbol} {kind} is being written already")]
    Busy {
        /// The instrument.
        symbol: Symbol,
        /// The dataset.
        kind: DatasetKind,
    },
    /// A manifest that cannot be understood.
    #[error("{} is not a manifest this version can read: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file of the catalog holds other values than its manifest says.
    #[error("{} does not hold what its manifest says", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A file went away between reading the manifest and reading the file: another process replaced it.
    #[error("{} was replaced while it was being read", path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// No such data in the catalog.
    #[error("no {wanted} of `{symbol}` in the catalog")]
    NoDataset {
        /// The instrument.
        symbol: Symbol,
        /// Such as `data`, `quotes`, `1m bars or ticks`.
        wanted: String,
        /// What there is of it; or, where there is nothing, the symbols of the catalog.
        have: Have,
    },
    /// Rows whose columns are not those of the dataset.
    #[error("{kind} cannot hold these columns: {reason}")]
    Columns {
        /// The dataset.
        kind: DatasetKind,
        /// What is wrong, naming the column.
        reason: String,
    },
    /// Rows out of order.
    #[error("time goes backward at row {row}: {time} after {previous}")]
    Backward {
        /// Position among all rows given to the writer, from 0.
        row: u64,
        /// Its time.
        time: UtcNs,
        /// The time before it.
        previous: UtcNs,
    },
    /// Two bars with one start, or two funding rates of one time.
    #[error("a second row at {time} (row {row})")]
    Repeated {
        /// Position among all rows given to the writer, from 0.
        row: u64,
        /// The time.
        time: UtcNs,
    },
    /// A value that no price or size can have.
    #[error("`{column}` is {value} at row {row}")]
    Value {
        /// Position among all rows given to the writer, from 0.
        row: u64,
        /// The column.
        column: String,
        /// The value, or `empty`.
        value: String,
    },
    /// A time outside the years that nanoseconds can express safely.
    #[error("the time at row {row} is outside the years 1678 to 2261")]
    TimeRange {
        /// Position among all rows given to the writer, from 0.
        row: u64,
    },
    /// New rows contradict stored ones.
    #[error("{symbol} {kind} of {partition}: the rows of {new} contradict those stored from {old}, first at {time}")]
    Conflict {
        /// The instrument.
        symbol: Symbol,
        /// The dataset.
        kind: DatasetKind,
        /// The day, month or year.
        partition: String,
        /// Where the stored rows came from.
        old: String,
        /// Where the new rows come from.
        new: String,
        /// First time at which they differ.
        time: UtcNs,
    },
    /// A file that cannot be imported.
    #[error(transparent)]
    Import(Box<ImportError>),
    /// A bar length that has no meaning.
    #[error("bars of {length} are neither shorter than a day nor whole days")]
    BarLength {
        /// The length.
        length: BarLength,
    },
    /// Gaps of bars that have none.
    #[error("bars of {bars} leave no gaps to fill")]
    NoGaps {
        /// What makes a bar.
        bars: BarSpec,
    },
    /// Bars by volume of ticks without any.
    #[error("the {kind} of {symbol} have no sizes to count")]
    NoSizes {
        /// The instrument.
        symbol: Symbol,
        /// The dataset.
        kind: DatasetKind,
    },
    /// A file in the cache that cannot be mapped into memory.
    #[error("cannot map {} into memory", path.display())]
    Unmapped {
        /// The file.
        path: PathBuf,
    },
    /// More bars than memory should be asked to hold.
    #[error("filling the gaps of {symbol} with bars of {length} would make {bars} bars")]
    TooManyBars {
        /// The instrument.
        symbol: Symbol,
        /// The length.
        length: BarLength,
        /// How many.
        bars: u64,
    },
    /// A symbol table that cannot be read.
    #[error("{}:{line}: {reason}", path.display())]
    SymbolTable {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
        /// The nearest name, if one was meant.
        hint: Option<String>,
    },
    /// A file name whose ending names no format for export.
    #[error("cannot tell the format of {} from its name", path.display())]
    ExportFormat {
        /// The file.
        path: PathBuf,
    },
}

/// What the catalog has instead of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Have {
    /// Datasets of the instrument.
    Kinds(Vec<DatasetKind>),
    /// Symbols of the catalog, when it has nothing of the instrument.
    Symbols(Vec<Symbol>),
}

impl DataError {
    /// Wraps an error of the operating system; a full disk gets its own variant.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_full(&source) {
            Self::DiskFull { path }
        } else {
            Self::Io { action, path, source }
        }
    }

    /// Wraps an error of the Parquet library; a full disk gets its own variant.
    pub fn parquet(path: &Path, source: parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        let full = std::error::Error::source(&source)
            .and_then(|inner| inner.downcast_ref::<io::Error>())
            .is_some_and(is_full);
        if full {
            Self::DiskFull { path }
        } else {
            Self::Parquet { path, source }
        }
    }
}

impl From<ImportError> for DataError {
    fn from(error: ImportError) -> Self {
        Self::Import(Box::new(error))
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl Explain for DataError {
    fn domain(&self) -> Domain {
        match self {
            Self::Import(error) => error.domain(),
            Self::NoDataset { .. } => Domain::NotFound,
            Self::Locked { .. } => Domain::NotAllowed,
            Self::BarLength { .. }
            | Self::NoGaps { .. }
            | Self::NoSizes { .. }
            | Self::TooManyBars { .. }
            | Self::SymbolTable { .. }
            | Self::ExportFormat { .. } => Domain::Usage,
            Self::Busy { .. } => Domain::Internal,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Domain::NotFound,
            _ => Domain::External,
        }
    }

    fn retryable(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::DiskFull { .. } | Self::Replaced { .. })
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Import(error) => return error.hint(),
            Self::DiskFull { .. } => "free some space and run the same command again; nothing half-written was left".to_owned(),
            Self::Locked { .. } => "wait until it has finished, or use another --home".to_owned(),
            Self::Manifest { .. } => "it was written by a newer version or damaged; import the data again".to_owned(),
            Self::Parquet { path, .. } => format!(
                "{} is damaged, or no file of this kind; one of the catalog comes back when it is deleted and its source is imported \
                 again with --replace",
                path.file_name().unwrap_or_default().display()
            ),
            Self::Damaged { path } => format!("delete {} and import its source again with --replace", path.display()),
            Self::Replaced { .. } => "run the same command again".to_owned(),
            Self::NoDataset { symbol, have, .. } => no_dataset_hint(symbol, have),
            Self::Backward { .. } => "sort while importing with --unsorted sort".to_owned(),
            Self::Repeated { .. } => {
                "a missing or wrong --tz repeats an hour in autumn; else the file holds more than one instrument".to_owned()
            }
            Self::Conflict { .. } => {
                "two sources differ for this time; use --replace to keep the new rows, or import them under another symbol"
                    .to_owned()
            }
            Self::BarLength { .. } => "use a length such as 90s, 7m, 4h, or whole days such as 1d, 2d, 1w".to_owned(),
            Self::NoGaps { .. } => "leave fill_gaps out: only bars of a length of time have gaps".to_owned(),
            Self::NoSizes { .. } => "count ticks instead, such as 100t, or import data with sizes".to_owned(),
            Self::TooManyBars { .. } => "use longer bars, or fill_gaps = \"none\"".to_owned(),
            Self::SymbolTable { hint, .. } => return hint.clone(),
            Self::ExportFormat { .. } => "end the name in .parquet or .csv".to_owned(),
            _ => return None,
        };
        Some(text)
    }
}

fn no_dataset_hint(symbol: &Symbol, have: &Have) -> String {
    match have {
        Have::Kinds(kinds) => {
            let names: Vec<String> = kinds.iter().map(ToString::to_string).collect();
            format!("there is {}", names.join(", "))
        }
        Have::Symbols(symbols) if symbols.is_empty() => {
            "the catalog is empty; import a file with `assay data import FILE --symbol S`".to_owned()
        }
        Have::Symbols(symbols) => {
            let names: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
            match assay_core::nearest::nearest(symbol.as_str(), names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "see `assay data ls` for what there is".to_owned(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_wherever_it_shows() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let path = Path::new("x.parquet");
        for error in [
            DataError::io("write", path, full()),
            DataError::parquet(path, parquet::errors::ParquetError::from(full())),
        ] {
            assert!(matches!(error, DataError::DiskFull { .. }), "{error:?}");
            assert!(error.retryable() && error.hint().is_some_and(|hint| hint.contains("space")));
        }
    }
}
