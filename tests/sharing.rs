//! Two users share a cluster: the real services, over real connections, with a worker that computes.
#![allow(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use assay_coordinator::schedule::Report;
use assay_coordinator::server::{Limits, Server, create_key};
use assay_coordinator::{Meters, Office, Settings, TaskSize};
use assay_core::Domain;
use assay_core::Explain;
use assay_core::ids::{JobId, TrialId};
use assay_core::job::{FillGaps, JobSpec};
use assay_core::time::{DAY_NS, UtcNs};
use assay_data::{BarRequest, Catalog, DatasetKind, GenerateRequest, generate};
use assay_proto::{ClientError, Control, JobInfo, Remote, RemoteSettings};
use assay_queue::{Queue, QueueAddress, QueueSettings};
use assay_store::{DatasetFile, DatasetId, DatasetIndex, DatasetRecord, Depot, DepotAddress, JobState, Schedule, Scope, Store};
use assay_strategies::{Job, JobInstrument, Strategy};
use assay_worker::{Markets, Pool, Settings as WorkerSettings, Stop, Worker, trades_of};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

const PATIENCE: Duration = Duration::from_mins(2);
const CROSS: &str = r#"
name = "cross"
[params]
fast = { int = [3, 130] }
slow = { int = [140, 500] }
[rules]
enter_long = "crossover(ema(close, fast), ema(close, slow))"
exit_long = "crossunder(ema(close, fast), ema(close, slow))"
"#;

/// What nobody here runs into.
const AMPLE: Limits = Limits {
    message_bytes: 4 << 20,
    job_bytes: 1 << 20,
    trials: 1 << 40,
    instruments: 100,
    jobs_of_owner: 100,
    expression_depth: 100,
    requests_per_second: NonZeroU32::new(1_000_000).unwrap(),
};

/// A coordinator with its services, without a worker.
struct Cluster {
    home: TempDir,
    store: Arc<Store>,
    queue: Queue,
    url: String,
    stop: watch::Sender<bool>,
}

fn request(days: u32) -> GenerateRequest {
    GenerateRequest {
        start: UtcNs(19_723 * DAY_NS),
        days,
        ticks_per_day: 3_000,
        ..GenerateRequest::demo(7)
    }
}

fn now() -> UtcNs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UtcNs(since.as_nanos() as i64)
}

impl Cluster {
    async fn new(limits: Limits) -> Self {
        let home = tempfile::tempdir().unwrap();
        generate(&Catalog::open(home.path()).unwrap(), &request(12)).unwrap();
        let store = Arc::new(Store::open(home.path()).await.unwrap());
        let (queue, url, stop) = serve(&home, &store, limits).await;
        Self {
            home,
            store,
            queue,
            url,
            stop,
        }
    }

    /// The same with data that users may name.
    async fn with_data(limits: Limits) -> Self {
        let cluster = Self::new(limits).await;
        push(&cluster.user("root", Scope::Submit).await, cluster.home.path()).await;
        cluster
    }

    /// A user with a key of its own.
    async fn user(&self, owner: &str, scope: Scope) -> Remote {
        let (key, secret) = create_key(owner, scope, None, now()).unwrap();
        assert!(self.store.add_key(&key).await.unwrap());
        Remote::new(&RemoteSettings {
            addresses: self.url.clone(),
            key: Some(secret),
        })
        .unwrap()
    }

    /// A worker of one thread, which stops with what is returned.
    async fn worker(&self, name: &str) -> watch::Sender<bool> {
        let (link, _) = self.user("machines", Scope::Worker).await.link();
        let settings = WorkerSettings {
            id: name.parse().unwrap(),
            memory: 1 << 30,
            depot: depot(self.home.path()),
            heartbeat: Duration::from_millis(100),
            grace: Duration::from_secs(5),
            patient: true,
            task_time: None,
            alone: None,
        };
        let catalog = Catalog::open(self.home.path()).unwrap();
        let worker = Arc::new(Worker::new(settings, link, Pool::new(1, "trials").unwrap(), catalog));
        worker.introduce().await.unwrap();
        let (stop, stopped) = Stop::new();
        let consumer = self.queue.consume(2).await.unwrap();
        tokio::spawn(worker.run(consumer, stopped));
        stop
    }

