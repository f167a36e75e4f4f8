//! `assay eval`: expressions over an instrument's bars.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
use assay_data::{BarRequest, Catalog, write_table};
use assay_engine::Market;
use assay_strategies::{evaluate_expressions, expression_references};

use crate::args::{EvalArgs, OutputFormat};
use crate::bars::span;
use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Kind, Rows, human, print_rows, stdout};
use crate::settings::Settings;

pub(super) fn run(args: &EvalArgs, settings: &Settings) -> Outcome {
    let catalog = Catalog::open(&settings.home)?;
    let request = BarRequest {
        symbol: args.symbol.clone(),
        bars: args.bars,
        fill_gaps: args.fill_gaps,
        source: None,
    };
    let bars = catalog.bars(&request)?;
    let span = span(&bars.batch, "bars", &args.symbol, args.from, args.until)?;
    let mut market = Market::new(&bars.batch, bars.instrument, args.bars.bar_ns(), None, None)
        .map_err(|error| Failure::external(format!("{}: {error}", args.symbol)))?;
    let mut others = BTreeMap::new();
    for expression in &args.expressions {
        for symbol in expression_references(expression)? {
            let other = other(&symbol, args, &catalog)?;
            others.insert(symbol, Arc::new(other));
        }
    }
    market.others = Arc::new(others);
    let expressions: Vec<&str> = args.expressions.iter().map(String::as_str).collect();
    let values = evaluate_expressions(&market, &expressions)?;
    let series: Vec<(&str, Vec<f64>)> = expressions.into_iter().zip(values).collect();
    if let Some(path) = &args.to {
        let batch = to_batch(&market, &span, &series)?;
        let bytes = write_table(&batch, path)?;
        let mut out = stdout();
        writeln!(
            out,
            "{} bars: {} ({})",
            human::count(span.len() as i64),
            path.display(),
            human::bytes(bytes)
        )?;
        out.flush()?;
        return Ok(0);
    }
    // Into a pipe or a file goes what programs read.
    let otherwise = if std::io::stdout().is_terminal() {
        OutputFormat::Table
    } else {
        OutputFormat::Csv
    };
    print_rows(&to_rows(&market, &span, &series), settings.output.unwrap_or(otherwise))?;
    Ok(0)
}

/// The bars of an instrument that an expression looks at.
fn other(symbol: &str, args: &EvalArgs, catalog: &Catalog) -> Result<Market, Failure> {
    let bad = |_| Failure::usage(format!("`{symbol}` cannot be a symbol"));
    let bars = catalog.bars(&BarRequest {
        symbol: symbol.parse().map_err(bad)?,
        bars: args.bars,
        fill_gaps: args.fill_gaps,
        source: None,
    })?;
    Market::new(&bars.batch, bars.instrument, args.bars.bar_ns(), None, None)
        .map_err(|error| Failure::external(format!("{symbol}: {error}")))
}

fn to_rows(market: &Market, span: &Range<usize>, series: &[(&str, Vec<f64>)]) -> Rows {
    let columns = std::iter::once(("time", Kind::Time)).chain(series.iter().map(|(name, _)| (*name, Kind::Number)));
    let mut rows = Rows::new(columns);
    for bar in span.clone() {
        let values = series.iter().map(|(_, values)| Cell::from(values[bar]));
        rows.push(std::iter::once(Cell::Whole(market.time[bar])).chain(values).collect());
    }
    rows
}

fn to_batch(market: &Market, span: &Range<usize>, series: &[(&str, Vec<f64>)]) -> Result<RecordBatch, Failure> {
    let time = TimestampNanosecondArray::from_iter_values(market.time[span.clone()].iter().copied()).with_timezone("UTC");
    let mut columns: Vec<(&str, ArrayRef, bool)> = vec![("time", Arc::new(time), false)];
    for (name, values) in series {
        let defined = values[span.clone()].iter().map(|value| value.is_finite().then_some(*value));
        columns.push((name, Arc::new(defined.collect::<Float64Array>()), true));
    }
    RecordBatch::try_from_iter_with_nullable(columns)
        .map_err(|error| Failure::internal(format!("cannot lay out columns: {error}")))
}
