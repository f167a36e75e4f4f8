//! Points that are asked for by name rather than by tasks: the upper rung of a fidelity ladder.

use std::thread;

use assay_core::ids::Ordinal;
use assay_core::row::TrialRow;
use assay_core::space::Point;
use assay_data::Catalog;
use assay_strategies::Job;

use crate::error::WorkerError;
use crate::markets::Markets;

/// Rows of these points on all instruments of a job, computed here and now on so many threads.
pub fn run_points(
    job: &Job,
    catalog: &Catalog,
    points: &[(Ordinal, Point)],
    threads: usize,
) -> Result<Vec<TrialRow>, WorkerError> {
    let markets = Markets::load(job, catalog)?;
    let share = points.len().div_ceil(threads.max(1)).max(1);
    let mut rows = Vec::new();
    for (instrument, sweep) in (0..).zip(markets.sweeps()) {
        let parts: Vec<Vec<TrialRow>> = thread::scope(|scope| {
            let run = |part| scope.spawn(move || sweep.run(instrument, part));
            let parts: Vec<_> = points.chunks(share).map(run).collect();
            let join = |part: thread::ScopedJoinHandle<'_, _>| part.join().expect("a trial's panic is its row's");
            parts.into_iter().map(join).collect()
        });
        rows.extend(parts.into_iter().flatten());
    }
    Ok(rows)
}
