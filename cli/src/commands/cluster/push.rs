//! `assay data push`, and `assay data ls --cluster`

use anstream::eprintln;
use assay_core::ids::Symbol;
use assay_data::{Catalog, Dataset, DatasetKind};
use assay_proto::DatasetInfo;
use serde_json::json;

use crate::args::{OutputFormat, PushArgs, PushedDataset};
use crate::cluster::Session;
use crate::failure::{Failure, Outcome};
use crate::output::{Kind, Rows, print_json, print_rows};
use crate::settings::Settings;

pub(in crate::commands) fn push(args: &PushArgs, catalog: &Catalog, settings: &Settings) -> Outcome {
    let session = args.cluster.needed()?;
    let mut wanted = Vec::new();
    if args.datasets.is_empty() {
        wanted.extend(catalog.datasets()?.iter().filter_map(named));
    }
    for PushedDataset { symbol, kind } in &args.datasets {
        match kind {
            Some(kind) => wanted.push((symbol.clone(), *kind)),
            None => wanted.extend(catalog.find(symbol)?.iter().filter_map(named)),
        }
    }
    if wanted.is_empty() {
        let message = format!("{} has no data", settings.home.display());
        return Err(Failure::not_found(message).hint("`assay data import FILE --symbol S` adds some"));
    }
    let mut rows = Rows::new([
        ("symbol", Kind::Text),
        ("kind", Kind::Text),
        ("bytes", Kind::Bytes),
        ("state", Kind::Text),
        ("hash", Kind::Text),
    ]);
    for (symbol, kind) in wanted {
        let pushed = session.push(&symbol, kind, catalog)?;
        rows.push(vec![
            pushed.id.symbol.as_str().into(),
            pushed.id.kind.as_str().into(),
            pushed.bytes.into(),
            if pushed.known { "known" } else { "sent" }.into(),
            short(&pushed.id.hash, settings).into(),
        ]);
    }
    print_rows(&rows, settings.format())?;
    Ok(0)
}

pub(in crate::commands) fn list(session: &Session, settings: &Settings) -> Outcome {
    let datasets = session.ask(|remote| async move { remote.datasets().await })?;
    if datasets.is_empty() && settings.format() == OutputFormat::Table {
        eprintln!("the cluster has no data yet; `assay data push SYMBOL` sends some");
        return Ok(0);
    }
    if settings.format() == OutputFormat::Json {
        print_json(&datasets.iter().map(to_json).collect::<Vec<_>>())?;
        return Ok(0);
    }
    let mut rows = Rows::new([
        ("symbol", Kind::Text),
        ("kind", Kind::Text),
        ("rows", Kind::Count),
        ("first", Kind::Time),
        ("last", Kind::Time),
        ("bytes", Kind::Bytes),
        ("owner", Kind::Text),
        ("pushed", Kind::Time),
        ("hash", Kind::Text),
    ]);
    for info in &datasets {
        rows.push(vec![
            info.id.symbol.as_str().into(),
            info.id.kind.as_str().into(),
            info.rows.into(),
            info.first.into(),
            info.last.into(),
            info.bytes.into(),
            info.owner.as_str().into(),
            info.pushed.into(),
            short(&info.id.hash, settings).into(),
        ]);
    }
    print_rows(&rows, settings.format())?;
    Ok(0)
}

fn to_json(info: &DatasetInfo) -> serde_json::Value {
    json!({
        "symbol": info.id.symbol,
        "kind": info.id.kind,
        "rows": info.rows,
        "first": info.first,
        "last": info.last,
        "bytes": info.bytes,
        "owner": info.owner,
        "pushed": info.pushed,
        "hash": info.id.hash,
    })
}

/// A dataset as a catalog names it.
fn named(dataset: &Dataset) -> Option<(Symbol, DatasetKind)> {
    let kind = match dataset.bar {
        Some(bar) => Some(DatasetKind::Bars(bar)),
        // The other kinds are called alike.
        None => dataset.kind.to_string().parse().ok(),
    };
    Some((dataset.symbol.clone(), kind?))
}

/// The beginning of a hash for people, all of it for programs.
fn short(hash: &str, settings: &Settings) -> String {
    match settings.format() {
        OutputFormat::Table => hash.chars().take(12).collect(),
        _ => hash.to_owned(),
    }
}
