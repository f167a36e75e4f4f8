//! Rows to Arrow columns and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, FixedSizeBinaryBuilder, FixedSizeListArray, Float64Array, Int64Array,
    RecordBatch, StringArray, UInt32Array, UInt64Array, types::Int32Type,
};
use arrow::array::{DictionaryArray, Int32Array};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, UInt64Type};
use assay_core::ids::Ordinal;
use assay_core::metrics::{Metric, Metrics, Unit};
use assay_core::row::{Outcome, SKETCH_BLOCKS, Sketch, TrialRow};
use assay_core::space::Point;

use crate::layout::{Layout, ParamKind, SKETCH_BYTES, sketches_schema};

/// Rows as one batch with the columns of a staging file.
pub(crate) fn staging_batch(layout: &Layout, rows: &[&TrialRow]) -> RecordBatch {
    let metric_of = |row: &TrialRow, metric| row.metrics().and_then(|metrics| metrics.get(metric));
    let ids = rows
        .iter()
        .map(|row| layout.trial_id(row.instrument, row.ordinal).to_string());
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(ids)),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.ordinal.0))),
        Arc::new(instruments(layout, rows.iter().map(|row| row.instrument as i32).collect())),
    ];
    if !layout.windows.is_empty() {
        let fold = |row: &&TrialRow| layout.windows.get(row.window as usize).and_then(|window| window.fold);
        columns.push(Arc::new(Int64Array::from_iter_values(
            rows.iter().map(|row| i64::from(row.window)),
        )));
        columns.push(Arc::new(
            rows.iter().map(|row| fold(row).map(i64::from)).collect::<Int64Array>(),
        ));
    }
    for (i, param) in layout.params.iter().enumerate() {
        let values = rows.iter().map(|row| row.point.0[i]);
        columns.push(match param.kind {
            ParamKind::Int => Arc::new(Int64Array::from_iter_values(values.map(|x| x as i64))),
            ParamKind::Float => Arc::new(Float64Array::from_iter_values(values)),
            ParamKind::Text => Arc::new(StringArray::from_iter_values(values.map(|x| param.text(x)))),
        });
    }
    for metric in Metric::ALL {
        let values = rows.iter().map(|row| metric_of(row, metric));
        columns.push(match metric.unit() {
            Unit::Count => Arc::new(values.map(|x| x.map(|x| x as i64)).collect::<Int64Array>()),
            _ => Arc::new(values.collect::<Float64Array>()),
        });
    }
    columns.push(Arc::new(
        rows.iter()
            .map(|row| match &row.outcome {
                Outcome::Failed(reason) => Some(reason.as_str()),
                Outcome::Done { .. } => None,
            })
            .collect::<StringArray>(),
    ));
    columns.push(Arc::new(sketch_bytes(rows)));
    RecordBatch::try_new(layout.staging_schema(), columns).expect("the columns are built by the schema")
}

fn instruments(layout: &Layout, keys: Vec<i32>) -> DictionaryArray<Int32Type> {
    let symbols = StringArray::from_iter_values(&layout.instruments);
    DictionaryArray::try_new(Int32Array::from(keys), Arc::new(symbols)).expect("rows name instruments of their job")
}

fn sketch_bytes(rows: &[&TrialRow]) -> FixedSizeBinaryArray {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(rows.len(), SKETCH_BYTES as i32);
    for row in rows {
        let Outcome::Done {
            sketch: Some(sketch), ..
        } = &row.outcome
        else {
            builder.append_null();
            continue;
        };
        let mut bytes = [0; SKETCH_BYTES];
        let (numbers, counts) = bytes.split_at_mut(SKETCH_BLOCKS * 16);
        for (slot, x) in numbers.chunks_exact_mut(8).zip(sketch.sums.iter().chain(&sketch.squares)) {
            slot.copy_from_slice(&x.to_le_bytes());
        }
        for (slot, n) in counts.chunks_exact_mut(4).zip(&sketch.counts) {
            slot.copy_from_slice(&n.to_le_bytes());
        }
        builder.append_value(bytes).expect("every sketch has its size");
    }
    builder.finish()
}

