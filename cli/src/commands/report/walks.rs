//! What a walk forward came to, as a page of its job shows it.

use std::collections::BTreeSet;

use assay_core::space::{Domain, Parameter, Space};
use assay_core::time::UtcNs;
use assay_report::{Drift, Fold, Walk};
use assay_store::JobRecord;
use serde_json::Value;

use crate::args::ReportArgs;
use crate::commands::folds::{self, Fold as Stored};
use crate::failure::Failure;
use crate::output::{human, report_table};
use crate::settings::Settings;

/// One an instrument, in the job's order.
pub(super) fn of(record: &JobRecord, space: &Space, args: &ReportArgs, settings: &Settings) -> Result<Vec<Walk>, Failure> {
    let id = record.id.to_string();
    #[cfg(feature = "cluster")]
    let stored = folds::of_job(&id, &args.cluster, settings)?;
    #[cfg(not(feature = "cluster"))]
    let stored = {
        let _ = args;
        folds::of_job(&id, settings)?
    };
    let mut walks = Vec::new();
    for name in &record.layout.instruments {
        let here = |fold: &&Stored| fold.record.get("instrument").and_then(Value::as_str) == Some(name);
        let (whole, single): (Vec<&Stored>, Vec<&Stored>) = stored.iter().filter(here).partition(|fold| fold.number < 0);
        let Some(whole) = whole.first().filter(|_| !single.is_empty()) else {
            continue;
        };
        let of_instrument: BTreeSet<i64> = single.iter().map(|fold| fold.number).collect();
        let shown: Vec<Stored> = single.iter().map(|fold| (*fold).clone()).collect();
        let table = folds::rows(record, &shown, &folds::SHOWN, "")?;
        let goal = record.objective()?.maximize.metric;
        let fold = |fold: &&Stored| {
            let from = time(fold, "test_from").unwrap_or_default();
            Fold {
                name: assay_report::human::time(from).chars().take(10).collect(),
                from,
                inside: fold.value("in_sample", goal),
                outside: fold.value("out_of_sample", goal),
                efficiency: fold.number("efficiency"),
            }
        };
        let drift = space.params.iter().filter_map(|parameter| drift(parameter, &single, whole));
        walks.push(Walk {
            instrument: (record.layout.instruments.len() > 1).then(|| name.clone()),
            capital: single[0].number("capital").unwrap_or_default(),
            curve: curve(whole),
            folds: single.iter().map(fold).collect(),
            efficiency: whole.number("efficiency"),
            drift: drift.collect(),
            table: report_table(&table, &human::counted(of_instrument.len() as u64, "fold")),
        });
    }
    Ok(walks)
}

fn time(fold: &Stored, key: &str) -> Option<i64> {
    let time: UtcNs = fold.record.get(key)?.as_str()?.parse().ok()?;
    Some(time.0)
}

fn curve(whole: &Stored) -> Vec<(i64, f64)> {
    let points = whole.record.get("equity").and_then(Value::as_array);
    let point = |point: &Value| Some((point.get(0)?.as_i64()?, point.get(1)?.as_f64()?));
    points.map_or_else(Vec::new, |points| points.iter().filter_map(point).collect())
}

/// Where a parameter of the winners was, fold after fold; `None` if it cannot move.
fn drift(parameter: &Parameter, folds: &[&Stored], whole: &Stored) -> Option<Drift> {
    let range = match &parameter.domain {
        Domain::Int { low, high, .. } => (*low as f64, *high as f64),
        Domain::Float { low, high, .. } => (*low, *high),
        Domain::Choice(texts) => (0.0, texts.len().saturating_sub(1) as f64),
        Domain::Fixed(_) => return None,
    };
    let value = |fold: &&Stored| match (fold.record.get("params")?.get(&parameter.name)?, &parameter.domain) {
        (Value::String(text), Domain::Choice(texts)) => {
            let at = texts.iter().position(|choice| choice == text);
            at.map(|at| at as f64)
        }
        (value, _) => value.as_f64(),
    };
    let share = whole
        .record
        .get("drift")
        .and_then(|drift| drift.get(&parameter.name)?.as_f64());
    Some(Drift {
        name: parameter.name.clone(),
        values: folds.iter().map(value).collect(),
        range,
        share,
    })
}
