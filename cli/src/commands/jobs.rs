//! `assay jobs`

use assay_store::JobRecord;

use crate::failure::Outcome;
use crate::local::Ledger;
use crate::output::{Kind, Rows, print_rows};
use crate::settings::Settings;

pub(super) fn run(settings: &Settings) -> Outcome {
    let jobs = Ledger::new(&settings.home)?.jobs()?;
    let mut rows = Rows::new([
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
        ("fingerprint", Kind::Text),
        ("error", Kind::Text),
    ]);
    for job in &jobs {
        rows.push(row(job));
    }
    print_rows(&rows, settings.format())?;
    Ok(0)
}

fn row(job: &JobRecord) -> Vec<crate::output::Cell> {
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
        job.fingerprint.as_deref().into(),
        job.error.as_deref().into(),
    ]
}
