//! A job's best trial, and all that was recorded and can be run again to judge it.

use std::cell::RefCell;

use assay_coordinator::Luck;
use assay_core::job::{JobSpec, ValidationSpec};
use assay_core::metrics::{Metric, Metrics};
use assay_core::rank::Ranked;
use assay_core::space::Point;
use assay_data::Catalog;
use assay_optimizer::statistics::SharpeEstimate;
use assay_optimizer::verdict::{BeyondMarket, Evidence, OutOfSample, judge};
use assay_proto::Recorded;
#[cfg(feature = "cluster")]
use assay_store::scan_points;
use assay_store::{JobRecord, JobState};
use serde_json::{Value, json};

use super::Case;
use super::chance::Chance;
use super::cross::Crossed;
use super::facts::{as_seen, of_costs, of_search};
use super::market::{Again, Replays};
use super::page::luck_curve;
use super::trials::{self, Tests};
use super::unseen::{HeldBack, Walked};
use crate::args::{ReportArgs, VerdictArgs};
#[cfg(feature = "cluster")]
use crate::cluster::Session;
use crate::commands::folds::{self, Fold};
use crate::commands::leaderboard::Board;
use crate::commands::report;
use crate::commands::show::params_text;
use crate::commands::top::find_job;
#[cfg(feature = "cluster")]
use crate::commands::top::job_name;
use crate::failure::Failure;
use crate::job::catalog_of;
use crate::local::Ledger;
use crate::output::human;
use crate::settings::Settings;

/// How far a judgement goes.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    /// What the page of a job says: without a look at what was held back, and without tests of all trials.
    Page,
    /// All that a verdict has time for, or all there is.
    Verdict { every_trial: bool },
}

/// What a judgement is made from.
struct Matter<'a> {
    record: &'a JobRecord,
    recorded: &'a Recorded,
    folds: &'a [Fold],
    /// The points that the job kept, where its files are at hand.
    points: &'a mut dyn FnMut() -> Result<Option<Vec<Point>>, Failure>,
    record_look: &'a mut dyn FnMut() -> Result<(), Failure>,
    /// The data that the job ran on.
    catalog: &'a Catalog,
    depth: Depth,
}

pub(super) fn case(name: &str, args: &VerdictArgs, settings: &Settings) -> Result<Case, Failure> {
    let depth = Depth::Verdict {
        every_trial: args.every_trial,
    };
    #[cfg(feature = "cluster")]
    if let Some(session) = args.cluster.session()? {
        let name = job_name(name, settings)?;
        return of_cluster(&session, &name, depth, settings);
    }
    let mut ledger = Ledger::new(&settings.home)?;
    let record = find_job(name, settings, &mut ledger)?;
    of_home(&mut ledger, &record, depth, settings)
}

/// The verdict on a job whose page is made.
pub(super) fn for_report(record: &JobRecord, args: &ReportArgs, settings: &Settings) -> Result<Case, Failure> {
    #[cfg(feature = "cluster")]
    if let Some(session) = args.cluster.session()? {
        return of_cluster(&session, &record.id.to_string(), Depth::Page, settings);
    }
    #[cfg(not(feature = "cluster"))]
    let _ = args;
    of_home(&mut Ledger::new(&settings.home)?, record, Depth::Page, settings)
}

#[cfg(feature = "cluster")]
fn of_cluster(session: &Session, name: &str, depth: Depth, settings: &Settings) -> Result<Case, Failure> {
    let asked = name.to_owned();
    let (job, recorded) = session.ask(|remote| async move { remote.evidence(&asked, true).await })?;
    let id = job.record.id.to_string();
    let asked = id.clone();
    let (_, stored) = session.ask(|remote| async move { remote.folds(&asked).await })?;
    let mut look = || {
        let id = id.clone();
        session.ask(|remote| async move { remote.record_look(&id).await })
    };
    let matter = Matter {
        record: &job.record,
        recorded: &recorded,
        folds: &folds::read_all(&stored)?,
        points: &mut || points_there(session, &job.record, settings).map(Some),
        record_look: &mut look,
        catalog: &session.data_of(&job.record, settings)?.catalog,
        depth,
    };
    judged(matter)
}

fn of_home(ledger: &mut Ledger, record: &JobRecord, depth: Depth, settings: &Settings) -> Result<Case, Failure> {
    if record.state != JobState::Done {
        let message = format!(
            "job `{}` ({}) is {}: there is nothing to judge yet",
            record.name, record.id, record.state
        );
        return Err(Failure::not_found(message).hint("`assay run JOB.toml` finishes it"));
    }
    let recorded = ledger.recorded(record, true)?;
    let folds = folds::read_all(&ledger.folds(record)?)?;
    let ledger = RefCell::new(ledger);
    let matter = Matter {
        record,
        recorded: &recorded,
        folds: &folds,
        points: &mut || ledger.borrow_mut().points(record).map(Some),
        record_look: &mut || ledger.borrow_mut().record_look(record),
        catalog: &catalog_of(record, settings)?,
        depth,
    };
    judged(matter)
}

