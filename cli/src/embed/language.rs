//! The strategy language: strategies checked, functions listed, expressions computed on columns.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
use assay_core::instrument::Instrument;
use assay_engine::Market;
use assay_lang::functions::{Kind, find};
use assay_lang::{Body, FUNCTIONS, Function};
use assay_strategies::{Strategy, evaluate_expression};
use serde_json::{Value, json};

use super::Failure;
use crate::{commands, job};

/// The columns that an expression may read.
const COLUMNS: [&str; 5] = ["open", "high", "low", "close", "volume"];

/// Types a strategy, sizes its space, and tests that it cannot see the future: the JSON of `assay strategy check`. `text` is the strategy
/// itself, or the name of one of the library.
///
/// # Errors
/// As the command has them.
pub fn strategy(text: &str) -> Result<Value, Failure> {
    let (source, origin) = if text.contains('\n') || text.contains('=') {
        (text.to_owned(), "strategy".to_owned())
    } else {
        job::named_strategy(text)?
    };
    let mut checked = commands::strategy::checked(Strategy::parse(&source, &origin)?, &origin)?;
    checked["source"] = json!(source);
    Ok(checked)
}

/// The text of a strategy of the library, or in a file.
///
/// # Errors
/// There is none of that name.
pub fn library_source(name: &str) -> Result<String, Failure> {
    Ok(job::named_strategy(name)?.0)
}

/// All functions of the language, with their parameters.
pub fn functions() -> Value {
    FUNCTIONS
        .iter()
        .filter(|function| !function.name.starts_with('_'))
        .map(function)
        .collect()
}

fn function(function: &Function) -> Value {
    let kind = |kind: Kind| match kind {
        Kind::Series => "series",
        Kind::Condition => "condition",
        Kind::Any => "any",
        Kind::Scalar => "number",
        Kind::Length { .. } => "length",
    };
    let parameters: Vec<Value> = function
        .parameters
        .iter()
        .map(|of| json!({ "name": of.name, "kind": kind(of.kind), "default": of.default }))
        .collect();
    json!({
        "name": function.name,
        "signature": function.to_string(),
        "group": function.group.title(),
        "about": function.doc,
        "source": function.source,
        "reads": COLUMNS.iter().filter(|column| reads(function).contains(*column)).collect::<Vec<_>>(),
        "parameters": parameters,
        "variadic": function.variadic,
        "selected_as": function.selected_as,
    })
}

/// The columns that a function reads without being given them, also by what its formula is made of.
fn reads(function: &Function) -> BTreeSet<&'static str> {
    let Body::Formula(text) = function.body else {
        return function.reads.iter().flat_map(|series| columns_of(series)).copied().collect();
    };
    let given = |word: &str| function.parameters.iter().any(|parameter| parameter.name == word);
    let words = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| !given(word));
    let mut found = BTreeSet::new();
    for word in words {
        found.extend(columns_of(word));
        found.extend(find(word).into_iter().flat_map(reads));
    }
    found
}

/// The columns behind a series of the language.
fn columns_of(series: &str) -> &'static [&'static str] {
    match series {
        "open" => &["open"],
        "high" => &["high"],
        "low" => &["low"],
        "close" => &["close"],
        "volume" => &["volume"],
        "hl2" => &["high", "low"],
        "hlc3" => &["high", "low", "close"],
        "ohlc4" => &["open", "high", "low", "close"],
        _ => &[],
    }
}

/// The value of an expression at every row of columns named `open`, `high`, `low`, `close` and `volume`, all of one length; what is left
/// out is 0. NaN is null. `times` are the starts of the rows in UTC nanoseconds; left out, they are minutes from 1970 on.
///
/// # Errors
/// The expression is wrong.
pub fn evaluate(expression: &str, columns: &[(String, Float64Array)], times: Option<&[i64]>) -> Result<Vec<f64>, Failure> {
    const MINUTE: i64 = 60_000_000_000;
    let rows = columns.first().map_or_else(
        || times.map_or(0, <[i64]>::len),
        |(_, column)| arrow::array::Array::len(column),
    );
    let mut batch: Vec<(&str, ArrayRef)> = Vec::new();
    let time = match times {
        Some(times) => TimestampNanosecondArray::from_iter_values(times.iter().copied()),
        None => TimestampNanosecondArray::from_iter_values((0..rows as i64).map(|row| row * MINUTE)),
    };
    batch.push(("time", Arc::new(time.with_timezone("UTC"))));
    for name in COLUMNS {
        let found = columns.iter().find(|(known, _)| known == name);
        let column = found.map_or_else(|| Float64Array::from(vec![0.0; rows]), |(_, column)| column.clone());
        batch.push((name, Arc::new(column)));
    }
    if rows == 0 {
        return Ok(Vec::new());
    }
    let batch = RecordBatch::try_from_iter(batch)
        .map_err(|error| Failure::usage(format!("the columns do not fit together: {error}")))?;
    let bar_ns = times
        .and_then(|times| times.windows(2).map(|pair| pair[1] - pair[0]).min())
        .unwrap_or(MINUTE);
    let instrument = Instrument::unknown("X".parse().expect("a symbol"));
    let market =
        Market::new(&batch, instrument, bar_ns.max(1), None, None).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(evaluate_expression(&market, expression)?)
}
