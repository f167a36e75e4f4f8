//! What is done with the objects of a depot, whoever keeps them.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assay_core::ids::JobId;
use assay_core::row::TrialRow;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::blocking;
use super::bucket::{DepotAddress, Patience, trouble};
use super::cache::{Cache, FileId, Work};
use super::{Depot, Gathered, Kind, Place};
use crate::compact::{SKETCHES, TRIALS};
use crate::error::{DepotTrouble, StoreError};
use crate::files::{self, Written};
use crate::layout::Layout;
use crate::staging::{Staged, TaskRange, write_staged};

/// Larger files are sent in parts of this size.
pub(super) const PART: usize = 8 << 20;
/// Parts, and files, under way at a time.
pub(super) const AT_ONCE: usize = 4;
/// How long a depot may take to show that it is there.
const CHECK_WITHIN: Duration = Duration::from_secs(15);
/// The mark of success.
const SUCCESS: &str = "_SUCCESS";

/// A depot's objects, and the folder of this process.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) client: Arc<dyn ObjectStore>,
    /// The same with less patience.
    pub(super) at_start: Arc<dyn ObjectStore>,
    pub(super) address: DepotAddress,
    pub(super) cache: Cache,
    /// Where what is made from cached files lies: `<home>/cache`.
    pub(super) made: std::path::PathBuf,
}

/// What a result consists of, as its mark of success says.
#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    files: Vec<Listed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    name: String,
    bytes: u64,
    /// BLAKE3, in hexadecimal.
    hash: String,
}

impl Depot {
    /// The depot at an address, as a process with a home of its own sees it. Copies are kept in the home, at most `cache_bytes` of them.
    /// Nothing is asked yet: [`Depot::check`] does.
    pub fn open(address: &DepotAddress, home: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let made = home.join("cache");
        let beside = vec![made.join("bars"), made.join("ticks")];
        let objects = Arc::new(Objects {
            client: address.client(Patience::USUAL)?,
            at_start: address.client(Patience::START)?,
            cache: Cache::open(&made.join("depot"), cache_bytes, beside)?,
            address: address.clone(),
            made: std::path::absolute(&made).map_err(|e| StoreError::io("find", &made, e))?,
        });
        Ok(Self(match address {
            DepotAddress::Folder(folder) => Kind::Folder {
                folder: folder.clone(),
                shared: Some(objects),
            },
            DepotAddress::Bucket { .. } => Kind::Bucket(objects),
        }))
    }

    /// Whether the depot is there and lets this process in.
    pub async fn check(&self) -> Result<(), StoreError> {
        let Some(objects) = self.objects() else { return Ok(()) };
        let looked = timeout(CHECK_WITHIN, objects.at_start.list_with_delimiter(Some(&"data".into()))).await;
        match looked {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(objects.failed("look into", "data", &error)),
            Err(_) => Err(StoreError::Depot {
                action: "look into",
                what: "data".to_owned(),
                place: objects.address.to_string(),
                kind: DepotTrouble::Unreachable,
                reason: format!("no answer within {} s", CHECK_WITHIN.as_secs()),
            }),
        }
    }
}

impl Objects {
    pub(super) fn failed(&self, action: &'static str, what: impl std::fmt::Display, error: &object_store::Error) -> StoreError {
        trouble(action, &what.to_string(), &self.address.to_string(), error)
    }

    pub(super) async fn stage(
        &self,
        layout: &Layout,
        range: TaskRange,
        attempt: u32,
        rows: Vec<TrialRow>,
    ) -> Result<Staged, StoreError> {
        let (cache, layout) = (self.cache.clone(), layout.clone());
        let (work, staged) = blocking(move || {
            let work = cache.work()?;
            let staged = write_staged(work.path(), &layout, range, attempt, &rows)?;
            Ok((work, staged))
        })
        .await?;
        self.put_file(&staged_at(&staged), &staged.path(work.path()), staged.bytes)
            .await?;
        remove_work(work).await;
        Ok(staged)
    }

