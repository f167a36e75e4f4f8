//! `assay submit | watch`, and `assay run --cluster`, which is one after the other.

use std::io::Write;

use anstream::eprintln;
use assay_core::ids::JobId;
use assay_data::Catalog;
use assay_store::JobState;
use assay_strategies::Job;
use serde_json::json;

use crate::args::{OutputFormat, RunArgs, SubmitArgs, WatchArgs};
use crate::cluster::{Session, Watched};
use crate::commands::run::report;
use crate::failure::{Failure, INTERRUPTED, Outcome};
use crate::job;
use crate::output::{Kind, Rows, human, print_json, print_rows, stdout};
use crate::settings::Settings;

pub(in crate::commands) fn submit(args: &SubmitArgs, settings: &Settings) -> Outcome {
    let session = args.cluster.needed()?;
    let catalog = Catalog::open(&settings.home)?;
    let job = job::load(&args.job, &catalog)?;
    let (id, state) = send(&session, &job, &catalog, args.priority, args.id.clone())?;
    match settings.format() {
        OutputFormat::Json => print_json(&json!({ "job_id": id, "name": job.spec.name, "state": state }))?,
        OutputFormat::Table => {
            writeln!(stdout(), "{id} ({}) is {state}", job.spec.name)?;
            eprintln!("next: assay watch {id}");
        }
        format => {
            let mut rows = Rows::new([("job_id", Kind::Text), ("name", Kind::Text), ("state", Kind::Text)]);
            rows.push(vec![
                id.to_string().into(),
                job.spec.name.as_str().into(),
                state.name().into(),
            ]);
            print_rows(&rows, format)?;
        }
    }
    Ok(0)
}

/// Hands a job over, and before it what the cluster lacks of its data; the cluster must give it the id that it has here.
pub(crate) fn send(
    session: &Session,
    job: &Job,
    catalog: &Catalog,
    priority: u8,
    key: Option<String>,
) -> Result<(JobId, JobState), Failure> {
    session.push_data_of(job, catalog)?;
    let body = job.body();
    let (id, state) = session.ask(|remote| async move { remote.submit(body, priority, key).await })?;
    if id != job.id {
        return Err(Failure::internal(format!(
            "the cluster calls job {} by another id, {id}",
            job.id
        )));
    }
    Ok((id, state))
}

pub(in crate::commands) fn watch(args: &WatchArgs, settings: &Settings) -> Outcome {
    follow(&args.cluster.needed()?, &args.job, settings)
}

/// Runs a job on a cluster and waits for its end.
pub(in crate::commands) fn run_there(session: &Session, args: &RunArgs, settings: &Settings) -> Outcome {
    let catalog = Catalog::open(&settings.home)?;
    let job = job::load(&args.job, &catalog)?;
    let (id, _) = send(session, &job, &catalog, 5, None)?;
    follow(session, &id.to_string(), settings)
}

fn follow(session: &Session, job: &str, settings: &Settings) -> Outcome {
    match session.watch(job, settings)? {
        Watched::Done(finished) => {
            let code = report(&finished, settings.started.elapsed().as_secs_f64(), None, settings)?;
            let record = &finished.record;
            if let Some(fidelity) = record.fidelity()? {
                eprintln!(
                    "note: a worker runs the best {} again on ticks next; `assay top {}` shows them beside the bars",
                    human::count(fidelity.top as i64),
                    record.id
                );
            }
            Ok(code)
        }
        Watched::Detached => {
            eprintln!("no longer watching; the job goes on: assay watch {job}");
            Ok(INTERRUPTED)
        }
    }
}
