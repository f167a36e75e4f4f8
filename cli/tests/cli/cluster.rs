//! A cluster of real processes, with a broker and a database of its own.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests panic as tests do, and say what they skip"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Lab, Ran, job};
use crate::ticks::with_both;

const BARS: usize = 12_000;
const PATIENCE: Duration = Duration::from_mins(2);

/// Many tasks of a second or so: time enough to kill a worker.
fn long_job(name: &str) -> String {
    let text = job(name, "[2, 200]", "[3, 400]");
    text.replace(
        "commission = 0.0001",
        "commission = 0.0001\npyramiding = 2\ntrailing_stop = \"1%\"",
    )
}

/// A broker and a database that end with this process; `None`, with a word, where there can be none.
fn services(options: &[&str]) -> Option<BTreeMap<String, String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
    let refused = std::env::var_os("ASSAY_SERVICES").is_some_and(|value| value == "absent");
    if !refused {
        let until = std::process::id().to_string();
        let started = Command::new(script)
            .args(["start", "--until", &until])
            .args(options)
            .stderr(Stdio::inherit())
            .output();
        if let Ok(output) = started
            && output.status.success()
        {
            let lines = String::from_utf8_lossy(&output.stdout).into_owned();
            let pairs = lines.lines().filter_map(|line| line.split_once('='));
            return Some(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
        }
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "this test needs a broker and a database"
    );
    println!("skipped: no RabbitMQ and Postgres here (scripts/services install)");
    None
}

/// The variables of a depot: a server that speaks S3 and ends with this process or, with a word, a folder of the lab.
fn depot(lab: &Lab) -> Vec<(String, String)> {
    let target = Path::new(env!("CARGO_BIN_EXE_assay"));
    let tools = target
        .ancestors()
        .map(|folder| folder.join("tools"))
        .find(|tools| tools.join("s3").exists());
    let Some(tools) = tools else {
        println!("no server that speaks S3 here (scripts/test s3 installs one): the depot is a folder");
        return vec![("ASSAY_DEPOT".to_owned(), lab.path("depot").display().to_string())];
    };
    let until = std::process::id().to_string();
    let started = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services"))
        .args(["start", "--only", "s3", "--until", &until])
        .env("ASSAY_TOOLS", tools)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(started.status.success(), "the server that speaks S3 does not start");
    let lines = String::from_utf8(started.stdout).unwrap();
    let pairs = lines.lines().filter_map(|line| line.split_once('='));
    let mut variables: Vec<(String, String)> = pairs
        .filter(|(name, _)| name.starts_with("AWS_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    variables.push(("ASSAY_DEPOT".to_owned(), "s3://assay/cluster".to_owned()));
    variables
}

/// A process that does not outlive the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    fn terminate(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            sleep(Duration::from_millis(50));
        }
        panic!("it does not stop");
    }
}

/// A lab with a cluster.
struct Cluster {
    lab: Lab,
    services: BTreeMap<String, String>,
    depot: Vec<(String, String)>,
    address: String,
    metrics: String,
}

/// An address on which nobody listens yet.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

