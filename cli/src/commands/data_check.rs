//! `assay data check | export`: looking at stored data, and taking it out.

use std::io::Write;

use assay_data::{BarRequest, Catalog, CheckOptions, CheckReport, DatasetKind, check, write_table};
use serde_json::json;

use crate::args::{CheckArgs, ExportArgs, OutputFormat};
use crate::bars::span;
use crate::failure::{Failure, Outcome};
use crate::output::{Kind, Rows, human, print_json, print_rows, stdout};
use crate::settings::Settings;

pub(super) fn check_symbol(args: &CheckArgs, catalog: &Catalog, settings: &Settings) -> Outcome {
    let options = CheckOptions { gap: args.gap };
    let reports = check(catalog, &args.symbol, args.kind, &options)?;
    match settings.format() {
        OutputFormat::Table => print_reports(&reports)?,
        OutputFormat::Json => print_json(&reports)?,
        format => print_rows(&rows(&reports), format)?,
    }
    let unsound: Vec<String> = reports
        .iter()
        .filter(|report| !report.is_sound())
        .map(|report| report.kind.to_string())
        .collect();
    if unsound.is_empty() {
        return Ok(0);
    }
    Err(
        Failure::external(format!("the stored {} of {} are not sound", unsound.join(", "), args.symbol))
            .hint("import the source again with --replace; where the source itself is wrong, leave the bad rows out of it"),
    )
}

/// Each finding with how often it was made.
fn findings(report: &CheckReport) -> [(&'static str, Option<u64>); 11] {
    [
        ("gaps", Some(report.gaps.count)),
        ("duplicate_times", Some(report.duplicate_times)),
        ("duplicate_rows", Some(report.duplicate_rows)),
        ("disorder", Some(report.disorder)),
        ("crossed", report.crossed),
        ("spikes", Some(report.moves.spikes)),
        ("suspected_splits", Some(report.splits.count)),
        ("zero_prices", Some(report.zero_prices)),
        ("negative_prices", Some(report.negative_prices)),
        ("negative_sizes", Some(report.negative_sizes)),
        ("inconsistent_bars", Some(report.inconsistent_bars)),
    ]
}

fn rows(reports: &[CheckReport]) -> Rows {
    let names = reports
        .first()
        .map(|report| findings(report).map(|(name, _)| name))
        .unwrap_or_default();
    let mut columns = vec![("symbol", Kind::Text), ("kind", Kind::Text), ("rows", Kind::Count)];
    columns.extend(names.map(|name| (name, Kind::Count)));
    let mut rows = Rows::new(columns);
    for report in reports {
        let mut row = vec![
            report.symbol.as_str().into(),
            report.kind.to_string().into(),
            report.rows.into(),
        ];
        row.extend(findings(report).map(|(_, count)| count.into()));
        rows.push(row);
    }
    rows
}

fn print_reports(reports: &[CheckReport]) -> Result<(), Failure> {
    let mut out = stdout();
    for report in reports {
        writeln!(
            out,
            "{} {}: {} rows, {} to {}",
            report.symbol,
            report.kind,
            human::count(report.rows as i64),
            human::time(report.first.0),
            human::time(report.last.0)
        )?;
        for (name, count) in findings(report) {
            if let Some(count) = count {
                writeln!(out, "  {name:<18} {:>12}", human::count(count as i64))?;
            }
        }
        for gap in &report.gaps.largest {
            writeln!(
                out,
                "  gap   {} to {}, {}",
                human::time(gap.from.0),
                human::time(gap.to.0),
                human::seconds((gap.to.0 - gap.from.0) as f64 / 1e9)
            )?;
        }
        for spike in &report.moves.largest {
            writeln!(
                out,
                "  spike {} at {} from {}",
                human::time(spike.time.0),
                human::price(spike.price),
                human::price(spike.before)
            )?;
        }
        for split in &report.splits.first {
            let (time, before, after) = (
                human::time(split.time.0),
                human::price(split.before),
                human::price(split.after),
            );
            if let (Some(new), Some(old)) = (split.new, split.old) {
                writeln!(out, "  split of {new} for {old}? {time} from {before} to {after}")?;
            } else {
                let step = split.after / split.before;
                let (factor, way) = if step > 1.0 { (step, "up") } else { (1.0 / step, "down") };
                writeln!(out, "  jump {way} {factor:.1}x  {time} from {before} to {after}: a split?")?;
            }
        }
        for file in &report.damaged_files {
            writeln!(out, "  damaged file {file}")?;
        }
        writeln!(out)?;
    }
    Ok(out.flush()?)
}

pub(super) fn export(args: &ExportArgs, catalog: &Catalog, settings: &Settings) -> Outcome {
    let (rows, what, source) = match args.bars {
        Some(bars) => {
            let request = BarRequest {
                symbol: args.symbol.clone(),
                bars,
                fill_gaps: args.fill_gaps,
                source: args.source,
            };
            let table = catalog.bars(&request)?;
            (table.batch, "bars", table.source)
        }
        None => (catalog.funding(&args.symbol)?, "rates", DatasetKind::Funding.to_string()),
    };
    let span = span(&rows, what, &args.symbol, args.from, args.until)?;
    let batch = rows.slice(span.start, span.len());
    let bytes = write_table(&batch, &args.to)?;
    if settings.format() == OutputFormat::Json {
        print_json(&json!({
            "path": args.to,
            "rows": batch.num_rows(),
            "bytes": bytes,
            "source": source,
        }))?;
    } else {
        let mut out = stdout();
        writeln!(
            out,
            "{} {what} of {} from {source}: {} ({})",
            human::count(batch.num_rows() as i64),
            args.symbol,
            args.to.display(),
            human::bytes(bytes)
        )?;
        out.flush()?;
    }
    Ok(0)
}
