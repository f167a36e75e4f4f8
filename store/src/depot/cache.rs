//! Files by the hash of their content, in a folder with a limit of size. Processes may share the folder.
//!
//! ```text
//! <folder>/<hash>            a whole file; whoever uses it holds a shared lock on it
//! <folder>/<hash>.part       on its way; whoever fetches it holds an exclusive lock
//! <folder>/work/<name>/      folders of a process, which holds a lock inside
//! ```
//! All locks are the kernel's: they go with the process that holds them, however it ends. A file is removed only under an exclusive lock,
//! so never while somebody uses it; the one that was used longest ago goes first. What was not looked at since this process began, or
//! has changed since, is hashed before it is used.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::blocking;
use crate::error::StoreError;
use crate::files::{self, Written};

/// Endings of files on their way.
const PART: &str = ".part";
/// Folder of folders.
const WORK: &str = "work";
/// Lock of a folder.
const LOCK: &str = ".lock";
/// What others made here is left alone while it is younger: they may be about to open it.
const YOUNG: Duration = Duration::from_mins(1);

/// A file by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId {
    /// BLAKE3 of its bytes.
    pub hash: [u8; 32],
    /// How many there are.
    pub bytes: u64,
}

impl FileId {
    /// The hash in hexadecimal.
    pub fn name(&self) -> String {
        blake3::Hash::from_bytes(self.hash).to_hex().to_string()
    }
}

/// The folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    limit: u64,
    /// Folders of files that can be made again at any time, which count and are removed like those of the cache.
    beside: Vec<PathBuf>,
    /// What was hashed and found right: inode and time of the last change.
    verified: Mutex<BTreeMap<[u8; 32], (u64, i128)>>,
}

/// A file of the cache, which stays while this is held.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    #[allow(dead_code, reason = "holds the lock")]
    file: File,
}

impl Held {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A folder of this process, removed when it is dropped, and by others when this process died.
#[derive(Debug)]
pub(crate) struct Work {
    folder: TempDir,
    #[allow(dead_code, reason = "holds the lock")]
    lock: File,
}

impl Work {
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A file that is open, and locked by this process.
enum Present {
    Held(Held),
    Absent,
}

impl Cache {
    /// A cache in a folder, of at most so many bytes. Files in folders `beside` can be made again by whoever wants them.
    pub fn open(folder: &Path, limit: u64, beside: Vec<PathBuf>) -> Result<Self, StoreError> {
        files::create_folder(&folder.join(WORK))?;
        let folder = fs::canonicalize(folder).map_err(|e| StoreError::io("find", folder, e))?;
        let cache = Self(Arc::new(Shared {
            folder,
            limit,
            beside,
            verified: Mutex::default(),
        }));
        cache.sweep_work()?;
        Ok(cache)
    }

    /// A file, fetched unless it is here: `fetch` is given an empty file to write, and its content is compared with what it should be.
    pub async fn get<F, Fut>(&self, id: FileId, fetch: F) -> Result<Held, StoreError>
    where
        F: Fn(File) -> Fut,
        Fut: Future<Output = Result<(), StoreError>>,
    {
        loop {
            let cache = self.clone();
            let (part, present) = blocking(move || match cache.present(id)? {
                Present::Held(held) => Ok((None, Some(held))),
                // Whoever else fetches it is waited for, and has it then.
                Present::Absent => Ok((cache.begin_part(id)?, None)),
            })
            .await?;
            match (part, present) {
                (_, Some(held)) => return Ok(held),
                (None, None) => {}
                (Some(part), None) => {
                    if let Some(held) = self.fill(id, &part, &fetch).await? {
                        return Ok(held);
                    }
                }
            }
        }
    }

    /// Fetches into a part and makes it a file; `None` if it was removed again before it could be held.
    async fn fill<F, Fut>(&self, id: FileId, part: &File, fetch: &F) -> Result<Option<Held>, StoreError>
    where
        F: Fn(File) -> Fut,
        Fut: Future<Output = Result<(), StoreError>>,
    {
        let path = self.part(id);
        let copy = || part.try_clone().map_err(|e| StoreError::io("open", &path, e));
        let cache = self.clone();
        blocking(move || cache.make_room(id.bytes)).await?;
        let mut fetched = fetch(copy()?).await;
        if matches!(fetched, Err(StoreError::DiskFull { .. })) {
            // Others fill the disk, too: everything that nobody uses may go.
            let cache = self.clone();
            blocking(move || cache.make_room(u64::MAX)).await?;
            fetched = fetch(copy()?).await;
        }
        let (cache, part) = (self.clone(), copy()?);
        blocking(move || {
            let finished = fetched.and_then(|()| cache.finish(id, part));
            if finished.is_err() {
                // The error at hand is the one to report; a part is overwritten by whoever fetches it next.
                let _ = fs::remove_file(cache.part(id));
            }
            finished
        })
        .await
    }

