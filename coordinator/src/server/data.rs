//! The cluster's data: what users send, and what is there.

use std::sync::Arc;

use assay_core::Domain;
use assay_core::time::UtcNs;
use assay_proto::wire::data_server::Data;
use assay_proto::wire::upload_request::Part;
use assay_proto::{DatasetInfo, status, wire};
use assay_store::{DatasetFile, DatasetId, DatasetIndex, DatasetRecord, Depot, FileId};
use assay_strategies::{Job, JobDataset};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::jobs::{READERS, WRITERS, open};
use super::{Front, audited, caller_of, malformed, now, refuse};
use crate::schedule::Extent;

/// Largest file of a dataset, and most files of one.
const LARGEST_FILE: u64 = 8 << 30;
const MOST_FILES: usize = 50_000;
/// Messages of a stream on their way.
const AT_ONCE: usize = 4;
/// Bytes of a message of a download.
const PIECE: usize = 1 << 20;

/// The adapter.
#[derive(Debug)]
pub(super) struct DataService(pub(super) Arc<Front>);

/// What a manifest says that must be so.
#[derive(Deserialize)]
struct Claims {
    symbol: String,
    kind: String,
    bar: Option<String>,
    hash: String,
    rows: u64,
    files: Vec<FileClaims>,
}

#[derive(Deserialize)]
struct FileClaims {
    name: String,
    bytes: u64,
}

/// Refuses a manifest of another dataset, or of other files.
#[allow(clippy::result_large_err, reason = "tonic's error")]
fn check(id: &DatasetId, index: &DatasetIndex) -> Result<(), Status> {
    let wrong = |what: &str| malformed(format!("manifest: {what}"));
    let claims: Claims = serde_json::from_str(&index.manifest).map_err(|error| malformed(format!("manifest: {error}")))?;
    serde_json::from_str::<Extent>(&index.manifest).map_err(|error| malformed(format!("manifest: {error}")))?;
    let kind = match &claims.bar {
        Some(bar) => format!("{}-{bar}", claims.kind),
        None => claims.kind.clone(),
    };
    if (claims.symbol.as_str(), kind.as_str(), claims.hash.as_str()) != (id.symbol.as_str(), id.kind.as_str(), id.hash.as_str())
    {
        return Err(wrong("it is of another dataset"));
    }
    if claims.rows == 0 || index.files.is_empty() || index.files.len() > MOST_FILES {
        return Err(wrong("it has no rows, or no files, or too many"));
    }
    let mut claimed: Vec<(&str, u64)> = claims.files.iter().map(|file| (file.name.as_str(), file.bytes)).collect();
    let mut sent: Vec<(&str, u64)> = index.files.iter().map(|file| (file.name.as_str(), file.bytes)).collect();
    claimed.sort_unstable();
    sent.sort_unstable();
    let twice = sent.windows(2).any(|two| two[0].0 == two[1].0);
    if claimed != sent || twice {
        return Err(wrong("its files are not those that were sent"));
    }
    Ok(())
}

#[allow(clippy::result_large_err, reason = "tonic's error")]
fn files(files: Vec<wire::DatasetFile>) -> Result<Vec<DatasetFile>, Status> {
    if files.len() > MOST_FILES {
        return Err(malformed(format!("a dataset has at most {MOST_FILES} files")));
    }
    let files = files.into_iter().map(|file| DatasetFile::try_from(file).map_err(malformed));
    files.collect()
}

#[allow(clippy::result_large_err, reason = "tonic's error")]
fn id(id: Option<wire::DatasetId>) -> Result<DatasetId, Status> {
    id.ok_or_else(|| malformed("id: missing"))?.try_into().map_err(malformed)
}

impl Front {
    /// Refuses a job of which the depot lacks data.
    pub(super) async fn has_data_of(&self, job: &Job) -> Result<(), Status> {
        for JobDataset { symbol, kind, hash } in job.all_datasets() {
            let id = DatasetId { symbol, kind, hash };
            if !self.has_dataset(&id).await? {
                let message = format!("the cluster does not have {} of {} ({})", id.kind, id.symbol, id.hash);
                let hint = format!("assay data push {}", id.symbol);
                return Err(status::refusal(Domain::NotFound, message, Some(&hint)));
            }
        }
        Ok(())
    }

    /// Whether a dataset is recorded, and still in the depot.
    async fn has_dataset(&self, id: &DatasetId) -> Result<bool, Status> {
        let recorded = self.store.has_dataset(id).await.map_err(refuse)?;
        Ok(recorded && self.depot.dataset(id).await.map_err(refuse)?.is_some())
    }
}