/// All points of a job of a cluster.
#[cfg(feature = "cluster")]
fn points_there(session: &Session, record: &JobRecord, settings: &Settings) -> Result<Vec<Point>, Failure> {
    let home = session.results_of(record, &settings.home)?;
    let mut points = Vec::new();
    scan_points(&home, &record.layout, &[], |scanned| {
        points.push(Point(scanned.point.into()));
    })?;
    Ok(points)
}

fn judged(matter: Matter<'_>) -> Result<Case, Failure> {
    let Matter {
        record,
        recorded,
        folds,
        points,
        record_look,
        catalog,
        depth,
    } = matter;
    let objective = record.objective()?;
    let ranked: Vec<Ranked> = recorded.best.iter().cloned().collect();
    let board = Board::new(record, &ranked, objective.maximize)?;
    let metrics = recorded
        .best
        .as_ref()
        .and_then(|best| board.metrics(best))
        .unwrap_or_default();
    let luck = Luck::from_json(&recorded.luck);
    let mut notes = Vec::new();
    if luck.is_none() {
        notes.push("this job ran before its luck was measured; run it again under another --home to have all of it".to_owned());
    }
    let spec = stored_spec(record)?;
    let replays = Replays::new(record, objective.aggregate, recorded.window, catalog);
    let again = match (&recorded.best, &replays) {
        (Some(best), Ok(replays)) => Some(Again::run(replays, best, &metrics)?),
        (Some(_), Err(failure)) => {
            notes.push(format!("the best trial was not run again: {}", failure.message()));
            None
        }
        (None, _) => None,
    };
    if let Ok(replays) = &replays {
        notes.extend(replays.notes());
    }
    let held_back = match (&replays, depth) {
        (Ok(replays), Depth::Verdict { .. }) => HeldBack::look(recorded, replays, catalog, record_look)?,
        (Ok(_), Depth::Page) if recorded.held_back.is_some() => {
            notes.push("what was held back is left alone here: `assay verdict` looks at it, and counts the look".to_owned());
            None
        }
        _ => None,
    };
    let wanted = matches!(spec.validation, ValidationSpec::Cpcv(_)) || depth != Depth::Page;
    let kept = match (&replays, wanted) {
        (Ok(_), true) => points()?,
        _ => None,
    };
    if replays.is_ok() && wanted && kept.is_none() {
        notes.push(
            "tests of all trials and cross-validation need the result files: ask for the verdict where they are".to_owned(),
        );
    }
    let crossed = match (&spec.validation, &replays, &kept) {
        (ValidationSpec::Cpcv(cpcv), Ok(replays), Some(points)) => Some(Crossed::new(cpcv, replays, points)?),
        _ => None,
    };
    let walked = Walked::new(folds);
    let together = match (&replays, &recorded.best, &kept, depth) {
        (Ok(replays), Some(best), Some(points), Depth::Verdict { every_trial }) => {
            let of = luck.as_ref().map_or(points.len() as u64, |luck| luck.points);
            together(replays, points, &best.point, of, every_trial, &mut notes)
        }
        _ => None,
    };
    if together.is_some() && spec.search.method.learns() {
        notes.push(
            "the search chose its points by their results, which the tests of all trials do not know: their p-values are too small"
                .to_owned(),
        );
    }
    let chance = match (&replays, &recorded.best) {
        (Ok(replays), Some(best)) if depth != Depth::Page => Chance::of(replays, &best.point).unwrap_or(None),
        _ => None,
    };
    let periods_per_year = metrics.get(Metric::PeriodsPerYear).unwrap_or(252.0);
    let trades = metrics.get(Metric::Trades);
    let evidence = Evidence {
        best: luck
            .as_ref()
            .and_then(|luck| luck.observations)
            .and_then(|n| estimate(&metrics, n)),
        beyond_market: again.as_ref().map_or(BeyondMarket::Unknown, |again| again.beyond_market),
        periods_per_year,
        variance: recorded.sharpe_variance,
        trials_job: luck.as_ref().map_or(record.points.unwrap_or_default(), |luck| luck.points),
        trials_family: recorded.family_points,
        overfitting: match &luck {
            Some(luck) => luck.pbo(),
            None => Err("it was not measured when the job ran".to_owned()),
        },
        trades,
        excess_sharpe: metrics.get(Metric::ExcessSharpe),
        out_of_sample: match (&held_back, &crossed, &walked) {
            (Some(held), ..) => Some(held.of_verdict()),
            (None, Some(crossed), _) => Some(OutOfSample {
                sharpe: crossed.median(),
                seen: false,
                walked: false,
            }),
            (None, None, Some(walked)) => Some(OutOfSample {
                sharpe: walked.sharpe,
                seen: false,
                walked: true,
            }),
            (None, None, None) => None,
        },
        plateau: recorded.plateau.and_then(|plateau| plateau.share),
        cost_break_even: again.as_ref().and_then(|again| again.break_even),
        ambiguous: metrics
            .get(Metric::AmbiguousBars)
            .zip(trades)
            .map(|(bars, trades)| bars / trades.max(1.0)),
    };
    let verdict = judge(&evidence);
    let best_json = board.to_json().into_iter().next().unwrap_or(Value::Null);
    let best_text = match &recorded.best {
        Some(best) => params_text(&record.layout.values(&best.point)),
        None => "no trial has an objective".to_owned(),
    };
    let points = human::count(evidence.trials_job as i64);
    let title = format!(
        "{} ({}): the best of {points} points by {}",
        record.name, record.id, objective.maximize
    );
    let bars = match &replays {
        Ok(replays) => replays.bars() as u64,
        Err(_) => record.bars.unwrap_or_default(),
    };
    let bars = bars / record.layout.instruments.len().max(1) as u64;
    let mut facts = vec![
        ("search", of_search(recorded, luck.as_ref(), &evidence)),
        ("best trial as seen", as_seen(&metrics, record, recorded.window)),
        (
            "costs and capacity",
            of_costs(&metrics, bars, &spec, again.as_ref(), &evidence),
        ),
    ];
    if let Some(held_back) = &held_back {
        facts.insert(2, ("out of sample", held_back.facts()));
    }
    if let Some(crossed) = &crossed {
        facts.insert(2, ("cross-validation", crossed.facts()));
    }
    facts.extend(together.as_ref().map(|tests| ("all trials together", tests.facts())));
    facts.extend(chance.as_ref().map(|chance| ("what chance leaves open", chance.facts())));
    if let Some(walked) = &walked {
        facts.insert(2, ("walk-forward", walked.facts()));
    }
    let (out_of_sample, out_of_sample_is) = match (&held_back, &crossed, &walked) {
        (Some(held), ..) => {
            let seen = if held.of_verdict().seen {
                "Sharpe ratio on what was held back, seen before"
            } else {
                "Sharpe ratio on what was held back, never seen before"
            };
            (held.to_json(verdict.sharpe), seen)
        }
        (None, Some(crossed), _) => (
            crossed.to_json(verdict.sharpe),
            "Sharpe ratio on the median path of the cross-validation",
        ),
        (None, None, Some(walked)) => (
            walked.to_json(verdict.sharpe),
            "Sharpe ratio of all test windows of the walk-forward as one",
        ),
        (None, None, None) => (Value::Null, ""),
    };
    Ok(Case {
        title,
        best: best_json,
        best_text,
        tests: json!({
            "all": together.as_ref().map(Tests::to_json),
            "best": chance.as_ref().map(Chance::to_json),
        }),
        out_of_sample_is,
        luck: luck_curve(&evidence, &verdict),
        paths: crossed.as_ref().map(|crossed| crossed.paths(verdict.sharpe)),
        footer: report::footer(record),
        evidence,
        verdict,
        out_of_sample,
        facts,
        costs: again.map_or_else(Vec::new, |again| again.costs),
        notes,
    })
}

