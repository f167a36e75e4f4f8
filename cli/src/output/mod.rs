//! What comes out on stdout.

pub(crate) use assay_report::human;
mod rows;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

pub(crate) use rows::{Cell, Kind, Rows};

use crate::args::OutputFormat;
use crate::failure::Failure;

/// Stdout, buffered. Colours are left out unless a terminal shows them.
pub(crate) fn stdout() -> impl Write {
    BufWriter::new(anstream::stdout().lock())
}

/// Writes rows in the form asked for.
pub(crate) fn print_rows(rows: &Rows, format: OutputFormat) -> Result<(), Failure> {
    let mut out = stdout();
    match format {
        OutputFormat::Json => return print_json(&rows.to_json()),
        OutputFormat::Parquet => return print_parquet(rows),
        OutputFormat::Csv => rows.write_csv(&mut out)?,
        OutputFormat::Table => writeln!(out, "{}", table(rows))?,
    }
    Ok(out.flush()?)
}

/// Writes one JSON value; on several lines for people, on one for programs.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut out = stdout();
    let written = if io::stdout().is_terminal() {
        serde_json::to_writer_pretty(&mut out, value)
    } else {
        serde_json::to_writer(&mut out, value)
    };
    written.map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Aligned columns without lines, numbers to the right.
pub(crate) fn table(rows: &Rows) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(rows.columns().iter().map(|column| column.name.as_str()));
    for row in rows.cells() {
        let cells = rows.columns().iter().zip(row);
        table.add_row(cells.map(|(column, cell)| rows::text(column.kind, cell)));
    }
    for (i, column) in rows.columns().iter().enumerate() {
        if let Some(view) = table.column_mut(i) {
            view.set_padding((0, 2));
            if !matches!(column.kind, Kind::Text | Kind::Flag | Kind::Time) {
                view.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table.trim_fmt()
}

/// How a time ends that is the beginning of a day.
const MIDNIGHT: &str = " 00:00:00";

/// Rows as a table of a report.
pub(crate) fn report_table(rows: &Rows, title: &str) -> assay_report::Table {
    let columns = rows.columns().iter();
    let columns = columns.map(|column| {
        (
            column.name.as_str(),
            !matches!(column.kind, Kind::Text | Kind::Flag | Kind::Time),
        )
    });
    let mut table = assay_report::Table::new(title, columns);
    for row in rows.cells() {
        let cells = rows.columns().iter().zip(row);
        table = table.row(cells.map(|(column, cell)| rows::text(column.kind, cell)));
    }
    for (i, _) in rows
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, column)| column.kind == Kind::Time)
    {
        let cells = || table.rows.iter().filter_map(|row| row.get(i));
        // Where all are days, their midnights say nothing.
        if cells().all(|text| text.ends_with(MIDNIGHT) || text == human::UNDEFINED) {
            for row in &mut table.rows {
                let day = row[i].trim_end_matches(MIDNIGHT).len();
                row[i].truncate(day);
            }
        }
    }
    table
}

/// Writes a file that appears whole or not at all.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        // Readable by whom files of this user are readable by: a temporary file is its own user's alone.
        #[cfg(unix)]
        file.as_file()
            .set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| Failure::io("write", path, &error))
}

/// Rows as the bytes of a Parquet file.
fn parquet_bytes(rows: &Rows) -> Result<Vec<u8>, Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::internal(format!("cannot encode rows as parquet: {error}"));
    let batch = rows.to_batch().map_err(|error| broken(&error))?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
    let mut writer =
        ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build())).map_err(|error| broken(&error))?;
    writer.write(&batch).map_err(|error| broken(&error))?;
    writer.into_inner().map_err(|error| broken(&error))
}

fn print_parquet(rows: &Rows) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        return Err(
            Failure::usage("parquet is no text for a terminal").hint("redirect it: assay ... -o parquet > rows.parquet")
        );
    }
    out.write_all(&parquet_bytes(rows)?)?;
    Ok(out.flush()?)
}