#[tonic::async_trait]
impl Data for DataService {
    type UploadStream = ReceiverStream<Result<wire::UploadReply, Status>>;
    type DownloadStream = ReceiverStream<Result<wire::DownloadReply, Status>>;

    async fn datasets(&self, request: Request<wire::DatasetsRequest>) -> Result<Response<wire::DatasetsReply>, Status> {
        caller_of(&request)?.needs(READERS)?;
        let info = |record: DatasetRecord| {
            // What cannot be read was not written by this version; it is listed all the same.
            let extent: Option<Extent> = serde_json::from_str(&record.manifest).ok();
            let (rows, first, last) = extent.map_or((0, UtcNs(0), UtcNs(0)), |of| (of.rows, of.first, of.last));
            wire::DatasetInfo::from(DatasetInfo {
                id: record.id(),
                rows,
                first,
                last,
                bytes: record.bytes,
                owner: record.owner,
                pushed: record.uploaded,
            })
        };
        let datasets = self.0.store.datasets().await.map_err(refuse)?;
        Ok(Response::new(wire::DatasetsReply {
            datasets: datasets.into_iter().map(info).collect(),
        }))
    }

    async fn absent(&self, request: Request<wire::AbsentRequest>) -> Result<Response<wire::AbsentReply>, Status> {
        let (_, request) = open(request, READERS)?;
        let mut absent = Vec::new();
        for wanted in request.datasets {
            let wanted: DatasetId = wanted.try_into().map_err(malformed)?;
            if !self.0.has_dataset(&wanted).await? {
                absent.push(wanted.into());
            }
        }
        Ok(Response::new(wire::AbsentReply { datasets: absent }))
    }

    async fn absent_files(
        &self,
        request: Request<wire::AbsentFilesRequest>,
    ) -> Result<Response<wire::AbsentFilesReply>, Status> {
        let (_, request) = open(request, WRITERS)?;
        let ids = files(request.files)?;
        let ids = ids
            .iter()
            .map(DatasetFile::id)
            .collect::<Result<Vec<FileId>, _>>()
            .map_err(refuse)?;
        let absent = self.0.depot.missing_files(&ids).await.map_err(refuse)?;
        let at = (0..).zip(&ids).filter(|(_, id)| absent.contains(id)).map(|(at, _)| at);
        Ok(Response::new(wire::AbsentFilesReply { absent: at.collect() }))
    }

