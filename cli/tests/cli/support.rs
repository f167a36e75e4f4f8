//! A folder with small data, and the program run in it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A folder of its own for a test; the home lies in it.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The output of a command that must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.stdout
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The command must have failed like this, saying all of `texts` on stderr, with a hint, and without a stack trace.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, code, "{self:#?}");
        assert!(self.stderr.starts_with("error: "), "{self:#?}");
        assert!(self.stderr.contains("\nhint: "), "{self:#?}");
        assert!(
            !self.stderr.contains("panicked") && !self.stderr.contains("defect"),
            "{self:#?}"
        );
        for text in texts {
            assert!(self.stderr.contains(text), "expected `{text}` in {self:#?}");
        }
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("text on stdout"),
            stderr: String::from_utf8(output.stderr).expect("text on stderr"),
        }
    }
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// With minute bars of the symbol `WALK`.
    pub(crate) fn with_bars(count: usize) -> Self {
        let lab = Self::new();
        lab.import_walk("WALK", count, 1);
        lab
    }

    /// Imports a random walk under a symbol.
    pub(crate) fn import_walk(&self, symbol: &str, count: usize, seed: u64) {
        let file = format!("{symbol}.csv");
        self.write(&file, &walk(count, seed));
        let args = [
            "data",
            "import",
            file.as_str(),
            "--symbol",
            symbol,
            "--bar",
            "1m",
            "--tz",
            "UTC",
        ];
        self.run(&args).ok();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file in the temporary folder");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a text in the temporary folder")
    }

    /// Everything in the home, by relative path: to see that nothing was left behind.
    pub(crate) fn home_files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let home = self.path("assay-data");
        list(&home, &home, &mut files);
        files.sort();
        files
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in [
            "ASSAY_HOME",
            "ASSAY_OUTPUT",
            "ASSAY_THREADS",
            "ASSAY_MEMORY",
            "ASSAY_CLUSTER",
            "ASSAY_KEY",
            "XDG_CONFIG_HOME",
        ] {
            command.env_remove(name);
        }
        command.env("HOME", self.folder.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().expect("the program starts").into()
    }

    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }
}

fn list(root: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            list(root, &path, files);
        } else if let Ok(relative) = path.strip_prefix(root) {
            files.push(relative.display().to_string());
        }
    }
}

/// Minute bars of a random walk as CSV, from 2024-01-01.
pub(crate) fn walk(count: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut draw = move |most: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % (most + 1)) as i64
    };
    let mut text = String::from("time,open,high,low,close,volume\n");
    let start: i64 = 1_704_067_200;
    let mut price = 10_000i64;
    for i in 0..count as i64 {
        let open = price;
        price = (price + draw(40) - 20).max(1_000);
        let (high, low) = (open.max(price) + draw(10), open.min(price) - draw(10));
        let stamp = jiff::Timestamp::from_second(start + i * 60).expect("a time in range");
        let cents = [open, high, low, price].map(|p| format!("{}.{:02}", p / 100, p % 100));
        writeln!(text, "{stamp},{},{}", cents.join(","), draw(100)).expect("writing to a string");
    }
    text
}

/// A job of `ma_cross` on minute bars of `WALK`.
pub(crate) fn job(name: &str, fast: &str, slow: &str) -> String {
    format!(
        r#"name = "{name}"
[data]
instruments = ["WALK"]
bars = "1m"
[strategy]
use = "ma_cross"
[params]
fast = {{ int = {fast} }}
slow = {{ int = {slow} }}
where = "fast < slow"
[execution]
commission = 0.0001
"#
    )
}
