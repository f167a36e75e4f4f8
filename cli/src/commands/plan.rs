//! `assay plan`: what a job would take.

use std::io::Write;

use assay_data::Catalog;

use crate::args::{OutputFormat, PlanArgs};
use crate::failure::{Failure, Outcome};
use crate::job;
use crate::local::{self, Ledger, Plan};
use crate::output::{Kind, Rows, human, print_json, print_rows, stdout};
use crate::settings::Settings;

pub(super) fn run(args: &PlanArgs, settings: &Settings) -> Outcome {
    let catalog = Catalog::open(&settings.home)?;
    let job = job::load(&args.job, &catalog)?;
    let done = Ledger::new(&settings.home)?.finished(job.id)?.is_some();
    let plan = local::plan(&job, &catalog, settings, args.limits, done)?;
    match settings.format() {
        OutputFormat::Table => print_table(&plan)?,
        OutputFormat::Json => print_json(&plan)?,
        format => print_rows(&rows(&plan), format)?,
    }
    if plan.result_bytes > plan.disk_free_bytes && !done {
        let message = format!(
            "the disk cannot hold the results: {} wanted, {} free",
            human::bytes(plan.result_bytes),
            human::bytes(plan.disk_free_bytes)
        );
        return Err(Failure::external(message).hint("free some space, use another --home, or search fewer points"));
    }
    Ok(0)
}

fn print_table(plan: &Plan) -> Result<(), Failure> {
    let mut out = stdout();
    let about = if plan.exact { "" } else { "about " };
    let whole = |value: u64| human::count(value as i64);
    writeln!(out, "job        {} ({})", plan.name, plan.job_id)?;
    let instruments = match plan.instruments.len() {
        1 => String::new(),
        count => format!(" on {count} instruments"),
    };
    writeln!(
        out,
        "trials     {about}{}: {about}{} points{instruments}, {} blocks",
        whole(plan.trials),
        whole(plan.points),
        whole(plan.blocks)
    )?;
    for (index, line) in plan.search.iter().enumerate() {
        writeln!(out, "{}{line}", if index == 0 { "search     " } else { "           " })?;
    }
    for item in &plan.instruments {
        let warm_up = match item.all_bars - item.bars {
            0 => String::new(),
            before => format!(" of {}", whole((item.bars + before) as u64)),
        };
        writeln!(
            out,
            "bars       {}{warm_up} of {}, from {}",
            whole(item.bars as u64),
            item.symbol,
            item.source
        )?;
    }
    writeln!(out, "path       {}", plan.path)?;
    writeln!(
        out,
        "disk       up to {} of {} free",
        human::bytes(plan.result_bytes),
        human::bytes(plan.disk_free_bytes)
    )?;
    writeln!(
        out,
        "memory     about {} at the peak, limit {}",
        human::bytes(plan.peak_memory_bytes),
        human::bytes(plan.memory_limit_bytes)
    )?;
    let threads = if plan.threads == 1 {
        "1 thread".to_owned()
    } else {
        format!("{} threads", plan.threads)
    };
    let sampled = whole(plan.sampled_trials);
    writeln!(
        out,
        "time       about {} on {threads}, from a sample of {sampled} trials",
        human::seconds(plan.eta_seconds)
    )?;
    if plan.done {
        writeln!(out, "           done already: `assay run` prints its result at once")?;
    }
    Ok(out.flush()?)
}

fn rows(plan: &Plan) -> Rows {
    let mut rows = Rows::new([
        ("job_id", Kind::Text),
        ("name", Kind::Text),
        ("points", Kind::Count),
        ("trials", Kind::Count),
        ("blocks", Kind::Count),
        ("bars", Kind::Count),
        ("path", Kind::Text),
        ("result_bytes", Kind::Bytes),
        ("peak_memory_bytes", Kind::Bytes),
        ("threads", Kind::Count),
        ("eta_seconds", Kind::Seconds),
    ]);
    rows.push(vec![
        plan.job_id.as_str().into(),
        plan.name.as_str().into(),
        plan.points.into(),
        plan.trials.into(),
        plan.blocks.into(),
        plan.bars.into(),
        plan.path.as_str().into(),
        plan.result_bytes.into(),
        plan.peak_memory_bytes.into(),
        (plan.threads as u64).into(),
        plan.eta_seconds.into(),
    ]);
    rows
}
