//! All points of a finished job, one after the other: for whoever counts, draws or learns from them.

use std::path::Path;

use assay_core::metrics::{Metric, Metrics};

use crate::columns;
use crate::error::StoreError;
use crate::layout::{Layout, ParamColumn};
use crate::reader::{self, Part};

/// A point of a job's result files.
#[derive(Debug)]
pub struct Scanned<'a> {
    /// Its position in the job.
    pub ordinal: u64,
    /// Its coordinates.
    pub point: &'a [f64],
    /// The metrics asked for of its trials, one for each instrument; those of a failed trial are undefined.
    pub metrics: &'a [Metrics],
}

/// Visits every point in the order of ordinals. No other columns are read than parameters and `wanted` metrics, and no more than a
/// batch of rows is in memory at a time.
pub fn scan_points(
    home: &Path,
    layout: &Layout,
    wanted: &[Metric],
    mut visit: impl FnMut(Scanned<'_>),
) -> Result<(), StoreError> {
    let params: Vec<String> = layout.params.iter().map(ParamColumn::column).collect();
    let mut names = vec!["ordinal"];
    names.extend(wanted.iter().map(|metric| metric.name()));
    names.extend(params.iter().map(String::as_str));
    let per_point = layout.instruments.len();
    let mut of_point = Vec::with_capacity(per_point);
    let mut point = vec![0.0; params.len()];
    for path in &reader::parts(home, layout)? {
        for batch in Part::open(path)?.read(&names, None, None)? {
            let batch = batch?;
            let bad = |reason| StoreError::unreadable(path, reason);
            let ordinals = columns::ordinals(&batch).map_err(bad)?;
            let values = wanted.iter().map(|metric| columns::metric_values(&batch, *metric));
            let values = values.collect::<Result<Vec<Vec<f64>>, String>>().map_err(bad)?;
            let coordinates = columns::coordinates_of(layout, &batch).map_err(bad)?;
            for (row, ordinal) in ordinals.iter().enumerate() {
                let mut metrics = Metrics::default();
                for (metric, column) in wanted.iter().zip(&values) {
                    metrics.set(*metric, column[row]);
                }
                if of_point.is_empty() {
                    point.iter_mut().zip(&coordinates).for_each(|(x, column)| *x = column[row]);
                }
                of_point.push(metrics);
                if of_point.len() < per_point {
                    continue;
                }
                visit(Scanned {
                    ordinal: *ordinal,
                    point: &point,
                    metrics: &of_point,
                });
                of_point.clear();
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use assay_core::BLOCK;
    use assay_core::row::TrialRow;

    use super::*;
    use crate::compact::{TaskRows, compact};
    use crate::staging::TaskRange;
    use crate::testing::{layout, row};

    #[test]
    fn every_point_is_visited_once_with_the_metrics_of_its_rows() {
        let home = tempfile::tempdir().unwrap();
        let layout = layout(3);
        let range = TaskRange {
            first_block: 0,
            blocks: 1,
        };
        let rows: Vec<TrialRow> = (0..BLOCK).flat_map(|o| (0..3).map(move |i| row(o, i))).collect();
        compact(
            home.path(),
            &layout,
            Some(1),
            &[TaskRows::Memory { range, rows: &rows }],
            None,
        )
        .unwrap();
        let wanted = [Metric::Sharpe, Metric::Trades];
        let mut seen = 0;
        scan_points(home.path(), &layout, &wanted, |scanned| {
            let of_point = &rows[seen * 3..][..3];
            assert_eq!(scanned.ordinal, of_point[0].ordinal.0);
            assert_eq!(scanned.point, &*of_point[0].point.0);
            for (found, row) in scanned.metrics.iter().zip(of_point) {
                for metric in wanted {
                    assert_eq!(found.get(metric), row.metrics().and_then(|m| m.get(metric)));
                }
                assert_eq!(found.get(Metric::Calmar), None);
            }
            seen += 1;
        })
        .unwrap();
        assert_eq!(seen as u64, BLOCK);
    }
}