    /// A folder for files of this process.
    pub(crate) fn work(&self) -> Result<Work, StoreError> {
        let root = self.0.folder.join(WORK);
        let folder = tempfile::Builder::new().prefix("w-").tempdir_in(&root);
        let folder = folder.map_err(|e| StoreError::io("create", &root, e))?;
        let path = folder.path().join(LOCK);
        let lock = File::create(&path).and_then(|file| file.lock().map(|()| file));
        Ok(Work {
            lock: lock.map_err(|e| StoreError::io("lock", &path, e))?,
            folder,
        })
    }

    fn path(&self, id: FileId) -> PathBuf {
        self.0.folder.join(id.name())
    }

    fn part(&self, id: FileId) -> PathBuf {
        self.0.folder.join(format!("{}{PART}", id.name()))
    }

    fn verified(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], (u64, i128)>> {
        self.0.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file as it should be, held. One that is damaged is removed.
    fn present(&self, id: FileId) -> Result<Present, StoreError> {
        let path = self.path(id);
        let failed = |e| StoreError::io("open", &path, e);
        loop {
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Present::Absent),
                Err(e) => return Err(failed(e)),
            };
            file.lock_shared().map_err(failed)?;
            let known = file.metadata().map_err(failed)?;
            if !is_at(&known, &path) {
                // Removed between opening and locking.
                continue;
            }
            let state = (known.ino(), changed(&known));
            if known.len() == id.bytes && self.verified().get(&id.hash) == Some(&state) {
                return Ok(Present::Held(self.used(file, path.clone())));
            }
            if known.len() == id.bytes && files::measure_file(&file).map_err(failed)?.hash == id.hash {
                self.verified().insert(id.hash, state);
                return Ok(Present::Held(self.used(file, path.clone())));
            }
            // Those who have it open keep what they have.
            fs::remove_file(&path).map_err(failed)?;
        }
    }

    /// Notes that a file is used now.
    #[allow(clippy::unused_self, reason = "files of a cache")]
    fn used(&self, file: File, path: PathBuf) -> Held {
        // A file system that does not keep the time only makes the order of removal worse.
        let _ = file.set_times(FileTimes::new().set_accessed(SystemTime::now()));
        Held { path, file }
    }

