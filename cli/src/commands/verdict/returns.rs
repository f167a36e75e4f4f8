//! Returns from elsewhere: a Parquet file with one column a trial.

use std::fs::File;
use std::path::Path;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use assay_core::shield::shielded;
use assay_optimizer::verdict::{Returns, judge, measure_returns};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::page::luck_curve;
use super::{Case, trials};
use crate::args::VerdictArgs;
use crate::failure::Failure;
use crate::output::human;

/// The column that tells the market's returns.
const BENCHMARK: &str = "benchmark";
/// Columns that tell when rather than how much; those that are no numbers are left out anyway.
const INDICES: [&str; 5] = ["date", "time", "timestamp", "index", "__index_level_0__"];
/// Columns of a file.
struct Table {
    names: Vec<String>,
    trials: Vec<Vec<f64>>,
    benchmark: Option<Vec<f64>>,
}

pub(super) fn case(path: &Path, args: &VerdictArgs) -> Result<Case, Failure> {
    let table = read(path)?;
    let found = measure_returns(&Returns {
        trials: &table.trials,
        benchmark: table.benchmark.as_deref(),
        periods_per_year: args.periods_per_year,
        risk_free: args.risk_free,
        trials_family: args.trials.unwrap_or_default(),
    })?;
    let verdict = judge(&found.evidence);
    let count = human::count(table.trials.len() as i64);
    let observations = table.trials[0].len();
    let mut facts = vec![
        ("trials in the file".to_owned(), count.clone()),
        ("returns of each".to_owned(), human::count(observations as i64)),
    ];
    if let Some(groups) = found.groups {
        let more = if groups.complete { "" } else { "more than " };
        let text = format!("{more}{}", human::count(groups.clusters as i64));
        facts.push(("groups of similar trials".to_owned(), text));
    }
    let risk_free = args.risk_free / args.periods_per_year;
    let enough = found.groups.is_some();
    let tests = if enough {
        trials::run(
            &table.trials,
            table.benchmark.as_deref(),
            observations,
            risk_free,
            args.periods_per_year,
            found.evidence.trials_family,
        )?
    } else {
        None
    };
    let mut subjects = vec![("search", facts)];
    subjects.extend(tests.as_ref().map(|tests| ("all trials together", tests.facts())));
    let name = found.best.map(|best| table.names[best].as_str());
    Ok(Case {
        title: format!("{}: the best of {count} trials", path.display()),
        best: name.map_or(Value::Null, |name| json!({ "column": name })),
        best_text: name.map_or_else(|| "no trial has a Sharpe ratio".to_owned(), |name| format!("column `{name}`")),
        luck: luck_curve(&found.evidence, &verdict),
        evidence: found.evidence,
        verdict,
        out_of_sample: Value::Null,
        out_of_sample_is: "",
        facts: subjects,
        costs: Vec::new(),
        tests: json!({ "all": tests.as_ref().map(trials::Tests::to_json) }),
        paths: None,
        footer: format!("assay {}", env!("CARGO_PKG_VERSION")),
        notes: Vec::new(),
    })
}

fn read(path: &Path) -> Result<Table, Failure> {
    let unreadable = |reason: String| {
        Failure::external(format!("cannot read {}: {reason}", path.display())).hint(
            "a Parquet file with one column a trial and one row a period; a column `benchmark` holds the market's returns",
        )
    };
    let file = File::open(path).map_err(|error| Failure::io("open", path, &error))?;
    let damaged = |panic: String| unreadable(format!("the file is damaged: {panic}"));
    // The library panics on some damaged files.
    let reader = shielded(|| ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build));
    let mut reader = reader.map_err(damaged)?.map_err(|error| unreadable(error.to_string()))?;
    let schema = arrow::array::RecordBatchReader::schema(&reader);
    let wanted: Vec<usize> = (0..schema.fields().len())
        .filter(|at| {
            let field = schema.field(*at);
            field.data_type().is_numeric() && !INDICES.contains(&field.name().as_str())
        })
        .collect();
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); wanted.len()];
    while let Some(batch) = shielded(|| reader.next()).map_err(damaged)? {
        let batch = batch.map_err(|error| unreadable(error.to_string()))?;
        for (at, column) in wanted.iter().zip(&mut columns) {
            let values = cast(batch.column(*at), &DataType::Float64).map_err(|error| unreadable(error.to_string()))?;
            let values = values.as_primitive::<Float64Type>();
            for value in values {
                match value {
                    Some(value) if value.is_finite() => column.push(value),
                    _ => {
                        let name = schema.field(*at).name();
                        let reason = format!("row {} of column `{name}` is no number", column.len());
                        return Err(unreadable(reason).hint("fill gaps with 0 (no position), or leave these rows out"));
                    }
                }
            }
        }
    }
    let mut table = Table {
        names: Vec::new(),
        trials: Vec::new(),
        benchmark: None,
    };
    for (at, column) in wanted.into_iter().zip(columns) {
        match schema.field(at).name().as_str() {
            BENCHMARK => table.benchmark = Some(column),
            name => {
                table.names.push(name.to_owned());
                table.trials.push(column);
            }
        }
    }
    if table.trials.is_empty() {
        return Err(unreadable("it has no column of numbers".to_owned()));
    }
    Ok(table)
}
