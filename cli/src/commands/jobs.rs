//! `assay jobs`

use anstream::eprintln;
use assay_store::JobRecord;

use crate::args::{JobsArgs, OutputFormat};
use crate::failure::{Failure, Outcome};
use crate::local::Ledger;
use crate::output::{Cell, Kind, Rows, print_rows};
use crate::settings::Settings;

/// Columns; the last two are too wide for tables, `error` is shown there where a job has one.
const COLUMNS: [(&str, Kind); 12] = [
    ("job_id", Kind::Text),
    ("name", Kind::Text),
    ("state", Kind::Text),
    ("trials", Kind::Count),
    ("done", Kind::Count),
    ("failed", Kind::Count),
    ("instruments", Kind::Text),
    ("created", Kind::Time),
    ("finished", Kind::Time),
    ("seconds", Kind::Seconds),
    ("error", Kind::Text),
    ("fingerprint", Kind::Text),
];
const ALWAYS: usize = 10;

pub(super) fn run(args: &JobsArgs, settings: &Settings) -> Outcome {
    let (jobs, place) = jobs(args, settings)?;
    let shown = match (settings.format(), jobs.iter().any(|job| job.error.is_some())) {
        (OutputFormat::Table, false) => ALWAYS,
        (OutputFormat::Table, true) => ALWAYS + 1,
        _ => COLUMNS.len(),
    };
    let mut rows = Rows::new(COLUMNS[..shown].iter().copied());
    for job in &jobs {
        let mut cells = row(job);
        cells.truncate(shown);
        rows.push(cells);
    }
    if jobs.is_empty() && settings.format() == OutputFormat::Table {
        eprintln!("{place} has no jobs yet; `assay run JOB.toml` makes one");
        return Ok(0);
    }
    print_rows(&rows, settings.format())?;
    Ok(0)
}

/// All that is known of the jobs, newest first.
#[cfg(feature = "cluster")]
pub(crate) fn all_rows(args: &JobsArgs, settings: &Settings) -> Result<Rows, Failure> {
    let mut rows = Rows::new(COLUMNS);
    for job in &jobs(args, settings)?.0 {
        rows.push(row(job));
    }
    Ok(rows)
}

/// The jobs, and what has them.
#[cfg_attr(
    not(feature = "cluster"),
    allow(unused_variables, reason = "only clusters are named by arguments")
)]
fn jobs(args: &JobsArgs, settings: &Settings) -> Result<(Vec<JobRecord>, String), Failure> {
    #[cfg(feature = "cluster")]
    if let Some(session) = args.cluster.session()? {
        let jobs = session.ask(|remote| async move { remote.jobs().await })?;
        return Ok((jobs.into_iter().map(|job| job.record).collect(), "the cluster".to_owned()));
    }
    Ok((Ledger::new(&settings.home)?.jobs()?, settings.home.display().to_string()))
}

fn row(job: &JobRecord) -> Vec<Cell> {
    vec![
        job.id.to_string().into(),
        job.name.as_str().into(),
        job.state.name().into(),
        job.trials.into(),
        job.trials_done.into(),
        job.trials_failed.into(),
        job.layout.instruments.join(" ").into(),
        job.created.into(),
        job.finished.into(),
        job.seconds.into(),
        job.error.as_deref().into(),
        job.fingerprint.as_deref().into(),
    ]
}
