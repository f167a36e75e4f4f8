//! `assay data import | ls | show | check | export`; `push` and the cluster's `ls` are in `cluster`

use std::collections::BTreeSet;
use std::io::Write;

use anstream::eprintln;
use assay_core::ids::Symbol;
use assay_data::import::{DatasetReport, ImportProgress, ImportReport, ImportRequest, import};
use assay_data::{Catalog, Dataset};
use serde_json::json;

#[cfg(feature = "cluster")]
use super::cluster;
use super::data_check;
use crate::args::{DataCommand, ImportArgs, OutputFormat};
use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Kind, Rows, human, print_json, print_rows, stdout, table};
use crate::progress::Progress;
use crate::settings::Settings;

pub(super) fn run(command: DataCommand, settings: &Settings) -> Outcome {
    let catalog = Catalog::open(&settings.home)?;
    match command {
        DataCommand::Import(args) => run_import(*args, &catalog, settings),
        DataCommand::Ls(args) => {
            #[cfg(feature = "cluster")]
            if let Some(session) = args.cluster.session()? {
                return cluster::list_datasets(&session, settings);
            }
            #[cfg(not(feature = "cluster"))]
            let _ = args;
            list(&catalog, settings)
        }
        #[cfg(feature = "cluster")]
        DataCommand::Push(args) => cluster::push(&args, &catalog, settings),
        DataCommand::Show { symbol } => show(&symbol, &catalog, settings),
        DataCommand::Check(args) => data_check::check_symbol(&args, &catalog, settings),
        DataCommand::Export(args) => data_check::export(&args, &catalog, settings),
    }
}

fn run_import(args: ImportArgs, catalog: &Catalog, settings: &Settings) -> Outcome {
    let request = ImportRequest {
        paths: args.paths,
        symbol: args.symbol,
        format: args.format,
        kind: args.kind,
        bar: args.bar,
        zone: args.tz,
        columns: args.columns,
        time_format: args.time_format,
        crossed: args.crossed,
        bad_bars: args.bad_bars,
        unsorted: args.unsorted,
        adjust: args.adjust,
        decimals: args.decimals,
        replace: args.replace,
    };
    let progress = Progress::new("bytes", 0);
    let report = import(catalog, &request, &|at: ImportProgress| {
        progress.of(at.bytes);
        progress.at(at.bytes_done);
        progress.say(format!(
            "{} rows, {} of {} files",
            human::count(at.rows as i64),
            at.files_done,
            at.files
        ));
    });
    progress.clear();
    let report = report?;
    match settings.format() {
        OutputFormat::Json => print_json(&report)?,
        format => print_rows(&import_rows(&report), format)?,
    }
    if settings.format() == OutputFormat::Table {
        file_notes(&report);
        import_notes(&report, settings.verbose > 0);
        unknown_note(&report, catalog, settings);
    }
    Ok(0)
}

/// What the files themselves tell.
fn file_notes(report: &ImportReport) {
    for note in &report.notes {
        eprintln!("note: {note}");
    }
    match report.datasets.iter().map(|dataset| dataset.without_price).sum::<u64>() {
        0 => {}
        1 => eprintln!("note: 1 row without a price was left out"),
        absent => eprintln!("note: {} rows without a price were left out", human::count(absent as i64)),
    }
}

fn import_rows(report: &ImportReport) -> Rows {
    let mut rows = Rows::new([
        ("symbol", Kind::Text),
        ("kind", Kind::Text),
        ("files", Kind::Count),
        ("read", Kind::Count),
        ("new", Kind::Count),
        ("known", Kind::Count),
        ("crossed", Kind::Count),
        ("duplicates", Kind::Count),
        ("disorder", Kind::Count),
        ("dropped", Kind::Count),
        ("first", Kind::Time),
        ("last", Kind::Time),
    ]);
    for dataset in &report.datasets {
        rows.push(import_row(dataset));
    }
    rows
}

fn import_row(dataset: &DatasetReport) -> Vec<Cell> {
    vec![
        dataset.symbol.as_str().into(),
        dataset.kind.to_string().into(),
        (dataset.files as u64).into(),
        dataset.rows_read.into(),
        dataset.rows_written.into(),
        dataset.rows_unchanged.into(),
        dataset.crossed.into(),
        dataset.duplicates.into(),
        dataset.disorder.into(),
        dataset.dropped.into(),
        dataset.first.into(),
        dataset.last.into(),
    ]
}

/// What is assumed of symbols that no table lists.
fn unknown_note(report: &ImportReport, catalog: &Catalog, settings: &Settings) {
    let symbols: BTreeSet<&Symbol> = report.datasets.iter().map(|dataset| &dataset.symbol).collect();
    let unknown: Vec<&str> = symbols
        .into_iter()
        .filter(|symbol| !catalog.instrument(symbol).known)
        .map(Symbol::as_str)
        .collect();
    let Some((first, more)) = unknown.split_first() else { return };
    let named = match more.len() {
        0 => format!("{first} is"),
        more => format!("{first} and {more} more are"),
    };
    eprintln!(
        "note: {named} in no symbol table: traded around the clock, 365 days a year, multiplier 1; {} says otherwise",
        settings.home.join("instruments.toml").display()
    );
}

