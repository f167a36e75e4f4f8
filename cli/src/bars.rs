//! A span of an instrument's bars, or other rows with a time.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use assay_core::ids::Symbol;
use assay_core::time::UtcNs;

use crate::failure::Failure;

/// The positions of the bars that start in `[from, until)`; `what` names the rows in errors.
pub(crate) fn span(
    batch: &RecordBatch,
    what: &str,
    symbol: &Symbol,
    from: Option<UtcNs>,
    until: Option<UtcNs>,
) -> Result<std::ops::Range<usize>, Failure> {
    let times = batch
        .column_by_name("time")
        .and_then(|column| column.as_primitive_opt::<TimestampNanosecondType>())
        .ok_or_else(|| Failure::internal(format!("{what} without times")))?
        .values();
    let first = from.map_or(0, |from| times.partition_point(|time| *time < from.0));
    let end = until.map_or(times.len(), |until| times.partition_point(|time| *time < until.0));
    if first < end {
        return Ok(first..end);
    }
    let range = match (times.first(), times.last()) {
        (Some(first), Some(last)) => format!("its {what} go from {} to {}", UtcNs(*first), UtcNs(*last)),
        _ => format!("it has no {what}"),
    };
    Err(Failure::usage(format!("no {what} of {symbol} between --from and --until")).hint(range))
}
