//! `assay report`: a job or a trial as a page with pictures.

mod job;
mod trial;
mod walks;

pub(super) use job::footer;

use std::io::Write;
use std::path::{Path, PathBuf};

use anstream::eprintln;
use assay_core::ids::TrialId;
use assay_report::{Page, html, png, svg};
use serde_json::{Value, json};

use super::show;
use crate::args::{OutputFormat, ReportArgs, ReportFile, ReportFormat};
use crate::failure::{Failure, Outcome};
use crate::output::{human, print_json, stdout, write_file};
use crate::settings::Settings;

/// A page, and what programs want to know of it.
struct Made {
    page: Page,
    /// What its file is called where nobody says.
    id: String,
    facts: Value,
}

pub(super) fn run(args: &ReportArgs, settings: &Settings) -> Outcome {
    let made = match args.what.parse::<TrialId>() {
        Ok(trial) => trial_page(trial, args, settings)?,
        Err(_) => job::page(args, settings)?,
    };
    settings.log(|| "page made".to_owned());
    let names: Vec<&str> = made.page.figures().map(|figure| figure.name).collect();
    let page = match &args.only {
        None => made.page,
        Some(name) => {
            let unknown = unknown_picture(name, &names);
            made.page.only(name).ok_or(unknown)?
        }
    };
    let file = args.to.clone().unwrap_or_else(|| ReportFile {
        path: PathBuf::from(format!("{}.html", made.id)),
        format: ReportFormat::Html,
    });
    let bytes = match file.format {
        ReportFormat::Html => html(&page)?.into_bytes(),
        ReportFormat::Svg => svg(&page)?.into_bytes(),
        ReportFormat::Png => png(&page, args.dark)?,
    };
    write_file(&file.path, &bytes)?;
    tell(&file.path, bytes.len() as u64, &page, made.facts, settings)?;
    if args.open {
        open(&file.path);
    }
    Ok(0)
}

fn trial_page(trial: TrialId, args: &ReportArgs, settings: &Settings) -> Result<Made, Failure> {
    #[cfg(feature = "cluster")]
    let shown = show::find(trial, &args.cluster, settings)?;
    #[cfg(not(feature = "cluster"))]
    let shown = {
        let _ = args;
        show::replay(trial, settings)?
    };
    Ok(Made {
        page: trial::page(&shown),
        id: trial.to_string(),
        facts: json!({ "trial_id": trial, "matches_stored": shown.differences().is_empty() }),
    })
}

fn unknown_picture(name: &str, known: &[&str]) -> Failure {
    let mut known = known.to_vec();
    known.dedup();
    Failure::usage(format!("the report has no picture `{name}`")).hint(match known.as_slice() {
        [] => "leave --only out: there is nothing to draw here".to_owned(),
        known => assay_core::nearest::hint(name, known),
    })
}

fn tell(path: &Path, bytes: u64, page: &Page, facts: Value, settings: &Settings) -> Result<(), Failure> {
    if settings.format() == OutputFormat::Json {
        let mut told = json!({ "file": path, "bytes": bytes });
        if let (Some(told), Value::Object(facts)) = (told.as_object_mut(), facts) {
            told.insert("pictures".to_owned(), page.figures().map(|figure| figure.name).collect());
            told.extend(facts);
        }
        return print_json(&told);
    }
    let mut out = stdout();
    writeln!(
        out,
        "{}: {} ({})",
        path.display(),
        human::counted(page.figures().count() as u64, "picture"),
        human::bytes(bytes)
    )?;
    Ok(out.flush()?)
}

/// Hands the file to the system; the report is there even if nothing can show it.
fn open(path: &Path) {
    if let Err(error) = open::that_detached(path) {
        eprintln!("note: nothing here opens {}: {error}", path.display());
    }
}
