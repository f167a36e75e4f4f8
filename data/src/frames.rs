//! Bars that a program hands over, where others are imported from files.
//!
//! They are kept as imported ones are, in a catalog of their own under the hash of their values: `<home>/frames/<hash>/catalog/...`. So a
//! job on them can be run again and judged at any later time, and the home's own catalog stays what was imported.

use std::fs;
use std::io::Write;

use arrow::array::RecordBatch;
use assay_core::ids::Symbol;
use assay_core::instrument::Facts;
use assay_core::signals::SignalTable;
use assay_core::time::BarLength;

use crate::catalog::{Catalog, DatasetKind, Manifest, NewFile, SourceInfo, ValuesHash, hash_of_files, sync, sync_folder};
use crate::error::DataError;

/// Folder of a home.
const FRAMES: &str = "frames";
/// Folder beside the catalog of frames.
const SIGNALS: &str = "signals";
/// Hexadecimal digits of a folder's name.
const DIGITS: usize = 32;

/// Bars of one instrument.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The instrument.
    pub symbol: Symbol,
    /// What a row covers.
    pub bar: BarLength,
    /// `time` (start, UTC nanoseconds, strictly ascending), `open, high, low, close, volume`, without nulls and NaN.
    pub batch: RecordBatch,
}

impl Frame {
    fn kind(&self) -> DatasetKind {
        DatasetKind::Bars(self.bar)
    }

    /// The hash that a dataset of these rows has.
    ///
    /// # Errors
    /// Columns that are not those of bars.
    pub fn hash(&self) -> Result<ValuesHash, DataError> {
        hash_of_files(self.kind(), &self.batch)
    }
}

impl Catalog {
    /// Keeps frames, unless they are kept already, and tells where.
    ///
    /// # Errors
    /// Rows that a dataset cannot have; whatever can go wrong on a disk.
    pub fn keep_frames(&self, frames: &[Frame]) -> Result<Self, DataError> {
        let hashes = frames.iter().map(Frame::hash).collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<String> = hashes.iter().map(ToString::to_string).collect();
        let place = self.at(&self.home().join(FRAMES).join(folder_name(texts.iter().map(String::as_str))));
        for (frame, hash) in frames.iter().zip(hashes) {
            let kept = Manifest::load(&place.folder(&frame.symbol, frame.kind()))?;
            if kept.is_some_and(|manifest| manifest.hash == hash) || frame.batch.num_rows() == 0 {
                continue;
            }
            let folder = place.home();
            fs::create_dir_all(folder).map_err(|error| DataError::io("create", folder, error))?;
            let source = SourceInfo {
                name: "handed over by a program".to_owned(),
                format: "arrow".to_owned(),
                bytes: 0,
                hash: None,
            };
            let mut writer = place.writer(&frame.symbol, frame.kind(), source)?;
            writer.append(&frame.batch)?;
            writer.finish()?;
        }
        Ok(place)
    }

    /// The catalog that has the data of these hashes, those of a job in its order: that of frames, if they were handed over, else this one.
    #[must_use]
    pub fn of_values<'a>(&self, hashes: impl IntoIterator<Item = &'a str>) -> Self {
        let folder = self.home().join(FRAMES).join(folder_name(hashes));
        if folder.is_dir() { self.at(&folder) } else { self.clone() }
    }
}

impl Catalog {
    /// Keeps signals beside the bars that they belong to, unless they are kept already.
    ///
    /// # Errors
    /// Whatever can go wrong on a disk.
    pub fn keep_signals(&self, table: &SignalTable) -> Result<(), DataError> {
        let folder = self.home().join(SIGNALS);
        let name = format!("{}.bits", table.hash());
        if folder.join(&name).exists() {
            return Ok(());
        }
        fs::create_dir_all(&folder).map_err(|error| DataError::io("create", &folder, error))?;
        let (new, mut file) = NewFile::create(&folder, &name)?;
        let written = file.write_all(&table.to_bytes());
        written.map_err(|error| DataError::io("write", new.path(), error))?;
        sync(&file, new.path())?;
        new.commit(&name)?;
        sync_folder(&folder)
    }

