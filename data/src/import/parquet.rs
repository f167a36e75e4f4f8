//! Parquet files of other tools.

use std::fs::File;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int8Type, Int64Type, TimeUnit, TimestampNanosecondType};
use assay_core::job::DataKind;
use assay_core::time::BarLength;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::columns::{self, Role};
use super::container::Input;
use super::error::{ImportError, Problem};
use super::plan::Part;
use super::request::{ImportRequest, TimeFormat};
use super::rows::{Layout, Lines, Rows, Syntax, side};
use super::text::time_rule;
use super::times::{TimeReader, TimeRule};
use crate::error::DataError;
use crate::shield::{Batches, shield};

/// Rows read at a time.
const BATCH: usize = 131_072;

/// Layout, length of bars, time of the first row, and the columns without use.
pub(super) fn layout(
    request: &ImportRequest,
    input: &Input,
) -> Result<(Layout, Option<BarLength>, i64, Vec<String>), ImportError> {
    let fail = |problem| input.error(problem);
    let file = File::open(&input.path).map_err(|e| fail(Problem::Io(e)))?;
    let metadata = shield(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()))
        .map_err(|e| fail(Problem::Parquet(e.to_string())))?;
    let schema = metadata.schema().clone();
    let kind = request.kind.or(request.bar.map(|_| DataKind::Bars));
    let found = match &request.columns {
        Some(names) if names.len() != schema.fields().len() => {
            return Err(fail(Problem::FieldCount {
                found: schema.fields().len(),
                expected: names.len(),
            }));
        }
        Some(names) => columns::from_request(names, kind),
        None => {
            let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            columns::from_names(&names, kind)
        }
    }
    .map_err(fail)?;
    let place_time = |problem| {
        let mut error = fail(problem);
        error.place.column = Some("time".to_owned());
        error
    };
    let Some(time) = found.roles.iter().position(|role| *role == Role::Time) else {
        return Err(fail(Problem::MissingColumns {
            missing: "time".to_owned(),
            names: "date and time in two columns, which is not read from Parquet".to_owned(),
        }));
    };
    let zone = request.zone.clone();
    let mut layout = Layout::new(Syntax::Columns, found.roles, found.shape, TimeRule::YearFirst { zone });
    let data_type = schema.field(time).data_type();
    let integer = data_type.is_integer();
    if integer || matches!(request.time_format, Some(TimeFormat::Unix { .. })) {
        let sample = match first_integer(input, &layout, time) {
            Ok(sample) if integer => sample,
            Ok(_) => None,
            Err(error) => return Err(error),
        };
        layout.time = time_rule(request, sample.as_deref(), found.unit_ns).map_err(place_time)?;
    } else if let Some(TimeFormat::Pattern(_)) = &request.time_format {
        layout.time = time_rule(request, None, None).map_err(place_time)?;
    }
    let mut first = None;
    let mut spacing: Option<i64> = None;
    if let Some(rows) = batches(input, &layout)?.next() {
        let rows = rows?;
        first = rows.times.first().copied();
        spacing = rows
            .times
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .filter(|gap| *gap > 0)
            .min();
    }
    let first = first.ok_or_else(|| fail(Problem::Empty))?;
    let bar = match (layout.shape.is_bars(), request.bar) {
        (false, _) => None,
        (true, Some(bar)) => Some(bar),
        (true, None) => {
            let guess = spacing.and_then(BarLength::from_ns).map(|length| length.to_string());
            return Err(fail(Problem::NoBarLength { guess }));
        }
    };
    Ok((layout, bar, first, found.ignored))
}

/// Reads all rows, in the order of the file; with the last rows comes `true`.
pub(super) fn read(part: &Part, take: &mut dyn FnMut(Rows, bool) -> Result<(), DataError>) -> Result<(), DataError> {
    let mut all = batches(&part.input, &part.layout)?.peekable();
    while let Some(rows) = all.next() {
        let last = all.peek().is_none();
        take(rows?, last)?;
    }
    Ok(())
}

