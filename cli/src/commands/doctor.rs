//! `assay doctor`: is everything as it should be?

use std::fs;
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Instant;

use assay_core::SEMANTICS_VERSION;
use assay_data::Catalog;
use assay_engine::SimdLevel;
use assay_store::{JobState, has_results};
use owo_colors::OwoColorize;

use crate::args::OutputFormat;
use crate::failure::{Failure, Outcome};
use crate::local::Ledger;
use crate::machine;
use crate::output::{Kind, Rows, human, print_rows, stdout};
use crate::settings::Settings;

/// Less free disk than this deserves a warning.
const LITTLE_DISK: u64 = 1_000_000_000;
/// A disk that takes longer than this to make a small file durable slows every task down.
const SLOW_SYNC_SECONDS: f64 = 0.1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Warn,
    Broken,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Broken => "broken",
        }
    }
}

struct Check {
    name: &'static str,
    status: Status,
    detail: String,
    hint: String,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            status: Status::Ok,
            detail: detail.into(),
            hint: String::new(),
        }
    }

    fn other(name: &'static str, status: Status, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            name,
            status,
            detail: detail.into(),
            hint: hint.into(),
        }
    }

    fn broken(name: &'static str, failure: &Failure) -> Self {
        Self::other(
            name,
            Status::Broken,
            failure.message(),
            failure.hint_text().unwrap_or_default(),
        )
    }
}

pub(super) fn run(settings: &Settings) -> Outcome {
    let mut checks = vec![version(), processor(), memory()];
    checks.extend(disk(&settings.home));
    checks.push(catalog(&settings.home));
    checks.extend(database(&settings.home));
    match settings.format() {
        OutputFormat::Table => print(&checks)?,
        format => print_rows(&rows(&checks), format)?,
    }
    match checks.iter().filter(|check| check.status == Status::Broken).count() {
        0 => Ok(0),
        1 => Err(Failure::external("one check found something broken")),
        count => Err(Failure::external(format!("{count} checks found something broken"))),
    }
}

fn print(checks: &[Check]) -> Result<(), Failure> {
    let mut out = stdout();
    for check in checks {
        let status = match check.status {
            Status::Ok => "ok    ".green().to_string(),
            Status::Warn => "warn  ".yellow().to_string(),
            Status::Broken => "broken".red().to_string(),
        };
        writeln!(out, "{status}  {:<10}  {}", check.name, check.detail)?;
        if !check.hint.is_empty() {
            writeln!(out, "                    hint: {}", check.hint)?;
        }
    }
    Ok(out.flush()?)
}

fn rows(checks: &[Check]) -> Rows {
    let columns = ["check", "status", "detail", "hint"].map(|name| (name, Kind::Text));
    let mut rows = Rows::new(columns);
    for check in checks {
        let row = [check.name, check.status.name(), &check.detail, &check.hint];
        rows.push(row.into_iter().map(Into::into).collect());
    }
    rows
}

fn version() -> Check {
    let detail = format!("assay {}, semantics {SEMANTICS_VERSION}", env!("CARGO_PKG_VERSION"));
    Check::ok("version", detail)
}

fn processor() -> Check {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let level = SimdLevel::detect();
    let detail = format!("{cores} cores, {}", level.name());
    if level == SimdLevel::Baseline {
        let hint = "results are the same, only slower; a processor with AVX2 is faster";
        return Check::other("processor", Status::Warn, detail, hint);
    }
    Check::ok("processor", detail)
}

fn memory() -> Check {
    let memory = machine::memory_limit();
    let bytes = human::bytes(memory.bytes);
    Check::ok(
        "memory",
        format!("{bytes} (limit of the {}); a run takes up to half of it", memory.source),
    )
}

