//! A cluster of real processes in a folder of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::services::Services;

/// How long is waited for anything.
pub(crate) const PATIENCE: Duration = Duration::from_mins(4);
/// Points of each task: a grid has blocks of 1,024, of which `where` leaves so many.
pub(crate) const PER_TASK: u64 = 20;
/// One task of a block, however short it is.
const SHORT: &str = "0.000001";
const BARS: usize = 400;

/// Whether the sizes of the whole table are wanted.
pub(crate) fn full() -> bool {
    std::env::var("ASSAY_CHAOS").as_deref() == Ok("full")
}

/// A process of the cluster, and how to begin it again.
struct Process {
    child: Child,
    key: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

/// Coordinator, workers, broker, database.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    pub(crate) services: Services,
    addresses: [String; 2],
    admin: String,
    user: String,
    machines: String,
    processes: BTreeMap<String, Process>,
    tasks: u64,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in self.processes.values_mut() {
            // It may be gone already.
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

/// What a run on one machine came to, without faults.
pub(crate) struct Local {
    pub(crate) outcome: Value,
    pub(crate) name: String,
    pub(crate) tasks: u64,
    pub(crate) home: PathBuf,
}

fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

impl Cluster {
    /// A coordinator in office, without workers, for jobs of so many tasks, each of which takes `milliseconds` at least.
    pub(crate) fn start(tasks: u64, milliseconds: u32) -> Option<Self> {
        Self::start_with(tasks, &[("ASSAY_FAULTS", &slow(milliseconds))])
    }

    /// The same with variables for all processes.
    pub(crate) fn start_with(tasks: u64, env: &[(&str, &str)]) -> Option<Self> {
        let services = Services::start()?;
        let mut cluster = Self {
            folder: tempfile::tempdir().unwrap(),
            services,
            addresses: [free(), free()],
            admin: String::new(),
            user: String::new(),
            machines: String::new(),
            processes: BTreeMap::new(),
            tasks,
        };
        cluster.write("walk.csv", &walk());
        let import = ["data", "import", "walk.csv", "--symbol", "WALK", "--bar", "1m", "--tz", "UTC"];
        cluster.done("", &import);
        cluster.write("strategy.toml", STRATEGY);
        let made = cluster.json("", &["coordinator", "init", "-o", "json"]);
        made["secret"].as_str().unwrap().clone_into(&mut cluster.admin);
        let env: Vec<(String, String)> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        // Workers and coordinators know different points at which they fail.
        cluster.coordinator_with(&env);
        cluster.user = cluster.key("submit", "ann");
        cluster.machines = cluster.key("worker", "machines");
        fs::write(cluster.path("worker.env"), serde_json::to_string(&env).unwrap()).unwrap();
        Some(cluster)
    }

    /// Where the first coordinator serves.
    pub(crate) fn address(&self) -> &str {
        &self.addresses[0]
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn key(&self, scope: &str, owner: &str) -> String {
        let admin = self.admin.clone();
        let made = self.json(&admin, &["key", "create", "--scope", scope, "--owner", owner, "-o", "json"]);
        made["secret"].as_str().unwrap().to_owned()
    }

    fn command(&self, key: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        let urls = self.addresses.each_ref().map(|address| format!("http://{address}"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env_remove("ASSAY_OUTPUT")
            .env_remove("ASSAY_THREADS")
            .env("HOME", self.folder.path())
            .env("ASSAY_HOME", self.path("home"))
            .env("ASSAY_MEMORY", "128MB")
            .env("ASSAY_LOG", "warn,assay=info")
            .env("ASSAY_DATABASE", self.services.get("DATABASE_URL"))
            .env("ASSAY_QUEUE", self.services.get("AMQP_URL"))
            .env("ASSAY_TASK_SECONDS", SHORT)
            .env("ASSAY_MAX_REQUESTS", "1000000")
            .env("ASSAY_DEPOT", self.path("depot"))
            .env_remove("ASSAY_CLUSTER")
            .env_remove("ASSAY_FAULTS");
        // Without a key it is a command on this machine.
        if !key.is_empty() {
            command.env("ASSAY_CLUSTER", urls.join(",")).env("ASSAY_KEY", key);
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, key: &str, args: &[&str]) -> Output {
        self.command(key, args).output().unwrap()
    }

    fn done(&self, key: &str, args: &[&str]) -> String {
        let output = self.run(key, args);
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, key: &str, args: &[&str]) -> Value {
        serde_json::from_str(&self.done(key, args)).unwrap()
    }

    /// As the user who submits; `None` while nobody answers.
    pub(crate) fn ask(&self, args: &[&str]) -> Option<Value> {
        let output = self.run(&self.user, args);
        serde_json::from_slice(&output.stdout)
            .ok()
            .filter(|_| output.status.success())
    }

    pub(crate) fn act(&self, args: &[&str]) {
        self.done(&self.user, args);
    }

    // ------------------------------------------------------------------------------------------- processes

    /// Starts a process, or starts it again.
    fn spawn(&mut self, name: &str, key: &str, args: &[String], env: &[(String, String)]) {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path(&format!("{name}.log")))
            .unwrap();
        let args_of: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = self.command(key, &args_of);
        command.envs(env.iter().cloned()).stdout(Stdio::null()).stderr(log);
        let process = Process {
            child: command.spawn().unwrap(),
            key: key.to_owned(),
            args: args.to_vec(),
            env: env.to_vec(),
        };
        if let Some(mut before) = self.processes.insert(name.to_owned(), process) {
            let _ = before.child.wait();
        }
    }

    /// The coordinator, with these variables.
    fn coordinator_with(&mut self, env: &[(String, String)]) {
        self.coordinator("coordinator", 0, env);
        self.wait("a coordinator in office", |cluster| {
            let admin = cluster.admin.clone();
            cluster.run(&admin, &["queue"]).status.success().then_some(())
        });
    }

    /// A coordinator at the first or the second address.
    pub(crate) fn coordinator(&mut self, name: &str, address: usize, env: &[(String, String)]) {
        let listen = self.addresses[address].clone();
        let args = ["coordinator", "--listen", &listen, "--name", name].map(str::to_owned);
        self.spawn(name, "", &args, env);
    }

    /// Workers of one thread, called `worker-0` and so on.
    pub(crate) fn workers(&mut self, count: u32) {
        (0..count).for_each(|number| self.worker(&format!("worker-{number}"), &[]));
        let slots = u64::from(count);
        self.wait("the workers", |cluster| {
            let queue = cluster.ask(&["queue", "-o", "json"])?;
            (queue[0]["slots"].as_u64()? >= slots).then_some(())
        });
    }

    /// A worker of one thread, with further variables.
    pub(crate) fn worker(&mut self, name: &str, more: &[(&str, &str)]) {
        let text = fs::read_to_string(self.path("worker.env")).unwrap();
        let mut env: Vec<(String, String)> = serde_json::from_str(&text).unwrap();
        env.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let args = ["worker", "--threads", "1", "--name", name].map(str::to_owned);
        let key = self.machines.clone();
        self.spawn(name, &key, &args, &env);
    }

    /// Ends a process as a crash does.
    pub(crate) fn kill(&mut self, name: &str) {
        let process = self.processes.get_mut(name).unwrap();
        // One that crashed by itself is killed as well.
        let _ = process.child.kill();
        process.child.wait().unwrap();
    }

    /// Starts a process again that is gone.
    pub(crate) fn again(&mut self, name: &str) {
        let process = &self.processes[name];
        let (key, args, env) = (process.key.clone(), process.args.clone(), process.env.clone());
        self.spawn(name, &key, &args, &env);
    }

    pub(crate) fn is_alive(&mut self, name: &str) -> bool {
        self.processes.get_mut(name).unwrap().child.try_wait().unwrap().is_none()
    }

    pub(crate) fn signal(&self, name: &str, signal: Signal) {
        kill_process(Pid::from_child(&self.processes[name].child), signal).unwrap();
    }

    /// The exit code of a process that ends by itself.
    pub(crate) fn exit_code(&mut self, name: &str) -> Option<i32> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.processes.get_mut(name).unwrap().child.try_wait().unwrap() {
                return status.code();
            }
            sleep(Duration::from_millis(50));
        }
        panic!("{name} does not end\n{}", self.logs());
    }

    /// Bytes of memory that a process has in use.
    pub(crate) fn memory_of(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.processes[name].child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().unwrap();
        kilobytes << 10
    }

    // ------------------------------------------------------------------------------------------------ jobs

    /// The text of a job of so many tasks.
    pub(crate) fn job(&self, name: &str, tasks: u64) -> String {
        let path = format!("{name}.toml");
        let text = format!(
            "name = \"{name}\"\n[data]\ninstruments = [\"WALK\"]\nbars = \"1m\"\n[strategy]\nuse = \"strategy.toml\"\n\
             [params]\na = {{ int = [1, {tasks}] }}\nb = {{ int = [1, 1024] }}\nwhere = \"b <= {PER_TASK}\"\n"
        );
        self.write(&path, &text);
        path
    }

    /// Runs the job here, then sends it to the cluster.
    pub(crate) fn submit(&self) -> Local {
        let local = self.local("chaos", self.tasks);
        self.act(&["submit", "chaos.toml"]);
        local
    }

    /// Runs a job here.
    pub(crate) fn local(&self, name: &str, tasks: u64) -> Local {
        let path = self.job(name, tasks);
        let home = self.path("home");
        let outcome = self.json("", &["run", &path, "--threads", "2", "-o", "json"]);
        Local {
            outcome,
            name: name.to_owned(),
            tasks,
            home,
        }
    }

    /// Trials that are safe; `None` while nobody answers.
    pub(crate) fn safe(&self, name: &str) -> Option<u64> {
        let jobs = self.ask(&["jobs", "-o", "json"])?;
        let job = jobs.as_array()?.iter().find(|job| job["name"] == name)?;
        job["done"].as_u64()
    }

    /// Waits until a share of the job's tasks is done, and makes sure that the job is not over.
    pub(crate) fn progress(&self, part: u64, parts: u64) {
        let trials = self.tasks * PER_TASK;
        let safe = self.wait("some progress", |cluster| {
            cluster.safe("chaos").filter(|safe| *safe >= trials * part / parts)
        });
        assert!(safe < trials, "the job is over before the fault");
    }

    /// Waits for something.
    pub(crate) fn wait<T>(&self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        self.wait_within(what, PATIENCE, look)
    }

    fn wait_within<T>(&self, what: &str, patience: Duration, look: impl Fn(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(began.elapsed() < patience, "{what}: not in time\n{}", self.logs());
            sleep(Duration::from_millis(50));
        }
    }

    /// How the job stands once it is over.
    pub(crate) fn outcome(&self, name: &str) -> Value {
        self.wait_within(
            &format!("the end of {name}"),
            PATIENCE * if full() { 10 } else { 1 },
            |cluster| {
                let jobs = cluster.ask(&["jobs", "-o", "json"])?;
                let job = jobs.as_array()?.iter().find(|job| job["name"] == name)?.clone();
                assert_ne!(job["state"], "failed", "{job}\n{}", cluster.logs());
                (job["state"] == "done").then_some(job)
            },
        )
    }

    /// The lines of a job's log.
    pub(crate) fn said(&self, name: &str) -> Vec<String> {
        let lines = self.wait("its log", |cluster| cluster.ask(&["logs", name, "-o", "json"]));
        let texts = lines.as_array().unwrap().iter().filter_map(|line| line["text"].as_str());
        texts.map(str::to_owned).collect()
    }

    /// What a process logged.
    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default()
    }

    /// The ends of all logs.
    pub(crate) fn logs(&self) -> String {
        let mut all = String::new();
        for name in self.processes.keys() {
            let log = self.log(name);
            let lines: Vec<&str> = log.lines().rev().take(12).collect();
            writeln!(all, "== {name}").unwrap();
            lines.iter().rev().for_each(|line| writeln!(all, "{line}").unwrap());
        }
        all
    }

    /// A line of the table that `scripts/chaos` makes.
    pub(crate) fn note(&self, fault: &str, found: &str) {
        println!("{fault}: {} tasks, {found}", self.tasks);
        if let Some(table) = std::env::var_os("ASSAY_CHAOS_TABLE") {
            let line = format!("| {fault} | {} | {found} |\n", self.tasks);
            append(Path::new(&table), &line);
        }
    }
}

fn append(path: &Path, text: &str) {
    let mut file: File = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Every task takes so long at least.
pub(crate) fn slow(milliseconds: u32) -> String {
    format!("sleep@{milliseconds}")
}

const STRATEGY: &str = r#"
name = "dips"
[params]
a = { int = [1, 100000], default = 100 }
b = { int = [1, 1024], default = 10 }
[rules]
enter_long = "rsi(close, b + 1) < 20 + a % 50"
exit_long = "rsi(close, b + 1) > 55 + a / 5000"
"#;

/// Minute bars of a random walk as CSV.
fn walk() -> String {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = move |most: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % (most + 1)) as i64
    };
    let mut text = String::from("time,open,high,low,close,volume\n");
    let mut price = 10_000i64;
    for i in 0..BARS as i64 {
        let open = price;
        price = (price + draw(40) - 20).max(1_000);
        let (high, low) = (open.max(price) + draw(10), open.min(price) - draw(10));
        let stamp = jiff::Timestamp::from_second(1_704_067_200 + i * 60).unwrap();
        let cents = [open, high, low, price].map(|p| format!("{}.{:02}", p / 100, p % 100));
        writeln!(text, "{stamp},{},{}", cents.join(","), draw(100)).unwrap();
    }
    text
}
