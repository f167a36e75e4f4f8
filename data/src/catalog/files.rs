//! Files that appear whole or not at all: temporary name in the same folder, fsync, rename, fsync of the folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::DataError;

/// Every temporary file begins so; the next writer removes those that a crash left.
const TEMPORARY: &str = ".tmp-";

/// A file under construction, removed when dropped before [`NewFile::commit`].
#[derive(Debug)]
pub(crate) struct NewFile {
    temporary: PathBuf,
    committed: bool,
}

impl NewFile {
    /// Creates `<folder>/.tmp-<process>-<number>-<name>`, replacing what a crash left there.
    pub(crate) fn create(folder: &Path, name: &str) -> Result<(Self, File), DataError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!("{TEMPORARY}{}-{number}-{name}", std::process::id()));
        let file = File::create(&temporary).map_err(|e| DataError::io("create", &temporary, e))?;
        let new = Self {
            temporary,
            committed: false,
        };
        Ok((new, file))
    }

    /// The temporary path.
    pub(crate) fn path(&self) -> &Path {
        &self.temporary
    }

    /// Renames it, already flushed to the disk by [`sync`], to `<folder>/<name>`. The caller syncs the folder.
    pub(crate) fn commit(mut self, name: &str) -> Result<PathBuf, DataError> {
        let path = self.temporary.with_file_name(name);
        fs::rename(&self.temporary, &path).map_err(|e| DataError::io("rename to", &path, e))?;
        self.committed = true;
        Ok(path)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing more can be done about a file that cannot be removed; the next writer tries again.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Flushes a file's bytes to the disk.
pub(crate) fn sync(file: &File, path: &Path) -> Result<(), DataError> {
    file.sync_all().map_err(|e| DataError::io("write", path, e))
}

/// Makes renames in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), DataError> {
    let handle = File::open(folder).map_err(|e| DataError::io("open", folder, e))?;
    handle.sync_all().map_err(|e| DataError::io("sync", folder, e))
}

/// Writes a small file whole.
pub(crate) fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, DataError> {
    let (new, file) = NewFile::create(folder, name)?;
    std::io::Write::write_all(&mut &file, bytes).map_err(|e| DataError::io("write", new.path(), e))?;
    sync(&file, new.path())?;
    let path = new.commit(name)?;
    sync_folder(folder)?;
    Ok(path)
}

/// Removes what crashed writers left: temporary files, and Parquet files for which `wanted` is false.
pub(crate) fn remove_stale(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<(), DataError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(DataError::io("list", folder, e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| DataError::io("list", folder, e))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let parquet = Path::new(name).extension().is_some_and(|ending| ending == "parquet");
        if name.starts_with(TEMPORARY) || (parquet && !wanted(name)) {
            fs::remove_file(entry.path()).map_err(|e| DataError::io("remove", &entry.path(), e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_file_leaves_nothing_and_stale_ones_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (new, _) = NewFile::create(folder.path(), "a.parquet").unwrap();
        assert!(new.path().exists());
        drop(new);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

        write_whole(folder.path(), "keep.parquet", b"x").unwrap();
        write_whole(folder.path(), "stale.parquet", b"x").unwrap();
        write_whole(folder.path(), "manifest.json", b"{}").unwrap();
        fs::write(folder.path().join(".tmp-1-x.parquet"), b"half").unwrap();
        remove_stale(folder.path(), |name| name == "keep.parquet").unwrap();
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["keep.parquet", "manifest.json"]);
    }
}
