//! `assay compare`: two trials side by side.

use std::io::Write;

use anstream::eprintln;
use assay_core::metrics::Metric;

use super::show::{self, Shown, params_text};
use crate::args::{CompareArgs, OutputFormat};
use crate::failure::Outcome;
use crate::output::{Cell, Kind, Rows, human, print_rows, stdout, table};
use crate::settings::Settings;

const SPARKLINE_WIDTH: usize = 60;

pub(super) fn run(args: &CompareArgs, settings: &Settings) -> Outcome {
    let find = |trial| {
        #[cfg(feature = "cluster")]
        return show::find(trial, &args.cluster, settings);
        #[cfg(not(feature = "cluster"))]
        show::replay(trial, settings)
    };
    let (first, second) = (find(args.first)?, find(args.second)?);
    if settings.format() != OutputFormat::Table {
        print_rows(&numbers(&first, &second), settings.format())?;
        return Ok(0);
    }
    let mut out = stdout();
    for (name, shown) in [("first", &first), ("second", &second)] {
        let line = human::sparkline(&shown.replay.equity, SPARKLINE_WIDTH);
        writeln!(out, "{name:<7} {line}  {}", shown.trial)?;
        writeln!(
            out,
            "        {} of {}: {}",
            shown.instrument(),
            shown.record.name,
            params_text(&shown.params())
        )?;
    }
    writeln!(out, "\n{}", table(&texts(&first, &second)))?;
    out.flush()?;
    let window = |shown: &Shown| (shown.replay.times.first().copied(), shown.replay.times.last().copied());
    if window(&first) != window(&second) {
        eprintln!("note: the trials are over different windows; sums such as total_return do not compare");
    }
    Ok(0)
}

/// For programs: plain numbers.
fn numbers(first: &Shown, second: &Shown) -> Rows {
    let mut rows = Rows::new([
        ("metric", Kind::Text),
        ("first", Kind::Number),
        ("second", Kind::Number),
        ("difference", Kind::Number),
    ]);
    for metric in Metric::ALL {
        let (a, b) = (first.metrics.get(metric), second.metrics.get(metric));
        let difference = a.zip(b).map(|(a, b)| b - a);
        rows.push(vec![metric.name().into(), a.into(), b.into(), difference.into()]);
    }
    rows
}

/// For people: each number in its unit, and only those that differ.
fn texts(first: &Shown, second: &Shown) -> Rows {
    let mut rows = Rows::new(["metric", "first", "second", "difference"].map(|name| (name, Kind::Text)));
    for metric in Metric::ALL {
        let (a, b) = (first.metrics.get(metric), second.metrics.get(metric));
        if a == b {
            continue;
        }
        let text = |value| Cell::Text(human::metric(metric, value));
        let difference = a.zip(b).map(|(a, b)| b - a);
        rows.push(vec![metric.name().into(), text(a), text(b), text(difference)]);
    }
    rows
}
