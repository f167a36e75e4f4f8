//! `assay workers | queue | logs`

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use assay_store::LogLine;
use serde_json::{Value, json};

use crate::args::{ClusterArgs, LogsArgs, OutputFormat};
use crate::cluster::Session;
use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::output::{Kind, Rows, human, print_json, print_rows, stdout};
use crate::settings::Settings;

/// Most lines of a log that are asked for at once.
const LINES: u32 = 10_000;
/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(300);

pub(in crate::commands) fn workers(args: &ClusterArgs, settings: &Settings) -> Outcome {
    let workers = args.needed()?.ask(|remote| async move { remote.workers().await })?;
    let mut rows = Rows::new([
        ("worker", Kind::Text),
        ("slots", Kind::Count),
        ("running", Kind::Count),
        ("jobs", Kind::Text),
        ("seen", Kind::Time),
    ]);
    for worker in workers {
        let mut jobs: Vec<String> = worker.running.iter().map(|(_, job)| job.to_string()).collect();
        jobs.sort();
        jobs.dedup();
        rows.push(vec![
            worker.worker.as_str().into(),
            u64::from(worker.slots).into(),
            (worker.running.len() as u64).into(),
            jobs.join(" ").into(),
            worker.seen.into(),
        ]);
    }
    print_rows(&rows, settings.format())?;
    Ok(0)
}

pub(in crate::commands) fn queue(args: &ClusterArgs, settings: &Settings) -> Outcome {
    let queue = args.needed()?.ask(|remote| async move { remote.queue().await })?;
    let mut rows = Rows::new([
        ("waiting", Kind::Count),
        ("running", Kind::Count),
        ("slots", Kind::Count),
        ("uncarved_blocks", Kind::Count),
    ]);
    rows.push(vec![
        (queue.waiting as u64).into(),
        (queue.running as u64).into(),
        u64::from(queue.slots).into(),
        queue.uncarved_blocks.into(),
    ]);
    print_rows(&rows, settings.format())?;
    Ok(0)
}

pub(in crate::commands) fn logs(args: &LogsArgs, settings: &Settings) -> Outcome {
    let session = args.cluster.needed()?;
    let mut after = args.after;
    let mut all = Vec::new();
    interrupt::listen()?;
    loop {
        // Whether the job is over is asked first: what is logged before that is then all there is.
        let over = !args.follow || {
            let job = session.ask(|remote| async move { remote.job(&args.job).await })?;
            !job.record.state.is_open()
        };
        let lines = pages(&session, args, &mut after)?;
        match settings.format() {
            OutputFormat::Table => print_lines(&lines)?,
            OutputFormat::Json if args.follow => lines.iter().try_for_each(|line| print_json(&to_json(line)))?,
            _ => all.extend(lines),
        }
        if over || interrupt::requested() {
            break;
        }
        sleep(LOOK);
    }
    match settings.format() {
        OutputFormat::Table => Ok(0),
        OutputFormat::Json if args.follow => Ok(0),
        format => {
            let mut rows = Rows::new([("number", Kind::Count), ("time", Kind::Time), ("text", Kind::Text)]);
            for line in all {
                rows.push(vec![line.number.into(), line.at.into(), line.text.into()]);
            }
            print_rows(&rows, format)?;
            Ok(0)
        }
    }
}

/// All lines after the one of that number, page by page.
fn pages(session: &Session, args: &LogsArgs, after: &mut u64) -> Result<Vec<LogLine>, Failure> {
    let mut lines = Vec::new();
    loop {
        let from = *after;
        let page = session.ask(|remote| async move { remote.logs(&args.job, from, LINES).await })?;
        let Some(last) = page.last() else { return Ok(lines) };
        *after = last.number;
        lines.extend(page);
    }
}

fn print_lines(lines: &[LogLine]) -> Result<(), Failure> {
    let mut out = stdout();
    for line in lines {
        writeln!(out, "{}  {}", human::time(line.at.0), line.text)?;
    }
    Ok(out.flush()?)
}

fn to_json(line: &LogLine) -> Value {
    json!({ "number": line.number, "time": line.at, "text": line.text })
}
