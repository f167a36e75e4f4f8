//! The columns of each kind of dataset.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::DatasetKind;
use crate::error::DataError;

/// The four price columns of both sides in bars from quotes, in the order they are stored.
pub const SIDE_COLUMNS: [&str; 8] = [
    "bid_open",
    "bid_high",
    "bid_low",
    "bid_close",
    "ask_open",
    "ask_high",
    "ask_low",
    "ask_close",
];

/// UTC nanoseconds.
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

/// `time, bid, ask` and, with sizes, nullable `bid_size, ask_size`.
pub fn quotes(sizes: bool) -> SchemaRef {
    let mut fields = vec![time(), price("bid"), price("ask")];
    if sizes {
        fields.extend([optional("bid_size"), optional("ask_size")]);
    }
    Arc::new(Schema::new(fields))
}

/// `time, price, size` and, where the aggressor is known, nullable `side` (Int8: 1 buyer, -1 seller).
pub fn trades(side: bool) -> SchemaRef {
    let mut fields = vec![time(), price("price"), price("size")];
    if side {
        fields.push(Field::new("side", DataType::Int8, true));
    }
    Arc::new(Schema::new(fields))
}

/// `time` (the start), `open, high, low, close, volume` and, from quotes, `bid_open` to `ask_close`; the former are then the mid.
pub fn bars(from_quotes: bool) -> SchemaRef {
    let mut fields = vec![time()];
    fields.extend(["open", "high", "low", "close", "volume"].map(price));
    if from_quotes {
        fields.extend(SIDE_COLUMNS.map(price));
    }
    Arc::new(Schema::new(fields))
}

/// [`bars`] that count ticks or volume: with `end`, the time of the last tick, and the number of `ticks`, unless each is a bar.
pub fn counted_bars(from_quotes: bool, with_counts: bool) -> SchemaRef {
    let mut fields: Vec<_> = bars(from_quotes)
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    fields.push(Field::new("end", time_type(), false));
    if with_counts {
        fields.push(Field::new("ticks", DataType::Int64, false));
    }
    Arc::new(Schema::new(fields))
}

/// `time, rate`: what a long position pays at that time, a share of its notional; negative is received.
pub fn funding() -> SchemaRef {
    Arc::new(Schema::new(vec![time(), price("rate")]))
}

fn time() -> Field {
    Field::new("time", time_type(), false)
}

fn price(name: &str) -> Field {
    Field::new(name, DataType::Float64, false)
}

fn optional(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

/// The unit of a column, for the manifest.
pub(crate) fn unit(column: &str, currency: &str) -> String {
    match column {
        "time" => "UTC nanoseconds".to_owned(),
        "volume" | "size" | "bid_size" | "ask_size" => "units".to_owned(),
        "side" => "1 buyer, -1 seller".to_owned(),
        "rate" => "share of the notional".to_owned(),
        _ => currency.to_owned(),
    }
}

/// Positions of the columns that hold prices as they were quoted or traded. Mids beside bid and ask are computed: they need one
/// decimal more, and (bid + ask) / 2 in floating point need not be the nearest number to any decimal.
pub(crate) fn price_columns(schema: &Schema) -> Vec<usize> {
    let sides = schema.field_with_name("bid_open").is_ok();
    let is_price = |name: &str| match name {
        "time" | "volume" | "size" | "bid_size" | "ask_size" | "side" | "rate" => false,
        "open" | "high" | "low" | "close" => !sides,
        _ => true,
    };
    let fields = schema.fields().iter().enumerate();
    fields
        .filter(|(_, field)| is_price(field.name()))
        .map(|(index, _)| index)
        .collect()
}

/// Every column a dataset of this kind may have.
pub(crate) fn widest(kind: DatasetKind) -> SchemaRef {
    match kind {
        DatasetKind::Quotes => quotes(true),
        DatasetKind::Trades => trades(true),
        DatasetKind::Bars(_) => bars(true),
        DatasetKind::Funding => funding(),
    }
}

/// The columns of `batch` in the order of the widest schema, of the right types, without those that are absent. Refuses unknown
/// columns and absent ones that the kind needs.
pub(crate) fn conform(kind: DatasetKind, batch: &RecordBatch) -> Result<RecordBatch, DataError> {
    let fail = |reason: String| Err(DataError::Columns { kind, reason });
    let widest = widest(kind);
    for field in batch.schema_ref().fields() {
        if widest.field_with_name(field.name()).is_err() {
            let names: Vec<&str> = widest.fields().iter().map(|f| f.name().as_str()).collect();
            return fail(format!("`{}` is none of {}", field.name(), names.join(", ")));
        }
    }
    let sides = SIDE_COLUMNS
        .iter()
        .filter(|name| batch.column_by_name(name).is_some())
        .count();
    let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for field in widest.fields() {
        let optional = field.is_nullable() || (SIDE_COLUMNS.contains(&field.name().as_str()) && sides == 0);
        match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => {
                fields.push(field.as_ref().clone());
                columns.push(Arc::clone(column));
            }
            Some(column) => {
                return fail(format!(
                    "`{}` is {} but must be {}",
                    field.name(),
                    column.data_type(),
                    field.data_type()
                ));
            }
            None if optional => {}
            None => return fail(format!("`{}` is absent", field.name())),
        }
    }
    for (field, column) in fields.iter().zip(&columns) {
        if !field.is_nullable() && column.null_count() > 0 {
            let row = (0..column.len()).find(|row| column.is_null(*row)).unwrap_or_default();
            return Err(DataError::Value {
                row: row as u64,
                column: field.name().clone(),
                value: "empty".to_owned(),
            });
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|source| DataError::Arrow {
        action: "check the columns",
        source,
    })
}

/// `batch` with the columns of `schema`; those it lacks are null.
pub(crate) fn widen(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, DataError> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) => Arc::clone(column),
            None => new_null_array(field.data_type(), batch.num_rows()),
        })
        .collect();
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|source| DataError::Arrow {
        action: "align the columns",
        source,
    })
}
