//! Bars as Python hands them over, checked: what is wrong is said with the column, the row and the way to mend it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, TimeUnit, TimestampNanosecondType};
use assay_core::time::{BarLength, UtcNs};

/// Prices of a bar, in the order in which the catalog has them.
const PRICES: [&str; 4] = ["open", "high", "low", "close"];

/// Bars that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// A column that must be there.
    #[error("no column `{0}`; there are {1}")]
    Missing(&'static str, String),
    /// A column of a type that holds no numbers or no times.
    #[error("column `{column}` is of type {found}, expected {expected}")]
    Type {
        /// Its name.
        column: String,
        /// Its type.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// Times that do not say of which zone.
    #[error("column `time` has no time zone")]
    Naive,
    /// A value that is missing, or not a number.
    #[error("row {row} ({time}): {column} is {value}")]
    Value {
        /// Which row, from 0.
        row: usize,
        /// Its time, or what is known of it.
        time: String,
        /// The column.
        column: String,
        /// What stands there.
        value: String,
    },
    /// A time before the one before it.
    #[error("row {row}: time {time} comes after {before}: the rows are not in order")]
    Unsorted {
        /// Which row, from 0.
        row: usize,
        /// Its time.
        time: UtcNs,
        /// The time before.
        before: UtcNs,
    },
    /// A time twice.
    #[error("row {row}: time {time} is that of row {} again", row - 1)]
    Repeated {
        /// Which row, from 0.
        row: usize,
        /// Its time.
        time: UtcNs,
    },
    /// A high below, or a low above, another price of its bar.
    #[error(
        "row {row} ({time}): {column} {value} is not the {extreme} of open {open}, high {high}, low {low} and close {close}"
    )]
    Contradiction {
        /// Which row, from 0.
        row: usize,
        /// Its time.
        time: UtcNs,
        /// `high` or `low`.
        column: &'static str,
        /// What stands there.
        value: f64,
        /// `highest` or `lowest`.
        extreme: &'static str,
        /// The bar.
        open: f64,
        /// The bar.
        high: f64,
        /// The bar.
        low: f64,
        /// The bar.
        close: f64,
    },
    /// No rows.
    #[error("there are no rows")]
    Empty,
    /// A single row: its length is not known.
    #[error("the length of a bar cannot be told from these times: the shortest step is {0}")]
    Length(String),
}

impl FrameError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing("time", _) => "make the times the index (pandas), or name the column `time`",
            Self::Missing(..) => "rename it: columns are found by name, whatever their case; `volume` may be left out",
            Self::Type { column, .. } if column == "time" => {
                "convert it: pd.to_datetime(df.index, utc=True), or pl.col('time').str.to_datetime(time_zone='UTC')"
            }
            Self::Type { .. } => {
                "convert it: df.astype({'close': float}), or df.with_columns(pl.col('close').cast(pl.Float64))"
            }
            Self::Naive => {
                "say which: tz='UTC' in the call, df.tz_localize('UTC') in pandas, or pl.col('time').dt.replace_time_zone('UTC')"
            }
            Self::Value { .. } => "leave such rows out: df.dropna(), or fill them with what was known then: df.ffill()",
            Self::Unsorted { .. } => "sort them: df.sort_index(), or df.sort('time')",
            Self::Repeated { .. } => {
                "keep one of them: df[~df.index.duplicated(keep='last')], or df.unique('time', keep='last')"
            }
            Self::Contradiction { .. } => {
                "the row is wrong, or columns are exchanged; to mend it: high = df[['open','high','low','close']].max(axis=1), low with min"
            }
            Self::Empty => "check the filter that the rows went through",
            Self::Length(_) => "say what a row covers: bar='5m', bar='1h', bar='1d'",
        }
    }
}

/// `time, open, high, low, close, volume` as the catalog has them. What is laid out so already is not copied; other numbers and units of
/// time are converted once. Without volume it is 0.
///
/// # Errors
/// What is wrong, with its column and row.
pub fn bars_of(batch: &RecordBatch) -> Result<RecordBatch, FrameError> {
    let time = times(batch)?;
    if time.is_empty() {
        return Err(FrameError::Empty);
    }
    let moments = time.values();
    if !moments.is_sorted_by(|a, b| a < b) {
        for (row, pair) in (1..).zip(moments.windows(2)) {
            let (before, time) = (UtcNs(pair[0]), UtcNs(pair[1]));
            if time.0 < before.0 {
                return Err(FrameError::Unsorted { row, time, before });
            }
            if time == before {
                return Err(FrameError::Repeated { row, time });
            }
        }
    }
    let mut columns: Vec<ArrayRef> = vec![Arc::new(time.clone())];
    for name in PRICES {
        columns.push(Arc::new(numbers(batch, name, &time)?.ok_or_else(|| missing(batch, name))?));
    }
    let volume = numbers(batch, "volume", &time)?;
    columns.push(Arc::new(volume.unwrap_or_else(|| Float64Array::from(vec![0.0; time.len()]))));
    contradictions(&columns, moments)?;
    let mut fields = vec![Field::new("time", time_type(), false)];
    fields.extend(
        PRICES
            .iter()
            .chain(&["volume"])
            .map(|name| Field::new(*name, DataType::Float64, false)),
    );
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
    Ok(batch.expect("columns of one length and of the schema's types"))
}

