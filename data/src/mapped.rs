//! Columns that are mapped into memory rather than read: the system loads what is looked at and drops it when memory is short, so that
//! a year of ticks never has to fit.
//!
//! A file is 64 bytes of head (magic, number of columns, number of rows), then its columns one after the other, eight bytes a value,
//! little-endian, each starting at a multiple of 64 bytes. It lies in the cache under a name that covers everything it depends on, and
//! appears whole or not at all; nobody writes it after that.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use arrow::buffer::{Buffer, ScalarBuffer};
use arrow::datatypes::ArrowNativeType;

use crate::catalog::{NewFile, sync, sync_folder};
use crate::error::DataError;

const MAGIC: &[u8; 8] = b"assayCO1";
/// Columns start at multiples of this.
const ALIGNMENT: usize = 64;
/// Bytes of a value.
const WIDTH: usize = 8;

/// A mapped file.
#[derive(Debug, Clone)]
pub(crate) struct Mapped {
    bytes: Buffer,
    rows: usize,
}

impl Mapped {
    /// Maps a file of so many columns and rows; `None` if there is none, or it is of another form.
    pub(crate) fn open(path: &Path, columns: usize, rows: usize) -> Option<Self> {
        let file = File::open(path).ok()?;
        if file.metadata().ok()?.len() != offset(columns, rows) as u64 || cfg!(target_endian = "big") {
            return None;
        }
        // SAFETY: the file was renamed to this name complete, and nobody writes to it from then on: what replaces it is another file.
        let map = unsafe { memmap2::Mmap::map(&file) }.ok()?;
        if map[..ALIGNMENT] != head(columns, rows) {
            return None;
        }
        Some(Self {
            bytes: Buffer::from(bytes::Bytes::from_owner(map)),
            rows,
        })
    }

    /// Column `k`.
    pub(crate) fn column<T: ArrowNativeType>(&self, k: usize) -> ScalarBuffer<T> {
        ScalarBuffer::new(self.bytes.clone(), offset(k, self.rows) / WIDTH, self.rows)
    }
}

/// Writes `<folder>/<name>` of so many columns and rows. `parts` gives consecutive rows, one buffer of eight-byte values a column.
pub(crate) fn write(
    folder: &Path,
    name: &str,
    columns: usize,
    rows: usize,
    parts: impl Iterator<Item = Result<Vec<Buffer>, DataError>>,
) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(|e| DataError::io("create", folder, e))?;
    let (new, mut file) = NewFile::create(folder, name)?;
    let mut put = |at: usize, bytes: &[u8]| {
        let written = file.seek(SeekFrom::Start(at as u64)).and_then(|_| file.write_all(bytes));
        written.map_err(|e| DataError::io("write", new.path(), e))
    };
    put(0, &head(columns, rows))?;
    let mut done = 0;
    for part in parts {
        let part = part?;
        for (k, column) in part.iter().enumerate() {
            put(offset(k, rows) + done * WIDTH, column.as_slice())?;
        }
        done += part.first().map_or(0, |column| column.len() / WIDTH);
    }
    // The last column may end before its padding does.
    file.set_len(offset(columns, rows) as u64)
        .map_err(|e| DataError::io("write", new.path(), e))?;
    sync(&file, new.path())?;
    new.commit(name)?;
    sync_folder(folder)
}

/// Where column `k` starts; that of the column after the last is the length of the file.
fn offset(k: usize, rows: usize) -> usize {
    ALIGNMENT + k * (rows * WIDTH).next_multiple_of(ALIGNMENT)
}

fn head(columns: usize, rows: usize) -> [u8; ALIGNMENT] {
    let mut head = [0; ALIGNMENT];
    head[..8].copy_from_slice(MAGIC);
    head[8..16].copy_from_slice(&(columns as u64).to_le_bytes());
    head[16..24].copy_from_slice(&(rows as u64).to_le_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_back_and_other_files_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let (times, prices): (Vec<i64>, Vec<f64>) = (0..1_001).map(|k| (k * 3, k as f64 / 7.0)).unzip();
        let part = |range: std::ops::Range<usize>| {
            let columns = [
                Buffer::from_slice_ref(&times[range.clone()]),
                Buffer::from_slice_ref(&prices[range]),
            ];
            Ok(columns.to_vec())
        };
        write(folder.path(), "x", 2, 1_001, [part(0..400), part(400..1_001)].into_iter()).unwrap();
        let path = folder.path().join("x");
        let mapped = Mapped::open(&path, 2, 1_001).unwrap();
        assert_eq!(mapped.column::<i64>(0).as_ref(), times.as_slice());
        assert_eq!(mapped.column::<f64>(1).as_ref(), prices.as_slice());
        assert!(Mapped::open(&path, 3, 1_001).is_none() && Mapped::open(&path, 2, 1_000).is_none());
        // What was mapped survives its name; a cut or damaged file is none.
        let mut bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(mapped.column::<f64>(1)[1_000], 1_000.0 / 7.0);
        bytes[3] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(Mapped::open(&path, 2, 1_001).is_none());
        bytes[3] ^= 1;
        bytes.pop();
        fs::write(&path, &bytes).unwrap();
        assert!(Mapped::open(&path, 2, 1_001).is_none());
    }
}
