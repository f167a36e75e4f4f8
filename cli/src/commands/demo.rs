//! `assay demo`: the whole way once, on generated ticks, saying what a user would type.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anstream::eprintln;
use assay_core::ids::{Symbol, TrialId};
use assay_data::{Catalog, GenerateRequest, generate};
use owo_colors::OwoColorize;

use super::leaderboard::Board;
use super::run::{first_failure, report};
use super::{show, show_view};
use crate::args::{DemoArgs, OutputFormat};
use crate::failure::{Failure, Outcome};
use crate::job;
use crate::local::{self, Ended, Ledger};
use crate::output::{human, stdout, table, write_file};
use crate::settings::Settings;

/// The job; it is written beside the data, so that a user can change it and run it again.
const JOB: &str = include_str!("demo_job.toml");
const JOB_FILE: &str = "demo.toml";
/// Seed of the ticks.
pub(super) const SEED: u64 = 7;
const SHOWN: usize = 10;

pub(super) fn run(args: &DemoArgs, settings: &Settings) -> Outcome {
    let catalog = Catalog::open(&settings.home)?;
    let request = GenerateRequest::demo(SEED);
    step(
        "assay data import ticks.csv --symbol DEMO",
        "here the ticks are generated instead",
    );
    let rows = ensure_ticks(&catalog, &request)?;
    let began = Instant::now();
    say(&format!("{} quotes in the catalog", human::count(rows as i64)));

    let path = settings.home.join(JOB_FILE);
    write_job(&path)?;
    step(
        &format!("assay run {}", path.display()),
        "every pair of averages on five-minute bars",
    );
    let job = job::load(&path, &catalog)?;
    let finished = match local::run(&job, &catalog, settings, args.limits)? {
        Ended::Done(finished) => finished,
        Ended::Interrupted { done, .. } => {
            eprintln!("stopped after {} trials; `assay demo` continues", human::count(done as i64));
            return Ok(crate::failure::INTERRUPTED);
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    if settings.format() != OutputFormat::Table {
        return report(&finished, seconds, first_failure(&finished, settings)?, settings);
    }
    let record = &finished.record;
    let trials = human::count(record.trials as i64);
    say(&match finished.computed {
        0 => format!("{trials} trials, found: this job was run before"),
        _ => format!("{trials} trials in {}", human::seconds(seconds)),
    });

    step(&format!("assay top {} -n {SHOWN}", record.id), "the leaderboard");
    let goal = record.objective()?.maximize;
    let ranked = Ledger::new(&settings.home)?.top(record, SHOWN, goal)?;
    let mut out = stdout();
    writeln!(out, "{}\n", table(&Board::new(record, &ranked, goal)?.table_rows()))?;
    out.flush()?;

    let Some(best) = ranked.first() else {
        return Err(Failure::internal("the demo found no point"));
    };
    let trial = TrialId {
        job: record.id,
        instrument: 0,
        ordinal: best.ordinal,
    };
    step(&format!("assay show {trial}"), "the best trial again, bar by bar");
    let shown = show::replay(trial, settings)?;
    show_view::print(&shown)?;
    if !shown.differences().is_empty() {
        return Err(Failure::internal("the replay of the demo's best trial differs from its row").at(trial));
    }
    say_what_next(&path, settings);
    Ok(0)
}

/// The generated ticks, made unless they are there.
pub(super) fn ensure_ticks(catalog: &Catalog, request: &GenerateRequest) -> Result<u64, Failure> {
    let known = |symbol: &Symbol| {
        catalog
            .find(symbol)
            .ok()
            .and_then(|datasets| datasets.first().map(|dataset| dataset.rows))
    };
    if let Some(rows) = known(&request.symbol) {
        return Ok(rows);
    }
    generate(catalog, request)?;
    known(&request.symbol).ok_or_else(|| Failure::internal("the generated ticks are not in the catalog"))
}

/// Writes the job unless the user has one of that name, which is then theirs.
fn write_job(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::io("write", path, &error))?;
    }
    write_file(path, JOB.as_bytes())
}

fn step(command: &str, about: &str) {
    eprintln!("\n{} {}  {}", "$".dimmed(), command.bold(), format!("# {about}").dimmed());
}

fn say(text: &str) {
    eprintln!("{text}");
}

fn say_what_next(path: &Path, settings: &Settings) {
    eprintln!("\nThe ticks are generated: a good trial here is luck. With data of your own:");
    eprintln!("  assay data import FILES --symbol EURUSD");
    eprintln!("  assay strategy ls");
    eprintln!("  assay plan {}    # change the job, then plan and run it", path.display());
    eprintln!("Everything lies in {}.", settings.home.display());
}
