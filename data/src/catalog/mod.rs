//! The catalog: `<home>/catalog/<SYMBOL>/<kind>/`, Parquet files beside a manifest.
//!
//! **Invariants.** Rows are in time order; equal times keep the order they came in. A manifest names only files that are complete
//! on the disk. Files never change: new rows make new files, and replacing the manifest makes them visible.

mod encode;
mod files;
mod lock;
mod manifest;
mod merge;
mod partition;
mod pool;
mod reader;
pub mod schema;
mod values;
mod writer;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use assay_core::ids::Symbol;
use assay_core::instrument::{Facts, Instrument};
use assay_core::job::DataKind;
use assay_core::time::{BarLength, TimeError, UtcNs};
use serde::{Deserialize, Serialize};

use crate::error::{DataError, Have};
use crate::symbols::SymbolTable;

pub(crate) use encode::write_parquet;
pub(crate) use files::{NewFile, sync, sync_folder};
use lock::WriteLock;
pub use manifest::{ColumnInfo, FileEntry, Manifest, SourceInfo};
pub use reader::RowBatches;
pub(crate) use reader::{RowGroup, read_parquet, stored_columns};
pub use values::ValuesHash;
pub(crate) use values::{Facts as ValueFacts, is_decimal, mids};
pub(crate) use writer::hash_of_files;
pub use writer::{DatasetWriter, Overlap, WriteReport};

/// Which of an instrument's datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatasetKind {
    /// Ticks with bid and ask.
    Quotes,
    /// Ticks with price and size.
    Trades,
    /// Time bars of a length.
    Bars(BarLength),
    /// Funding rates.
    Funding,
}

impl DatasetKind {
    /// Without the length.
    pub const fn data_kind(self) -> DataKind {
        match self {
            Self::Quotes => DataKind::Quotes,
            Self::Trades => DataKind::Trades,
            Self::Bars(_) => DataKind::Bars,
            Self::Funding => DataKind::Funding,
        }
    }

    /// The length of bars.
    pub const fn bar(self) -> Option<BarLength> {
        match self {
            Self::Quotes | Self::Trades | Self::Funding => None,
            Self::Bars(length) => Some(length),
        }
    }

    /// Whether several rows may have one time: ticks do, bars and funding do not.
    pub(crate) const fn times_repeat(self) -> bool {
        matches!(self, Self::Quotes | Self::Trades)
    }
}

impl fmt::Display for DatasetKind {
    /// `quotes`, `trades`, `bars-1m`, `funding`: also the folder's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quotes => f.write_str("quotes"),
            Self::Trades => f.write_str("trades"),
            Self::Bars(length) => write!(f, "bars-{length}"),
            Self::Funding => f.write_str("funding"),
        }
    }
}

impl FromStr for DatasetKind {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        match text {
            "quotes" => Ok(Self::Quotes),
            "trades" => Ok(Self::Trades),
            "funding" => Ok(Self::Funding),
            _ => text.strip_prefix("bars-").unwrap_or(text).parse().map(Self::Bars),
        }
    }
}

impl Serialize for DatasetKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DatasetKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One line of `data ls`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dataset {
    /// The instrument.
    pub symbol: Symbol,
    /// Quotes, trades, bars or funding.
    pub kind: DataKind,
    /// Length of bars.
    pub bar: Option<BarLength>,
    /// Number of rows.
    pub rows: u64,
    /// Time of the first row.
    pub first: UtcNs,
    /// Time of the last row.
    pub last: UtcNs,
    /// Number of files.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
    /// Decimals of its prices, if they are decimal.
    pub decimals: Option<u8>,
    /// Hash of its values.
    pub hash: ValuesHash,
    /// Names of its columns.
    pub columns: Vec<String>,
    /// Where its rows came from.
    pub sources: Vec<SourceInfo>,
}

impl From<&Manifest> for Dataset {
    fn from(manifest: &Manifest) -> Self {
        Self {
            symbol: manifest.symbol.clone(),
            kind: manifest.kind,
            bar: manifest.bar,
            rows: manifest.rows,
            first: manifest.first,
            last: manifest.last,
            files: manifest.files.len(),
            bytes: manifest.bytes(),
            decimals: manifest.decimals,
            hash: manifest.hash,
            columns: manifest.columns.iter().map(|c| c.name.clone()).collect(),
            sources: manifest.sources.clone(),
        }
    }
}

/// The market data of a home. Cheap to clone; safe to share between threads.
#[derive(Debug, Clone)]
pub struct Catalog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    home: PathBuf,
    symbols: SymbolTable,
    /// The write lock, while any writer of this process holds it.
    lock: Mutex<Weak<WriteLock>>,
}

