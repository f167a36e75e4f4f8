//! A finished job as a page.

use anstream::eprintln;
use assay_core::job::{JobSpec, Objective};
use assay_core::rank::Ranked;
use assay_core::row::TrialRow;
use assay_core::space::{Domain, Space};
use assay_core::time::UtcNs;
use assay_data::Catalog;
use assay_report::{Best, Goal, JobReport, Parameter, Table, job_page};
use assay_store::{JobRecord, write_analysis};
use assay_strategies::Strategy;
use serde_json::{Value, json};

use super::{Made, walks};
#[cfg(feature = "cluster")]
use crate::args::ClusterArgs;
use crate::args::ReportArgs;
use crate::commands::findings::{Findings, Stored};
use crate::commands::leaderboard::{Board, by_front};
use crate::commands::{top, verdict};
use crate::failure::Failure;
use crate::local::rows_on_ticks;
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
    #[cfg(feature = "cluster")]
    let on_ticks = on_ticks(&record, &args.cluster, settings)?;
    #[cfg(not(feature = "cluster"))]
    let on_ticks = on_ticks(&record, settings)?;
    if let Some(rows) = &on_ticks {
        board = board.on_ticks(rows);
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
    #[cfg(feature = "cluster")]
    let span = span(&record, &spec, &args.cluster, settings);
    #[cfg(not(feature = "cluster"))]
    let span = span(&record, &spec, settings);
    let report = JobReport {
        title: record.name.clone(),
        subtitle: subtitle(&record, &spec, &strategy),
        facts: facts(&record, &ranked, &objective, span),
        footer: footer(&record),
        goal: Goal {
            name: objective.maximize.metric.name().to_owned(),
            unit: objective.maximize.metric.unit(),
            smaller: objective.maximize.negated,
        },
        params: space_of(&space),
        best,
        best_so_far: steps.map(|(tried, score)| (*tried, objective.value(*score))).collect(),
        leaderboard: leaderboard(&board, objective.maximize.metric.name(), &plateaus, on_ticks.is_some()),
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
fn leaderboard(board: &Board<'_>, goal: &str, plateaus: &[Option<f64>], on_ticks: bool) -> Table {
    let neighbours = "Leaderboard; neighbours: the share of all points that those nearest to it beat";
    let title = if on_ticks {
        format!(
            "{neighbours}; on_ticks: {goal} of the best with fills from ticks; divergence: what that is more than over bars"
        )
    } else {
        neighbours.to_owned()
    };
    let mut table = report_table(&board.table_rows(), &title);
    let of_goal = table.columns.iter().position(|column| column.0 == goal);
    let at = of_goal.map_or(table.columns.len(), |i| i + 1);
    table.columns.insert(at, ("neighbours".to_owned(), true));
    for (row, plateau) in table.rows.iter_mut().zip(plateaus) {
        row.insert(at, plateau.map_or(human::UNDEFINED.to_owned(), human::percent));
    }
    // Both rungs side by side, at the objective that they are of.
    if let Some(at) = table.columns.iter().position(|column| column.0 == goal) {
        for (to, name) in (at + 1..).zip(["on_ticks", "divergence"]) {
            let Some(from) = table.columns.iter().position(|column| column.0 == name) else {
                continue;
            };
            let column = table.columns.remove(from);
            table.columns.insert(to, column);
            for row in &mut table.rows {
                let cell = row.remove(from);
                row.insert(to, cell);
            }
        }
    }
    table
}

/// The rows of the best points on ticks, from a cluster or from the home; `None` if there are none.
fn on_ticks(
    record: &JobRecord,
    #[cfg(feature = "cluster")] cluster: &ClusterArgs,
    settings: &Settings,
) -> Result<Option<Vec<TrialRow>>, Failure> {
    #[cfg(feature = "cluster")]
    if let Some(session) = cluster.session()? {
        return session.rows_on_ticks(record);
    }
    rows_on_ticks(record, settings)
}

/// From when to when a job's data reach: what it names, else what its datasets have; `None` of data that are no more what they were.
fn span(
    record: &JobRecord,
    spec: &JobSpec,
    #[cfg(feature = "cluster")] cluster: &ClusterArgs,
    settings: &Settings,
) -> (Option<UtcNs>, Option<UtcNs>) {
    let used = |hash: &str| record.data.iter().any(|data| data.hash == hash);
    let mut spans: Vec<(UtcNs, UtcNs)> = Vec::new();
    if let Ok(datasets) = Catalog::open(&settings.home).and_then(|catalog| catalog.datasets()) {
        let found = datasets.iter().filter(|dataset| used(&dataset.hash.to_string()));
        spans.extend(found.map(|dataset| (dataset.first, dataset.last)));
    }
    #[cfg(feature = "cluster")]
    if let (true, Ok(Some(session))) = (spans.is_empty(), cluster.session())
        && let Ok(datasets) = session.ask(|remote| async move { remote.datasets().await })
    {
        let found = datasets.iter().filter(|dataset| used(&dataset.id.hash));
        spans.extend(found.map(|dataset| (dataset.first, dataset.last)));
    }
    let first = spans.iter().map(|span| span.0).min();
    let last = spans.iter().map(|span| span.1).max();
    (
        spec.data.from.max(first),
        spec.data.to.map_or(last, |to| Some(last.map_or(to, |last| to.min(last)))),
    )
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

fn facts(
    record: &JobRecord,
    ranked: &[Ranked],
    objective: &Objective,
    (from, to): (Option<UtcNs>, Option<UtcNs>),
) -> Vec<(String, String)> {
    let best = ranked.first().and_then(|best| best.objective);
    let mut facts = vec![
        (
            format!("best {}", objective.maximize.metric),
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
    let time = |at: Option<UtcNs>, open: &str| at.map_or(open.to_owned(), |at| human::time(at.0));
    facts.extend([
        ("bars".to_owned(), human::count(record.bars.unwrap_or_default() as i64)),
        ("from".to_owned(), time(from, "the first bar")),
        ("to".to_owned(), time(to, "the last bar")),
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