fn open(input: &Input, layout: &Layout) -> Result<Batches, ImportError> {
    let file = File::open(&input.path).map_err(|e| input.error(Problem::Io(e)))?;
    let used = layout
        .roles
        .iter()
        .enumerate()
        .filter(|(_, role)| **role != Role::Skip)
        .map(|(index, _)| index);
    let reader = Batches::open(|| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), used);
        builder.with_projection(mask).with_batch_size(BATCH).build()
    });
    reader.map_err(|e| input.error(Problem::Parquet(e.to_string())))
}

/// Rows batch by batch. Rows count as lines, from 1.
fn batches<'a>(
    input: &'a Input,
    layout: &'a Layout,
) -> Result<impl Iterator<Item = Result<Rows, ImportError>> + 'a, ImportError> {
    let roles: Vec<Role> = layout.roles.iter().copied().filter(|role| *role != Role::Skip).collect();
    let reader = open(input, layout)?;
    let mut before = 0;
    Ok(reader.map(move |batch| {
        let batch = batch.map_err(|e| input.error(Problem::Parquet(e.to_string())))?;
        let rows = convert(input, layout, &roles, &batch).map_err(|mut error| {
            error.place.line = error.place.line.map(|line| line + before);
            error
        });
        before += batch.num_rows() as u64;
        rows
    }))
}

/// The first value of an integer column of times, as text.
fn first_integer(input: &Input, layout: &Layout, time: usize) -> Result<Option<String>, ImportError> {
    let position = layout.roles[..time].iter().filter(|role| **role != Role::Skip).count();
    let Some(batch) = open(input, layout)?.next() else {
        return Ok(None);
    };
    let batch = batch.map_err(|e| input.error(Problem::Parquet(e.to_string())))?;
    let integers = cast(batch.column(position), &DataType::Int64).map_err(|e| input.error(Problem::Parquet(e.to_string())))?;
    let integers = integers.as_primitive::<Int64Type>();
    Ok((!integers.is_empty() && integers.is_valid(0)).then(|| integers.value(0).to_string()))
}

fn convert(input: &Input, layout: &Layout, roles: &[Role], batch: &RecordBatch) -> Result<Rows, ImportError> {
    let mut rows = Rows::new(layout.shape, &[], 0);
    for (role, column) in roles.iter().zip(batch.columns()) {
        let fail = |row: Option<usize>, problem| {
            let mut error = input.error(problem);
            error.place.line = row.map(|row| row as u64 + 1);
            error.place.column = Some(role.name(layout.shape).to_owned());
            error
        };
        match role {
            Role::Time => rows.times = times(column, &layout.time).map_err(|(row, problem)| fail(row, problem))?,
            Role::Slot(slot) => {
                let required = *slot < layout.shape.prices();
                rows.values[*slot] = numbers(column, required).map_err(|(row, problem)| fail(row, problem))?;
            }
            Role::Side => rows.side = sides(column).map_err(|(row, problem)| fail(row, problem))?,
            Role::BuyerMaker => {
                let maker = cast(column, &DataType::Boolean).map_err(|e| fail(None, Problem::Parquet(e.to_string())))?;
                let maker = maker.as_boolean();
                rows.side = (0..maker.len())
                    .map(|row| {
                        if maker.is_null(row) {
                            0
                        } else if maker.value(row) {
                            -1
                        } else {
                            1
                        }
                    })
                    .collect();
            }
            Role::Skip | Role::Date | Role::Clock | Role::Suspicious | Role::Adjusted => {}
        }
    }
    rows.lines = Lines::From(1);
    rows.line_count = batch.num_rows() as u64;
    rows.complete(layout.shape);
    Ok(rows)
}

type ColumnError = (Option<usize>, Problem);

