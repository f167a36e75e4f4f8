//! What users ask of the cluster's data.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use assay_core::Domain;
use assay_store::{DatasetFile, DatasetId, DatasetIndex};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{ClientError, Remote, Wired};
use crate::convert::WireError;
use crate::protocol::DatasetInfo;
use crate::status::{LARGEST_ANSWER, LARGEST_MANIFEST};
use crate::wire;
use crate::wire::data_client::DataClient;
use crate::wire::result_part::Part;
use crate::wire::upload_request::Part as UploadPart;

/// Bytes of a message with a piece of a file.
const PIECE: usize = 256 << 10;
/// Pieces on their way.
const AT_ONCE: usize = 8;
/// Times that a transfer is begun again when a coordinator went away in the middle.
const TRIES: u32 = 5;

fn data(wired: Wired) -> DataClient<Wired> {
    DataClient::new(wired)
        .max_decoding_message_size(LARGEST_ANSWER)
        .max_encoding_message_size(LARGEST_MANIFEST)
}

/// An error of this machine's files.
#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn local(action: &str, path: &Path, error: std::io::Error) -> ClientError {
    ClientError::Refused {
        domain: Domain::External,
        message: format!("cannot {action} {}: {error}", path.display()),
        hint: None,
    }
}

impl Remote {
    /// All datasets of the cluster, newest first.
    pub async fn datasets(&self) -> Result<Vec<DatasetInfo>, ClientError> {
        let list = |wired| async move { data(wired).datasets(wire::DatasetsRequest {}).await };
        let reply = self.again(list).await?;
        let infos = reply.datasets.into_iter().map(DatasetInfo::try_from);
        Ok(infos.collect::<Result<_, _>>()?)
    }

    /// Those of some datasets that the cluster does not have.
    pub async fn absent(&self, wanted: &[DatasetId]) -> Result<Vec<DatasetId>, ClientError> {
        let request = wire::AbsentRequest {
            datasets: wanted.iter().cloned().map(Into::into).collect(),
        };
        let absent = |wired| {
            let request = request.clone();
            async move { data(wired).absent(request).await }
        };
        let reply = self.again(absent).await?;
        let found = reply.datasets.into_iter().map(DatasetId::try_from);
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Sends a dataset whose files lie in a folder: those that the cluster does not have, then the word that makes it visible. `told` hears
    /// how many bytes of how many are there. `false` if the cluster had it.
    pub async fn push(
        &self,
        id: &DatasetId,
        index: &DatasetIndex,
        folder: &Path,
        told: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<bool, ClientError> {
        if self.absent(std::slice::from_ref(id)).await?.is_empty() {
            return Ok(false);
        }
        let request = wire::AbsentFilesRequest {
            files: index.files.iter().cloned().map(Into::into).collect(),
        };
        let absent = |wired| {
            let request = request.clone();
            async move { data(wired).absent_files(request).await }
        };
        let absent = self.again(absent).await?.absent;
        let wanted: Vec<&DatasetFile> = absent.iter().filter_map(|at| index.files.get(*at as usize)).collect();
        let total = wanted.iter().map(|file| file.bytes).sum();
        let mut sent = 0;
        for file in wanted {
            self.upload(file, &folder.join(&file.name), &|bytes| told(sent + bytes, total))
                .await?;
            sent += file.bytes;
        }
        let request = wire::CommitRequest {
            id: Some(id.clone().into()),
            manifest: index.manifest.clone(),
            files: request.files,
        };
        let commit = |wired| {
            let request = request.clone();
            async move { data(wired).commit(request).await }
        };
        Ok(self.again(commit).await?.added)
    }

    /// Sends a file, from its beginning whenever the other side went away.
    async fn upload(&self, file: &DatasetFile, path: &Path, told: &(dyn Fn(u64) + Sync)) -> Result<(), ClientError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.upload_once(file, path, told).await {
                Err(error) if tries < TRIES && assay_core::Explain::retryable(&error) => {}
                ended => return ended,
            }
        }
    }