    /// An empty part, locked; `None` if somebody else was fetching it, after that ended one way or the other.
    fn begin_part(&self, id: FileId) -> Result<Option<File>, StoreError> {
        let path = self.part(id);
        let failed = |e| StoreError::io("create", &path, e);
        let options = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path);
        let file = options.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // Shared, for whoever fetched it goes on holding it so.
                file.lock_shared().map_err(failed)?;
                return Ok(None);
            }
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        if !is_at(&file.metadata().map_err(failed)?, &path) {
            return Ok(None);
        }
        if self.path(id).exists() {
            // Whoever was waited for may have put it there under a new part.
            let _ = fs::remove_file(&path);
            return Ok(None);
        }
        file.set_len(0).map_err(failed)?;
        Ok(Some(file))
    }

    /// Compares a part with what it should be, and makes it the file.
    fn finish(&self, id: FileId, part: File) -> Result<Option<Held>, StoreError> {
        let (from, to) = (self.part(id), self.path(id));
        let failed = |e| StoreError::io("write", &from, e);
        let found = files::measure_file(&part).map_err(failed)?;
        let wanted = Written {
            bytes: id.bytes,
            hash: id.hash,
        };
        if found != wanted {
            return Err(StoreError::Damaged {
                what: id.name(),
                reason: if found.bytes == id.bytes {
                    "its content has another hash".to_owned()
                } else {
                    format!("it has {} bytes instead of {}", found.bytes, id.bytes)
                },
            });
        }
        fs::rename(&from, &to).map_err(failed)?;
        let known = part.metadata().map_err(failed)?;
        self.verified().insert(id.hash, (known.ino(), changed(&known)));
        part.lock_shared().map_err(failed)?;
        let here = is_at(&known, &to);
        Ok(here.then(|| self.used(part, to)))
    }

    /// Removes what was used longest ago until so many bytes more fit into the limit, as far as nobody uses it.
    pub fn make_room(&self, bytes: u64) -> Result<(), StoreError> {
        let mut found = Vec::new();
        let own = entries(&self.0.folder)?;
        found.extend(own.into_iter().map(|entry| (entry, true)));
        for folder in &self.0.beside {
            found.extend(entries(folder)?.into_iter().map(|entry| (entry, false)));
        }
        let mut total = found.iter().fold(bytes, |sum, (entry, _)| sum.saturating_add(entry.bytes));
        found.sort_by_key(|(entry, _)| entry.used);
        for (entry, own) in found {
            if total <= self.0.limit {
                break;
            }
            let young = entry.used.elapsed().is_ok_and(|age| age < YOUNG);
            let removed = if own {
                remove_unused(&entry.path)
            } else {
                !young && fs::remove_file(&entry.path).is_ok()
            };
            if removed {
                total = total.saturating_sub(entry.bytes);
            }
        }
        Ok(())
    }

    /// Bytes of all files in it.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        Ok(entries(&self.0.folder)?.iter().map(|entry| entry.bytes).sum())
    }

    /// Removes folders of processes that are gone.
    fn sweep_work(&self) -> Result<(), StoreError> {
        let root = self.0.folder.join(WORK);
        for name in files::folder_names(&root)? {
            let folder = root.join(name);
            // One without a lock is being made just now, or was left in that moment: it goes when it is old.
            let dead = match File::open(folder.join(LOCK)) {
                Ok(lock) => lock.try_lock().is_ok(),
                Err(_) => age(&folder).is_some_and(|age| age > YOUNG),
            };
            if dead {
                files::remove_folder(&folder)?;
            }
        }
        Ok(())
    }
}

/// A file of the cache.
struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

fn entries(folder: &Path) -> Result<Vec<Entry>, StoreError> {
    let mut found = Vec::new();
    for name in files::folder_names(folder)? {
        let path = folder.join(name);
        // It may be gone by now.
        if let Ok(known) = fs::symlink_metadata(&path)
            && known.is_file()
        {
            let times = [known.accessed(), known.modified()];
            found.push(Entry {
                path,
                bytes: known.len(),
                used: times.into_iter().flatten().max().unwrap_or(SystemTime::UNIX_EPOCH),
            });
        }
    }
    Ok(found)
}

/// Removes a file unless somebody holds it.
fn remove_unused(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return false,
    }
    let here = file.metadata().is_ok_and(|known| is_at(&known, path));
    here && fs::remove_file(path).is_ok()
}

/// Whether the file that was opened is still the one of that name.
fn is_at(known: &Metadata, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|now| (now.dev(), now.ino()) == (known.dev(), known.ino()))
}

fn changed(known: &Metadata) -> i128 {
    i128::from(known.mtime()) * 1_000_000_000 + i128::from(known.mtime_nsec())
}

