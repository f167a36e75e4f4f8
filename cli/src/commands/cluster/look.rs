//! `assay workers | queue | logs`

use crate::args::{ClusterArgs, LogsArgs};
use crate::failure::Outcome;
use crate::output::{Kind, Rows, print_rows};
use crate::settings::Settings;

/// Most lines of a log that are shown at once.
const LINES: u32 = 10_000;

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
    let lines = session.ask(|remote| async move { remote.logs(&args.job, args.after, LINES).await })?;
    let mut rows = Rows::new([("number", Kind::Count), ("time", Kind::Time), ("text", Kind::Text)]);
    for line in lines {
        rows.push(vec![line.number.into(), line.at.into(), line.text.into()]);
    }
    print_rows(&rows, settings.format())?;
    Ok(0)
}
