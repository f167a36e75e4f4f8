//! Schedules and their reports as people and programs see them.

use std::io::Write;

use assay_coordinator::schedule::{Best, DataChange, Report};
use assay_core::metrics::Metric;
use assay_proto::ScheduleInfo;
use serde_json::{Map, Value};

use crate::commands::leaderboard::param_cell;
use crate::failure::Failure;
use crate::output::{Cell, Kind, Rows, human, stdout, table};

/// Schedules, one a row.
pub(super) fn info_rows(schedules: &[ScheduleInfo]) -> Rows {
    let mut rows = Rows::new([
        ("name", Kind::Text),
        ("cron", Kind::Text),
        ("zone", Kind::Text),
        ("enabled", Kind::Flag),
        ("next", Kind::Time),
        ("last", Kind::Time),
        ("job_id", Kind::Text),
        ("error", Kind::Text),
        ("owner", Kind::Text),
        ("priority", Kind::Count),
    ]);
    for ScheduleInfo { schedule, next, last } in schedules {
        let last = last.as_ref();
        rows.push(vec![
            schedule.name.as_str().into(),
            schedule.cron.as_str().into(),
            schedule.zone.as_str().into(),
            schedule.enabled.into(),
            (*next).into(),
            last.map(|run| run.planned).into(),
            last.and_then(|run| run.job).map(|job| job.to_string()).into(),
            last.and_then(|run| run.error.as_deref()).into(),
            schedule.owner.as_str().into(),
            u64::from(schedule.priority).into(),
        ]);
    }
    rows
}

/// The points of a report, one a row.
pub(super) fn report_rows(report: &Report) -> Rows {
    let metric = report.objective.trim_start_matches('-');
    let kind = metric
        .parse::<Metric>()
        .map_or(Kind::Number, |metric| Kind::from(metric.unit()));
    let points = [report.best.as_ref(), report.best_before.as_ref()];
    let mut names: Vec<&str> = Vec::new();
    for name in points.iter().flatten().flat_map(|best| best.params.keys()) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut columns = vec![
        ("point".to_owned(), Kind::Text),
        ("rank".to_owned(), Kind::Count),
        (report.objective.clone(), kind),
    ];
    let none = Map::new();
    let params = |best: Option<&Best>| -> Vec<Cell> {
        let params = best.map_or(&none, |best| &best.params);
        names
            .iter()
            .map(|name| params.get(*name).map_or(Cell::Null, param_cell))
            .collect()
    };
    columns.extend(names.iter().map(|name| (format!("param.{name}"), param_kind(&points, name))));
    let mut rows = Rows::new(columns);
    let mut push = |name: &str, rank: Option<u64>, objective: Option<f64>, best: Option<&Best>| {
        let mut row: Vec<Cell> = vec![name.into(), rank.into(), objective.into()];
        row.extend(params(best));
        rows.push(row);
    };
    let [best, before] = points;
    push("best now", best.map(|_| 1), best.and_then(|best| best.objective), best);
    if let Some(before) = before {
        push("best before", None, before.objective, Some(before));
        let fate = report.best_before_now.as_ref();
        let (rank, objective) = (fate.and_then(|fate| fate.rank), fate.and_then(|fate| fate.objective));
        push("best before, on the data of now", rank, objective, Some(before));
    }
    rows
}

fn param_kind(points: &[Option<&Best>], name: &str) -> Kind {
    let value = points.iter().flatten().find_map(|best| best.params.get(name));
    match value {
        Some(Value::Number(number)) if number.is_i64() => Kind::Count,
        Some(Value::Number(_)) => Kind::Number,
        _ => Kind::Text,
    }
}

fn data_rows(changes: &[DataChange]) -> Rows {
    let columns = [
        ("instrument", Kind::Text),
        ("data", Kind::Text),
        ("rows", Kind::Count),
        ("rows_before", Kind::Count),
        ("last", Kind::Time),
        ("last_before", Kind::Time),
    ];
    // A home has no catalog of what was there before.
    let known = changes.iter().any(|change| change.rows.or(change.rows_before).is_some());
    let shown = if known { columns.len() } else { 2 };
    let mut rows = Rows::new(columns[..shown].iter().copied());
    for change in changes {
        let mut row = vec![
            change.symbol.as_str().into(),
            change.change.as_str().into(),
            change.rows.into(),
            change.rows_before.into(),
            change.last.into(),
            change.last_before.into(),
        ];
        row.truncate(shown);
        rows.push(row);
    }
    rows
}

pub(super) fn print_report(report: &Report) -> Result<(), Failure> {
    let mut out = stdout();
    let took = report
        .seconds
        .map_or(String::new(), |seconds| format!(" in {}", human::seconds(seconds)));
    writeln!(
        out,
        "{}, due {}: job {} {}{took}, {} trials",
        report.schedule,
        human::time(report.planned.0),
        report.job_id,
        report.state,
        human::count(report.trials as i64)
    )?;
    let bars = |count: Option<u64>| count.map_or(human::UNDEFINED.to_owned(), |count| human::count(count as i64));
    match report.job_id_before {
        None => writeln!(out, "the first run: there is nothing to compare it with")?,
        Some(before) if before == report.job_id => writeln!(out, "nothing is new: the data are those of the run before")?,
        Some(before) => writeln!(
            out,
            "the run before: job {before}; {} bars then, {} now",
            bars(report.bars_before),
            bars(report.bars)
        )?,
    }
    if report.best.is_some() || report.best_before.is_some() {
        writeln!(out, "\n{}", table(&report_rows(report)))?;
    }
    if report.best_before.is_some() && report.best_before_now.is_none() && report.state == "done" {
        writeln!(
            out,
            "this run did not try the best point of the run before, or did not keep it"
        )?;
    }
    writeln!(out, "\n{}", table(&data_rows(&report.data)))?;
    Ok(out.flush()?)
}
