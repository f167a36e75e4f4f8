//! `assay importance`: which parameters of a job matter.

use std::io::Write;

use assay_core::job::Goal;
use assay_store::JobRecord;

use super::findings::{Findings, Stored};
use super::top;
use crate::args::{ImportanceArgs, OutputFormat};
use crate::failure::{Failure, Outcome};
use crate::output::{Cell, Kind, Rows, print_rows, stdout, table};
use crate::settings::Settings;

/// What explains a job's objective.
pub(crate) struct Found {
    record: JobRecord,
    goal: Goal,
    pub(crate) rows: Rows,
}

/// Reads the points of a job and explains them.
pub(crate) fn found(args: &ImportanceArgs, settings: &Settings) -> Result<Found, Failure> {
    let wanted = top::Wanted {
        job: &args.job,
        count: 1,
        by: None,
    };
    #[cfg(feature = "cluster")]
    let (record, _) = top::find(&wanted, &args.cluster, settings)?;
    #[cfg(not(feature = "cluster"))]
    let (record, _) = top::find(&wanted, settings)?;
    let objective = record.objective()?;
    #[cfg(feature = "cluster")]
    let rows = top::rows_of(&record, &args.cluster, settings)?;
    #[cfg(not(feature = "cluster"))]
    let rows = top::rows_of(&record, settings)?;
    let findings = Findings::read(&record, &Stored::of(&record)?.space, &objective, rows.path(), settings)?;
    if findings.importance.is_empty() {
        let message = format!(
            "job `{}` has nothing to explain: too few points, or all with the same objective",
            record.name
        );
        return Err(Failure::not_found(message).hint("search a larger space, or maximize a metric that differs between trials"));
    }
    let mut rows = Rows::new([
        ("parameter", Kind::Text),
        ("with", Kind::Text),
        ("share", Kind::Ratio),
        ("spread", Kind::Ratio),
    ]);
    for importance in &findings.importance {
        let name = |i: usize| importance.names.get(i).map_or(Cell::Null, |name| Cell::Text(name.clone()));
        rows.push(vec![name(0), name(1), importance.share.into(), importance.spread.into()]);
    }
    Ok(Found {
        goal: objective.maximize,
        record,
        rows,
    })
}

pub(super) fn run(args: &ImportanceArgs, settings: &Settings) -> Outcome {
    let Found { record, goal, rows } = found(args, settings)?;
    if settings.format() != OutputFormat::Table {
        print_rows(&rows, settings.format())?;
        return Ok(0);
    }
    let mut out = stdout();
    writeln!(
        out,
        "{} ({}): share of the variance of {} over the space that a parameter explains, alone or with another\n",
        record.name, record.id, goal
    )?;
    writeln!(out, "{}", table(&rows))?;
    out.flush()?;
    Ok(0)
}
