//! Datasets in a depot.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};
use futures_util::{TryStreamExt, stream};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStoreExt, WriteMultipart};

use super::cache::FileId;
use super::objects::{AT_ONCE, Objects, PART, safe};
use super::{Depot, Place};
use crate::datasets::{DatasetFile, DatasetId, DatasetIndex};
use crate::error::StoreError;
use crate::files;

fn file_at(hash: &str) -> ObjectPath {
    ObjectPath::from(format!("data/files/{}/{hash}", &hash[..hash.len().min(2)]))
}

fn index_at(id: &DatasetId) -> ObjectPath {
    ObjectPath::from(format!("data/sets/{}/{}/{}.json", id.symbol, id.kind, id.hash))
}

/// A file on its way into a depot. It is there when [`Upload::finish`] says so, and not before.
#[derive(Debug)]
pub struct Upload {
    objects: Arc<Objects>,
    id: FileId,
    at: ObjectPath,
    hasher: blake3::Hasher,
    bytes: u64,
    waiting: Vec<u8>,
    sending: Option<WriteMultipart>,
}

impl Upload {
    /// Adds what comes next.
    pub async fn write(&mut self, part: &[u8]) -> Result<(), StoreError> {
        self.bytes += part.len() as u64;
        if self.bytes > self.id.bytes {
            return Err(self.wrong(format!("it has more than {} bytes", self.id.bytes)));
        }
        self.hasher.update(part);
        self.waiting.extend_from_slice(part);
        while self.waiting.len() >= PART && self.id.bytes > PART as u64 {
            let rest = self.waiting.split_off(PART);
            let part = std::mem::replace(&mut self.waiting, rest);
            self.send(part.into()).await?;
        }
        Ok(())
    }

    async fn send(&mut self, part: Bytes) -> Result<(), StoreError> {
        if self.sending.is_none() {
            self.sending = Some(self.objects.begin(&self.at).await?);
        }
        let sending = self.sending.as_mut().expect("begun just now");
        self.objects.send_part(&self.at, sending, part).await
    }

    /// Compares it with what it should be, and makes it one of the depot's files.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        if self.bytes != self.id.bytes {
            let error = self.wrong(format!("it has {} bytes instead of {}", self.bytes, self.id.bytes));
            self.abort().await;
            return Err(error);
        }
        if *self.hasher.finalize().as_bytes() != self.id.hash {
            let error = self.wrong("its content has another hash".to_owned());
            self.abort().await;
            return Err(error);
        }
        let rest = Bytes::from(std::mem::take(&mut self.waiting));
        match self.sending.take() {
            None => self.objects.put(&self.at, rest).await,
            Some(mut sending) => {
                self.objects.send_part(&self.at, &mut sending, rest).await?;
                self.objects.end(&self.at, sending).await
            }
        }
    }

    /// Gives it up.
    pub async fn abort(&mut self) {
        if let Some(sending) = self.sending.take() {
            // A bucket forgets what is never finished.
            let _ = sending.abort().await;
        }
    }

    fn wrong(&self, reason: String) -> StoreError {
        StoreError::Damaged {
            what: self.id.name(),
            reason,
        }
    }
}

impl Depot {
    fn shared(&self) -> Result<&Arc<Objects>, StoreError> {
        self.objects().ok_or_else(|| StoreError::DepotAddress {
            reason: "the home of a run on one machine is none".to_owned(),
        })
    }

    /// Those of some files that the depot does not have.
    pub async fn missing_files(&self, wanted: &[FileId]) -> Result<Vec<FileId>, StoreError> {
        let objects = self.shared()?;
        let look = |id: FileId| async move {
            let at = file_at(&id.name());
            match objects.client.head(&at).await {
                Ok(found) if found.size == id.bytes => Ok(None),
                // Of another size it is no such file, whatever became of it.
                Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(Some(id)),
                Err(error) => Err(objects.failed("look for", at, &error)),
            }
        };
        let found = stream::iter(wanted.iter().copied().map(look)).buffered(AT_ONCE * 4);
        let found: Vec<Option<FileId>> = found.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Begins to bring a file into the depot.
    pub fn upload(&self, id: FileId) -> Result<Upload, StoreError> {
        Ok(Upload {
            objects: Arc::clone(self.shared()?),
            at: file_at(&id.name()),
            id,
            hasher: blake3::Hasher::new(),
            bytes: 0,
            waiting: Vec::new(),
            sending: None,
        })
    }

    /// Makes a dataset of files that are all there; an error names one that is not. Returns where it lies.
    pub async fn add_dataset(&self, id: &DatasetId, index: &DatasetIndex) -> Result<String, StoreError> {
        let objects = self.shared()?;
        let ids = index.files.iter().map(DatasetFile::id).collect::<Result<Vec<_>, _>>()?;
        if let Some(missing) = self.missing_files(&ids).await?.first() {
            return Err(StoreError::MissingDatasets {
                missing: vec![format!("file {} of {id}", missing.name())],
            });
        }
        let at = index_at(id);
        let text = serde_json::to_vec(index).expect("texts and numbers print");
        objects.put(&at, text.into()).await?;
        Ok(at.to_string())
    }

    /// What the depot has of a dataset.
    pub async fn dataset(&self, id: &DatasetId) -> Result<Option<DatasetIndex>, StoreError> {
        match self.shared()?.index(id).await {
            Ok(index) => Ok(Some(index)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The content of a file of datasets, part by part.
    pub async fn read_file(&self, hash: &str) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
        let objects = Arc::clone(self.shared()?);
        let at = file_at(hash);
        let content = objects.client.get(&at).await;
        let content = content.map_err(|error| objects.failed("read", &at, &error))?.into_stream();
        Ok(content.map_err(move |error| objects.failed("read", &at, &error)).boxed())
    }
}

impl Objects {
    async fn index(&self, id: &DatasetId) -> Result<DatasetIndex, StoreError> {
        let at = index_at(id);
        let text = self.get(&at).await?;
        serde_json::from_slice(&text).map_err(|e| StoreError::Unreadable {
            path: PathBuf::from(format!("{}/{at}", self.address)),
            reason: e.to_string(),
        })
    }

    pub(super) async fn datasets(&self, wanted: &[DatasetId]) -> Result<Place, StoreError> {
        let work = self.work().await?;
        let mut missing = Vec::new();
        let mut held = Vec::new();
        for id in wanted {
            let index = match self.index(id).await {
                Ok(index) => index,
                Err(error) if error.is_missing() => {
                    missing.push(id.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            };
            let folder = work.path().join("catalog").join(id.symbol.as_str()).join(&id.kind);
            files::create_folder(&folder)?;
            let mut files = Vec::new();
            for file in &index.files {
                let name = safe(&file.name).map_err(|reason| StoreError::Damaged {
                    what: id.to_string(),
                    reason,
                })?;
                files.push((file.id()?, file_at(&file.hash), folder.join(name)));
            }
            held.extend(self.link(files).await?);
            let path = folder.join("manifest.json");
            std::fs::write(&path, &index.manifest).map_err(|e| StoreError::io("write", &path, e))?;
        }
        if !missing.is_empty() {
            return Err(StoreError::MissingDatasets { missing });
        }
        // What is made of the data is made once for all jobs of the home.
        let made = work.path().join("cache");
        files::create_folder(&self.made)?;
        std::os::unix::fs::symlink(&self.made, &made).map_err(|e| StoreError::io("create", &made, e))?;
        Ok(Place::kept(work.path().to_owned(), (held, work)))
    }
}