fn age(path: &Path) -> Option<Duration> {
    fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn id(content: &[u8]) -> FileId {
        FileId {
            hash: *blake3::hash(content).as_bytes(),
            bytes: content.len() as u64,
        }
    }

    async fn get(cache: &Cache, content: &[u8]) -> Held {
        let fetch = |file: File| async move {
            std::io::Write::write_all(&mut &file, content).map_err(|e| StoreError::io("write", Path::new("x"), e))
        };
        cache.get(id(content), fetch).await.unwrap()
    }

    /// As if it had been used so many minutes ago.
    fn age(cache: &Cache, content: &[u8], minutes: u64) {
        let file = File::open(cache.path(id(content))).unwrap();
        let then = SystemTime::now() - Duration::from_mins(minutes);
        file.set_times(FileTimes::new().set_accessed(then).set_modified(then))
            .unwrap();
    }

    #[tokio::test]
    async fn what_was_used_longest_ago_goes_first_and_what_is_in_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let beside = folder.path().join("bars");
        fs::create_dir_all(&beside).unwrap();
        let cache = Cache::open(&folder.path().join("depot"), 1_000, vec![beside.clone()]).unwrap();
        let [a, b, c, d] = [1, 2, 3, 4].map(|byte| vec![byte; 300]);
        drop(get(&cache, &a).await);
        let held = get(&cache, &b).await;
        drop(get(&cache, &c).await);
        age(&cache, &b, 30);
        age(&cache, &c, 20);
        age(&cache, &a, 10);
        drop(get(&cache, &d).await);
        // The oldest is in use; the next goes.
        let here = |content: &[u8]| cache.path(id(content)).exists();
        assert!(here(&a) && here(&b) && !here(&c) && here(&d));
        assert_eq!((fs::read(held.path()).unwrap(), cache.bytes().unwrap()), (b.clone(), 900));
        drop(held);
        // Reading it was a use.
        age(&cache, &b, 30);
        age(&cache, &d, 5);
        // What was made of data counts, and goes in its turn.
        let made = beside.join("old.parquet");
        fs::write(&made, vec![0; 500]).unwrap();
        let then = SystemTime::now() - Duration::from_hours(1);
        File::open(&made)
            .unwrap()
            .set_times(FileTimes::new().set_accessed(then).set_modified(then))
            .unwrap();
        drop(get(&cache, &c).await);
        assert!(!made.exists() && here(&a) && !here(&b) && here(&c) && here(&d));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_caches_on_a_folder_fetch_a_file_once() {
        let folder = tempfile::tempdir().unwrap();
        // Locks are those of the open file: two caches stand for two processes.
        let caches = [(); 4].map(|()| Cache::open(folder.path(), 1 << 20, Vec::new()).unwrap());
        let fetches = Arc::new(AtomicUsize::new(0));
        let content: &'static [u8] = &[9; 5_000];
        let all = caches.map(|cache| {
            let fetches = Arc::clone(&fetches);
            tokio::spawn(async move {
                let fetch = |file: File| {
                    fetches.fetch_add(1, Ordering::Relaxed);
                    async move {
                        tokio::task::yield_now().await;
                        std::io::Write::write_all(&mut &file, content).map_err(|e| StoreError::io("write", Path::new("x"), e))
                    }
                };
                // Held for good: nobody waits for whoever fetched it to be done with it.
                cache.get(id(content), fetch).await.unwrap()
            })
        });
        let mut held = Vec::new();
        for one in all {
            held.push(one.await.unwrap());
        }
        assert!(held.iter().all(|held| fs::read(held.path()).unwrap() == content));
        assert_eq!(fetches.load(Ordering::Relaxed), 1);
        assert_eq!(
            files::folder_names(folder.path()).unwrap().len(),
            2,
            "the file and the folder of work"
        );
    }

    #[tokio::test]
    async fn a_fetch_that_ends_early_leaves_nothing_and_a_full_disk_is_made_room_on() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), 1 << 20, Vec::new()).unwrap();
        let content = vec![5; 900];
        let wrong = |file: File| async move {
            std::io::Write::write_all(&mut &file, b"other").map_err(|e| StoreError::io("write", Path::new("x"), e))
        };
        let error = cache.get(id(&content), wrong).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert_eq!(cache.bytes().unwrap(), 0);

        // Full until the file that nobody uses is gone.
        drop(get(&cache, &[1; 300]).await);
        let unused = cache.path(id(&[1; 300]));
        let full = |file: File| {
            let (unused, content) = (unused.clone(), content.clone());
            async move {
                if unused.exists() {
                    return Err(StoreError::DiskFull { path: unused });
                }
                std::io::Write::write_all(&mut &file, &content).map_err(|e| StoreError::io("write", Path::new("x"), e))
            }
        };
        drop(cache.get(id(&content), full).await.unwrap());
        // For good: a clear error, nothing left.
        let full = |_| async { Err(StoreError::DiskFull { path: "here".into() }) };
        let error = cache.get(id(b"more"), full).await.unwrap_err();
        assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
        assert!(!cache.part(id(b"more")).exists());
    }

    #[test]
    fn folders_of_processes_that_are_gone_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), 1 << 20, Vec::new()).unwrap();
        let (live, left) = (cache.work().unwrap(), cache.work().unwrap());
        // As a process leaves it that is killed: the folder stays, the lock does not.
        let Work { folder: dead, lock } = left;
        let dead = dead.keep();
        drop(lock);
        Cache::open(folder.path(), 1 << 20, Vec::new()).unwrap();
        assert!(live.path().exists() && !dead.exists());
    }
}
