//! Folders of a home, and files that are either whole or absent.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use assay_core::ids::JobId;

use crate::error::StoreError;

/// `<home>/assay.db`
pub(crate) fn database(home: &Path) -> PathBuf {
    home.join("assay.db")
}

/// `<home>/staging`
pub(crate) fn staging_root(home: &Path) -> PathBuf {
    home.join("staging")
}

/// `<home>/staging/<job>`
pub(crate) fn staging(home: &Path, job: JobId) -> PathBuf {
    staging_root(home).join(job.to_string())
}

/// Folder of a job's result files of a kind: `<home>/results/v1/kind=<kind>/job=<job>`.
pub fn results_folder(home: &Path, kind: &str, job: JobId) -> PathBuf {
    home.join("results/v1")
        .join(format!("kind={kind}"))
        .join(format!("job={job}"))
}

/// Bytes free for this user on the file system of the home, or of its nearest folder that exists.
pub fn free_bytes(home: &Path) -> Result<u64, StoreError> {
    let absolute = std::path::absolute(home).map_err(|e| StoreError::io("find", home, e))?;
    let existing = absolute.ancestors().find(|folder| folder.exists()).unwrap_or(&absolute);
    let stat = rustix::fs::statvfs(existing).map_err(|e| StoreError::io("measure", existing, e.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

pub(crate) fn create_folder(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(|e| StoreError::io("create", path, e))
}

/// Makes a file's content, or the names inside a folder, durable.
pub(crate) fn sync(path: &Path) -> Result<(), StoreError> {
    let sync = || File::open(path)?.sync_all();
    sync().map_err(|e| StoreError::io("write", path, e))
}

/// [`sync`] of several paths, a few at a time: the file system commits what comes together at once.
pub(crate) fn sync_all(paths: &[PathBuf]) -> Result<(), StoreError> {
    for some in paths.chunks(8) {
        std::thread::scope(|scope| {
            let threads: Vec<_> = some.iter().map(|path| scope.spawn(|| sync(path))).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().expect("syncing a file does not panic"))
        })?;
    }
    Ok(())
}

/// Removes a folder and all in it, if it exists.
pub(crate) fn remove_folder(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, e)),
        _ => Ok(()),
    }
}

/// Size and hash of a file as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) bytes: u64,
    pub(crate) hash: [u8; 32],
}

/// Passes bytes on to a file and hashes them, in large pieces.
#[derive(Debug)]
pub(crate) struct HashingWriter(BufWriter<Hashed>);

#[derive(Debug)]
struct Hashed {
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl HashingWriter {
    pub(crate) fn create(path: &Path) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(|e| StoreError::io("create", path, e))?;
        let hashed = Hashed {
            file,
            hasher: blake3::Hasher::new(),
            bytes: 0,
        };
        Ok(Self(BufWriter::with_capacity(1 << 18, hashed)))
    }

    /// Flushes, makes the content durable and says what was written.
    pub(crate) fn finish(self, path: &Path) -> Result<Written, StoreError> {
        let failed = |e| StoreError::io("write", path, e);
        let hashed = self.0.into_inner().map_err(|e| failed(e.into_error()))?;
        hashed.file.sync_all().map_err(failed)?;
        Ok(Written {
            bytes: hashed.bytes,
            hash: *hashed.hasher.finalize().as_bytes(),
        })
    }
}

impl Write for HashingWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Write for Hashed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.file.write(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Names in a folder, sorted; none if there is no such folder.
pub(crate) fn folder_names(path: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(StoreError::io("list", path, e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| StoreError::io("list", path, e))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Size and hash of an open file, from its beginning.
#[cfg(feature = "objects")]
pub(crate) fn measure_file(mut file: &File) -> io::Result<Written> {
    io::Seek::rewind(&mut file)?;
    let mut hasher = blake3::Hasher::new();
    let bytes = io::copy(&mut file, &mut hasher)?;
    Ok(Written {
        bytes,
        hash: *hasher.finalize().as_bytes(),
    })
}

/// Size and hash of a file as it is now.
pub(crate) fn measure(path: &Path) -> io::Result<Written> {
    let mut hasher = blake3::Hasher::new();
    let bytes = io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(Written {
        bytes,
        hash: *hasher.finalize().as_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_what_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut writer = HashingWriter::create(&path).unwrap();
        writer.write_all(&vec![7; 300_000]).unwrap();
        let written = writer.finish(&path).unwrap();
        assert_eq!((written.bytes, written), (300_000, measure(&path).unwrap()));
        fs::write(&path, vec![7; 299_999]).unwrap();
        assert_ne!(written, measure(&path).unwrap());
    }

    #[test]
    fn free_space_is_known_before_the_home_exists() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(&folder.path().join("a/b")).unwrap() > 0);
    }
}