    /// A job of so many blocks, on the data of now.
    fn job(&self, name: &str, blocks: u64) -> Job {
        let source = format!(
            "name = \"{name}\"\n[data]\ninstruments = [\"DEMO\"]\nbars = \"1m\"\n[strategy]\nuse = \"cross.toml\"\n\
             [search]\nmethod = \"random\"\ntrials = {}\n[execution]\ncommission = 0.00002\n",
            blocks * 1024
        );
        let spec = JobSpec::from_toml(&source).unwrap();
        let catalog = Catalog::open(self.home.path()).unwrap();
        let symbol = spec.data.instruments[0].clone();
        let manifest = catalog
            .bar_source(&BarRequest {
                symbol: symbol.clone(),
                bars: spec.data.bars,
                fill_gaps: FillGaps::None,
                source: None,
            })
            .unwrap();
        let item = JobInstrument {
            instrument: catalog.instrument(&symbol),
            kind: manifest.kind,
            bar: manifest.bar,
            values: manifest.hash.to_string(),
            first: manifest.first,
            last: manifest.last,
            funding: None,
            ticks: None,
            ladder: None,
        };
        let strategy = Strategy::parse(CROSS, "cross.toml").unwrap();
        Job::new(spec, source, strategy, CROSS.to_owned(), vec![item], Vec::new()).unwrap()
    }
}

/// A depot in the home.
fn depot(home: &Path) -> Depot {
    Depot::open(&DepotAddress::Folder(home.to_owned()), home, 1 << 30).unwrap()
}

async fn serve(home: &TempDir, store: &Arc<Store>, limits: Limits) -> (Queue, String, watch::Sender<bool>) {
    let queue = Queue::new(QueueSettings::new(QueueAddress::Local));
    let meters = Meters::default();
    let server = Server::new(Arc::clone(store), depot(home.path()), limits, meters.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, mut stopped) = watch::channel(false);
    let until = async move { drop(stopped.wait_for(|stop| *stop).await) };
    tokio::spawn(server.clone().serve(listener, None, until));
    let office = Office {
        settings: Settings {
            // A block a task: whose turn it is is asked often.
            task_size: TaskSize {
                small_job_seconds: 0.0,
                first_seconds: 1e-6,
                least_seconds: 1e-6,
                most_seconds: 1e-6,
            },
            heartbeat: Duration::from_millis(100),
            ..Settings::CLUSTER
        },
        leadership: store.lead("test").await.unwrap(),
        store: Arc::clone(store),
        producer: Arc::new(queue.producer().await.unwrap()),
        depot: depot(home.path()),
        meters,
    };
    let (coordinator, desk) = office.open().await.unwrap();
    let mut fired = stop.subscribe();
    tokio::spawn(async move {
        tokio::select! {
            ended = desk => ended.unwrap(),
            _ = fired.wait_for(|stop| *stop) => {}
        }
    });
    server.set_office(Some(coordinator)).await;
    (queue, url, stop)
}

/// Sends the quotes of a home.
async fn push(user: &Remote, home: &Path) {
    let catalog = Catalog::open(home).unwrap();
    let symbol = "DEMO".parse().unwrap();
    let (manifest, folder) = (
        catalog.manifest(&symbol, DatasetKind::Quotes).unwrap(),
        catalog.location(&symbol, DatasetKind::Quotes),
    );
    let files = manifest.files.iter().map(|file| &file.name);
    let measured = files.map(|name| DatasetFile::measure(name, &folder.join(name)).unwrap());
    let index = DatasetIndex {
        manifest: std::fs::read_to_string(folder.join("manifest.json")).unwrap(),
        files: measured.collect(),
    };
    let id = DatasetId {
        symbol,
        kind: DatasetKind::Quotes.to_string(),
        hash: manifest.hash.to_string(),
    };
    user.push(&id, &index, &folder, &|_, _| ()).await.unwrap();
}

async fn submit(user: &Remote, job: &Job, priority: u8) -> JobId {
    user.submit(job.body(), priority, None).await.unwrap().0
}

/// How the job stands at its end.
async fn end_of(user: &Remote, job: JobId) -> JobInfo {
    let mut watch = user.watch(job.to_string());
    let mut last = None;
    let follow = async {
        while let Some(info) = watch.next().await.unwrap() {
            last = Some(info);
        }
    };
    timeout(PATIENCE, follow).await.unwrap();
    last.unwrap()
}

async fn until<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "not in time");
        sleep(Duration::from_millis(20)).await;
    }
}

