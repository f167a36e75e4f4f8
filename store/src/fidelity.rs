//! Rows of a job's best points that were run again on ticks: `kind=fidelity`, with the columns of trials.

use std::fs;
use std::path::{Path, PathBuf};

use assay_core::ids::JobId;
use assay_core::row::TrialRow;
use serde_json::Value;

use crate::columns;
use crate::compact::{PartWriter, publish};
use crate::error::StoreError;
use crate::files;
use crate::layout::Layout;
use crate::reader;
use crate::staging::{self, TaskRange};

/// Kind of these result files.
pub(crate) const FIDELITY: &str = "fidelity";
/// On their way from a worker they are the rows of this task, which no job has.
pub const ON_TICKS: TaskRange = TaskRange {
    first_block: (1 << 62) + 1,
    blocks: 1,
};
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

/// Whether the points of a job were run on ticks.
pub(crate) fn has_fidelity(home: &Path, job: JobId) -> bool {
    files::results_folder(home, FIDELITY, job).join("_SUCCESS").exists()
}

/// The rows of a job's points on ticks, by ordinal and instrument, and the job that they are rows of; `None` if there are none.
pub fn read_fidelity(home: &Path, layout: &Layout) -> Result<Option<(JobId, Vec<TrialRow>)>, StoreError> {
    if !has_fidelity(home, layout.job) {
        return Ok(None);
    }
    let folder = files::results_folder(home, FIDELITY, layout.job);
    let path = folder.join("_schema.json");
    let text = fs::read(&path).map_err(|e| StoreError::io("read", &path, e))?;
    let description: Value = serde_json::from_slice(&text).map_err(|e| StoreError::unreadable(&path, e))?;
    let run_as = description[RUN_AS].as_str().and_then(|id| id.parse().ok());
    let run_as = run_as.ok_or_else(|| StoreError::unreadable(&path, "it does not say which job the rows are of"))?;
    Ok(Some((run_as, fidelity_rows(home, layout)?)))
}

/// The rows of the files that [`fidelity_files`] names.
pub fn fidelity_rows(home: &Path, layout: &Layout) -> Result<Vec<TrialRow>, StoreError> {
    reader::all_rows(&files::results_folder(home, FIDELITY, layout.job), layout)
}

/// The files with the rows of a job's points on ticks.
pub fn fidelity_files(home: &Path, layout: &Layout) -> Result<Vec<PathBuf>, StoreError> {
    reader::parts_in(&files::results_folder(home, FIDELITY, layout.job), layout)
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
