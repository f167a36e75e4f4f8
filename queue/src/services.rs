//! Brokers for tests, started by `scripts/services`, which stops them when the tests' process is gone, however it ended.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Prefix, QueueSettings};

/// What `scripts/services` printed.
pub(crate) struct Services(BTreeMap<String, String>);

impl Services {
    /// The broker that nextest's setup script started for all tests, or that the user named; else one of this process's own.
    /// `None`, with a word, where there can be none.
    pub(crate) fn shared() -> Option<Self> {
        if std::env::var_os("AMQP_URL").is_some() {
            let known = std::env::vars().filter(|(name, _)| name.starts_with("AMQP") || name.starts_with("SERVICES_"));
            return Some(Self(known.collect()));
        }
        Self::private()
    }

    /// One that the test may break.
    pub(crate) fn private() -> Option<Self> {
        let refused = std::env::var_os("ASSAY_SERVICES").is_some_and(|value| value == "absent");
        let pid = std::process::id().to_string();
        if !refused && let Some(lines) = run(&["start", "--only", "rabbit", "--tls", "--until", &pid]) {
            let pairs = lines.lines().filter_map(|line| line.split_once('='));
            return Some(Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()));
        }
        assert!(
            refused || std::env::var("CI").as_deref() != Ok("true"),
            "this test needs a broker"
        );
        println!("skipped: no RabbitMQ here (scripts/services install)");
        None
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A command of `scripts/services` for the folder of this broker.
    pub(crate) fn command(&self, command: &str, arguments: &[&str]) {
        let folder = self.get("SERVICES_DIR").expect("it was started by the script");
        let all = [&[command, folder], arguments].concat();
        assert!(run(&all).is_some(), "{command} {arguments:?} failed");
    }

    /// Settings for a queue of the test's own at this broker, with short limits of time.
    pub(crate) fn settings(&self, name: &str) -> QueueSettings {
        let address = self.get("AMQP_URL").expect("a broker's address").parse();
        let mut settings = QueueSettings::new(address.expect("a good address"));
        settings.prefix = prefix(name);
        settings.answer_within = Duration::from_secs(5);
        settings.publish_within = Duration::from_secs(5);
        settings
    }
}

/// A prefix that no other run uses.
fn prefix(name: &str) -> Prefix {
    let nanoseconds = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_nanos());
    format!("test-{name}-{:x}", nanoseconds as u64)
        .parse()
        .expect("a good prefix")
}

fn run(arguments: &[&str]) -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
    let output = Command::new(script).args(arguments).stderr(Stdio::inherit()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
