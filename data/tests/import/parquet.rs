//! Parquet files of other tools.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};

use crate::case::Case;

#[test]
fn parquet_of_other_tools() {
    let time: ArrayRef = Arc::new(Int64Array::from(vec![
        1_420_070_400_000,
        1_420_070_400_000,
        1_420_070_401_000,
    ]));
    let side: ArrayRef = Arc::new(StringArray::from(vec![Some("buy"), Some("sell"), None]));
    let price = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let write = |columns: Vec<(&str, ArrayRef)>| {
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap();
        let mut writer = ::parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    };
    let good = write(vec![
        ("timestamp", time.clone()),
        ("id", side.clone()),
        ("price", price(vec![1.0, 2.0, 3.0])),
        ("amount", price(vec![0.5, 0.5, 1.5])),
        ("side", side),
    ]);
    let case = Case::new().file("a.parquet", &good);
    let report = case.import(|_| {}).unwrap();
    assert_eq!((report.datasets[0].rows_written, report.datasets[0].duplicates), (3, 1));
    assert_eq!(
        case.rows("trades")[1..],
        ["2015-01-01T00:00:00Z,2.0,0.5,-1", "2015-01-01T00:00:01Z,3.0,1.5,"]
    );

    let bad = write(vec![
        ("time", time),
        ("bid", price(vec![1.0, f64::NAN, 1.0])),
        ("ask", price(vec![1.0; 3])),
    ]);
    assert!(
        Case::new()
            .file("a.parquet", bad)
            .error(|_| {})
            .contains("line 2, column bid: `NaN` is not a finite number")
    );
    assert!(
        Case::new()
            .file("a.parquet", &good[..good.len() / 2])
            .error(|_| {})
            .contains("cannot read as Parquet")
    );
    assert!(
        Case::new()
            .file("a.parquet", "time,bid")
            .error(|_| {})
            .contains("does not begin like a Parquet file")
    );
}
