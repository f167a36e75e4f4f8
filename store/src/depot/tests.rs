//! What every depot must do, over a folder and over a server that speaks S3, and what may go wrong on the way to it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use assay_core::job::Objective;
use assay_core::row::TrialRow;
use assay_core::{Domain, Explain};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStoreExt, PutPayload};
use tempfile::TempDir;

use super::bucket::Patience;
use super::objects::{Objects, PART};
use super::{Cache, Depot, DepotAddress, FileId, Kind};
use crate::compact::{TaskRows, compact};
use crate::datasets::{DatasetFile, DatasetId, DatasetIndex};
use crate::error::StoreError;
use crate::reader;
use crate::staging::{Staged, TaskRange};
use crate::testing::{layout, row};

/// For tests of faults: seconds, not minutes.
const SHORT: Patience = Patience {
    connect: Duration::from_secs(5),
    quiet: Duration::from_secs(2),
    request: Duration::from_mins(1),
    retries: 6,
    retry_for: Duration::from_secs(30),
};

/// A server that speaks S3 and ends with this process; `None`, with a word, where there is none.
fn server() -> Option<BTreeMap<String, String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
    let target = std::env::current_exe().unwrap();
    let tools = target
        .ancestors()
        .map(|folder| folder.join("tools"))
        .find(|tools| tools.join("s3").exists());
    let Some(tools) = tools else {
        println!("skipped: no server that speaks S3 here (scripts/test s3 installs one)");
        return None;
    };
    let until = std::process::id().to_string();
    let started = Command::new(script)
        .args(["start", "--only", "s3", "--until", &until])
        .env("ASSAY_TOOLS", tools)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(started.status.success(), "the server that speaks S3 does not start");
    let lines = String::from_utf8(started.stdout).unwrap();
    let pairs = lines.lines().filter_map(|line| line.split_once('='));
    Some(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// The depot of a process, with a home of its own.
struct Process {
    depot: Depot,
    #[allow(dead_code, reason = "removed at the end")]
    home: TempDir,
}

fn bucket(endpoint: &str, prefix: &str, patience: Patience) -> Process {
    let address: DepotAddress = format!("s3://assay/{prefix}").parse().unwrap();
    let builder = AmazonS3Builder::new()
        .with_access_key_id("assay")
        .with_secret_access_key("assay-secret");
    let client = address.bucket_client(builder, Some(endpoint.to_owned()), patience).unwrap();
    let home = tempfile::tempdir().unwrap();
    let made = home.path().join("cache");
    let objects = Objects {
        at_start: Arc::clone(&client),
        client,
        cache: Cache::open(&made.join("depot"), 1 << 30, Vec::new()).unwrap(),
        address,
        made,
    };
    Process {
        depot: Depot(Kind::Bucket(Arc::new(objects))),
        home,
    }
}

fn folder(root: &Path) -> Process {
    let home = tempfile::tempdir().unwrap();
    let address: DepotAddress = root.to_str().unwrap().parse().unwrap();
    Process {
        depot: Depot::open(&address, home.path(), 1 << 30).unwrap(),
        home,
    }
}

fn range(first_block: u64, blocks: u64) -> TaskRange {
    TaskRange { first_block, blocks }
}

fn rows(range: TaskRange) -> Vec<TrialRow> {
    (range.first_block * 1024..range.end() * 1024)
        .map(|ordinal| row(ordinal, 0))
        .collect()
}

/// All checks; `process` makes another process on the same depot.
async fn conforms(process: &dyn Fn() -> Process) {
    process().depot.check().await.unwrap();
    staged_rows_are_gathered_elsewhere(&process(), &process()).await;
    results_are_read_elsewhere(&process(), &process()).await;
    data_are_whole_or_absent(&process(), &process()).await;
}

/// Writes over what is there, whoever keeps it.
async fn put(process: &Process, at: &str, content: &[u8]) {
    let objects = process.depot.objects().unwrap();
    let content = PutPayload::from(content.to_vec());
    objects.client.put(&ObjectPath::from(at), content).await.unwrap();
}

async fn gather(process: &Process, staged: &[&Staged]) -> super::Gathered {
    let depot = process.depot.clone();
    let staged: Vec<Staged> = staged.iter().map(|staged| (*staged).clone()).collect();
    let gathering = move || depot.gather(staged[0].job, &staged.iter().collect::<Vec<_>>());
    tokio::task::spawn_blocking(gathering).await.unwrap().unwrap()
}

async fn staged_rows_are_gathered_elsewhere(worker: &Process, coordinator: &Process) {
    let layout = layout(1);
    assert!(coordinator.depot.staged_jobs().await.unwrap().is_empty());
    let mut staged = Vec::new();
    for (first, attempt) in [(0, 1), (1, 1), (2, 3)] {
        let range = range(first, 1);
        staged.push(worker.depot.stage(&layout, range, attempt, rows(range)).await.unwrap());
    }
    assert_eq!(coordinator.depot.staged_jobs().await.unwrap(), [layout.job]);
    let all: Vec<&Staged> = staged.iter().collect();
    let gathered = gather(coordinator, &all).await;
    assert!(gathered.damaged.is_empty(), "{:?}", gathered.damaged);
    for staged in &staged {
        let read = staged.read(gathered.place.home(), &layout).unwrap();
        assert_eq!(read, rows(staged.range));
    }
    // Cut short, replaced, removed: each is named, and why.
    put(worker, &format!("staging/{}/{}", layout.job, staged[0].file), b"short").await;
    put(
        worker,
        &format!("staging/{}/{}", layout.job, staged[1].file),
        &vec![7; staged[1].bytes as usize],
    )
    .await;
    let gone = ObjectPath::from(format!("staging/{}/{}", layout.job, staged[2].file));
    worker.depot.objects().unwrap().client.delete(&gone).await.unwrap();
    let damaged = gather(coordinator, &all).await.damaged;
    assert_eq!(damaged.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(
        damaged[0].1.contains("5 bytes") && damaged[1].1.contains("changed"),
        "{damaged:?}"
    );
    for _ in 0..2 {
        coordinator.depot.remove_staging(layout.job).await.unwrap();
        assert!(coordinator.depot.staged_jobs().await.unwrap().is_empty());
    }
}

async fn results_are_read_elsewhere(coordinator: &Process, reader: &Process) {
    let layout = layout(1);
    assert!(!reader.depot.has_results(&layout).await.unwrap());
    let objective = Objective::default();
    // Twice: a result is replaced as a whole.
    for blocks in [2, 1] {
        let range = range(0, blocks);
        let staged = coordinator.depot.stage(&layout, range, 1, rows(range)).await.unwrap();
        let gathered = gather(coordinator, &[&staged]).await;
        let (depot, of) = (coordinator.depot.clone(), layout.clone());
        let writing = move || {
            compact(gathered.place.home(), &of, Some(blocks), &[TaskRows::Staged(&staged)], None).unwrap();
            depot.publish(&gathered.place, of.job).unwrap();
        };
        tokio::task::spawn_blocking(writing).await.unwrap();
        assert!(reader.depot.has_results(&layout).await.unwrap());
        let place = reader.depot.results(&layout).await.unwrap();
        let scored = reader::scores(place.home(), &layout, &objective).unwrap();
        assert_eq!(scored.len() as u64, blocks * 1024);
        let trial = layout.trial_id(0, assay_core::ids::Ordinal(700));
        let found = reader::find_row(place.home(), &layout, &trial).unwrap().unwrap();
        assert_eq!(found.metrics(), row(700, 0).metrics());
    }
    coordinator.depot.remove_staging(layout.job).await.unwrap();
}

async fn data_are_whole_or_absent(client: &Process, worker: &Process) {
    // Larger than a part, so that it goes in several.
    let large: Vec<u8> = (0..PART * 2 + 12_345).map(|i| (i * 31 % 251) as u8).collect();
    let contents = [("one.parquet", b"small".to_vec()), ("two.parquet", large)];
    let file = |(name, content): &(&str, Vec<u8>)| DatasetFile {
        name: (*name).to_owned(),
        bytes: content.len() as u64,
        hash: blake3::hash(content).to_hex().to_string(),
    };
    let index = DatasetIndex {
        manifest: "{\"rows\": 3}\n".to_owned(),
        files: contents.iter().map(file).collect(),
    };
    let id = DatasetId {
        symbol: "EURUSD".parse().unwrap(),
        kind: "quotes".to_owned(),
        hash: "ab".repeat(32),
    };
    let ids: Vec<FileId> = index.files.iter().map(|file| file.id().unwrap()).collect();
    assert_eq!(client.depot.missing_files(&ids).await.unwrap(), ids);

    // Another content than was promised, more of it, and less.
    for (content, why) in [
        (b"smell".to_vec(), "hash"),
        (b"small and more".to_vec(), "more than"),
        (b"sm".to_vec(), "2 bytes"),
    ] {
        let mut upload = client.depot.upload(ids[0]).unwrap();
        let written = match upload.write(&content).await {
            Ok(()) => upload.finish().await,
            Err(error) => Err(error),
        };
        let error = written.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    // Cut off in the middle.
    let mut upload = client.depot.upload(ids[1]).unwrap();
    upload.write(&contents[1].1[..PART + 5]).await.unwrap();
    upload.abort().await;
    assert_eq!(client.depot.missing_files(&ids).await.unwrap(), ids);

    let add = async || client.depot.add_dataset(&id, &index).await;
    for (at, (_, content)) in contents.iter().enumerate() {
        let error = add().await.unwrap_err();
        assert!(error.to_string().contains(&ids[at].name()), "{error}");
        assert!(worker.depot.dataset(&id).await.unwrap().is_none());
        let mut upload = client.depot.upload(ids[at]).unwrap();
        for piece in content.chunks(1_000_000) {
            upload.write(piece).await.unwrap();
        }
        upload.finish().await.unwrap();
    }
    assert!(client.depot.missing_files(&ids).await.unwrap().is_empty());
    let wanted = [id.clone()];
    let missing = worker.depot.datasets(&wanted).await.unwrap_err();
    assert_eq!(missing.domain(), Domain::NotFound);
    assert!(missing.hint().unwrap().contains("data push"), "{missing}");
    add().await.unwrap();
    assert_eq!(worker.depot.dataset(&id).await.unwrap(), Some(index.clone()));

    let look = || async {
        let place = worker.depot.datasets(&wanted).await.unwrap();
        let folder = place.home().join("catalog/EURUSD/quotes");
        for (name, content) in &contents {
            assert_eq!(&std::fs::read(folder.join(name)).unwrap(), content, "{name}");
        }
        assert_eq!(std::fs::read_to_string(folder.join("manifest.json")).unwrap(), index.manifest);
        place
    };
    let place = look().await;
    let kept = place.home().to_owned();
    drop(place);
    assert!(!kept.exists(), "a place goes with the last who holds it");
    // Damaged here: noticed, and fetched again.
    let objects = worker.depot.objects().unwrap();
    let cached = worker.home.path().join("cache/depot").join(ids[0].name());
    std::fs::write(&cached, b"smell").unwrap();
    look().await;
    assert_eq!(std::fs::read(&cached).unwrap(), b"small");
    // Damaged there: an error that names it, and nothing is used.
    put(
        client,
        &format!("data/files/{}/{}", &ids[0].name()[..2], ids[0].name()),
        b"smell",
    )
    .await;
    std::fs::remove_file(&cached).unwrap();
    let error = worker.depot.datasets(&wanted).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains(&ids[0].name()), "{error}");
    assert!(objects.cache.bytes().unwrap() < PART as u64 * 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_a_depot() {
    let root = tempfile::tempdir().unwrap();
    conforms(&|| folder(root.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_a_depot_and_faults_on_the_way_are_overcome_or_told() {
    let Some(server) = server() else { return };
    let endpoint = &server["AWS_ENDPOINT_URL"];
    conforms(&|| bucket(endpoint, "depot/v1", Patience::USUAL)).await;

    // For a while errors, silence, closed connections: nobody notices.
    for fault in [Fault::Error, Fault::Silence, Fault::Close] {
        let proxy = proxy(endpoint, fault, 2);
        let process = bucket(&proxy.url, &format!("faults/{fault:?}"), SHORT);
        let range = range(0, 1);
        let layout = layout(1);
        let staged = process.depot.stage(&layout, range, 1, rows(range)).await.unwrap();
        let gathered = gather(&process, &[&staged]).await;
        assert!(gathered.damaged.is_empty(), "{fault:?}: {:?}", gathered.damaged);
        assert_eq!(staged.read(gathered.place.home(), &layout).unwrap(), rows(range));
        assert_eq!(proxy.left.load(Ordering::Relaxed), 0, "{fault:?} did not happen");
    }

    // For ever: one clear error, and what may be tried again says so.
    let proxy = proxy(endpoint, Fault::Error, usize::MAX);
    let process = bucket(&proxy.url, "faults", SHORT);
    let began = Instant::now();
    let error = process.depot.check().await.unwrap_err();
    assert_eq!((error.domain(), error.retryable()), (Domain::Unreachable, true), "{error}");
    assert!(
        error.to_string().contains("s3://assay/faults") && error.hint().is_some(),
        "{error}"
    );
    assert!(began.elapsed() < Duration::from_secs(30));

    // Another bucket than there is.
    let address: DepotAddress = "s3://elsewhere".parse().unwrap();
    let builder = AmazonS3Builder::new()
        .with_access_key_id("assay")
        .with_secret_access_key("assay-secret");
    let client = address.bucket_client(builder, Some(endpoint.clone()), SHORT).unwrap();
    let error = client.list_with_delimiter(None).await.unwrap_err();
    let error = super::bucket::trouble("look into", "data", "s3://elsewhere", &error);
    assert_eq!(error.domain(), Domain::NotFound, "{error}");
}

#[tokio::test]
async fn a_depot_where_nobody_is_is_told_within_seconds() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let process = bucket(&format!("http://{nobody}"), "x", SHORT);
    let error = process.depot.check().await.unwrap_err();
    assert_eq!(
        (error.domain(), error.domain().exit_code()),
        (Domain::Unreachable, 7),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("AWS_ENDPOINT_URL"), "{error}");
}

/// What happens to connections.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// The answer is an error.
    Error,
    /// There is no answer.
    Silence,
    /// The connection is closed in the middle of a request.
    Close,
}

struct Proxy {
    url: String,
    /// Faults to come.
    left: Arc<AtomicUsize>,
}

/// A way to a server on which something happens to the first connections.
fn proxy(endpoint: &str, fault: Fault, times: usize) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let left = Arc::new(AtomicUsize::new(times));
    let to = endpoint.strip_prefix("http://").unwrap().to_owned();
    let faults = Arc::clone(&left);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), to) = (stream, to.clone()) else { return };
            let happens = faults.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| match left {
                usize::MAX => Some(left),
                left => left.checked_sub(1),
            });
            thread::spawn(move || match happens {
                Ok(_) => misbehave(stream, fault),
                Err(_) => pass(&stream, &to),
            });
        }
    });
    Proxy { url, left }
}

fn misbehave(mut stream: TcpStream, fault: Fault) {
    let mut request = [0; 512];
    let _ = stream.read(&mut request);
    match fault {
        Fault::Error => {
            let answer = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
            // What is left of the request is read, or closing would take the answer away.
            let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
            let mut rest = vec![0; 1 << 16];
            while stream.read(&mut rest).is_ok_and(|count| count > 0) {}
        }
        Fault::Silence => thread::sleep(Duration::from_secs(6)),
        Fault::Close => {}
    }
}

fn pass(stream: &TcpStream, to: &str) {
    let Ok(there) = TcpStream::connect(to) else { return };
    let (mut a, mut b) = (stream.try_clone().unwrap(), there.try_clone().unwrap());
    let back = thread::spawn(move || {
        let _ = std::io::copy(&mut b, &mut a);
        let _ = a.shutdown(std::net::Shutdown::Both);
    });
    let (mut a, mut b) = (stream.try_clone().unwrap(), there);
    let _ = std::io::copy(&mut a, &mut b);
    let _ = b.shutdown(std::net::Shutdown::Both);
    let _ = back.join();
}
