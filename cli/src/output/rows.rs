//! Rows with typed columns, and how each form of output writes them.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use assay_core::metrics::Unit;
use assay_core::time::UtcNs;
use serde_json::{Map, Value};

use super::human;

/// What a column holds, which decides its type in files and its look in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Flag,
    /// Nanoseconds UTC.
    Time,
    Count,
    Bytes,
    Number,
    /// Shown with the decimals that prices have.
    Price,
    /// Shown as a percentage.
    Ratio,
    Money,
    Seconds,
}

impl From<Unit> for Kind {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Ratio => Self::Ratio,
            Unit::Money => Self::Money,
            Unit::Seconds => Self::Seconds,
            Unit::Count => Self::Count,
            Unit::Plain => Self::Number,
        }
    }
}

/// One value; of the type that its column's kind asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Text(String),
    Flag(bool),
    /// Of times, counts and bytes.
    Whole(i64),
    Number(f64),
}

impl Cell {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Whole(value as i64)
    }
}

impl From<UtcNs> for Cell {
    fn from(time: UtcNs) -> Self {
        Self::Whole(time.0)
    }
}

impl From<f64> for Cell {
    /// A number that is none is null.
    fn from(value: f64) -> Self {
        if value.is_finite() { Self::Number(value) } else { Self::Null }
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A named column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// Rows of the same columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    columns: Vec<Column>,
    cells: Vec<Vec<Cell>>,
}

impl Rows {
    /// No rows yet.
    pub(crate) fn new<N: Into<String>>(columns: impl IntoIterator<Item = (N, Kind)>) -> Self {
        let columns = columns
            .into_iter()
            .map(|(name, kind)| Column { name: name.into(), kind })
            .collect();
        Self {
            columns,
            cells: Vec::new(),
        }
    }

    /// Adds a row: a cell for every column.
    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.cells.push(row);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub(crate) fn cells(&self) -> &[Vec<Cell>] {
        &self.cells
    }

    /// An array of objects.
    pub(crate) fn to_json(&self) -> Value {
        let object = |row: &Vec<Cell>| {
            let pairs = self.columns.iter().zip(row);
            let pairs = pairs.map(|(column, cell)| (column.name.clone(), json(column.kind, cell)));
            Value::Object(pairs.collect::<Map<_, _>>())
        };
        self.cells.iter().map(object).collect()
    }

    /// Header and rows, separated by commas; undefined is empty.
    pub(crate) fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let header = self.columns.iter().map(|column| column.name.clone());
        write_line(out, header)?;
        for row in &self.cells {
            write_line(out, self.columns.iter().zip(row).map(|(column, cell)| csv(column.kind, cell)))?;
        }
        Ok(())
    }

    /// As Arrow columns.
    pub(crate) fn to_batch(&self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let mut fields = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for (i, column) in self.columns.iter().enumerate() {
            let cells = || self.cells.iter().map(|row| &row[i]);
            let whole = |cell: &Cell| match cell {
                Cell::Whole(value) => Some(*value),
                _ => None,
            };
            let number = |cell: &Cell| match cell {
                Cell::Number(value) => Some(*value),
                _ => None,
            };
            let flag = |cell: &Cell| match cell {
                Cell::Flag(flag) => Some(*flag),
                _ => None,
            };
            let array: ArrayRef = match data_type(column.kind) {
                DataType::Utf8 => Arc::new(cells().map(Cell::text).collect::<StringArray>()),
                DataType::Boolean => Arc::new(cells().map(flag).collect::<BooleanArray>()),
                DataType::Timestamp(..) => {
                    Arc::new(cells().map(whole).collect::<TimestampNanosecondArray>().with_timezone("UTC"))
                }
                DataType::Int64 => Arc::new(cells().map(whole).collect::<Int64Array>()),
                _ => Arc::new(cells().map(number).collect::<Float64Array>()),
            };
            fields.push(Field::new(&column.name, data_type(column.kind), true));
            arrays.push(array);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Flag => DataType::Boolean,
        Kind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        Kind::Count | Kind::Bytes => DataType::Int64,
        Kind::Number | Kind::Price | Kind::Ratio | Kind::Money | Kind::Seconds => DataType::Float64,
    }
}

fn json(kind: Kind, cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Text(text) => Value::from(text.as_str()),
        Cell::Flag(flag) => Value::from(*flag),
        Cell::Whole(ns) if kind == Kind::Time => Value::from(UtcNs(*ns).to_rfc3339()),
        Cell::Whole(value) => Value::from(*value),
        Cell::Number(value) => Value::from(*value),
    }
}

fn csv(kind: Kind, cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Whole(ns) if kind == Kind::Time => UtcNs(*ns).to_rfc3339(),
        Cell::Whole(value) => value.to_string(),
        Cell::Number(value) => value.to_string(),
    }
}

/// One line of CSV; texts with a comma, a quote or a line break are quoted.
fn write_line(out: &mut dyn Write, values: impl Iterator<Item = String>) -> io::Result<()> {
    for (i, value) in values.enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        if value.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", value.replace('"', "\"\""))?;
        } else {
            out.write_all(value.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}

/// A cell as people read it.
pub(crate) fn text(kind: Kind, cell: &Cell) -> String {
    match (cell, kind) {
        (Cell::Null, _) => human::UNDEFINED.to_owned(),
        (Cell::Text(text), _) => text.clone(),
        (Cell::Flag(flag), _) => if *flag { "yes" } else { "no" }.to_owned(),
        (Cell::Whole(value), Kind::Time) => human::time(*value),
        (Cell::Whole(value), Kind::Bytes) => human::bytes(*value as u64),
        (Cell::Whole(value), _) => human::count(*value),
        (Cell::Number(value), Kind::Price) => human::price(*value),
        (Cell::Number(value), Kind::Ratio) => human::percent(*value),
        (Cell::Number(value), Kind::Money) => human::money(*value),
        (Cell::Number(value), Kind::Seconds) => human::seconds(*value),
        (Cell::Number(value), _) => human::number(*value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Rows {
        let mut rows = Rows::new([("name", Kind::Text), ("time", Kind::Time), ("ratio", Kind::Ratio)]);
        rows.push(vec!["a,\"b\"".into(), UtcNs(0).into(), 0.5.into()]);
        rows.push(vec!["c".into(), Cell::Null, f64::NAN.into()]);
        rows
    }

    #[test]
    fn the_same_rows_in_every_form() {
        let rows = sample();
        let mut csv = Vec::new();
        rows.write_csv(&mut csv).unwrap();
        let expected = "name,time,ratio\n\"a,\"\"b\"\"\",1970-01-01T00:00:00Z,0.5\nc,,\n";
        assert_eq!(String::from_utf8(csv).unwrap(), expected);
        assert_eq!(rows.to_json()[0]["time"], "1970-01-01T00:00:00Z");
        assert_eq!(rows.to_json()[1]["ratio"], Value::Null);
        let batch = rows.to_batch().unwrap();
        assert_eq!((batch.num_rows(), batch.column(2).null_count()), (2, 1));
        assert_eq!(text(Kind::Ratio, &Cell::Number(0.5)), "50.00 %");
    }
}
