//! A cluster against the clock: a coordinator and workers as processes, and workers of our own that do nothing but talk.
//!
//! `scripts/bench-cluster` starts a broker and a database, runs this, and runs the peers beside it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use assay_benches::fleet::{Fleet, Stub};
use assay_core::ids::JobId;
use assay_core::job::{FillGaps, JobSpec};
use assay_core::time::{DAY_NS, UtcNs};
use assay_data::{BarRequest, Catalog, GenerateRequest, generate};
use assay_proto::{Control, Remote, RemoteSettings};
use assay_strategies::{Job, JobInstrument, Strategy};
use clap::Parser;
use tempfile::TempDir;
use tokio::time::sleep;

/// Measures rows of the table of `benches/README.md`.
#[derive(Parser)]
struct Arguments {
    /// The program.
    #[arg(long)]
    assay: PathBuf,
    /// Rows: tasks, trials, first, scaling, fleet, local.
    #[arg(long, value_delimiter = ',', default_value = "tasks,trials,first,scaling,local")]
    rows: Vec<String>,
    /// Tasks of the rows `tasks` and `fleet`.
    #[arg(long, default_value_t = 50_000)]
    tasks: u64,
    /// Workers of the row `tasks`.
    #[arg(long, default_value_t = 256)]
    stubs: usize,
    /// Workers of the row `fleet`.
    #[arg(long, default_value_t = 1_000)]
    workers: usize,
    /// Trials of the row `trials`, in thousands.
    #[arg(long, default_value_t = 2_000)]
    thousands: u64,
    /// Broker.
    #[arg(long, env = "AMQP_URL")]
    queue: String,
    /// Database, empty at first.
    #[arg(long, env = "DATABASE_URL")]
    database: String,
}

const CROSS: &str = r#"
name = "cross"
[params]
a = { int = [1, 100000000] }
b = { int = [1, 1024] }
[rules]
enter_long = "rsi(close, 2 + b % 60) < 20 + a % 50"
exit_long = "rsi(close, 2 + b % 60) > 55 + a % 40"
"#;

/// A coordinator, with its home and its keys.
struct Cluster<'a> {
    arguments: &'a Arguments,
    home: TempDir,
    address: String,
    coordinator: Child,
    submit: String,
    machines: String,
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        let _ = self.coordinator.kill();
        let _ = self.coordinator.wait();
    }
}

/// What a process has used so far.
#[derive(Clone, Copy)]
struct Usage {
    cpu_seconds: f64,
    memory_mb: u64,
}

fn usage(pid: u32) -> Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after = stat.rsplit_once(')').context("stat")?.1;
    let ticks: Vec<u64> = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(Usage {
        // The kernel's clock of USER_HZ has been 100 for ever.
        cpu_seconds: ticks.iter().sum::<u64>() as f64 / 100.0,
        memory_mb: memory.trim().trim_end_matches(" kB").trim().parse::<u64>()? >> 10,
    })
}