fn refused(result: Result<impl std::fmt::Debug, ClientError>, domain: Domain, text: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.domain(), domain, "{error}");
    assert!(error.to_string().contains(text), "{error}");
    assert!(error.hint().is_some(), "{error} has no hint");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_job_does_not_wait_for_a_large_one_and_priorities_weigh() {
    let cluster = Cluster::with_data(AMPLE).await;
    let (ann, bob) = (
        cluster.user("ann", Scope::Submit).await,
        cluster.user("bob", Scope::Submit).await,
    );
    let large = submit(&ann, &cluster.job("large", 30), 5).await;
    let small = submit(&bob, &cluster.job("small", 3), 5).await;
    let _worker = cluster.worker("w-1").await;
    let done = end_of(&bob, small).await;
    assert_eq!((done.record.state, done.record.trials_done), (JobState::Done, 3 * 1024));
    let meanwhile = ann.job(&large.to_string()).await.unwrap().record;
    assert!(
        meanwhile.trials_done * 2 < meanwhile.trials,
        "{} of {}",
        meanwhile.trials_done,
        meanwhile.trials
    );
    ann.control(&large.to_string(), Control::Stop).await.unwrap();

    let light = submit(&ann, &cluster.job("light", 60), 1).await;
    let heavy = submit(&bob, &cluster.job("heavy", 60), 10).await;
    assert_eq!(end_of(&bob, heavy).await.record.state, JobState::Done);
    let meanwhile = ann.job(&light.to_string()).await.unwrap().record;
    // A tenth of its turns, and what was in the queue already.
    assert!(meanwhile.trials_done * 3 < meanwhile.trials * 2, "{}", meanwhile.trials_done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_see_and_change_their_own() {
    let cluster = Cluster::with_data(AMPLE).await;
    let (ann, bob) = (
        cluster.user("ann", Scope::Submit).await,
        cluster.user("bob", Scope::Submit).await,
    );
    let reader = cluster.user("ann", Scope::Read).await;
    let admin = cluster.user("root", Scope::Admin).await;
    let machine = cluster.user("machines", Scope::Worker).await;
    let job = cluster.job("mine", 2);
    let id = submit(&ann, &job, 5).await;
    let name = id.to_string();

    assert_eq!(reader.job("mine").await.unwrap().record.id, id);
    assert!(bob.jobs().await.unwrap().is_empty());
    refused(bob.job("mine").await, Domain::NotFound, "no job `mine`");
    refused(bob.control(&name, Control::Stop).await, Domain::NotFound, "no job");
    refused(bob.logs(&name, 0, 10).await, Domain::NotFound, "no job");
    refused(
        reader.control(&name, Control::Pause).await,
        Domain::NotAllowed,
        "scope `read`",
    );
    refused(reader.submit(job.body(), 5, None).await, Domain::NotAllowed, "scope `read`");
    refused(machine.jobs().await, Domain::NotAllowed, "scope `worker`");
    refused(ann.keys().await, Domain::NotAllowed, "scope `submit`");

    // Who sends the same job sees it, and does not own it.
    assert_eq!(submit(&bob, &job, 5).await, id);
    assert_eq!(bob.job(&name).await.unwrap().record.owner, "ann");
    refused(bob.control(&name, Control::Stop).await, Domain::NotAllowed, "belongs to ann");
    admin.control(&name, Control::Pause).await.unwrap();
    ann.control(&name, Control::Resume).await.unwrap();

    // What happened can be read, and the trades of the best points come by themselves.
    let _worker = cluster.worker("w-1").await;
    assert_eq!(end_of(&ann, id).await.record.state, JobState::Done);
    let lines: Vec<String> = ann
        .logs(&name, 0, 100)
        .await
        .unwrap()
        .into_iter()
        .map(|line| line.text)
        .collect();
    for text in [
        "begun: 2048 trials",
        "paused",
        "resumed",
        "all trials are run",
        "done: 2048 trials",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(text)), "{text}: {lines:#?}");
    }
    let (_, best) = ann.top(&name, 1, None).await.unwrap();
    let trial = TrialId {
        job: id,
        instrument: 0,
        ordinal: best[0].ordinal,
    };
    let kept = until(async || Some(ann.trades(trial).await.unwrap()).filter(|trades| !trades.is_empty())).await;
    let catalog = Catalog::open(cluster.home.path()).unwrap();
    let markets = Markets::load(&job, &catalog).unwrap();
    assert_eq!(kept, trades_of(markets.sweep(0), &best[0].point).unwrap());
    until(async || cluster.store.replays_due().await.unwrap().is_empty().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_runs_once_on_the_newest_data_and_says_what_changed() {
    let cluster = Cluster::with_data(AMPLE).await;
    let (ann, bob) = (
        cluster.user("ann", Scope::Submit).await,
        cluster.user("bob", Scope::Submit).await,
    );
    let reader = cluster.user("ann", Scope::Read).await;
    let _worker = cluster.worker("w-1").await;
    let body = cluster.job("night", 1).body();
    let added = ann
        .add_schedule("nightly", "0 2 * * *", "Europe/London", body.clone(), 5)
        .await
        .unwrap();
    assert!(added.next > Some(now()));
    assert!(bob.schedules().await.unwrap().is_empty());
    refused(bob.run_schedule("nightly").await, Domain::NotFound, "no schedule");
    refused(reader.run_schedule("nightly").await, Domain::NotAllowed, "scope `read`");
    refused(
        bob.add_schedule("nightly", "@daily", "UTC", body.clone(), 5).await,
        Domain::NotAllowed,
        "already",
    );
    let report = async || {
        let text = reader.schedule_report("nightly", None).await.ok()?;
        Some(serde_json::from_str::<Report>(&text).unwrap())
    };

    let first = ann.run_schedule("nightly").await.unwrap();
    let told = until(&report).await;
    assert_eq!((told.job_id, told.state.as_str(), told.job_id_before), (first, "done", None));
    assert_eq!(ann.run_schedule("nightly").await.unwrap(), first, "nothing is new");

    // More data arrive, and the catalog knows of them.
    let catalog = Catalog::open(cluster.home.path()).unwrap();
    generate(&catalog, &request(14)).unwrap();
    let manifest = catalog.manifest(&"DEMO".parse().unwrap(), DatasetKind::Quotes).unwrap();
    let dataset = DatasetRecord {
        symbol: manifest.symbol.clone(),
        kind: "quotes".to_owned(),
        hash: manifest.hash.to_string(),
        manifest: serde_json::to_string(&manifest).unwrap(),
        object: String::new(),
        bytes: 1,
        owner: "ann".to_owned(),
        uploaded: now(),
    };
    assert!(cluster.store.add_dataset(&dataset).await.unwrap());
    let second = ann.run_schedule("nightly").await.unwrap();
    assert_ne!(second, first);
    let told = until(async || report().await.filter(|told| told.job_id == second)).await;
    assert_eq!(told.job_id_before, Some(first));
    assert_eq!(
        (told.data[0].change.as_str(), told.data[0].rows),
        ("changed", Some(manifest.rows))
    );
    assert!(told.bars > told.bars_before);
    let fate = told.best_before_now.unwrap();
    assert!(
        fate.objective <= told.best.unwrap().objective && fate.rank >= Some(1),
        "the same points, some new best"
    );

    // Due for two years, it is run once; by whoever takes office next, not again.
    let start: UtcNs = "2024-06-01".parse().unwrap();
    let yearly = Schedule {
        name: "yearly".to_owned(),
        owner: "ann".to_owned(),
        priority: 5,
        cron: "0 0 1 1 *".to_owned(),
        zone: "UTC".to_owned(),
        body,
        enabled: true,
        created: start,
        since: start,
    };
    assert!(cluster.store.add_schedule(&yearly).await.unwrap());
    let runs = async || Some(cluster.store.runs("yearly", 9).await.unwrap()).filter(|runs| !runs.is_empty());
    let run = until(runs).await;
    assert_eq!((run.len(), run[0].job), (1, Some(second)));
    cluster.stop.send(true).unwrap();
    sleep(Duration::from_millis(500)).await;
    let (_queue, url, _stop) = serve(&cluster.home, &cluster.store, AMPLE).await;
    let next = Cluster { url, ..cluster };
    let admin = next.user("root", Scope::Admin).await;
    // Whoever is in office looks once a second.
    sleep(Duration::from_millis(2_500)).await;
    let infos = admin.schedules().await.unwrap();
    assert_eq!(
        infos.iter().map(|info| info.schedule.name.as_str()).collect::<Vec<_>>(),
        ["nightly", "yearly"]
    );
    assert_eq!(next.store.runs("yearly", 9).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_refused_with_what_is_allowed() {
    let limits = Limits {
        message_bytes: 20_000,
        job_bytes: 4_000,
        trials: 2_048,
        jobs_of_owner: 1,
        expression_depth: 4,
        ..AMPLE
    };
    let cluster = Cluster::with_data(limits).await;
    let ann = cluster.user("ann", Scope::Submit).await;
    let send = async |body: String| ann.submit(body, 5, None).await;
    refused(
        send("x".repeat(30_000)).await,
        Domain::NotAllowed,
        "larger than the cluster takes",
    );
    refused(
        send("x".repeat(5_000)).await,
        Domain::NotAllowed,
        "has 5000 bytes, 4000 are allowed",
    );
    refused(
        send(cluster.job("many", 3).body()).await,
        Domain::NotAllowed,
        "has 3072 trials, 2048 are allowed",
    );
    let job = cluster.job("deep", 1);
    let deep = CROSS.replace("ema(close, fast)", "ema(ema(ema(close, fast), 3), 3)");
    let strategy = Strategy::parse(&deep, "deep.toml").unwrap();
    let deep = Job::new(
        job.spec.clone(),
        job.source.clone(),
        strategy,
        deep,
        job.instruments.clone(),
        Vec::new(),
    )
    .unwrap();
    refused(send(deep.body()).await, Domain::NotAllowed, "levels of expressions");
    submit(&ann, &job, 5).await;
    submit(&ann, &job, 5).await;
    let another = send(cluster.job("another", 2).body()).await;
    refused(another, Domain::NotAllowed, "ann has 1 jobs that are not over, 1 are allowed");
    let bob = cluster.user("bob", Scope::Submit).await;
    submit(&bob, &cluster.job("of bob", 2), 5).await;

    let few = Limits {
        requests_per_second: NonZeroU32::MIN,
        ..AMPLE
    };
    let cluster = Cluster::new(few).await;
    let ann = cluster.user("ann", Scope::Submit).await;
    let refusal = until(async || ann.jobs().await.err()).await;
    refused(Err::<(), _>(refusal), Domain::NotAllowed, "too many requests");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_data_the_cluster_lacks_is_refused() {
    let cluster = Cluster::new(AMPLE).await;
    let ann = cluster.user("ann", Scope::Submit).await;
    let job = cluster.job("early", 2);
    let sent = ann.submit(job.body(), 5, None).await;
    refused(sent, Domain::NotFound, "the cluster does not have quotes of DEMO");
    push(&ann, cluster.home.path()).await;
    submit(&ann, &job, 5).await;
}

/// The services that a coordinator tells of, with a key or without.
async fn services_told(cluster: &Cluster, key: Option<&str>) -> Result<Vec<String>, tonic::Status> {
    let channel = tonic::transport::Channel::from_shared(cluster.url.clone()).unwrap();
    let mut client = ServerReflectionClient::new(channel.connect().await.unwrap());
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut request = tonic::Request::new(tokio_stream::once(list));
    if let Some(key) = key {
        let bearer = format!("Bearer {key}").parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
    }
    let mut answers = client.server_reflection_info(request).await?.into_inner();
    let answer = answers.message().await?.and_then(|answer| answer.message_response);
    let Some(MessageResponse::ListServicesResponse(told)) = answer else {
        panic!("{answer:?}")
    };
    Ok(told.service.into_iter().map(|service| service.name).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_to_call_is_told_to_those_with_a_key() {
    let cluster = Cluster::with_data(AMPLE).await;
    for key in [None, Some("assay_0123456789")] {
        let status = services_told(&cluster, key).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated, "{status:?}");
        assert!(!status.message().contains("assay.v1"), "{status:?}");
    }
    let (key, secret) = create_key("ann", Scope::Read, None, now()).unwrap();
    assert!(cluster.store.add_key(&key).await.unwrap());
    let told = services_told(&cluster, Some(&secret)).await.unwrap();
    for service in ["Workers", "Jobs", "Schedules", "Data", "Cluster"] {
        assert!(told.contains(&format!("assay.v1.{service}")), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_death_left_in_staging_goes_when_somebody_takes_office() {
    let cluster = Cluster::with_data(AMPLE).await;
    let ann = cluster.user("ann", Scope::Submit).await;
    let worker = cluster.worker("w-1").await;
    let job = submit(&ann, &cluster.job("swept", 2), 5).await;
    assert_eq!(end_of(&ann, job).await.record.state, JobState::Done);
    let staging = |job: &str| cluster.home.path().join("staging").join(job);
    assert!(!staging(&job.to_string()).exists(), "removed before the end is told");
    // A worker writes after the end; others use the folder, too; a job is still to be run.
    let _ = worker.send(true);
    let open = submit(&ann, &cluster.job("open", 2), 5).await;
    let others = "j_0123456789abcdef";
    for job in [&job.to_string(), &open.to_string(), others] {
        std::fs::create_dir_all(staging(job)).unwrap();
        std::fs::write(staging(job).join("t0-1.9.parquet"), "left").unwrap();
    }
    cluster.stop.send(true).unwrap();
    sleep(Duration::from_millis(500)).await;
    let (_queue, _url, _stop) = serve(&cluster.home, &cluster.store, AMPLE).await;
    until(async || (!staging(&job.to_string()).exists()).then_some(())).await;
    assert!(staging(&open.to_string()).exists() && staging(others).exists());
}
