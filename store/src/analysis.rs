//! What was learned about a finished job, as a result file of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::basic::Compression;

use crate::compact::{CUT, PartWriter};
use crate::error::StoreError;
use crate::files;
use crate::layout::Layout;

/// Kind of the result file.
const ANALYSIS: &str = "analysis";

/// A finding. Which of the columns it has depends on what it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Finding {
    /// What it is: `importance`, `plateau`, `best_so_far`, `hypervolume`.
    pub analysis: &'static str,
    /// The parameter it is about, if it is about one.
    pub param: Option<String>,
    /// The other parameter, if it is about two together.
    pub other: Option<String>,
    /// The point it is about, or how many points had been tried.
    pub ordinal: Option<u64>,
    /// How much.
    pub value: f64,
    /// Its standard deviation, where one is known.
    pub spread: Option<f64>,
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("analysis", DataType::Utf8, false),
        Field::new("param", DataType::Utf8, true),
        Field::new("other", DataType::Utf8, true),
        Field::new("ordinal", DataType::UInt64, true),
        Field::new("value", DataType::Float64, false),
        Field::new("spread", DataType::Float64, true),
    ]))
}

/// Writes the findings of a job to `kind=analysis`, in place of earlier ones, and says where they are.
pub fn write_analysis(home: &Path, layout: &Layout, findings: &[Finding]) -> Result<PathBuf, StoreError> {
    // Two processes that ask about the same job write beside each other, and the last one's findings stay.
    let name = format!("{ANALYSIS}-{}-{}", layout.job, std::process::id());
    let work = files::staging_root(home).join(name);
    let written = write_beside(home, layout, findings, &work);
    // The error at hand is the one to report; what is left behind is in nobody's way.
    let _ = files::remove_folder(&work);
    written
}

fn write_beside(home: &Path, layout: &Layout, findings: &[Finding], work: &Path) -> Result<PathBuf, StoreError> {
    let place = files::results_folder(home, ANALYSIS, layout.job);
    let parent = place.parent().expect("result folders have a parent").to_owned();
    files::create_folder(&parent)?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(findings.iter().map(|f| f.analysis))),
        Arc::new(findings.iter().map(|f| f.param.as_deref()).collect::<StringArray>()),
        Arc::new(findings.iter().map(|f| f.other.as_deref()).collect::<StringArray>()),
        Arc::new(findings.iter().map(|f| f.ordinal).collect::<UInt64Array>()),
        Arc::new(Float64Array::from_iter_values(findings.iter().map(|f| f.value))),
        Arc::new(findings.iter().map(|f| f.spread).collect::<Float64Array>()),
    ];
    let batch = RecordBatch::try_new(schema(), columns).expect("the columns are built by the schema");
    let mut writer = PartWriter::new(work, ANALYSIS, layout, schema(), Compression::SNAPPY, CUT)?;
    writer.write(&batch)?;
    files::sync_all(&writer.finish()?)?;
    files::remove_folder(&place)?;
    let from = work.join(ANALYSIS);
    std::fs::rename(&from, &place).map_err(|e| StoreError::io("rename", &from, e))?;
    files::sync_all(&[parent])?;
    Ok(place)
}

#[cfg(test)]
mod tests {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::testing::layout;

    #[test]
    fn findings_are_written_once_and_replaced() {
        let home = tempfile::tempdir().unwrap();
        let layout = layout(1);
        let finding = |value| Finding {
            analysis: "importance",
            param: Some("fast".to_owned()),
            value,
            ..Finding::default()
        };
        write_analysis(home.path(), &layout, &[finding(0.1)]).unwrap();
        let place = write_analysis(home.path(), &layout, &[finding(0.5), finding(0.25)]).unwrap();
        let file = std::fs::File::open(place.join("part-00000.parquet")).unwrap();
        let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2);
        assert!(place.join("_SUCCESS").exists());
        let left = std::fs::read_dir(files::staging_root(home.path())).unwrap();
        assert_eq!(left.count(), 0, "nothing is left behind");
    }
}