/// The length of bars that start at these times: their shortest step, if that is the length of a bar.
///
/// # Errors
/// It is not, or there is a single row.
pub fn length_of(batch: &RecordBatch) -> Result<BarLength, FrameError> {
    let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values();
    let step = times.windows(2).map(|pair| pair[1] - pair[0]).min();
    let seconds = step.map(|ns| (ns / 1_000_000_000, ns % 1_000_000_000));
    let text = match seconds {
        Some((s, 0)) if s % 86_400 == 0 => format!("{}d", s / 86_400),
        Some((s, 0)) if s % 3_600 == 0 => format!("{}h", s / 3_600),
        Some((s, 0)) if s % 60 == 0 => format!("{}m", s / 60),
        Some((s, 0)) => format!("{s}s"),
        Some((s, ns)) => format!("{s}.{ns:09} s"),
        None => "not known, there is one row".to_owned(),
    };
    text.parse().map_err(|_| FrameError::Length(text))
}

fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

fn missing(batch: &RecordBatch, name: &'static str) -> FrameError {
    let names: Vec<String> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| format!("`{}`", field.name()))
        .collect();
    FrameError::Missing(name, names.join(", "))
}

fn times(batch: &RecordBatch) -> Result<TimestampNanosecondArray, FrameError> {
    let column = batch.column_by_name("time").ok_or_else(|| missing(batch, "time"))?;
    match column.data_type() {
        DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => return Err(FrameError::Naive),
        DataType::Timestamp(_, Some(_)) => {}
        other => {
            return Err(FrameError::Type {
                column: "time".to_owned(),
                found: other.to_string(),
                expected: "times with a zone",
            });
        }
    }
    if column.null_count() > 0 {
        let row = (0..column.len()).find(|row| column.is_null(*row)).unwrap_or_default();
        return Err(FrameError::Value {
            row,
            time: "its time".to_owned(),
            column: "time".to_owned(),
            value: "missing (NaT)".to_owned(),
        });
    }
    // The moment stays, whatever the zone is called.
    let times = cast(
        column,
        &DataType::Timestamp(TimeUnit::Nanosecond, column_zone(column.data_type())),
    )
    .map_err(|error| FrameError::Type {
        column: "time".to_owned(),
        found: error.to_string(),
        expected: "times with a zone",
    })?;
    let times = times.as_primitive::<TimestampNanosecondType>().clone();
    if let Some(row) = (0..times.len()).find(|row| times.is_null(*row)) {
        return Err(FrameError::Value {
            row,
            time: "its time".to_owned(),
            column: "time".to_owned(),
            value: "before 1677 or after 2262".to_owned(),
        });
    }
    Ok(times.with_timezone("UTC"))
}

fn column_zone(data_type: &DataType) -> Option<Arc<str>> {
    match data_type {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    }
}

/// A column of finite numbers; `None` if there is none of that name.
fn numbers(batch: &RecordBatch, name: &str, times: &TimestampNanosecondArray) -> Result<Option<Float64Array>, FrameError> {
    let Some(column) = batch.column_by_name(name) else {
        return Ok(None);
    };
    if !column.data_type().is_numeric() {
        return Err(FrameError::Type {
            column: name.to_owned(),
            found: column.data_type().to_string(),
            expected: "numbers",
        });
    }
    let values = cast(column, &DataType::Float64).map_err(|error| FrameError::Type {
        column: name.to_owned(),
        found: error.to_string(),
        expected: "numbers",
    })?;
    let values = values.as_primitive::<Float64Type>().clone();
    let bad = |row: usize, value: String| FrameError::Value {
        row,
        time: UtcNs(times.value(row)).to_string(),
        column: name.to_owned(),
        value,
    };
    if let Some(row) = (values.null_count() > 0)
        .then(|| (0..values.len()).find(|row| values.is_null(*row)))
        .flatten()
    {
        return Err(bad(row, "missing".to_owned()));
    }
    if !values.values().iter().fold(true, |all, value| all & value.is_finite())
        && let Some(row) = values.values().iter().position(|value| !value.is_finite())
    {
        return Err(bad(row, values.value(row).to_string()));
    }
    if name == "volume"
        && let Some(row) = values.values().iter().position(|value| *value < 0.0)
    {
        return Err(bad(row, format!("{}, below 0", values.value(row))));
    }
    Ok(Some(values))
}

