//! A finished job as a page.

use anstream::eprintln;
use assay_core::job::{JobSpec, Objective};
use assay_core::rank::Ranked;
use assay_core::space::{Domain, Space};
use assay_report::{Best, Goal, JobReport, Parameter, Table, job_page};
use assay_store::{JobRecord, write_analysis};
use assay_strategies::Strategy;
use serde_json::{Value, json};

use super::{Made, walks};
use crate::args::ReportArgs;
use crate::commands::findings::{Findings, Stored};
use crate::commands::leaderboard::{Board, by_front};
use crate::commands::{top, verdict};
use crate::failure::Failure;
use crate::output::{human, report_table};
use crate::settings::Settings;

/// Rows of the leaderboard.
const LEADERS: usize = 15;

/// The page of a job, by what a user calls it.
pub(super) fn page(args: &ReportArgs, settings: &Settings) -> Result<Made, Failure> {
    let wanted = top::Wanted {
        job: &args.what,
        count: LEADERS,
        by: None,
    };
    #[cfg(feature = "cluster")]
    let (record, ranked) = top::find(&wanted, &args.cluster, settings)?;
    #[cfg(not(feature = "cluster"))]
    let (record, ranked) = top::find(&wanted, settings)?;
    let objective = record.objective()?;
    // Of several goals front by front, as `top` shows them.
    let (fronts, ranked): (Vec<u64>, Vec<Ranked>) = if objective.goal_count() > 1 {
        by_front(&record, ranked, LEADERS)?.into_iter().unzip()
    } else {
        (Vec::new(), ranked)
    };
    let Stored { spec, strategy, space } = Stored::of(&record)?;
    #[cfg(feature = "cluster")]
    let rows_home = top::rows_of(&record, &args.cluster, settings)?;
    #[cfg(not(feature = "cluster"))]
    let rows_home = top::rows_of(&record, settings)?;
    let findings = Findings::read(&record, &space, &objective, rows_home.path(), settings)?;
    let plateaus = findings.plateaus(ranked.iter().map(|ranked| &ranked.point));
    let ordinals = ranked.iter().map(|ranked| ranked.ordinal.0).zip(plateaus.iter().copied());
    let rows = findings.rows(&objective, &ordinals.collect::<Vec<_>>());
    // Beside the results, where those are this home's.
    if rows_home.is_here() {
        if let Err(error) = write_analysis(&settings.home, &record.layout, &rows) {
            eprintln!("note: the findings are not beside the results: {error}");
        }
        settings.log(|| "findings written".to_owned());
    }
    let mut board = Board::new(&record, &ranked, objective.maximize)?;
    if !fronts.is_empty() {
        board = board.with_fronts(&fronts);
    }
    let best = ranked.first().and_then(|best| {
        Some(Best {
            values: best.point.0.to_vec(),
            objective: best.objective?,
            trial: board.trial_id(best, 0).to_string(),
        })
    });
    let facts_told = told(&record, &findings, &plateaus);
    let steps = findings.best.steps().iter();
    let verdict = verdict::for_report(&record, args, settings);
    let verdict = verdict
        .inspect_err(|failure| eprintln!("note: the page has no verdict: {}", failure.message()))
        .ok();
    let report = JobReport {
        title: record.name.clone(),
        subtitle: subtitle(&record, &spec, &strategy),
        facts: facts(&record, &spec, &ranked, &objective),
        footer: footer(&record),
        goal: Goal {
            name: objective.maximize.metric.name().to_owned(),
            unit: objective.maximize.metric.unit(),
            smaller: objective.maximize.negated,
        },
        params: space_of(&space),
        best,
        best_so_far: steps.map(|(tried, score)| (*tried, objective.value(*score))).collect(),
        leaderboard: leaderboard(&board, objective.maximize.metric.name(), &plateaus),
        importance: findings.importance,
        sample: findings.sample,
        verdict,
        front: findings.front,
        walks: walks::of(&record, &space, args, settings)?,
    };
    Ok(Made {
        page: job_page(&report),
        id: record.id.to_string(),
        facts: facts_told,
    })
}