    pub(super) async fn gather(&self, job: JobId, staged: &[&Staged]) -> Result<Gathered, StoreError> {
        let work = self.work().await?;
        files::create_folder(&files::staging(work.path(), job))?;
        let bring = |(at, staged): (usize, &Staged)| {
            let to = staged.path(work.path());
            let from = staged_at(staged);
            let wanted = (staged.bytes, staged.hash);
            async move {
                let file = File::create(&to).map_err(|e| StoreError::io("create", &to, e))?;
                match self.get_into(&from, file, &to).await {
                    Ok(found) if found.bytes != wanted.0 => {
                        Ok(Some((at, format!("it has {} bytes instead of {}", found.bytes, wanted.0))))
                    }
                    Ok(found) if found.hash != wanted.1 => Ok(Some((at, "its content has changed".to_owned()))),
                    Ok(_) => Ok(None),
                    Err(StoreError::Depot {
                        kind: DepotTrouble::Missing,
                        ..
                    }) => Ok(Some((at, "it is not in the depot".to_owned()))),
                    Err(error) => Err(error),
                }
            }
        };
        let brought = stream::iter(staged.iter().copied().enumerate().map(bring)).buffered(AT_ONCE);
        let damaged: Vec<Option<(usize, String)>> = brought.try_collect().await?;
        Ok(Gathered {
            place: Place::kept(work.path().to_owned(), work),
            damaged: damaged.into_iter().flatten().collect(),
        })
    }

    pub(super) async fn publish(&self, home: &Path, job: JobId) -> Result<(), StoreError> {
        let root = home.join("results/v1");
        let mut kinds = files::folder_names(&root)?;
        // Trials last: with them the result is there.
        kinds.sort_by_key(|kind| match kind.strip_prefix("kind=") {
            Some(TRIALS) => 2,
            Some(SKETCHES) => 1,
            _ => 0,
        });
        for kind in kinds {
            let folder = root.join(&kind).join(format!("job={job}"));
            let place = ObjectPath::from(format!("results/v1/{kind}/job={job}"));
            // Of an earlier try; its mark of success goes first.
            let marked = place.clone().join(SUCCESS);
            self.remove(&marked).await?;
            self.remove_all(&place).await?;
            let mut names = files::folder_names(&folder)?;
            names.retain(|name| name != SUCCESS);
            let send = |name: String| {
                let (path, to) = (folder.join(&name), place.clone().join(name.as_str()));
                async move {
                    let measured = path.clone();
                    let found =
                        blocking(move || files::measure(&measured).map_err(|e| StoreError::io("read", &measured, e))).await?;
                    self.put_file(&to, &path, found.bytes).await?;
                    Ok::<_, StoreError>(Listed {
                        name,
                        bytes: found.bytes,
                        hash: blake3::Hash::from_bytes(found.hash).to_hex().to_string(),
                    })
                }
            };
            let sent = stream::iter(names.into_iter().map(send)).buffered(AT_ONCE);
            let contents = Contents {
                files: sent.try_collect().await?,
            };
            let contents = serde_json::to_vec_pretty(&contents).expect("names and numbers print");
            self.put(&marked, contents.into()).await?;
        }
        Ok(())
    }

