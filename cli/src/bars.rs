//! A span of an instrument's bars.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use assay_core::ids::Symbol;
use assay_core::time::UtcNs;

use crate::failure::Failure;

/// The positions of the bars that start in `[from, until)`.
pub(crate) fn span(
    batch: &RecordBatch,
    symbol: &Symbol,
    from: Option<UtcNs>,
    until: Option<UtcNs>,
) -> Result<std::ops::Range<usize>, Failure> {
    let times = batch
        .column_by_name("time")
        .and_then(|column| column.as_primitive_opt::<TimestampNanosecondType>())
        .ok_or_else(|| Failure::internal("bars without times"))?
        .values();
    let first = from.map_or(0, |from| times.partition_point(|time| *time < from.0));
    let end = until.map_or(times.len(), |until| times.partition_point(|time| *time < until.0));
    if first < end {
        return Ok(first..end);
    }
    let range = match (times.first(), times.last()) {
        (Some(first), Some(last)) => format!("its bars go from {} to {}", UtcNs(*first), UtcNs(*last)),
        _ => "it has no bars".to_owned(),
    };
    Err(Failure::usage(format!("no bars of {symbol} between --from and --until")).hint(range))
}