/// The best points, with how their neighbours do beside the objective.
fn leaderboard(board: &Board<'_>, goal: &str, plateaus: &[Option<f64>]) -> Table {
    let title = "Leaderboard; neighbours: the share of all points that those nearest to it beat";
    let mut table = report_table(&board.table_rows(), title);
    let of_goal = table.columns.iter().position(|column| column.0 == goal);
    let at = of_goal.map_or(table.columns.len(), |i| i + 1);
    table.columns.insert(at, ("neighbours".to_owned(), true));
    for (row, plateau) in table.rows.iter_mut().zip(plateaus) {
        row.insert(at, plateau.map_or(human::UNDEFINED.to_owned(), human::percent));
    }
    table
}

/// What programs are told.
fn told(record: &JobRecord, findings: &Findings, plateaus: &[Option<f64>]) -> Value {
    let importance = findings.importance.iter();
    let importance = importance.map(|i| json!({ "params": i.names, "share": i.share, "spread": i.spread }));
    json!({
        "job_id": record.id,
        "points": findings.sample.total,
        "importance": importance.collect::<Vec<_>>(),
        "plateau": plateaus.first().copied().flatten(),
        "improvements": findings.best.steps().len(),
    })
}

fn space_of(space: &Space) -> Vec<Parameter> {
    let parameter = |parameter: &assay_core::space::Parameter| Parameter {
        name: parameter.name.clone(),
        log: matches!(
            &parameter.domain,
            Domain::Int { log: true, .. } | Domain::Float { log: true, .. }
        ),
        choices: match &parameter.domain {
            Domain::Choice(texts) => texts.clone(),
            Domain::Fixed(value @ assay_core::space::ParamValue::Text(_)) => vec![value.to_string()],
            _ => Vec::new(),
        },
    };
    space.params.iter().map(parameter).collect()
}

fn subtitle(record: &JobRecord, spec: &JobSpec, strategy: &Strategy) -> String {
    format!(
        "{} on {} bars of {}. {}",
        strategy.name,
        spec.data.bars,
        record.layout.instruments.join(", "),
        strategy.about
    )
}

fn facts(record: &JobRecord, spec: &JobSpec, ranked: &[Ranked], objective: &Objective) -> Vec<(String, String)> {
    let best = ranked.first().and_then(|best| best.objective);
    let mut facts = vec![
        (
            format!("best {}", objective.maximize),
            human::metric(objective.maximize.metric, best),
        ),
        (
            "points tried".to_owned(),
            human::count(record.points.unwrap_or(record.trials) as i64),
        ),
        ("trials".to_owned(), human::count(record.trials as i64)),
    ];
    if record.trials_failed > 0 {
        facts.push(("failed".to_owned(), human::count(record.trials_failed as i64)));
    }
    let time = |at: Option<assay_core::time::UtcNs>, open: &str| at.map_or(open.to_owned(), |at| human::time(at.0));
    facts.extend([
        ("bars".to_owned(), human::count(record.bars.unwrap_or_default() as i64)),
        ("from".to_owned(), time(spec.data.from, "the first bar")),
        ("to".to_owned(), time(spec.data.to, "the last bar")),
    ]);
    if let Some(seconds) = record.seconds {
        facts.push(("computed in".to_owned(), human::seconds(seconds)));
    }
    facts
}

/// What a page was made from.
pub(in crate::commands) fn footer(record: &JobRecord) -> String {
    let fingerprint = record.fingerprint.as_deref().unwrap_or(human::UNDEFINED);
    format!(
        "assay {}, semantics {}; job {}, fingerprint {fingerprint}",
        env!("CARGO_PKG_VERSION"),
        record.semantics,
        record.id
    )
}