    /// The signals of a hash.
    ///
    /// # Errors
    /// They are not here, or damaged.
    pub fn signals(&self, hash: &str) -> Result<SignalTable, DataError> {
        let path = self.home().join(SIGNALS).join(format!("{hash}.bits"));
        let bytes = fs::read(&path).map_err(|error| DataError::io("read", &path, error))?;
        SignalTable::from_bytes(hash, &bytes).map_err(|_| DataError::Damaged { path })
    }

    /// The same place with other facts about an instrument.
    #[must_use]
    pub fn knowing(&self, symbol: &Symbol, facts: Facts) -> Self {
        self.with_facts(symbol, facts)
    }
}

/// Of one frame its own hash, of several a hash of theirs.
fn folder_name<'a>(hashes: impl IntoIterator<Item = &'a str>) -> String {
    let hashes: Vec<&str> = hashes.into_iter().collect();
    let name = match hashes[..] {
        [one] => one.to_owned(),
        _ => blake3::hash(hashes.join(" ").as_bytes()).to_hex().to_string(),
    };
    name.chars().take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, TimestampNanosecondArray};
    use assay_core::job::FillGaps;

    use super::*;
    use crate::{BarRequest, catalog::schema};

    const HOUR: i64 = 3_600_000_000_000;

    fn frame(symbol: &str, bars: i64, first: f64) -> Frame {
        // From the middle of January on: the rows lie in several files.
        let time = TimestampNanosecondArray::from_iter_values((0..bars).map(|i| (350 + i) * HOUR)).with_timezone("UTC");
        let price = |add: f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(
                (0..bars).map(|i| first + add + i as f64 * 0.01),
            ))
        };
        let columns = vec![
            Arc::new(time) as ArrayRef,
            price(0.0),
            price(1.0),
            price(-1.0),
            price(0.5),
            price(9.0),
        ];
        Frame {
            symbol: symbol.parse().unwrap(),
            bar: "1h".parse().unwrap(),
            batch: RecordBatch::try_new(schema::bars(false), columns).unwrap(),
        }
    }

    #[test]
    fn frames_are_kept_under_the_hash_that_their_datasets_have() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path()).unwrap();
        let frames = [frame("EURUSD", 1_000, 100.0), frame("X", 900, 50.0)];
        let place = catalog.keep_frames(&frames).unwrap();
        let mut hashes = Vec::new();
        for frame in &frames {
            let dataset = place.find(&frame.symbol).unwrap().remove(0);
            assert_eq!(dataset.hash, frame.hash().unwrap());
            hashes.push(dataset.hash.to_string());
            let request = BarRequest {
                symbol: frame.symbol.clone(),
                bars: "1h".parse().unwrap(),
                fill_gaps: FillGaps::None,
                source: None,
            };
            let bars = place.bars(&request).unwrap();
            assert_eq!(bars.batch, frame.batch);
        }
        let texts = || hashes.iter().map(String::as_str);
        assert_eq!(catalog.of_values(texts()).home(), place.home());
        assert_eq!(
            catalog.of_values(texts().take(1)).home(),
            catalog.home(),
            "one of them alone was not handed over"
        );
        assert!(catalog.datasets().unwrap().is_empty());
        let bits = SignalTable::new(1_000, [vec![vec![5; 16]], Vec::new(), Vec::new(), Vec::new()]).unwrap();
        place.keep_signals(&bits).unwrap();
        place.keep_signals(&bits).unwrap();
        assert_eq!(place.signals(bits.hash()).unwrap(), bits);
        assert!(matches!(place.signals("00"), Err(DataError::Io { action: "read", .. })));
        // Facts of instruments are the home's.
        let known = "EURUSD".parse().unwrap();
        assert_eq!(place.instrument(&known), catalog.instrument(&known));
        assert_eq!(catalog.keep_frames(&frames).unwrap().home(), place.home());
        assert_ne!(catalog.keep_frames(&[frame("X", 900, 51.0)]).unwrap().home(), place.home());
    }
}