/// Whether the home can be written, how long that takes to be durable, and how much fits.
fn disk(home: &Path) -> Vec<Check> {
    let home_check = match probe(home) {
        Err(failure) => Check::broken("home", &failure),
        Ok(None) => Check::ok("home", format!("{} does not exist yet and can be made", home.display())),
        Ok(Some(seconds)) => {
            let detail = format!("{} is writable, durable in {}", home.display(), human::seconds(seconds));
            if seconds > SLOW_SYNC_SECONDS {
                let hint = "the disk is slow to make files durable; a local disk is faster than a network one";
                Check::other("home", Status::Warn, detail, hint)
            } else {
                Check::ok("home", detail)
            }
        }
    };
    let free = match machine::disk_free(home) {
        Ok(free) if free < LITTLE_DISK => {
            let hint = "a million trials take up to about two gigabytes while they run";
            Check::other("disk", Status::Warn, format!("{} free", human::bytes(free)), hint)
        }
        Ok(free) => Check::ok("disk", format!("{} free", human::bytes(free))),
        Err(error) => Check::broken("disk", &Failure::io("measure", home, &error)),
    };
    vec![home_check, free]
}

/// Seconds to write and sync a small file; `None` where the home does not exist but could be made.
fn probe(home: &Path) -> Result<Option<f64>, Failure> {
    let absolute = std::path::absolute(home).map_err(|error| Failure::io("find", home, &error))?;
    let existing = absolute.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(existing)?;
        let began = Instant::now();
        file.write_all(&[0; 4096])?;
        file.as_file().sync_all()?;
        Ok(began.elapsed().as_secs_f64())
    };
    let seconds = write().map_err(|error| Failure::io("write to", existing, &error))?;
    Ok((existing == absolute).then_some(seconds))
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn catalog(home: &Path) -> Check {
    let read = || -> Result<(usize, u64, Vec<String>), Failure> {
        let datasets = Catalog::open(home)?.datasets()?;
        let mut missing = Vec::new();
        for dataset in &datasets {
            let kind = dataset.bar.map_or(dataset.kind.to_string(), |bar| format!("bars-{bar}"));
            let folder = home.join("catalog").join(dataset.symbol.as_str()).join(kind);
            let files = fs::read_dir(&folder).map_err(|error| Failure::io("list", &folder, &error))?;
            let found = files
                .filter_map(Result::ok)
                .filter(|entry| entry.path().extension().is_some_and(|e| e == "parquet"))
                .count();
            if found < dataset.files {
                missing.push(format!("{} {}", dataset.symbol, dataset.kind));
            }
        }
        Ok((datasets.len(), datasets.iter().map(|dataset| dataset.rows).sum(), missing))
    };
    match read() {
        Err(failure) => Check::broken("catalog", &failure),
        Ok((_, _, missing)) if !missing.is_empty() => Check::other(
            "catalog",
            Status::Broken,
            format!("files are missing from {}", missing.join(", ")),
            "import their sources again",
        ),
        Ok((0, ..)) => Check::ok("catalog", "empty; `assay data import FILE --symbol S` adds data"),
        Ok((count, rows, _)) => Check::ok(
            "catalog",
            format!("{}, {} rows", plural(count, "dataset"), human::count(rows as i64)),
        ),
    }
}

fn database(home: &Path) -> Vec<Check> {
    let jobs = match Ledger::new(home).and_then(|mut ledger| ledger.jobs()) {
        Err(failure) => return vec![Check::broken("database", &failure)],
        Ok(jobs) => jobs,
    };
    let of = |state: JobState| jobs.iter().filter(|job| job.state == state).count();
    let (done, running) = (of(JobState::Done), of(JobState::Running));
    let detail = format!("{}, {done} done", plural(jobs.len(), "job"));
    let mut checks = vec![match running {
        0 => Check::ok("database", detail),
        _ => Check::other(
            "database",
            Status::Warn,
            format!("{detail}, {running} running or cut off"),
            "`assay run` of the same file continues a job that was cut off",
        ),
    }];
    let lost: Vec<&str> = jobs
        .iter()
        .filter(|job| job.state == JobState::Done && !has_results(home, &job.layout))
        .map(|job| job.name.as_str())
        .collect();
    checks.push(match lost.as_slice() {
        [] => Check::ok("results", "every finished job has its files"),
        lost => Check::other(
            "results",
            Status::Warn,
            format!("files are missing of {}", lost.join(", ")),
            "run these jobs again",
        ),
    });
    checks
}