impl Catalog {
    /// The catalog of a home, which need not exist yet: nothing is created before the first write. Reads the user's symbol table
    /// `<home>/instruments.toml`, if there is one.
    pub fn open(home: &Path) -> Result<Self, DataError> {
        let shared = Shared {
            home: home.to_owned(),
            symbols: SymbolTable::load(home)?,
            lock: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The same place with other facts about an instrument.
    pub(crate) fn with_facts(&self, symbol: &Symbol, facts: Facts) -> Self {
        let mut symbols = self.shared.symbols.clone();
        symbols.insert(symbol.clone(), facts);
        let shared = Shared {
            home: self.shared.home.clone(),
            symbols,
            lock: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Another place with the same facts of instruments.
    pub(crate) fn at(&self, home: &Path) -> Self {
        let shared = Shared {
            home: home.to_owned(),
            symbols: self.shared.symbols.clone(),
            lock: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The home.
    pub fn home(&self) -> &Path {
        &self.shared.home
    }

    /// The facts about an instrument: from the user's table, the built-in one, or the defaults of an unknown symbol.
    pub fn instrument(&self, symbol: &Symbol) -> Instrument {
        self.shared.symbols.instrument(symbol)
    }

    /// Everything there is, by symbol and kind.
    pub fn datasets(&self) -> Result<Vec<Dataset>, DataError> {
        let mut found = Vec::new();
        for symbol in self.symbols()? {
            found.extend(self.manifests(&symbol)?.iter().map(Dataset::from));
        }
        Ok(found)
    }

    /// The datasets of one instrument; an error if there is none.
    pub fn find(&self, symbol: &Symbol) -> Result<Vec<Dataset>, DataError> {
        let found: Vec<Dataset> = self.manifests(symbol)?.iter().map(Dataset::from).collect();
        if found.is_empty() {
            return Err(self.no_dataset(symbol, "data"));
        }
        Ok(found)
    }

    /// The manifest of one dataset; an error if it does not exist.
    pub fn manifest(&self, symbol: &Symbol, kind: DatasetKind) -> Result<Manifest, DataError> {
        let found = Manifest::load(&self.folder(symbol, kind))?;
        found.ok_or_else(|| self.no_dataset(symbol, &kind.to_string()))
    }

    /// Where a dataset's manifest and its files lie, or would.
    pub fn location(&self, symbol: &Symbol, kind: DatasetKind) -> PathBuf {
        self.folder(symbol, kind)
    }

    /// Begins to write a dataset. The catalog stays locked against other processes until the writer is finished or dropped.
    pub fn writer(&self, symbol: &Symbol, kind: DatasetKind, source: SourceInfo) -> Result<DatasetWriter, DataError> {
        DatasetWriter::begin(self, symbol, kind, source)
    }

    /// Manifests of all datasets of an instrument, by kind.
    pub(crate) fn manifests(&self, symbol: &Symbol) -> Result<Vec<Manifest>, DataError> {
        let folder = self.root().join(symbol.as_str());
        let mut kinds: Vec<DatasetKind> = folder_names(&folder)?.iter().filter_map(|name| name.parse().ok()).collect();
        kinds.sort();
        let mut manifests = Vec::with_capacity(kinds.len());
        for kind in kinds {
            manifests.extend(Manifest::load(&self.folder(symbol, kind))?);
        }
        Ok(manifests)
    }

    pub(crate) fn no_dataset(&self, symbol: &Symbol, wanted: &str) -> DataError {
        // The hint is a courtesy: a catalog that cannot be listed must not hide the real error.
        let kinds: Vec<DatasetKind> = self
            .manifests(symbol)
            .unwrap_or_default()
            .iter()
            .map(Manifest::dataset_kind)
            .collect();
        let have = if kinds.is_empty() {
            Have::Symbols(self.symbols().unwrap_or_default())
        } else {
            Have::Kinds(kinds)
        };
        DataError::NoDataset {
            symbol: symbol.clone(),
            wanted: wanted.to_owned(),
            have,
        }
    }

    /// Symbols that have a dataset, sorted.
    fn symbols(&self) -> Result<Vec<Symbol>, DataError> {
        let mut symbols = Vec::new();
        for name in folder_names(&self.root())? {
            if let Ok(symbol) = name.parse::<Symbol>()
                && self.has_data(&symbol)?
            {
                symbols.push(symbol);
            }
        }
        symbols.sort();
        Ok(symbols)
    }

    fn has_data(&self, symbol: &Symbol) -> Result<bool, DataError> {
        let folder = self.root().join(symbol.as_str());
        let kinds = folder_names(&folder)?;
        Ok(kinds.iter().any(|kind| folder.join(kind).join(manifest::MANIFEST).exists()))
    }

    fn root(&self) -> PathBuf {
        self.shared.home.join("catalog")
    }

    pub(crate) fn folder(&self, symbol: &Symbol, kind: DatasetKind) -> PathBuf {
        self.root().join(symbol.as_str()).join(kind.to_string())
    }

    /// The write lock, taken now or shared with the other writers of this process.
    fn lock(&self) -> Result<Arc<WriteLock>, DataError> {
        let mut held = self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = held.upgrade() {
            return Ok(lock);
        }
        let lock = Arc::new(WriteLock::take(&self.root())?);
        *held = Arc::downgrade(&lock);
        Ok(lock)
    }
}

/// Names in a folder, sorted; none if the folder does not exist.
fn folder_names(folder: &Path) -> Result<Vec<String>, DataError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(DataError::io("list", folder, e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| DataError::io("list", folder, e))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}