impl Cluster {
    fn new(lab: Lab, services: BTreeMap<String, String>) -> Self {
        Self {
            depot: depot(&lab),
            lab,
            services,
            address: free(),
            metrics: free(),
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn command(&self, key: &str, args: &[&str]) -> Command {
        let mut command = self.lab.command(args);
        command
            .env("ASSAY_LOG", "debug")
            .env("ASSAY_CLUSTER", self.url())
            .env("ASSAY_KEY", key)
            .env("ASSAY_DATABASE", &self.services["DATABASE_URL"])
            .env("ASSAY_QUEUE", &self.services["AMQP_URL"])
            .env("ASSAY_LISTEN", &self.address);
        command
    }

    fn run(&self, key: &str, args: &[&str]) -> Ran {
        self.command(key, args).output().unwrap().into()
    }

    fn start(&self, key: &str, name: &str, args: &[&str]) -> Process {
        let log = File::create(self.lab.path(&format!("{name}.log"))).unwrap();
        let mut command = self.command(key, args);
        // Nobody shares a home with anybody.
        command
            .env("ASSAY_HOME", self.lab.path(&format!("home-of-{name}")))
            .envs(self.depot.clone());
        command.stdout(Stdio::null()).stderr(log);
        Process(command.spawn().unwrap())
    }

    /// A command of a user on a machine that has nothing but a key.
    fn elsewhere(&self, key: &str, args: &[&str]) -> Ran {
        let mut command = self.command(key, args);
        command.env("ASSAY_HOME", self.lab.path("elsewhere"));
        command.output().unwrap().into()
    }

    fn key(&self, admin: &str, scope: &str, owner: &str) -> String {
        let args = ["key", "create", "--scope", scope, "--owner", owner, "-o", "json"];
        let made = self.run(admin, &args).json();
        made["secret"].as_str().unwrap().to_owned()
    }

    /// The coordinator, and the secret of the first admin key.
    fn coordinator(&self) -> (Process, String) {
        let made = self.run("", &["coordinator", "init", "-o", "json"]).json();
        let admin = made["secret"].as_str().unwrap().to_owned();
        self.run("", &["coordinator", "init"]).fails(4, &["admin key already"]);
        let coordinator = self.start("", "coordinator", &["coordinator", "--metrics", &self.metrics]);
        self.wait("a coordinator in office", || self.run(&admin, &["queue"]).code == 0);
        (coordinator, admin)
    }

    /// What a process serves to Prometheus.
    fn numbers(&self) -> String {
        let mut stream = TcpStream::connect(&self.metrics).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// What must not be in any log: secrets of keys, and passwords of broker and database where they stand in addresses (the passwords of
    /// tests are plain words).
    fn secrets(&self, keys: &[&str]) -> Vec<String> {
        let addresses = ["DATABASE_URL", "AMQP_URL"].map(|name| &self.services[name]);
        let account = |url: &String| format!("{}@", url.split_once("://").unwrap().1.split_once('@').unwrap().0);
        let accounts = addresses.into_iter().map(account);
        accounts.chain(keys.iter().map(|key| (*key).to_owned())).collect()
    }

    fn wait(&self, what: &str, done: impl Fn() -> bool) {
        let began = Instant::now();
        while !done() {
            if began.elapsed() > PATIENCE {
                let log = |name: &str| std::fs::read_to_string(self.lab.path(&format!("{name}.log"))).unwrap_or_default();
                panic!("{what}: not in time\n{}\n{}", log("coordinator"), log("worker-b"));
            }
            sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn a_cluster_that_loses_a_worker_ends_with_the_fingerprint_of_a_run_without_one() {
    let lab = Lab::with_bars(BARS);
    lab.write("job.toml", &long_job("shared"));
    lab.write("other.toml", &job("other", "[2, 3]", "[4, 5]"));
    let here = lab.run(&["run", "job.toml", "--threads", "2", "-o", "json"]).json();
    let top_here = lab.run(&["top", "shared", "-o", "json"]).json();
    let Some(services) = services(&[]) else { return };
    let cluster = Cluster::new(lab, services);
    let (coordinator, admin) = cluster.coordinator();
    let ann = cluster.key(&admin, "submit", "ann");
    let bob = cluster.key(&admin, "submit", "bob");
    let key = cluster.key(&admin, "worker", "machines");

    let mut doomed = cluster.start(&key, "worker-a", &["worker", "--threads", "1", "--name", "a"]);
    let steady = cluster.start(&key, "worker-b", &["worker", "--threads", "1", "--name", "b"]);
    let slots = || cluster.run(&ann, &["queue", "-o", "json"]).json()[0]["slots"].as_u64();
    cluster.wait("two workers", || slots() == Some(2));

    // The data go to the cluster, once.
    let push = ["data", "push", "WALK", "-o", "json"];
    cluster.run(&key, &push).fails(4, &["scope `worker`"]);
    assert_eq!(cluster.run(&ann, &push).json()[0]["state"], "sent");
    assert_eq!(cluster.run(&bob, &push).json()[0]["state"], "known");
    let known = cluster.elsewhere(&bob, &["data", "ls", "-o", "json"]).json();
    assert_eq!((known.as_array().unwrap().len(), &known[0]["owner"]), (1, &"ann".into()));
    assert_eq!((&known[0]["kind"], &known[0]["rows"]), (&"bars-1m".into(), &BARS.into()));

    let submit = ["submit", "job.toml", "--id", "mine", "-o", "json"];
    let sent = cluster.run(&ann, &submit).json();
    assert_eq!(sent["job_id"], here["job_id"]);
    assert_eq!(cluster.run(&ann, &submit).json()["job_id"], here["job_id"]);
    let reused = cluster.run(&ann, &["submit", "other.toml", "--id", "mine"]);
    reused.fails(4, &["mine"]);

    // It dies with a task in its hands: stopped first, since a task that is still its own then stays so.
    let works = || {
        let workers = cluster.run(&admin, &["workers", "-o", "json"]).json();
        let mine = workers.as_array().unwrap().iter().find(|worker| worker["worker"] == "a");
        mine.is_some_and(|worker| worker["running"] != 0)
    };
    cluster.wait("a worker that dies at work", || {
        doomed.signal(Signal::STOP);
        sleep(Duration::from_millis(100));
        let works = works();
        if !works {
            doomed.signal(Signal::CONT);
        }
        works
    });
    doomed.0.kill().unwrap();

    // Nobody but its owner and admins sees a job, let alone changes it.
    assert_eq!(cluster.run(&bob, &["jobs", "-o", "json"]).json(), Value::Array(Vec::new()));
    cluster.run(&bob, &["cancel", "shared"]).fails(3, &["no job `shared`"]);
    cluster.run(&ann, &["key", "ls"]).fails(4, &["scope `submit`"]);
    cluster.run(&key, &["jobs"]).fails(4, &["scope `worker`"]);
    cluster.run("assay_0", &["jobs"]).fails(4, &["not known"]);

    cluster.run(&ann, &["pause", "shared"]).ok();
    let state = || cluster.run(&ann, &["jobs", "-o", "json"]).json()[0]["state"].clone();
    assert_eq!(state(), "paused");
    cluster.run(&ann, &["pause", "shared"]).fails(4, &["is paused"]);
    cluster.run(&ann, &["resume", "shared"]).ok();

    let there = cluster.run(&ann, &["watch", "shared", "-o", "json"]).json();
    for field in ["job_id", "trials", "failed", "bars", "fingerprint", "best"] {
        assert_eq!(there[field], here[field], "{field}");
    }
    assert_eq!(cluster.run(&ann, &["top", "shared", "-o", "json"]).json(), top_here);
    let trial = top_here[0]["trial_id"].as_str().unwrap();
    let shown = cluster.run(&ann, &["show", trial, "-o", "json"]).json();
    assert_eq!(shown["matches_stored"], true);
    // Who has neither data nor results sees the same.
    assert_eq!(cluster.elsewhere(&ann, &["top", "shared", "-o", "json"]).json(), top_here);
    let by = ["top", "shared", "--by", "-max_drawdown", "-o", "json"];
    let by_here = cluster.lab.run(&by).json();
    assert_eq!(cluster.elsewhere(&ann, &by).json(), by_here);
    assert_eq!(
        cluster.elsewhere(&ann, &["show", trial, "-o", "json"]).json()["trades"],
        shown["trades"]
    );
    let importance = ["importance", "shared", "-o", "json"];
    assert_eq!(
        cluster.elsewhere(&ann, &importance).json(),
        cluster.lab.run(&importance).json()
    );
    let report = ["report", "shared", "--to", "report.html", "-o", "json"];
    let points = cluster.elsewhere(&ann, &report).json()["points"].clone();
    assert_eq!(points, cluster.lab.run(&report).json()["points"]);
    let verdict = cluster.elsewhere(&ann, &["verdict", "shared", "-o", "json"]).json();
    assert_eq!(verdict["best"]["trial_id"], top_here[0]["trial_id"]);
    cluster.elsewhere(&bob, &["report", "shared"]).fails(3, &["no job `shared`"]);
    let again = cluster.run(&ann, &["run", "job.toml", "-o", "json"]).json();
    assert_eq!(again["fingerprint"], here["fingerprint"]);
    let logs = cluster.run(&ann, &["logs", "shared", "-o", "json"]).json();
    assert!(!logs.as_array().unwrap().is_empty());
    let queue = cluster.run(&ann, &["queue", "-o", "json"]).json();
    assert_eq!((&queue[0]["waiting"], &queue[0]["running"]), (&0.into(), &0.into()));
    let texts: Vec<&str> = logs
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    for text in ["begun: ", "paused", "resumed", "done: "] {
        assert!(texts.iter().any(|line| line.starts_with(text)), "{text}: {texts:#?}");
    }
    let followed = cluster.run(&ann, &["logs", "shared", "--follow"]).ok();
    assert!(followed.contains("all trials are run"), "{followed}");

    // What happened can be counted, and nothing secret is said.
    let numbers = cluster.numbers();
    for line in [
        "assay_leader 1",
        "assay_jobs_ended_total{state=\"done\"} 1",
        "assay_tasks{state=\"waiting\"} 0",
    ] {
        assert!(numbers.contains(line), "{line}: {numbers}");
    }
    // Lost when its lease ended, or overtaken before.
    let ended = |how: &str| {
        let name = format!("assay_attempts_total{{ending=\"{how}\"}} ");
        let count = numbers.lines().find_map(|line| line.strip_prefix(&name));
        count.unwrap().parse::<u64>().unwrap()
    };
    assert!(ended("lost") + ended("cancelled") > 0, "{numbers}");
    let trades = ["trades", trial, "-o", "json"];
    cluster.wait("the trades of the best", || cluster.run(&ann, &trades).code == 0);
    assert_eq!(cluster.run(&ann, &trades).json(), shown["trades"]);
    let secrets = cluster.secrets(&[&admin, &ann, &bob, &key]);
    for name in ["coordinator", "worker-a", "worker-b"] {
        let log = std::fs::read_to_string(cluster.lab.path(&format!("{name}.log"))).unwrap();
        assert!(log.lines().count() > 3, "{name} says nothing");
        let said: Vec<_> = secrets.iter().filter(|secret| log.contains(*secret)).collect();
        assert!(said.is_empty(), "{name} says {said:?}");
        assert!(!log.contains("enter_long"), "{name} says what the strategy is");
    }
    let log = std::fs::read_to_string(cluster.lab.path("worker-b.log")).unwrap();
    assert!(log.contains("\"task\":"), "no line is from inside a task");

    // A key that is taken back is of no use any more.
    let keys = cluster.run(&admin, &["key", "ls", "-o", "json"]).json();
    let of_bob = keys.as_array().unwrap().iter().find(|key| key["owner"] == "bob").unwrap();
    cluster
        .run(&admin, &["key", "revoke", of_bob["key_id"].as_str().unwrap()])
        .ok();
    cluster.run(&bob, &["jobs"]).fails(4, &["was revoked"]);

    assert_eq!(steady.terminate(), Some(0));
    assert_eq!(coordinator.terminate(), Some(0));
    cluster.run(&ann, &["jobs"]).fails(7, &["no coordinator answers"]);
}

#[test]
fn the_best_points_run_again_on_ticks_on_a_cluster_as_they_do_here() {
    let lab = with_both(600);
    // It looks at another instrument, which goes everywhere with it.
    lab.import_walk("OTHER", 600, 2);
    let strategy = "name = \"pair\"\n[params]\nfast = { int = [2, 5] }\nslow = { int = [6, 9] }\n[rules]\n\
                    enter_long = \"crossover(sma(close, fast), sma(close, slow)) and ref('OTHER', close) > 0\"\n\
                    exit_long = \"crossunder(sma(close, fast), sma(close, slow))\"\n";
    lab.write("pair.toml", strategy);
    let text = job("ladder", "[2, 5]", "[6, 9]")
        .replace("bars = \"1m\"", "bars = \"5m\"\nsource = \"bars\"")
        .replace("\"ma_cross\"", "\"pair.toml\"");
    lab.write("bars.toml", &text);
    lab.write("ladder.toml", &format!("{text}[fidelity]\ntop = 5\nlatency = \"1s\"\n"));
    lab.run(&["run", "ladder.toml"]).ok();
    let top = ["top", "ladder", "-n", "16", "-o", "json"];
    let here = lab.run(&top).json();
    let Some(services) = services(&[]) else { return };
    let cluster = Cluster::new(lab, services);
    let (_coordinator, admin) = cluster.coordinator();
    let ann = cluster.key(&admin, "submit", "ann");
    let key = cluster.key(&admin, "worker", "machines");
    let _worker = cluster.start(&key, "worker-b", &["worker", "--threads", "1", "--name", "b"]);

    // First without: a job that is done can be asked for more.
    cluster.run(&ann, &["run", "bars.toml"]).ok();
    let ran = cluster.run(&ann, &["run", "ladder.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("sent trades of WALK") && ran.stderr.contains("again on ticks"),
        "{}",
        ran.stderr
    );
    let there = || cluster.elsewhere(&ann, &top).json();
    cluster.wait("points on ticks", || there()[0].get("on_ticks").is_some());
    let found = there();
    for (rank, (found, expected)) in found.as_array().unwrap().iter().zip(here.as_array().unwrap()).enumerate() {
        assert_eq!(found["trial_id"], expected["trial_id"]);
        assert_eq!(found.get("on_ticks"), expected.get("on_ticks"));
        assert_eq!(found.get("on_ticks").is_some(), rank < 5);
    }
    let trial = found[0]["trial_id"].as_str().unwrap();
    let shown = cluster.elsewhere(&ann, &["show", trial, "-o", "json"]).json();
    assert_eq!(shown["on_ticks"], found[0]["on_ticks"]["metrics"][0]);
    let logged = || cluster.run(&ann, &["logs", "ladder"]).ok();
    cluster.wait("the end of the replay", || logged().contains("the best points are replayed"));

    // Again without any change nothing is to be done, with another depth it is.
    let due = |top: u32| {
        let changed = text.clone() + &format!("[fidelity]\ntop = {top}\nlatency = \"1s\"\n");
        cluster.lab.write("ladder.toml", &changed);
        cluster.run(&ann, &["submit", "ladder.toml"]).ok();
    };
    due(5);
    due(7);
    cluster.wait("more points on ticks", || there()[6].get("on_ticks").is_some());
    assert_eq!(logged().matches("again on ticks").count(), 2, "{}", logged());
}

#[test]
fn a_standby_takes_over_within_ten_seconds_and_callers_know_whom_they_talk_to() {
    let lab = Lab::new();
    let Some(services) = services(&["--tls"]) else { return };
    let tls = Path::new(&services["SERVICES_DIR"]).join("tls");
    let file = |name: &str| tls.join(name).display().to_string();
    let (authority, chain, secret) = (file("ca.pem"), file("server.pem"), file("server.key"));
    let cluster = Cluster::new(lab, services);
    let addresses = [cluster.address.clone(), free()];
    let tls = ["--tls-cert", chain.as_str(), "--tls-key", secret.as_str()];
    let made = cluster.run("", &["coordinator", "init", "-o", "json"]).json();
    let admin = made["secret"].as_str().unwrap().to_owned();
    let mut coordinators: Vec<Process> = (addresses.iter().zip(["first", "second"]))
        .map(|(address, name)| cluster.start("", name, &[&["coordinator", "--listen", address.as_str()][..], &tls].concat()))
        .collect();
    let url = addresses.map(|address| format!("https://{address}"));
    let ask = |url: &str, trusted: Option<&str>| -> Ran {
        let mut command = cluster.command(&admin, &["queue", "--cluster", url]);
        command
            .env_remove("SSL_CERT_FILE")
            .envs(trusted.map(|file| ("SSL_CERT_FILE", file)));
        command.output().unwrap().into()
    };
    let both = url.join(",");
    cluster.wait("a coordinator in office", || ask(&both, Some(&authority)).code == 0);

    // Whoever does not trust the authority, or speaks plainly, gets nowhere.
    let other = cluster.lab.path("other.pem");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=another authority", "-keyout"])
        .arg(cluster.lab.path("other.key"))
        .arg("-out")
        .arg(&other)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    ask(&both, other.to_str()).fails(7, &["no coordinator answers"]);
    ask(&both.replace("https", "http"), Some(&authority)).fails(7, &["no coordinator answers", "http or https"]);

    // Each alone tells whether it is in office; the one that is is killed.
    let serves = |url: &String| ask(url, Some(&authority)).code == 0;
    let in_office: Vec<bool> = url.iter().map(serves).collect();
    assert!(in_office[0] != in_office[1], "{in_office:?}");
    let at = usize::from(in_office[1]);
    coordinators[at].0.kill().unwrap();
    let began = Instant::now();
    cluster.wait("the standby in office", || serves(&url[1 - at]));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn traces_are_sent_to_the_collector_that_the_standard_variables_name() {
    let lab = Lab::new();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let mut command = lab.command(&[
        "worker",
        "--cluster",
        "http://127.0.0.1:1",
        "--queue",
        "amqp://u:p@127.0.0.1:1/",
    ]);
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env("OTEL_BSP_SCHEDULE_DELAY", "50");
    command.env("ASSAY_LOG", "info").stdout(Stdio::null()).stderr(Stdio::null());
    let _worker = Process(command.spawn().unwrap());
    let (mut stream, _) = collector.accept().unwrap();
    let mut preface = [0; 14];
    stream.read_exact(&mut preface).unwrap();
    assert_eq!(&preface, b"PRI * HTTP/2.0");
}

#[test]
fn what_is_missing_for_a_cluster_is_said() {
    let lab = Lab::new();
    lab.run(&["queue"]).fails(2, &["no cluster is named"]);
    lab.run(&["queue", "--cluster", "localhost:1"])
        .fails(2, &["not the address of a coordinator"]);
    lab.run(&["queue", "--cluster", "http://127.0.0.1:1"])
        .fails(7, &["no coordinator answers"]);
    lab.run(&["coordinator"]).fails(2, &["no broker is named"]);
    let broker = ["coordinator", "--queue", "amqp://u:secret@127.0.0.1:1/"];
    lab.run(&broker).fails(2, &["no database is named"]);
    let unreachable = lab.run(
        &[
            &broker[..],
            &["--listen", "127.0.0.1:0", "--database", "postgres://u:secret@127.0.0.1:1/x"],
        ]
        .concat(),
    );
    assert_eq!(unreachable.code, 7, "{unreachable:#?}");
    assert!(!unreachable.stderr.contains("secret"), "{unreachable:#?}");
    lab.run(&["worker", "--queue", "local"]).fails(2, &["no cluster is named"]);
    lab.run(&["data", "push", "WALK"]).fails(2, &["no cluster is named"]);
    lab.run(&["data", "push", "WALK/nothing"])
        .fails(2, &["not quotes, trades, funding"]);
}

#[test]
fn a_depot_that_cannot_be_used_is_told_at_start() {
    let lab = Lab::new();
    let worker = [
        "worker",
        "--cluster",
        "http://127.0.0.1:1",
        "--queue",
        "amqp://u:p@127.0.0.1:1/",
    ];
    let with = |depot: &'static str| [&worker[..], &["--depot", depot]].concat();
    lab.run(&with("gs://bucket/x")).fails(2, &["not the address of a depot"]);
    lab.run(&with("s3://")).fails(2, &["names no bucket"]);
    let nobody = format!("http://{}", free());
    let mut command = lab.command(&with("s3://assay/x"));
    command.env("AWS_ENDPOINT_URL", nobody);
    command
        .env("AWS_ACCESS_KEY_ID", "who")
        .env("AWS_SECRET_ACCESS_KEY", "hush-hush");
    let ran: Ran = command.output().unwrap().into();
    ran.fails(7, &["s3://assay/x"]);
    assert!(!ran.stderr.contains("hush-hush"), "{ran:#?}");
}