    pub(super) async fn has_results(&self, job: JobId) -> Result<bool, StoreError> {
        for kind in [TRIALS, SKETCHES] {
            let at = results_at(kind, job).join(SUCCESS);
            match self.client.head(&at).await {
                Ok(_) => {}
                Err(object_store::Error::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(self.failed("look for", at, &error)),
            }
        }
        Ok(true)
    }

    pub(super) async fn results(&self, kind: &str, job: JobId) -> Result<Place, StoreError> {
        let at = results_at(kind, job);
        let success = at.clone().join(SUCCESS);
        let missing = |_| StoreError::MissingResults {
            job: job.to_string(),
            path: format!("{}/{at}", self.address).into(),
        };
        let marked = self
            .get(&success)
            .await
            .map_err(|error| if error.is_missing() { missing(error) } else { error })?;
        let unreadable = |reason: String| StoreError::Unreadable {
            path: format!("{}/{success}", self.address).into(),
            reason,
        };
        let contents: Contents = serde_json::from_slice(&marked).map_err(|e| unreadable(e.to_string()))?;
        let work = self.work().await?;
        let folder = files::results_folder(work.path(), kind, job);
        files::create_folder(&folder)?;
        let mut wanted = Vec::new();
        for listed in contents.files.iter().filter(|listed| listed.name.ends_with(".parquet")) {
            let hash = blake3::Hash::from_hex(&listed.hash).map_err(|e| unreadable(e.to_string()))?;
            let id = FileId {
                hash: *hash.as_bytes(),
                bytes: listed.bytes,
            };
            wanted.push((
                id,
                at.clone().join(listed.name.as_str()),
                folder.join(safe(&listed.name).map_err(unreadable)?),
            ));
        }
        let held = self.link(wanted).await?;
        Ok(Place::kept(work.path().to_owned(), (held, work)))
    }

    /// Brings files into the cache and gives them names, for as long as what is returned is held.
    pub(super) async fn link(
        &self,
        wanted: Vec<(FileId, ObjectPath, std::path::PathBuf)>,
    ) -> Result<Vec<super::cache::Held>, StoreError> {
        let bring = |(id, from, to): (FileId, ObjectPath, std::path::PathBuf)| async move {
            let from = &from;
            let fetch = |file| async move { self.get_into(from, file, Path::new(from.as_ref())).await.map(drop) };
            let held = self.cache.get(id, fetch).await.map_err(|error| match error {
                StoreError::Damaged { reason, .. } => StoreError::Damaged {
                    what: format!("{}/{from}", self.address),
                    reason,
                },
                other => other,
            })?;
            std::os::unix::fs::symlink(held.path(), &to).map_err(|e| StoreError::io("create", &to, e))?;
            Ok::<_, StoreError>(held)
        };
        stream::iter(wanted.into_iter().map(bring))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    pub(super) async fn remove_staging(&self, job: JobId) -> Result<(), StoreError> {
        self.remove_all(&ObjectPath::from(format!("staging/{job}"))).await
    }

    pub(super) async fn staged_jobs(&self) -> Result<Vec<String>, StoreError> {
        let root = ObjectPath::from("staging");
        let listed = self.client.list_with_delimiter(Some(&root)).await;
        let listed = listed.map_err(|error| self.failed("list", &root, &error))?;
        let name = |path: &ObjectPath| path.filename().map(str::to_owned);
        Ok(listed.common_prefixes.iter().filter_map(name).collect())
    }

    /// A folder of this process.
    pub(super) async fn work(&self) -> Result<Work, StoreError> {
        let cache = self.cache.clone();
        blocking(move || cache.work()).await
    }

    pub(super) async fn get(&self, at: &ObjectPath) -> Result<Bytes, StoreError> {
        let read = async { self.client.get(at).await?.bytes().await };
        read.await.map_err(|error| self.failed("read", at, &error))
    }

    pub(super) async fn put(&self, at: &ObjectPath, content: Bytes) -> Result<(), StoreError> {
        let put = self.client.put(at, PutPayload::from_bytes(content)).await;
        put.map(drop).map_err(|error| self.failed("write", at, &error))
    }

    /// Sends a file, in parts if it is large: it is there as a whole, or not at all.
    async fn put_file(&self, at: &ObjectPath, path: &Path, bytes: u64) -> Result<(), StoreError> {
        let owned = path.to_owned();
        let file = blocking(move || File::open(&owned).map_err(|e| StoreError::io("open", &owned, e))).await?;
        let file = Arc::new(file);
        let read = |offset: u64| {
            let (file, path) = (Arc::clone(&file), path.to_owned());
            let length = (bytes - offset).min(PART as u64) as usize;
            blocking(move || {
                let mut part = vec![0; length];
                file.read_exact_at(&mut part, offset)
                    .map_err(|e| StoreError::io("read", &path, e))?;
                Ok(Bytes::from(part))
            })
        };
        if bytes <= PART as u64 {
            return self.put(at, read(0).await?).await;
        }
        let mut upload = self.begin(at).await?;
        for offset in (0..bytes).step_by(PART) {
            let sent = match read(offset).await {
                Ok(part) => self.send_part(at, &mut upload, part).await,
                Err(error) => Err(error),
            };
            if let Err(error) = sent {
                // The error at hand is the one to report; a bucket forgets what is never finished.
                let _ = upload.abort().await;
                return Err(error);
            }
        }
        self.end(at, upload).await
    }

    /// Begins to write an object in parts.
    pub(super) async fn begin(&self, at: &ObjectPath) -> Result<WriteMultipart, StoreError> {
        let upload = self.client.put_multipart(at).await;
        let upload = upload.map_err(|error| self.failed("write", at, &error))?;
        Ok(WriteMultipart::new_with_chunk_size(upload, PART))
    }

    pub(super) async fn send_part(&self, at: &ObjectPath, upload: &mut WriteMultipart, part: Bytes) -> Result<(), StoreError> {
        let room = upload.wait_for_capacity(AT_ONCE).await;
        room.map_err(|error| self.failed("write", at, &error))?;
        upload.put(part);
        Ok(())
    }

    pub(super) async fn end(&self, at: &ObjectPath, upload: WriteMultipart) -> Result<(), StoreError> {
        let ended = upload.finish().await;
        ended.map(drop).map_err(|error| self.failed("write", at, &error))
    }

    /// Writes an object into a file, from its beginning; `named` is what errors call the file.
    pub(super) async fn get_into(&self, at: &ObjectPath, file: File, named: &Path) -> Result<Written, StoreError> {
        let (parts, mut arrived) = mpsc::channel::<Bytes>(AT_ONCE);
        let named = named.to_owned();
        let writing = blocking(move || {
            let failed = |e| StoreError::io("write", &named, e);
            file.set_len(0).map_err(failed)?;
            std::io::Seek::rewind(&mut &file).map_err(failed)?;
            let (mut hasher, mut bytes) = (blake3::Hasher::new(), 0);
            while let Some(part) = arrived.blocking_recv() {
                (&file).write_all(&part).map_err(failed)?;
                hasher.update(&part);
                bytes += part.len() as u64;
            }
            Ok(Written {
                bytes,
                hash: *hasher.finalize().as_bytes(),
            })
        });
        let reading = async move {
            let mut content = self.client.get(at).await?.into_stream();
            while let Some(part) = content.try_next().await? {
                if parts.send(part).await.is_err() {
                    // Writing failed, and says why.
                    break;
                }
            }
            Ok(())
        };
        let (written, read) = tokio::join!(writing, reading);
        let written = written?;
        read.map_err(|error| self.failed("read", at, &error))?;
        Ok(written)
    }

    /// Removes an object that may be there.
    async fn remove(&self, at: &ObjectPath) -> Result<(), StoreError> {
        match self.client.delete(at).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("remove", at, &error)),
        }
    }

    /// Removes all objects whose names begin so.
    async fn remove_all(&self, under: &ObjectPath) -> Result<(), StoreError> {
        let found = self.client.list(Some(under)).map_ok(|meta| meta.location).boxed();
        let removed = self.client.delete_stream(found);
        removed.try_for_each(|_| async { Ok(()) }).await.or_else(|error| match error {
            object_store::Error::NotFound { .. } => Ok(()),
            error => Err(self.failed("remove", under, &error)),
        })
    }
}

async fn remove_work(work: Work) {
    // What is left is removed by whoever opens the cache next.
    let _ = tokio::task::spawn_blocking(move || drop(work)).await;
}

fn staged_at(staged: &Staged) -> ObjectPath {
    ObjectPath::from(format!("staging/{}/{}", staged.job, staged.file))
}

fn results_at(kind: &str, job: JobId) -> ObjectPath {
    ObjectPath::from(format!("results/v1/kind={kind}/job={job}"))
}

/// A name that leads nowhere else.
pub(super) fn safe(name: &str) -> Result<&str, String> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return Err(format!("`{name}` is not a file name"));
    }
    Ok(name)
}