impl<'a> Cluster<'a> {
    /// Starts a coordinator whose tasks take so many seconds.
    fn start(arguments: &'a Arguments, task_seconds: &str) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let request = GenerateRequest {
            start: UtcNs(19_723 * DAY_NS),
            days: 1,
            ticks_per_day: 6_000,
            ..GenerateRequest::demo(7)
        };
        generate(&Catalog::open(home.path())?, &request)?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        drop(listener);
        let mut cluster = Self {
            arguments,
            address,
            // Replaced at once.
            coordinator: Command::new("true").spawn()?,
            submit: String::new(),
            machines: String::new(),
            home,
        };
        let init = cluster.command("", &["coordinator", "init", "-o", "json"]).output()?;
        let admin = secret(&init.stdout).context("an empty database is needed")?;
        let listen = cluster.address.clone();
        let mut command = cluster.command("", &["coordinator", "--listen", &listen, "--task-seconds", task_seconds]);
        let spawned = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        cluster.coordinator.wait()?;
        cluster.coordinator = spawned;
        let began = Instant::now();
        while !cluster.command(&admin, &["queue"]).output()?.status.success() {
            ensure!(
                began.elapsed() < Duration::from_mins(1),
                "the coordinator does not take office"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        cluster.submit = cluster.key(&admin, "submit")?;
        let pushed = cluster.command(&cluster.submit, &["data", "push", "DEMO"]).output()?;
        ensure!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
        cluster.machines = cluster.key(&admin, "worker")?;
        Ok(cluster)
    }

    fn key(&self, admin: &str, scope: &str) -> Result<String> {
        let args = ["key", "create", "--scope", scope, "--owner", "bench", "-o", "json"];
        secret(&self.command(admin, &args).output()?.stdout)
    }

    fn command(&self, key: &str, args: &[&str]) -> Command {
        let mut command = Command::new(&self.arguments.assay);
        command
            .args(args)
            .current_dir(self.home.path())
            .env("ASSAY_HOME", self.home.path())
            .env("ASSAY_DATABASE", &self.arguments.database)
            .env("ASSAY_QUEUE", &self.arguments.queue)
            .env("ASSAY_MAX_TRIALS", "1000000000000")
            .env("ASSAY_MAX_REQUESTS", "1000000")
            .env_remove("ASSAY_CLUSTER");
        if !key.is_empty() {
            command.env("ASSAY_CLUSTER", self.url()).env("ASSAY_KEY", key);
        }
        command
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn remote(&self, key: &str) -> Result<Remote> {
        Ok(Remote::new(&RemoteSettings {
            addresses: self.url(),
            key: Some(key.to_owned()),
        })?)
    }

    /// A worker of one thread, as a process.
    fn worker(&self, name: &str) -> Result<Worker> {
        let mut command = self.command(&self.machines, &["worker", "--threads", "1", "--name", name]);
        Ok(Worker(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }

    fn text(name: &str, blocks: u64) -> String {
        format!(
            "name = \"{name}\"\n[data]\ninstruments = [\"DEMO\"]\nbars = \"1m\"\n[strategy]\nuse = \"cross.toml\"\n\
             [params]\na = {{ int = [1, {blocks}] }}\nb = {{ int = [1, 1024] }}\n"
        )
    }

    /// A job of so many blocks.
    fn job(&self, name: &str, blocks: u64) -> Result<Job> {
        let source = Self::text(name, blocks);
        let spec = JobSpec::from_toml(&source)?;
        let catalog = Catalog::open(self.home.path())?;
        let symbol = spec.data.instruments[0].clone();
        let manifest = catalog.bar_source(&BarRequest {
            symbol: symbol.clone(),
            bars: spec.data.bars,
            fill_gaps: FillGaps::None,
            source: None,
        })?;
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
        let strategy = Strategy::parse(CROSS, "cross.toml")?;
        Ok(Job::new(spec, source, strategy, CROSS.to_owned(), vec![item], Vec::new())?)
    }

    async fn send(&self, job: &Job) -> Result<JobId> {
        Ok(self.remote(&self.submit)?.submit(job.body(), 5, None).await?.0)
    }

    async fn cancel(&self, job: JobId) -> Result<()> {
        self.remote(&self.submit)?.control(&job.to_string(), Control::Stop).await?;
        Ok(())
    }

    /// Stub workers of one slot each, all at work.
    async fn fleet(&self, workers: usize, task: Duration) -> Result<Fleet> {
        let mut fleet = Fleet::new(&self.arguments.queue, task)?;
        for number in 0..workers {
            let remote = self.remote(&self.machines)?;
            fleet.hire(Stub { number, remote }).await?;
        }
        Ok(fleet)
    }

    /// Waits until a job is done.
    async fn done(&self, job: JobId) -> Result<()> {
        let remote = self.remote(&self.submit)?;
        let mut watch = remote.watch(job.to_string());
        let mut last = None;
        while let Some(info) = watch.next().await? {
            last = Some(info.record);
        }
        let record = last.context("the job vanished")?;
        ensure!(record.state == assay_store::JobState::Done, "job {job} is {}", record.state);
        Ok(())
    }
}

/// A worker process, which ends with this.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn secret(json: &[u8]) -> Result<String> {
    let value: serde_json::Value = serde_json::from_slice(json)?;
    Ok(value["secret"].as_str().context("no secret")?.to_owned())
}

fn say(row: &str, measured: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "| {row} | {measured} |")?;
    out.flush()?;
    Ok(())
}

/// Reports that came in, from now until so many more have.
async fn reports(counter: &Arc<AtomicU64>, more: u64, within: Duration) -> Result<f64> {
    let (began, first) = (Instant::now(), counter.load(Ordering::Relaxed));
    while counter.load(Ordering::Relaxed) < first + more {
        ensure!(
            began.elapsed() < within,
            "{} of {more} tasks in {within:?}",
            counter.load(Ordering::Relaxed) - first
        );
        sleep(Duration::from_millis(2)).await;
    }
    Ok(began.elapsed().as_secs_f64())
}

const LONG: Duration = Duration::from_mins(30);
/// A task of one block, however long that takes.
const ONE_BLOCK: &str = "0.000001";

/// Tasks a second with an engine that does nothing.
async fn tasks(arguments: &Arguments) -> Result<()> {
    let cluster = Cluster::start(arguments, ONE_BLOCK)?;
    let fleet = cluster.fleet(arguments.stubs, Duration::ZERO).await?;
    let job = cluster.send(&cluster.job("tasks", arguments.tasks * 2)?).await?;
    reports(&fleet.reported, 1_000, LONG).await?;
    let before = usage(cluster.coordinator.id())?;
    let seconds = reports(&fleet.reported, arguments.tasks, LONG).await?;
    let after = usage(cluster.coordinator.id())?;
    cluster.cancel(job).await?;
    say(
        &format!(
            "tasks a second with an empty engine: {} stub workers over gRPC and AMQP",
            arguments.stubs
        ),
        &format!(
            "{:.0} tasks/s ({} tasks in {seconds:.1} s; coordinator {:.2} cores, {} MB)",
            arguments.tasks as f64 / seconds,
            arguments.tasks,
            (after.cpu_seconds - before.cpu_seconds) / seconds,
            after.memory_mb
        ),
    )
}

/// Workers that sleep for the time of their tasks.
async fn scaling(arguments: &Arguments) -> Result<()> {
    let cluster = Cluster::start(arguments, ONE_BLOCK)?;
    let task = Duration::from_millis(500);
    let mut of_one = 0.0;
    for workers in [1usize, 4, 16, 64] {
        let fleet = cluster.fleet(workers, task).await?;
        let job = cluster.send(&cluster.job(&format!("scaling-{workers}"), 100_000)?).await?;
        reports(&fleet.reported, 2 * workers as u64, LONG).await?;
        let count = 20 * workers as u64;
        let seconds = reports(&fleet.reported, count, LONG).await?;
        let rate = count as f64 / seconds;
        if workers == 1 {
            of_one = rate;
        }
        let linear = 100.0 * rate / (of_one * workers as f64);
        let row = format!("{workers} stub workers, tasks of {} ms", task.as_millis());
        say(&row, &format!("{rate:.1} tasks/s, {linear:.1} % of linear"))?;
        cluster.cancel(job).await?;
        fleet.dismiss().await;
    }
    Ok(())
}

/// A thousand workers, and ten jobs that share them.
async fn fleet(arguments: &Arguments) -> Result<()> {
    let cluster = Cluster::start(arguments, ONE_BLOCK)?;
    let fleet = cluster.fleet(arguments.workers, Duration::from_millis(500)).await?;
    let each = arguments.tasks;
    for job in 0..10 {
        cluster.send(&cluster.job(&format!("fleet-{job}"), each)?).await?;
    }
    reports(&fleet.reported, arguments.workers as u64, LONG).await?;
    let before = usage(cluster.coordinator.id())?;
    let share_before = fleet.by_job();
    let seconds = reports(&fleet.reported, arguments.tasks, LONG).await?;
    let after = usage(cluster.coordinator.id())?;
    let shares: BTreeMap<JobId, u64> = fleet.by_job();
    let done: Vec<u64> = shares
        .iter()
        .map(|(job, count)| count - share_before.get(job).copied().unwrap_or(0))
        .collect();
    let (least, most) = (done.iter().min().context("no job")?, done.iter().max().context("no job")?);
    say(
        &format!("{} stub workers, 10 jobs, {} tasks", arguments.workers, arguments.tasks),
        &format!(
            "{:.0} tasks/s, coordinator {:.2} cores, {} MB; the jobs got {least} to {most} tasks each",
            arguments.tasks as f64 / seconds,
            (after.cpu_seconds - before.cpu_seconds) / seconds,
            after.memory_mb
        ),
    )
}

/// From a submission to the first row that is safe, on a cluster that has worked before.
async fn first(arguments: &Arguments) -> Result<()> {
    let cluster = Cluster::start(arguments, "0.5")?;
    let _workers = [cluster.worker("w-0")?, cluster.worker("w-1")?];
    let warm = cluster.send(&cluster.job("warm", 20)?).await?;
    cluster.done(warm).await?;
    let remote = cluster.remote(&cluster.submit)?;
    let mut milliseconds = Vec::new();
    for round in 0..10 {
        let job = cluster.job(&format!("first-{round}"), 30 + round)?;
        let began = Instant::now();
        let id = cluster.send(&job).await?;
        while remote.job(&id.to_string()).await?.record.trials_done == 0 {
            sleep(Duration::from_millis(2)).await;
        }
        milliseconds.push(began.elapsed().as_secs_f64() * 1e3);
        cluster.done(id).await?;
    }
    milliseconds.sort_by(f64::total_cmp);
    say(
        "from submit to the first safe rows, warm cluster, 2 workers",
        &format!(
            "{:.0} ms, median of 10 ({:.0} to {:.0})",
            milliseconds[5], milliseconds[0], milliseconds[9]
        ),
    )
}

/// Trials a second from submission to the end of the job, with rows in Parquet and the best in Postgres.
async fn trials(arguments: &Arguments) -> Result<()> {
    let cluster = Cluster::start(arguments, "5")?;
    let _workers = [cluster.worker("w-0")?, cluster.worker("w-1")?];
    let warm = cluster.send(&cluster.job("warm", 20)?).await?;
    cluster.done(warm).await?;
    let blocks = arguments.thousands * 1_000 / 1_024;
    let began = Instant::now();
    let id = cluster.send(&cluster.job("trials", blocks)?).await?;
    cluster.done(id).await?;
    let seconds = began.elapsed().as_secs_f64();
    let count = blocks * 1_024;
    say(
        "trials a second end to end, 1,000 bars each, 2 workers of 1 thread",
        &format!("{:.0} trials/s ({count} trials in {seconds:.1} s)", count as f64 / seconds),
    )
}

/// The same job on a cluster of two workers and in one process of two threads.
async fn local(arguments: &Arguments) -> Result<()> {
    let cluster = Cluster::start(arguments, "5")?;
    let _workers = [cluster.worker("w-0")?, cluster.worker("w-1")?];
    let warm = cluster.send(&cluster.job("warm", 20)?).await?;
    cluster.done(warm).await?;
    let blocks = arguments.thousands * 1_000 / 1_024;
    let path = cluster.home.path();
    write(&path.join("cross.toml"), CROSS)?;
    write(&path.join("local.toml"), &Cluster::text("local", blocks))?;
    let began = Instant::now();
    // In a home of its own: what the cluster has done is not to be found.
    let copy = tempfile::tempdir()?;
    ensure!(
        Command::new("cp")
            .arg("-r")
            .arg(path.join("catalog"))
            .arg(copy.path())
            .status()?
            .success(),
        "the catalog cannot be copied"
    );
    let run = cluster
        .command("", &["run", "local.toml", "--threads", "2", "-o", "json"])
        .env("ASSAY_HOME", copy.path())
        .output()?;
    let here = began.elapsed().as_secs_f64();
    if !run.status.success() {
        bail!("{}", String::from_utf8_lossy(&run.stderr));
    }
    let began = Instant::now();
    let id = cluster.send(&cluster.job("local", blocks)?).await?;
    cluster.done(id).await?;
    let there = began.elapsed().as_secs_f64();
    say(
        "a job on the cluster (2 workers x 1 thread) against local (2 threads)",
        &format!("{there:.1} s against {here:.1} s, {:+.1} %", 100.0 * (there / here - 1.0)),
    )
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    for row in &arguments.rows {
        let measured = match row.as_str() {
            "tasks" => tasks(&arguments).await,
            "scaling" => scaling(&arguments).await,
            "fleet" => fleet(&arguments).await,
            "first" => first(&arguments).await,
            "trials" => trials(&arguments).await,
            "local" => local(&arguments).await,
            other => bail!("there is no row `{other}`"),
        };
        measured.with_context(|| format!("row {row}"))?;
    }
    Ok(())
}
