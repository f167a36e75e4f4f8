//! One run at a time in a home.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::StoreError;
use crate::files;

/// The right to write into a home. The operating system releases it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct HomeLock {
    _file: File,
}

impl HomeLock {
    /// Takes the lock for a job, creating the home if need be. `job` is its name, shown to whoever comes second.
    pub(crate) fn acquire(home: &Path, job: &str) -> Result<Self, StoreError> {
        files::create_folder(home)?;
        let path = home.join("run.lock");
        let failed = |e| StoreError::io("lock", &path, e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(home, &mut file)),
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        let mut write = || {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{} {job}", std::process::id())?;
            file.flush()
        };
        write().map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn held(home: &Path, file: &mut File) -> StoreError {
    let mut text = String::new();
    // What the holder wrote is a courtesy; without it the error is still right.
    let _ = file.read_to_string(&mut text);
    let holder = text
        .split_once(' ')
        .and_then(|(pid, job)| Some((pid.parse().ok()?, job.to_owned())));
    let (pid, job) = holder.unzip();
    StoreError::Locked {
        home: home.to_owned(),
        pid,
        job,
    }
}

#[cfg(test)]
mod tests {
    use assay_core::{Domain, Explain};

    use super::*;

    #[test]
    fn the_second_run_learns_who_holds_the_home() {
        let home = tempfile::tempdir().unwrap();
        let first = HomeLock::acquire(home.path(), "a sweep").unwrap();
        let error = HomeLock::acquire(home.path(), "another").unwrap_err();
        assert_eq!(error.domain(), Domain::NotAllowed);
        let text = error.to_string();
        assert!(
            text.ends_with(&format!("(process {}, job `a sweep`)", std::process::id())),
            "{text}"
        );
        drop(first);
        HomeLock::acquire(home.path(), "another").unwrap();
    }
}