    async fn upload_once(&self, file: &DatasetFile, path: &Path, told: &(dyn Fn(u64) + Sync)) -> Result<(), ClientError> {
        let (pieces, outgoing) = mpsc::channel(AT_ONCE);
        let (head, from) = (file.clone(), path.to_owned());
        let reading = tokio::task::spawn_blocking(move || {
            let mut open = File::open(&from).map_err(|error| local("open", &from, error))?;
            let mut part = UploadPart::File(head.into());
            loop {
                let request = wire::UploadRequest { part: Some(part) };
                if pieces.blocking_send(request).is_err() {
                    // Who no longer listens says why.
                    return Ok(());
                }
                let mut piece = Vec::with_capacity(PIECE);
                let read = (&mut open).take(PIECE as u64).read_to_end(&mut piece);
                if read.map_err(|error| local("read", &from, error))? == 0 {
                    return Ok(());
                }
                part = UploadPart::Chunk(piece);
            }
        });
        let upload = |wired| async move { data(wired).upload(ReceiverStream::new(outgoing)).await };
        let answered = async {
            let mut replies = self.once(upload).await?;
            while let Some(reply) = self.next_of(&mut replies).await? {
                told(reply.bytes);
            }
            Ok(())
        };
        let answered = answered.await;
        let read = reading.await.unwrap_or(Ok(()));
        // What this machine cannot read is why the other side got too little.
        read.and(answered)
    }

    /// What a dataset of the cluster consists of.
    pub async fn dataset(&self, id: &DatasetId) -> Result<DatasetIndex, ClientError> {
        let request = wire::DatasetRequest {
            id: Some(id.clone().into()),
        };
        let look = |wired| {
            let request = request.clone();
            async move { data(wired).dataset(request).await }
        };
        let reply = self.again(look).await?;
        let files = reply.files.into_iter().map(DatasetFile::try_from);
        Ok(DatasetIndex {
            manifest: reply.manifest,
            files: files.collect::<Result<_, _>>()?,
        })
    }

    /// Writes a file of a dataset to a path.
    pub async fn download(&self, file: &DatasetFile, path: &Path) -> Result<(), ClientError> {
        let request = wire::DownloadRequest {
            file: Some(file.clone().into()),
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let request = request.clone();
            let begun = self.once(|wired| async move { data(wired).download(request).await });
            let read = async {
                let mut pieces = begun.await?;
                let mut to = File::create(path).map_err(|error| local("create", path, error))?;
                while let Some(piece) = self.next_of(&mut pieces).await? {
                    to.write_all(&piece.chunk).map_err(|error| local("write", path, error))?;
                }
                Ok(())
            };
            match read.await {
                Err(error) if tries < TRIES && assay_core::Explain::retryable(&error) => {}
                ended => return ended,
            }
        }
    }

    /// Writes the files with all rows of a finished job into a folder.
    pub async fn results(&self, job: &str, folder: &Path) -> Result<(), ClientError> {
        let request = wire::ResultsRequest {
            job: job.to_owned(),
            on_ticks: false,
        };
        self.result_files(&request, folder).await
    }

    /// Writes the files with the rows of a job's best points on ticks into a folder: none unless they were run.
    pub async fn results_on_ticks(&self, job: &str, folder: &Path) -> Result<(), ClientError> {
        let request = wire::ResultsRequest {
            job: job.to_owned(),
            on_ticks: true,
        };
        self.result_files(&request, folder).await
    }

    async fn result_files(&self, request: &wire::ResultsRequest, folder: &Path) -> Result<(), ClientError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.result_files_once(request.clone(), folder).await {
                Err(error) if tries < TRIES && assay_core::Explain::retryable(&error) => {}
                ended => return ended,
            }
        }
    }

    async fn result_files_once(&self, request: wire::ResultsRequest, folder: &Path) -> Result<(), ClientError> {
        let mut parts = self
            .once(|wired| async move { super::users::jobs(wired).results(request).await })
            .await?;
        let mut open: Option<File> = None;
        while let Some(part) = self.next_of(&mut parts).await? {
            match part.part.ok_or(WireError::missing("part"))? {
                Part::File(name) => {
                    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
                        return Err(WireError::new("file", format!("`{name}` is not a file name")).into());
                    }
                    let path = folder.join(name);
                    open = Some(File::create(&path).map_err(|error| local("create", &path, error))?);
                }
                Part::Chunk(chunk) => {
                    let file = open.as_mut().ok_or(WireError::missing("file"))?;
                    file.write_all(&chunk).map_err(|error| local("write", folder, error))?;
                }
            }
        }
        Ok(())
    }
}