/// What a user should know besides the counts.
fn import_notes(report: &ImportReport, every: bool) {
    for dataset in report.datasets.iter().filter(|dataset| dataset.zero_or_negative > 0) {
        eprintln!(
            "note: {} rows of {} {} have a price at or below zero",
            human::count(dataset.zero_or_negative as i64),
            dataset.symbol,
            dataset.kind
        );
    }
    for dataset in report.datasets.iter().filter(|dataset| dataset.bad_bars > 0) {
        eprintln!(
            "note: {} bars of {} {} had a high or low that did not enclose their prices",
            human::count(dataset.bad_bars as i64),
            dataset.symbol,
            dataset.kind
        );
    }
    if !report.ignored_columns.is_empty() {
        eprintln!("note: columns without a use here: {}", report.ignored_columns.join(", "));
    }
    match (report.skipped.as_slice(), every) {
        ([], _) => {}
        (skipped, true) => skipped
            .iter()
            .for_each(|skipped| eprintln!("note: left alone {}: {}", skipped.file, skipped.reason)),
        (skipped, false) => eprintln!("note: {} files were left alone; -v says which", skipped.len()),
    }
}

fn dataset_rows(datasets: &[Dataset]) -> Rows {
    let mut rows = Rows::new([
        ("symbol", Kind::Text),
        ("kind", Kind::Text),
        ("bar", Kind::Text),
        ("rows", Kind::Count),
        ("first", Kind::Time),
        ("last", Kind::Time),
        ("files", Kind::Count),
        ("bytes", Kind::Bytes),
        ("hash", Kind::Text),
    ]);
    for dataset in datasets {
        rows.push(vec![
            dataset.symbol.as_str().into(),
            dataset.kind.to_string().into(),
            dataset.bar.map(|bar| bar.to_string()).into(),
            dataset.rows.into(),
            dataset.first.into(),
            dataset.last.into(),
            (dataset.files as u64).into(),
            dataset.bytes.into(),
            short_hash(dataset).into(),
        ]);
    }
    rows
}

fn short_hash(dataset: &Dataset) -> String {
    dataset.hash.to_string().chars().take(12).collect()
}

fn list(catalog: &Catalog, settings: &Settings) -> Outcome {
    let datasets = catalog.datasets()?;
    if datasets.is_empty() && settings.format() == OutputFormat::Table {
        eprintln!(
            "{} has no data yet; `assay data import FILE --symbol S` adds some",
            settings.home.display()
        );
        return Ok(0);
    }
    match settings.format() {
        OutputFormat::Json => print_json(&datasets)?,
        format => print_rows(&dataset_rows(&datasets), format)?,
    }
    Ok(0)
}

fn show(symbol: &Symbol, catalog: &Catalog, settings: &Settings) -> Outcome {
    let datasets = catalog.find(symbol)?;
    let instrument = catalog.instrument(symbol);
    match settings.format() {
        OutputFormat::Json => print_json(&json!({ "instrument": instrument, "datasets": datasets }))?,
        OutputFormat::Table => print_instrument(&instrument, &datasets)?,
        format => print_rows(&dataset_rows(&datasets), format)?,
    }
    Ok(0)
}

fn print_instrument(instrument: &assay_core::instrument::Instrument, datasets: &[Dataset]) -> Result<(), Failure> {
    let facts = &instrument.facts;
    let mut out = stdout();
    let about = match (instrument.known, facts.about.as_str()) {
        (false, _) => "not in the symbol table: multiplier 1, any fraction of a unit, open all the time",
        (true, about) => about,
    };
    writeln!(out, "{}  {about}", instrument.symbol)?;
    let or_unknown = |value: f64| {
        if value == 0.0 {
            "any".to_owned()
        } else {
            human::number(value)
        }
    };
    writeln!(out, "currency   {}", facts.currency)?;
    writeln!(out, "tick       {}", or_unknown(facts.tick))?;
    writeln!(out, "lot        {}", or_unknown(facts.lot))?;
    writeln!(out, "multiplier {}", human::number(facts.multiplier))?;
    let calendar = json!(facts.calendar);
    let text = |key: &str| {
        calendar[key]
            .as_str()
            .map_or_else(|| calendar[key].to_string(), str::to_owned)
    };
    writeln!(
        out,
        "calendar   {}, days in {} from {}, {} h",
        text("week"),
        text("zone"),
        text("day_start"),
        text("session_hours")
    )?;
    writeln!(out, "\n{}", table(&dataset_rows(datasets)))?;
    for dataset in datasets {
        writeln!(out, "\n{} columns: {}", dataset.kind, dataset.columns.join(", "))?;
        let sources: Vec<&str> = dataset.sources.iter().map(|source| source.name.as_str()).collect();
        let shown = sources.len().min(3);
        let more = match sources.len() - shown {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        writeln!(out, "{} from: {}{more}", dataset.kind, sources[..shown].join(", "))?;
    }
    Ok(out.flush()?)
}