/// Tests of all trials; where they cannot be made a note says why.
fn together(replays: &Replays, points: &[Point], best: &Point, of: u64, every: bool, notes: &mut Vec<String>) -> Option<Tests> {
    let tests = trials::of_job(replays, points, best, of, every).unwrap_or_else(|failure| {
        notes.push(format!("all trials were not tested together: {}", failure.message()));
        None
    })?;
    if tests.tested() < of {
        let hint = if tests.left_out > 0 {
            "--every-trial takes all that the job kept"
        } else {
            "the job kept no others, or they failed"
        };
        notes.push(format!(
            "{} of {} trials were run again for the tests, so that their p-values are too small; {hint}",
            human::count(tests.tested() as i64),
            human::count(of as i64)
        ));
    }
    Some(tests)
}

/// The Sharpe ratio of a trial from its row.
fn estimate(metrics: &Metrics, observations: u64) -> Option<SharpeEstimate> {
    let periods = metrics.get(Metric::PeriodsPerYear)?;
    Some(SharpeEstimate {
        sharpe: metrics.get(Metric::Sharpe)? / periods.sqrt(),
        observations,
        skew: metrics.get(Metric::Skew)?,
        kurtosis: metrics.get(Metric::Kurtosis)? + 3.0,
    })
}

fn stored_spec(record: &JobRecord) -> Result<JobSpec, Failure> {
    let broken = |reason: &str| Failure::external(format!("the record of job {} {reason}", record.id));
    let stored: Value = serde_json::from_str(&record.spec).map_err(|_| broken("is not JSON"))?;
    let source = stored["source"].as_str().ok_or_else(|| broken("has no source"))?;
    Ok(JobSpec::from_toml(source)?)
}