fn cast_to(column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ColumnError> {
    cast(column, wanted).map_err(|e| (None, Problem::Parquet(e.to_string())))
}

fn numbers(column: &ArrayRef, required: bool) -> Result<Vec<f64>, ColumnError> {
    let numeric = column.data_type().is_numeric();
    if !numeric && !matches!(column.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        let text = column.data_type().to_string();
        return Err((None, Problem::NotANumber { text }));
    }
    let cast = cast_to(column, &DataType::Float64)?;
    let values = cast.as_primitive::<Float64Type>();
    if let Some(row) = (0..column.len()).find(|row| values.is_null(*row) && (required || column.is_valid(*row))) {
        return Err((
            Some(row),
            if column.is_null(row) {
                Problem::EmptyCell
            } else {
                Problem::NotANumber { text: "text".to_owned() }
            },
        ));
    }
    let bad = |row: &usize| values.is_valid(*row) && !values.value(*row).is_finite();
    if let Some(row) = (0..values.len()).find(bad) {
        let text = values.value(row).to_string();
        return Err((Some(row), Problem::NotFinite { text }));
    }
    Ok(values.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

fn times(column: &ArrayRef, rule: &TimeRule) -> Result<Vec<i64>, ColumnError> {
    if let Some(row) = (0..column.len()).find(|row| column.is_null(*row)) {
        return Err((Some(row), Problem::EmptyCell));
    }
    let mut reader = TimeReader::new(rule);
    let mut read_all = |text: &dyn Fn(usize) -> String| -> Result<Vec<i64>, ColumnError> {
        (0..column.len())
            .map(|row| reader.read(&text(row)).map_err(|problem| (Some(row), problem)))
            .collect()
    };
    match column.data_type() {
        DataType::Timestamp(_, Some(_)) => nanoseconds(column),
        DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => {
            let local = nanoseconds(column)?;
            match rule {
                TimeRule::YearFirst { zone: Some(zone) }
                    if zone.time_zone().to_fixed_offset().is_ok_and(|o| o.seconds() == 0) =>
                {
                    Ok(local)
                }
                _ => read_all(&|row| {
                    assay_core::time::UtcNs(local[row])
                        .to_string()
                        .trim_end_matches('Z')
                        .to_owned()
                }),
            }
        }
        kind if kind.is_integer() => {
            let cast = cast_to(column, &DataType::Int64)?;
            let integers = cast.as_primitive::<Int64Type>();
            read_all(&|row| integers.value(row).to_string())
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let cast = cast_to(column, &DataType::Utf8)?;
            let texts = cast.as_string::<i32>();
            read_all(&|row| texts.value(row).trim().to_owned())
        }
        other => Err((
            None,
            Problem::BadTime {
                text: other.to_string(),
                expected: "a timestamp, date, integer or text".to_owned(),
            },
        )),
    }
}

fn nanoseconds(column: &ArrayRef) -> Result<Vec<i64>, ColumnError> {
    let zone = match column.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let cast = cast_to(column, &DataType::Timestamp(TimeUnit::Nanosecond, zone))?;
    if let Some(row) = (0..cast.len()).find(|row| cast.is_null(*row)) {
        let text = "a time of the column".to_owned();
        return Err((Some(row), Problem::TimeOutOfRange { text }));
    }
    Ok(cast.as_primitive::<TimestampNanosecondType>().values().to_vec())
}

fn sides(column: &ArrayRef) -> Result<Vec<i8>, ColumnError> {
    if column.data_type().is_numeric() {
        let cast = cast_to(column, &DataType::Int8)?;
        let values = cast.as_primitive::<Int8Type>();
        return Ok(values.iter().map(|value| value.unwrap_or(0).signum()).collect());
    }
    let cast = cast_to(column, &DataType::Utf8)?;
    let texts = cast.as_string::<i32>();
    let read = |row| if texts.is_null(row) { Ok(0) } else { side(texts.value(row)) };
    (0..texts.len())
        .map(|row| read(row).map_err(|problem| (Some(row), problem)))
        .collect()
}