    async fn upload(&self, request: Request<Streaming<wire::UploadRequest>>) -> Result<Response<Self::UploadStream>, Status> {
        let (_, mut parts) = open(request, WRITERS)?;
        let first = parts.message().await?.and_then(|first| first.part);
        let Some(Part::File(file)) = first else {
            return Err(malformed("file: missing"));
        };
        let file: DatasetFile = file.try_into().map_err(malformed)?;
        if file.bytes > LARGEST_FILE {
            let message = format!("{} has {} bytes, {LARGEST_FILE} are allowed", file.name, file.bytes);
            return Err(status::refusal(
                Domain::NotAllowed,
                message,
                Some("import it in smaller files"),
            ));
        }
        let depot = self.0.depot.clone();
        let (messages, stream) = mpsc::channel(AT_ONCE);
        tokio::spawn(async move {
            let ended = receive(&depot, &file, parts, &messages).await;
            // Who went away needs no news.
            let _ = match ended {
                Ok(()) => messages.send(Ok(wire::UploadReply { bytes: file.bytes })).await,
                Err(status) => messages.send(Err(status)).await,
            };
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn commit(&self, request: Request<wire::CommitRequest>) -> Result<Response<wire::CommitReply>, Status> {
        let (caller, request) = open(request, WRITERS)?;
        let front = &self.0;
        let id = id(request.id)?;
        let index = DatasetIndex {
            manifest: request.manifest,
            files: files(request.files)?,
        };
        check(&id, &index)?;
        if front.has_dataset(&id).await? {
            return Ok(Response::new(wire::CommitReply { added: false }));
        }
        let object = front.depot.add_dataset(&id, &index).await.map_err(refuse)?;
        let subject = id.to_string();
        let record = DatasetRecord {
            symbol: id.symbol,
            kind: id.kind,
            hash: id.hash,
            bytes: index.files.iter().map(|file| file.bytes).sum(),
            manifest: index.manifest,
            object,
            owner: caller.owner.clone(),
            uploaded: now(),
        };
        let added = front.store.add_dataset(&record).await.map_err(refuse)?;
        if added {
            let audit = audited(&caller.owner, "data.push", &subject, format!("{} bytes", record.bytes));
            front.coordinator()?.record(vec![audit]).await.map_err(refuse)?;
        }
        // One that the depot had lost is there again.
        Ok(Response::new(wire::CommitReply { added: true }))
    }

    async fn dataset(&self, request: Request<wire::DatasetRequest>) -> Result<Response<wire::DatasetReply>, Status> {
        let (_, request) = open(request, READERS)?;
        let id = id(request.id)?;
        let index = self.0.depot.dataset(&id).await.map_err(refuse)?;
        let index = index.ok_or_else(|| {
            let hint = "`assay data ls --cluster URL` lists what it has; `assay data push` sends more";
            status::refusal(Domain::NotFound, format!("the cluster has no {id}"), Some(hint))
        })?;
        Ok(Response::new(wire::DatasetReply {
            manifest: index.manifest,
            files: index.files.into_iter().map(Into::into).collect(),
        }))
    }

    async fn download(&self, request: Request<wire::DownloadRequest>) -> Result<Response<Self::DownloadStream>, Status> {
        let (_, request) = open(request, READERS)?;
        let file: DatasetFile = request
            .file
            .ok_or_else(|| malformed("file: missing"))?
            .try_into()
            .map_err(malformed)?;
        let mut content = self.0.depot.read_file(&file.hash).await.map_err(refuse)?;
        let (messages, stream) = mpsc::channel(AT_ONCE);
        tokio::spawn(async move {
            while let Some(piece) = content.next().await {
                let sent = match piece {
                    Ok(piece) => {
                        let mut sent = Ok(());
                        for chunk in piece.chunks(PIECE) {
                            sent = messages.send(Ok(wire::DownloadReply { chunk: chunk.to_vec() })).await;
                        }
                        sent
                    }
                    Err(error) => messages.send(Err(refuse(error))).await,
                };
                if sent.is_err() {
                    // Nobody listens any more.
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// Brings a file into the depot as it arrives, and tells how far it is.
async fn receive(
    depot: &Depot,
    file: &DatasetFile,
    mut parts: Streaming<wire::UploadRequest>,
    messages: &mpsc::Sender<Result<wire::UploadReply, Status>>,
) -> Result<(), Status> {
    let mut upload = depot.upload(file.id().map_err(refuse)?).map_err(refuse)?;
    let mut bytes = 0;
    let received = async {
        while let Some(part) = parts.message().await? {
            let Some(Part::Chunk(chunk)) = part.part else {
                return Err(malformed("chunk: missing"));
            };
            upload.write(&chunk).await.map_err(refuse)?;
            bytes += chunk.len() as u64;
            // Whoever does not read what is told does not hold anything up.
            let _ = messages.try_send(Ok(wire::UploadReply { bytes }));
        }
        Ok(())
    };
    if let Err(status) = received.await {
        upload.abort().await;
        return Err(status);
    }
    upload.finish().await.map_err(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_of_something_else_is_refused() {
        let hash = "0".repeat(64);
        let id = DatasetId {
            symbol: "EURUSD".parse().unwrap(),
            kind: "bars-1m".to_owned(),
            hash: hash.clone(),
        };
        let file = |name: &str, bytes| DatasetFile {
            name: name.to_owned(),
            bytes,
            hash: hash.clone(),
        };
        let manifest = |symbol: &str, bar: &str, rows: u64| {
            format!(
                r#"{{"symbol": "{symbol}", "kind": "bars", "bar": "{bar}", "hash": "{hash}", "rows": {rows},
                   "first": "2026-01-01", "last": "2026-01-02", "files": [{{"name": "a", "bytes": 7}}], "more": 1}}"#
            )
        };
        let index = |manifest: String, files: Vec<DatasetFile>| DatasetIndex { manifest, files };
        check(&id, &index(manifest("EURUSD", "1m", 3), vec![file("a", 7)])).unwrap();
        for (manifest, files, why) in [
            (manifest("GBPUSD", "1m", 3), vec![file("a", 7)], "another dataset"),
            (manifest("EURUSD", "5m", 3), vec![file("a", 7)], "another dataset"),
            (manifest("EURUSD", "1m", 0), vec![file("a", 7)], "no rows"),
            (manifest("EURUSD", "1m", 3), vec![file("a", 8)], "not those that were sent"),
            (
                manifest("EURUSD", "1m", 3),
                vec![file("a", 7), file("b", 1)],
                "not those that were sent",
            ),
            (manifest("EURUSD", "1m", 3), Vec::new(), "no files"),
            ("{}".to_owned(), vec![file("a", 7)], "missing field"),
        ] {
            let status = check(&id, &index(manifest, files)).unwrap_err();
            assert!(status.message().contains(why), "{}", status.message());
        }
    }
}
