//! `assay top`: the best points of a job.

use std::io::Write;
use std::path::{Path, PathBuf};

use anstream::eprintln;
use assay_core::job::{Goal, Objective};
use assay_core::rank::Ranked;
use assay_core::row::TrialRow;
use assay_data::Catalog;
use assay_proto::Recorded;
use assay_store::{JobRecord, JobState, RANKED};

use super::leaderboard::{Board, by_front, few_returns};
#[cfg(feature = "cluster")]
use crate::args::ClusterArgs;
use crate::args::{OutputFormat, TopArgs};
use crate::failure::{Failure, Outcome};
use crate::job;
use crate::local::{Ledger, of_goals, rows_on_ticks};
use crate::output::{human, print_json, print_rows, stdout, table};
use crate::settings::Settings;

pub(super) fn run(args: &TopArgs, settings: &Settings) -> Outcome {
    let ranking = Ranking::find(args, settings)?;
    if let Some(text) = few_returns(&ranking.recorded) {
        settings.warn(&text);
    }
    show(&ranking, settings)
}

/// The best points of a job, in order, and what is shown beside them.
pub(crate) struct Ranking {
    pub(crate) record: JobRecord,
    ranked: Vec<Ranked>,
    /// What they are ranked by, if not the job's objective.
    by: Option<Goal>,
    recorded: Recorded,
    objective: Objective,
    /// Of a job with several goals, the front of each point.
    fronts: Option<Vec<u64>>,
    /// Points that were run again on ticks.
    on_ticks: Option<Vec<TrialRow>>,
}

impl Ranking {
    /// Asks the cluster, if one is meant, else the home.
    pub(crate) fn find(args: &TopArgs, settings: &Settings) -> Result<Self, Failure> {
        let by = args.by.map(|by| Goal {
            metric: by.metric,
            negated: by.negated,
        });
        of_goals(by.into_iter()).for_each(|text| settings.warn(&text));
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
            let on_ticks = session.rows_on_ticks(&job.record)?;
            return Self::new(job.record, ranked, by, args.limit, recorded, on_ticks);
        }
        let (record, ranked, mut ledger) = find_here(&wanted, settings)?;
        let recorded = ledger.recorded(&record, false)?;
        let on_ticks = rows_on_ticks(&record, settings)?;
        Self::new(record, ranked, by, args.limit, recorded, on_ticks)
    }

    fn new(
        record: JobRecord,
        mut ranked: Vec<Ranked>,
        by: Option<Goal>,
        limit: usize,
        recorded: Recorded,
        on_ticks: Option<Vec<TrialRow>>,
    ) -> Result<Self, Failure> {
        let objective = record.objective()?;
        let mut fronts = None;
        if by.is_none() && objective.goal_count() > 1 {
            let (numbers, points): (Vec<u64>, Vec<Ranked>) = by_front(&record, ranked, limit)?.into_iter().unzip();
            (fronts, ranked) = (Some(numbers), points);
        }
        ranked.truncate(limit);
        Ok(Self {
            record,
            ranked,
            by,
            recorded,
            objective,
            fronts,
            on_ticks,
        })
    }

    /// As people and programs see it.
    pub(crate) fn board(&self) -> Result<Board<'_>, Failure> {
        let goal = self.by.unwrap_or(self.objective.maximize);
        let mut board = Board::new(&self.record, &self.ranked, goal)?.deflated(&self.recorded);
        if let Some(fronts) = &self.fronts {
            board = board.with_fronts(fronts);
        }
        if let Some(rows) = &self.on_ticks {
            board = board.on_ticks(rows);
        }
        Ok(board)
    }
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

/// Where all rows of a job can be read.
pub(super) enum RowsHome {
    /// In the home.
    Here(PathBuf),
    /// Fetched from a cluster.
    #[cfg(feature = "cluster")]
    Fetched(PathBuf),
}

impl RowsHome {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Here(path) => path,
            #[cfg(feature = "cluster")]
            Self::Fetched(path) => path,
        }
    }

    /// Whether the job is one of this home.
    pub(super) fn is_here(&self) -> bool {
        matches!(self, Self::Here(_))
    }
}

/// Brings all rows of a finished job to where they can be read.
pub(super) fn rows_of(
    #[cfg_attr(
        not(feature = "cluster"),
        allow(unused_variables, reason = "only clusters are asked for it")
    )]
    record: &JobRecord,
    #[cfg(feature = "cluster")] cluster: &ClusterArgs,
    settings: &Settings,
) -> Result<RowsHome, Failure> {
    #[cfg(feature = "cluster")]
    if let Some(session) = cluster.session()? {
        return Ok(RowsHome::Fetched(session.results_of(record, &settings.home)?));
    }
    Ok(RowsHome::Here(settings.home.clone()))
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

fn show(ranking: &Ranking, settings: &Settings) -> Outcome {
    let board = ranking.board()?;
    match settings.format() {
        OutputFormat::Json => print_json(&board.to_json())?,
        OutputFormat::Table => {
            let goals: Vec<String> = match ranking.by {
                Some(goal) => vec![goal.to_string()],
                None => ranking.objective.goals().map(|goal| goal.to_string()).collect(),
            };
            let (record, goals) = (&ranking.record, goals.join(", "));
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
pub(crate) fn job_name(text: &str, settings: &Settings) -> Result<String, Failure> {
    if is_file(text) {
        let job = job::load(Path::new(text), &Catalog::open(&settings.home)?)?;
        return Ok(job.id.to_string());
    }
    Ok(text.to_owned())
}

/// A job by its file, or by id or name.
pub(crate) fn find_job(text: &str, settings: &Settings, ledger: &mut Ledger) -> Result<JobRecord, Failure> {
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