fn contradictions(columns: &[ArrayRef], times: &[i64]) -> Result<(), FrameError> {
    let column = |at: usize| columns[at].as_primitive::<Float64Type>().values();
    let (opens, highs, lows, closes) = (column(1), column(2), column(3), column(4));
    for (row, time) in times.iter().enumerate() {
        let (open, high, low, close) = (opens[row], highs[row], lows[row], closes[row]);
        if high >= open && high >= close && low <= open && low <= close {
            continue;
        }
        let is_high = high < open || high < close;
        let (column, value, extreme) = if is_high {
            ("high", high, "highest")
        } else {
            ("low", low, "lowest")
        };
        return Err(FrameError::Contradiction {
            row,
            time: UtcNs(*time),
            column,
            value,
            extreme,
            open,
            high,
            low,
            close,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray, TimestampMillisecondArray};

    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn with(time: ArrayRef, change: impl Fn(&mut Vec<(&'static str, ArrayRef)>)) -> RecordBatch {
        let number = |add: f64| -> ArrayRef { Arc::new(Float64Array::from(vec![10.0 + add, 11.0 + add, 12.0 + add])) };
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("time", time),
            ("open", number(0.0)),
            ("high", number(1.0)),
            ("low", number(-1.0)),
            ("close", number(0.5)),
        ];
        change(&mut columns);
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
    }

    fn hours(hours: [i64; 3]) -> ArrayRef {
        let times = TimestampMillisecondArray::from_iter_values(hours.map(|hour| hour * HOUR_MS));
        Arc::new(times.with_timezone("Europe/London"))
    }

    fn set(name: &'static str, array: ArrayRef) -> impl Fn(&mut Vec<(&'static str, ArrayRef)>) {
        move |columns| {
            columns
                .iter_mut()
                .filter(|(known, _)| *known == name)
                .for_each(|(_, old)| *old = Arc::clone(&array));
        }
    }

    #[test]
    fn other_units_zones_and_numbers_are_converted_and_nothing_else_is_copied() {
        let batch = with(hours([1, 2, 3]), set("open", Arc::new(Int64Array::from(vec![10, 11, 12]))));
        let bars = bars_of(&batch).unwrap();
        assert_eq!(
            bars.column(0).as_primitive::<TimestampNanosecondType>().value(1),
            2 * HOUR_MS * 1_000_000
        );
        assert_eq!(bars.column(1).as_primitive::<Float64Type>().values(), &[10.0, 11.0, 12.0]);
        assert_eq!(bars.column(5).as_primitive::<Float64Type>().values(), &[0.0; 3]);
        let address = |batch: &RecordBatch, name: &str| {
            batch
                .column_by_name(name)
                .unwrap()
                .as_primitive::<Float64Type>()
                .values()
                .as_ptr()
        };
        assert_eq!(address(&bars, "close"), address(&batch, "close"));
        assert_eq!(length_of(&bars).unwrap().to_string(), "1h");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_row() {
        let text = |batch: &RecordBatch| bars_of(batch).unwrap_err().to_string();
        assert_eq!(
            text(&with(hours([1, 3, 2]), |_| {})),
            "row 2: time 1970-01-01T02:00:00Z comes after 1970-01-01T03:00:00Z: the rows are not in order"
        );
        assert_eq!(
            text(&with(hours([1, 2, 2]), |_| {})),
            "row 2: time 1970-01-01T02:00:00Z is that of row 1 again"
        );
        let nan = set("close", Arc::new(Float64Array::from(vec![10.5, f64::NAN, 12.5])));
        assert_eq!(
            text(&with(hours([1, 2, 3]), nan)),
            "row 1 (1970-01-01T02:00:00Z): close is NaN"
        );
        let null = set("low", Arc::new(Float64Array::from(vec![Some(9.0), Some(10.0), None])));
        assert_eq!(
            text(&with(hours([1, 2, 3]), null)),
            "row 2 (1970-01-01T03:00:00Z): low is missing"
        );
        let words = set("high", Arc::new(StringArray::from(vec!["a", "b", "c"])));
        assert_eq!(
            text(&with(hours([1, 2, 3]), words)),
            "column `high` is of type Utf8, expected numbers"
        );
        let low = set("low", Arc::new(Float64Array::from(vec![9.0, 11.25, 11.0])));
        assert_eq!(
            text(&with(hours([1, 2, 3]), low)),
            "row 1 (1970-01-01T02:00:00Z): low 11.25 is not the lowest of open 11, high 12, low 11.25 and close 11.5"
        );
        let naive = Arc::new(TimestampMillisecondArray::from(vec![1, 2, 3]));
        assert_eq!(bars_of(&with(naive, |_| {})), Err(FrameError::Naive));
        let gone = with(hours([1, 2, 3]), |columns| columns.retain(|(name, _)| *name != "close"));
        assert_eq!(text(&gone), "no column `close`; there are `time`, `open`, `high`, `low`");
        assert_eq!(bars_of(&with(hours([1, 2, 3]), |_| {}).slice(0, 0)), Err(FrameError::Empty));
    }

    #[test]
    fn odd_steps_are_no_length() {
        let bars = bars_of(&with(hours([1, 2, 3]), |_| {}).slice(0, 1)).unwrap();
        assert!(matches!(length_of(&bars), Err(FrameError::Length(_))));
    }
}
