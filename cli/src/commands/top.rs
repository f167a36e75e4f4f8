//! `assay top`: the best points of a job.

use std::io::Write;
use std::path::Path;

use anstream::eprintln;
use assay_core::job::Goal;
use assay_core::rank::Ranked;
use assay_data::Catalog;
use assay_proto::Recorded;
use assay_store::{JobRecord, JobState, RANKED, read_fidelity};

use super::leaderboard::{Board, by_front};
#[cfg(feature = "cluster")]
use crate::args::ClusterArgs;
use crate::args::{OutputFormat, TopArgs};
use crate::failure::{Failure, Outcome};
use crate::job;
use crate::local::Ledger;
use crate::output::{human, print_json, print_rows, stdout, table};
use crate::settings::Settings;

pub(super) fn run(args: &TopArgs, settings: &Settings) -> Outcome {
    let by = args.by.map(|by| Goal {
        metric: by.metric,
        negated: by.negated,
    });
    let wanted = Wanted {
        job: &args.job,
        count: args.limit,
        by,
    };
    #[cfg(feature = "cluster")]
    if let Some(session) = args.cluster.session()? {
        let name = job_name(&args.job, settings)?;
        // Which points of several goals come first is known when all are there.
        let count = if by.is_none() { RANKED } else { args.limit };
        let (job, ranked) = session.ask(|remote| async move { remote.top(&name, count, by).await })?;
        let recorded = match job.record.state {
            JobState::Done => {
                let id = job.record.id.to_string();
                session.ask(|remote| async move { remote.evidence(&id, false).await })?.1
            }
            _ => Recorded::default(),
        };
        return show(&job.record, ranked, by, args.limit, &recorded, settings);
    }
    let (record, ranked, mut ledger) = find_here(&wanted, settings)?;
    let recorded = ledger.recorded(&record, false)?;
    show(&record, ranked, by, args.limit, &recorded, settings)
}

/// Which of the best points of which job.
pub(super) struct Wanted<'a> {
    /// Job id, job name, or job file.
    pub(super) job: &'a str,
    /// How many at most.
    pub(super) count: usize,
    /// What to rank by, if not the job's objective.
    pub(super) by: Option<Goal>,
}

/// A finished job and its best points, from a cluster or from the home.
pub(super) fn find(
    wanted: &Wanted<'_>,
    #[cfg(feature = "cluster")] cluster: &ClusterArgs,
    settings: &Settings,
) -> Result<(JobRecord, Vec<Ranked>), Failure> {
    #[cfg(feature = "cluster")]
    if let Some(session) = cluster.session()? {
        let name = job_name(wanted.job, settings)?;
        let (count, by) = (wanted.count, wanted.by);
        let (job, ranked) = session.ask(|remote| async move { remote.top(&name, count, by).await })?;
        return Ok((job.record, ranked));
    }
    let (record, ranked, _) = find_here(wanted, settings)?;
    Ok((record, ranked))
}

/// The same from the home.
fn find_here(wanted: &Wanted<'_>, settings: &Settings) -> Result<(JobRecord, Vec<Ranked>, Ledger), Failure> {
    let mut ledger = Ledger::new(&settings.home)?;
    let record = find_job(wanted.job, settings, &mut ledger)?;
    if record.state != JobState::Done {
        let message = format!(
            "job `{}` ({}) is {}: it has no ranking yet",
            record.name, record.id, record.state
        );
        return Err(Failure::not_found(message).hint("`assay run JOB.toml` finishes it"));
    }
    let objective = record.objective()?;
    // Which points of several goals come first is known when all are there, beyond those that the database keeps, too.
    let count = if wanted.by.is_none() && objective.goal_count() > 1 {
        let all = record.points.unwrap_or(record.trials) as usize;
        RANKED.max(wanted.count).max(all)
    } else {
        wanted.count
    };
    let ranked = ledger.top(&record, count, wanted.by.unwrap_or(objective.maximize))?;
    Ok((record, ranked, ledger))
}

fn show(
    record: &JobRecord,
    mut ranked: Vec<Ranked>,
    by: Option<Goal>,
    limit: usize,
    recorded: &Recorded,
    settings: &Settings,
) -> Outcome {
    let objective = record.objective()?;
    let mut fronts = None;
    if by.is_none() && objective.goal_count() > 1 {
        let (numbers, points): (Vec<u64>, Vec<Ranked>) = by_front(record, ranked, limit)?.into_iter().unzip();
        (fronts, ranked) = (Some(numbers), points);
    }
    ranked.truncate(limit);
    let goals: Vec<String> = match by {
        Some(goal) => vec![goal.to_string()],
        None => objective.goals().map(|goal| goal.to_string()).collect(),
    };
    let goals = goals.join(", ");
    let mut board = Board::new(record, &ranked, by.unwrap_or(objective.maximize))?.deflated(recorded);
    if let Some(fronts) = &fronts {
        board = board.with_fronts(fronts);
    }
    // Those of a cluster lie in its depot, not here.
    if let Some((_, rows)) = read_fidelity(&settings.home, &record.layout)? {
        board = board.on_ticks(&rows);
    }
    match settings.format() {
        OutputFormat::Json => print_json(&board.to_json())?,
        OutputFormat::Table => {
            let mut out = stdout();
            writeln!(
                out,
                "{} ({}): best of {} points by {goals}\n",
                record.name,
                record.id,
                points(record)
            )?;
            writeln!(out, "{}", table(&board.table_rows()))?;
            out.flush()?;
        }
        format => print_rows(&board.file_rows(), format)?,
    }
    Ok(0)
}

fn points(record: &JobRecord) -> String {
    human::count(record.points.unwrap_or(record.trials) as i64)
}

/// Whether a job is meant by its file.
fn is_file(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|extension| extension == "toml") || text.contains('/')
}

/// What a cluster finds a job by.
#[cfg(feature = "cluster")]
pub(super) fn job_name(text: &str, settings: &Settings) -> Result<String, Failure> {
    if is_file(text) {
        let job = job::load(Path::new(text), &Catalog::open(&settings.home)?)?;
        return Ok(job.id.to_string());
    }
    Ok(text.to_owned())
}

/// A job by its file, or by id or name.
pub(super) fn find_job(text: &str, settings: &Settings, ledger: &mut Ledger) -> Result<JobRecord, Failure> {
    if !is_file(text) {
        let found = ledger.find(text)?;
        if found.name == text {
            note_others(&found, ledger)?;
        }
        return Ok(found);
    }
    let job = job::load(Path::new(text), &Catalog::open(&settings.home)?)?;
    ledger.job(job.id)?.ok_or_else(|| {
        let message = format!(
            "job `{}` ({}) was never run in {}",
            job.spec.name,
            job.id,
            settings.home.display()
        );
        Failure::not_found(message).hint(format!("`assay run {text}` runs it"))
    })
}

/// Says on stderr that a name stands for other jobs, too.
fn note_others(found: &JobRecord, ledger: &mut Ledger) -> Result<(), Failure> {
    let same = ledger.jobs()?.iter().filter(|job| job.name == found.name).count();
    match same.saturating_sub(1) {
        0 => {}
        1 => eprintln!(
            "note: newest of 2 jobs named `{}`; the id of the other is in `assay jobs`",
            found.name
        ),
        others => eprintln!(
            "note: newest of {} jobs named `{}`; the ids of the {others} others are in `assay jobs`",
            others + 1,
            found.name
        ),
    }
    Ok(())
}
