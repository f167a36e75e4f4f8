//! One writing process per catalog.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::sync::Mutex;

use assay_core::ids::Symbol;

use super::DatasetKind;
use crate::error::DataError;

/// Name of the lock file in the catalog's folder. The file stays; the operating system's lock on it goes with the process.
const LOCK_FILE: &str = ".lock";

/// Held while anything of the catalog is written, shared by the writers of one process.
#[derive(Debug)]
pub(crate) struct WriteLock {
    _file: File,
    writing: Mutex<BTreeSet<(Symbol, DatasetKind)>>,
}

impl WriteLock {
    /// Takes the lock of the catalog in `folder`, creating the folder.
    pub(crate) fn take(folder: &Path) -> Result<Self, DataError> {
        fs::create_dir_all(folder).map_err(|e| DataError::io("create", folder, e))?;
        let path = folder.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| DataError::io("open", &path, e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
                return Err(DataError::Locked {
                    path: folder.to_owned(),
                    holder: if known {
                        holder.trim().to_owned()
                    } else {
                        "another process".to_owned()
                    },
                });
            }
            Err(TryLockError::Error(e)) => return Err(DataError::io("lock", &path, e)),
        }
        let note = format!("process {}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(note.as_bytes()))
            .map_err(|e| DataError::io("write", &path, e))?;
        Ok(Self {
            _file: file,
            writing: Mutex::default(),
        })
    }

    /// Marks a dataset as being written; false if it is already.
    pub(crate) fn begin(&self, symbol: &Symbol, kind: DatasetKind) -> bool {
        self.datasets().insert((symbol.clone(), kind))
    }

    /// The dataset is free again.
    pub(crate) fn end(&self, symbol: &Symbol, kind: DatasetKind) {
        self.datasets().remove(&(symbol.clone(), kind));
    }

    fn datasets(&self) -> std::sync::MutexGuard<'_, BTreeSet<(Symbol, DatasetKind)>> {
        self.writing.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
