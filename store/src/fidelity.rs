//! Rows of a job's best points that were run again on ticks: `kind=fidelity`, with the columns of trials.

use std::fs;
use std::path::Path;

use assay_core::ids::JobId;
use assay_core::row::TrialRow;
use serde_json::Value;

use crate::columns;
use crate::compact::{PartWriter, publish};
use crate::error::StoreError;
use crate::files;
use crate::layout::Layout;
use crate::reader;
use crate::staging;

/// Kind of these result files.
pub(crate) const FIDELITY: &str = "fidelity";
/// What the description of the columns says of them besides.
const RUN_AS: &str = "run_as";

/// Replaces the rows of a job's points on ticks. `run_as` is the id of the job that they are rows of: the same with fills from ticks.
/// The rows keep the ids of the trials over bars, so that the two are one line when joined.
pub fn write_fidelity(home: &Path, layout: &Layout, run_as: JobId, rows: &[TrialRow]) -> Result<(), StoreError> {
    let work = files::staging(home, layout.job).join(FIDELITY);
    files::remove_folder(&work)?;
    let mut writer = PartWriter::small(&work, FIDELITY, layout)?;
    writer.describe(RUN_AS, Value::from(run_as.to_string()));
    writer.write(&columns::trials_of(
        layout,
        &columns::staging_batch(layout, &staging::in_order(rows)),
    ))?;
    files::sync_all(&writer.finish()?)?;
    publish(home, layout, &work, &[FIDELITY])?;
    files::remove_folder(&work)?;
    // That of a job that is done was removed with its tasks; one under way has files in it, and stays.
    let _ = fs::remove_dir(files::staging(home, layout.job));
    Ok(())
}

/// The rows of a job's points on ticks, by ordinal and instrument, and the job that they are rows of; `None` if there are none.
pub fn read_fidelity(home: &Path, layout: &Layout) -> Result<Option<(JobId, Vec<TrialRow>)>, StoreError> {
    let folder = files::results_folder(home, FIDELITY, layout.job);
    if !folder.join("_SUCCESS").exists() {
        return Ok(None);
    }
    let path = folder.join("_schema.json");
    let text = fs::read(&path).map_err(|e| StoreError::io("read", &path, e))?;
    let description: Value = serde_json::from_slice(&text).map_err(|e| StoreError::unreadable(&path, e))?;
    let run_as = description[RUN_AS].as_str().and_then(|id| id.parse().ok());
    let run_as = run_as.ok_or_else(|| StoreError::unreadable(&path, "it does not say which job the rows are of"))?;
    Ok(Some((run_as, reader::all_rows(&folder, layout)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{layout, row};

    #[test]
    fn rows_come_back_and_are_replaced_as_a_whole() {
        let home = tempfile::tempdir().unwrap();
        let layout = layout(2);
        assert_eq!(read_fidelity(home.path(), &layout).unwrap(), None);
        let rows = |ordinals: &[u64]| -> Vec<TrialRow> {
            let rows = ordinals
                .iter()
                .flat_map(|ordinal| (0..2).map(move |instrument| row(*ordinal, instrument)));
            rows.collect()
        };
        let ids: [JobId; 2] = ["j_0000000000000001", "j_0000000000000002"].map(|id| id.parse().unwrap());
        for (id, ordinals) in ids.into_iter().zip([&[7, 3, 900][..], &[4]]) {
            write_fidelity(home.path(), &layout, id, &rows(ordinals)).unwrap();
            let (run_as, found) = read_fidelity(home.path(), &layout).unwrap().unwrap();
            let mut sorted = ordinals.to_vec();
            sorted.sort_unstable();
            let expected = rows(&sorted);
            assert_eq!(run_as, id);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!((found.ordinal, found.instrument), (expected.ordinal, expected.instrument));
                assert_eq!((&found.point, found.metrics()), (&expected.point, expected.metrics()));
            }
        }
        // A cut file is an error, not less rows.
        let part = files::results_folder(home.path(), FIDELITY, layout.job).join("part-00000.parquet");
        fs::write(&part, b"PAR1").unwrap();
        read_fidelity(home.path(), &layout).unwrap_err();
    }
}