fn f64s(bytes: &[u8]) -> impl Iterator<Item = f64> {
    bytes
        .chunks_exact(8)
        .map(|chunk| f64::from_le_bytes(chunk.try_into().expect("chunks of eight")))
}

fn u32s(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes
        .chunks_exact(4)
        .map(|chunk| u32::from_le_bytes(chunk.try_into().expect("chunks of four")))
}

fn sketch_of(bytes: &[u8]) -> Box<Sketch> {
    let mut sketch = Box::<Sketch>::default();
    let (numbers, counts) = bytes.split_at(SKETCH_BLOCKS * 16);
    let slots = sketch.sums.iter_mut().chain(&mut sketch.squares);
    slots.zip(f64s(numbers)).for_each(|(slot, x)| *slot = x);
    sketch.counts.iter_mut().zip(u32s(counts)).for_each(|(slot, n)| *slot = n);
    sketch
}

/// Why rows failed, of those that did.
pub(crate) fn failures(batch: &RecordBatch) -> Result<impl Iterator<Item = &str>, String> {
    let errors = column(batch, "error")?.as_string_opt::<i32>().ok_or("`error` is no text")?;
    Ok(errors.iter().flatten())
}

/// The rows of a batch with the columns of trials, and with their sketches if it has them; `Err` names what is wrong.
pub(crate) fn rows_of(layout: &Layout, batch: &RecordBatch) -> Result<Vec<TrialRow>, String> {
    let instrument = instrument_indices(layout, batch)?;
    let params = coordinates_of(layout, batch)?;
    let metrics = all_metrics(batch)?;
    let ordinals = ordinals(batch)?;
    let windows = windows(layout, batch)?;
    let errors = column(batch, "error")?.as_string_opt::<i32>().ok_or("`error` is no text")?;
    let sketches = batch
        .column_by_name("sketch")
        .and_then(|column| column.as_fixed_size_binary_opt());
    let row = |i: usize| {
        let outcome = if errors.is_valid(i) {
            Outcome::Failed(errors.value(i).to_owned())
        } else {
            Outcome::Done {
                metrics: metrics[i],
                sketch: sketches.filter(|s| s.is_valid(i)).map(|s| sketch_of(s.value(i))),
            }
        };
        TrialRow {
            instrument: instrument[i],
            ordinal: Ordinal(ordinals[i]),
            point: Point(params.iter().map(|column| column[i]).collect()),
            window: windows.as_ref().map_or(0, |windows| windows[i]),
            outcome,
        }
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

/// The points of a batch, one a row.
pub(crate) fn points(layout: &Layout, batch: &RecordBatch) -> Result<Vec<Point>, String> {
    let params = layout.params.iter().map(|param| coordinates(param, batch));
    let params = params.collect::<Result<Vec<Vec<f64>>, String>>()?;
    let point = |i: usize| Point(params.iter().map(|column| column[i]).collect());
    Ok((0..batch.num_rows()).map(point).collect())
}

/// Shows instrument, point and sketch of each row; `Err` names what is wrong.
pub(crate) fn each_sketch(
    layout: &Layout,
    batch: &RecordBatch,
    mut see: impl FnMut(u32, &Point, Option<&Sketch>),
) -> Result<(), String> {
    let instruments = instrument_indices(layout, batch)?;
    let params = layout.params.iter().map(|param| coordinates(param, batch));
    let params = params.collect::<Result<Vec<Vec<f64>>, String>>()?;
    let sketches = column(batch, "sketch")?
        .as_fixed_size_binary_opt()
        .ok_or("`sketch` is no bytes")?;
    let mut point = Point(vec![0.0; params.len()].into());
    for (i, instrument) in instruments.into_iter().enumerate() {
        point.0.iter_mut().zip(&params).for_each(|(x, column)| *x = column[i]);
        let sketch = sketches.is_valid(i).then(|| sketch_of(sketches.value(i)));
        see(instrument, &point, sketch.as_deref());
    }
    Ok(())
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, String> {
    batch
        .column_by_name(name)
        .ok_or_else(|| format!("there is no column `{name}`"))
}

/// The ordinals of a batch.
pub(crate) fn ordinals(batch: &RecordBatch) -> Result<&[u64], String> {
    let column = column(batch, "ordinal")?.as_primitive_opt::<UInt64Type>();
    Ok(column.ok_or("`ordinal` is no unsigned number")?.values())
}

/// The windows of a batch, by index; `None` where its job has only one.
pub(crate) fn windows(layout: &Layout, batch: &RecordBatch) -> Result<Option<Vec<u32>>, String> {
    if layout.windows.is_empty() {
        return Ok(None);
    }
    let column = column(batch, "window")?.as_primitive_opt::<Int64Type>();
    let values = column.ok_or("`window` is no whole number")?.values();
    let index = |value: &i64| u32::try_from(*value).map_err(|_| format!("`window` is {value}"));
    values.iter().map(index).collect::<Result<_, _>>().map(Some)
}

/// The instruments of a batch, by index.
pub(crate) fn instrument_indices(layout: &Layout, batch: &RecordBatch) -> Result<Vec<u32>, String> {
    let column = column(batch, "instrument")?;
    let dictionary = column
        .as_dictionary_opt::<Int32Type>()
        .ok_or("`instrument` is no dictionary")?;
    let symbols = dictionary.values().as_string_opt::<i32>().ok_or("`instrument` is no text")?;
    let index = |symbol: Option<&str>| {
        let found = layout.instruments.iter().position(|known| Some(known.as_str()) == symbol);
        found
            .map(|i| i as u32)
            .ok_or_else(|| format!("`{}` is no instrument of the job", symbol.unwrap_or("null")))
    };
    let indices = symbols.iter().map(index).collect::<Result<Vec<u32>, String>>()?;
    let of_key = |key: &i32| {
        indices
            .get(*key as usize)
            .copied()
            .ok_or_else(|| "`instrument` has a null".to_owned())
    };
    dictionary.keys().values().iter().map(of_key).collect()
}

/// The coordinates of the rows of a batch, one column a parameter.
pub(crate) fn coordinates_of(layout: &Layout, batch: &RecordBatch) -> Result<Vec<Vec<f64>>, String> {
    layout.params.iter().map(|param| coordinates(param, batch)).collect()
}

fn coordinates(param: &crate::layout::ParamColumn, batch: &RecordBatch) -> Result<Vec<f64>, String> {
    let name = param.column();
    let column = column(batch, &name)?;
    let wrong = || format!("`{name}` is not of the job's type");
    match param.kind {
        ParamKind::Int => {
            let values = column.as_primitive_opt::<Int64Type>().ok_or_else(wrong)?;
            Ok(values.values().iter().map(|x| *x as f64).collect())
        }
        ParamKind::Float => Ok(column.as_primitive_opt::<Float64Type>().ok_or_else(wrong)?.values().to_vec()),
        ParamKind::Text => {
            let values = column.as_string_opt::<i32>().ok_or_else(wrong)?;
            values
                .iter()
                .map(|text| text.and_then(|t| param.position(t)).ok_or_else(wrong))
                .collect()
        }
    }
}

/// A metric of every row of a batch, NaN where undefined.
pub(crate) fn metric_values(batch: &RecordBatch, metric: Metric) -> Result<Vec<f64>, String> {
    let column = column(batch, metric.name())?;
    let wrong = || format!("`{metric}` is no number");
    if metric.unit() == Unit::Count {
        let values = column.as_primitive_opt::<Int64Type>().ok_or_else(wrong)?;
        return Ok(values.iter().map(|x| x.map_or(f64::NAN, |x| x as f64)).collect());
    }
    let values = column.as_primitive_opt::<Float64Type>().ok_or_else(wrong)?;
    Ok(values.iter().map(|x| x.unwrap_or(f64::NAN)).collect())
}

/// All metrics of every row of a batch.
pub(crate) fn all_metrics(batch: &RecordBatch) -> Result<Vec<Metrics>, String> {
    let columns = Metric::ALL.map(|metric| metric_values(batch, metric));
    let columns = columns.into_iter().collect::<Result<Vec<Vec<f64>>, String>>()?;
    let row = |i: usize| {
        let mut values = [f64::NAN; Metric::ALL.len()];
        values.iter_mut().zip(&columns).for_each(|(slot, column)| *slot = column[i]);
        Metrics::from_values(values)
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

/// The trials columns of a staging batch.
pub(crate) fn trials_of(layout: &Layout, staged: &RecordBatch) -> RecordBatch {
    let columns = staged.columns()[..staged.num_columns() - 1].to_vec();
    RecordBatch::try_new(layout.trials_schema(), columns).expect("staging files begin with the columns of trials")
}

/// The sketches of a staging batch; rows without one are left out.
pub(crate) fn sketches_of(staged: &RecordBatch) -> RecordBatch {
    let sketch = staged.column(staged.num_columns() - 1).as_fixed_size_binary();
    let keep: Vec<u32> = (0..staged.num_rows() as u32)
        .filter(|i| sketch.is_valid(*i as usize))
        .collect();
    let bytes = |from: usize, to: usize| keep.iter().map(move |i| &sketch.value(*i as usize)[from..to]);
    let part = SKETCH_BLOCKS * 8;
    let sums = Float64Array::from_iter_values(bytes(0, part).flat_map(f64s));
    let squares = Float64Array::from_iter_values(bytes(part, 2 * part).flat_map(f64s));
    let counts = UInt32Array::from_iter_values(bytes(2 * part, SKETCH_BYTES).flat_map(u32s));
    let keep = UInt32Array::from(keep);
    let take = |i: usize| arrow::compute::take(staged.column(i), &keep, None).expect("the indices are those of the rows");
    let columns = vec![
        take(1),
        take(2),
        list(DataType::Float64, Arc::new(sums)),
        list(DataType::Float64, Arc::new(squares)),
        list(DataType::UInt32, Arc::new(counts)),
    ];
    RecordBatch::try_new(sketches_schema(), columns).expect("the columns are built by the schema")
}

fn list(kind: DataType, values: ArrayRef) -> ArrayRef {
    let field = Arc::new(Field::new("item", kind, false));
    Arc::new(FixedSizeListArray::new(field, SKETCH_BLOCKS as i32, values, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{layout, row};

    #[test]
    fn rows_survive_their_columns_bit_for_bit() {
        let layout = layout(2);
        let mut rows: Vec<TrialRow> = (0..40).map(|i| row(i / 2, (i % 2) as u32)).collect();
        rows[3].outcome = Outcome::Failed("a panic".to_owned());
        if let Outcome::Done { metrics, sketch } = &mut rows[4].outcome {
            *metrics = Metrics::default();
            *sketch = None;
        }
        let batch = staging_batch(&layout, &rows.iter().collect::<Vec<_>>());
        assert_eq!(rows_of(&layout, &batch).unwrap(), rows);
        let trials = trials_of(&layout, &batch);
        let without_sketches = rows_of(&layout, &trials).unwrap();
        assert_eq!(without_sketches[7].metrics(), rows[7].metrics());
        let sketches = sketches_of(&batch);
        assert_eq!(sketches.num_rows(), 38);
        let sums = sketches.column(2).as_fixed_size_list().value(5);
        let Outcome::Done {
            sketch: Some(sketch), ..
        } = &rows[7].outcome
        else {
            panic!("row 7 has a sketch")
        };
        assert_eq!(sums.as_primitive::<Float64Type>().values(), &sketch.sums[..]);
    }

    #[test]
    fn a_batch_of_another_job_is_refused() {
        let batch = staging_batch(&layout(2), &[&row(0, 1)]);
        assert!(rows_of(&layout(1), &batch).unwrap_err().contains("no instrument of the job"));
        let mut other = layout(2);
        other.params[0].name = "elsewhere".to_owned();
        assert!(rows_of(&other, &batch).unwrap_err().contains("`param.elsewhere`"));
    }
}
