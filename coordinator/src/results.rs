//! From the tasks of a job to its result files.

use std::collections::BTreeSet;
use std::thread;

use assay_core::ids::{JobId, Ordinal};
use assay_core::job::Keep;
use assay_core::rank::Ranked;
use assay_proto::Rows;
use assay_store::{
    Depot, Layout, Staged, StoreError, TaskRecord, TaskRecordState, TaskRows, compact, write_fidelity, write_folds,
};

use crate::core::{CompactError, Compaction, Written};
use crate::luck;
use crate::plan::JobPlan;

/// Writes the result files of a job, after a look at whether the files of its tasks are as they were written. To be called on a thread of
/// a runtime that may block.
pub(crate) fn write(depot: &Depot, compaction: &Compaction) -> Result<Written, CompactError> {
    let other = |error: StoreError| CompactError::Other(error.to_string());
    let plan = &compaction.plan;
    let of_tasks = compaction
        .tasks
        .iter()
        .filter_map(|(task, _, rows)| Some((*task, staged(rows)?)));
    let (tasks, files): (Vec<_>, Vec<_>) = of_tasks.unzip();
    let gathered = depot.gather(plan.id, &files).map_err(other)?;
    if !gathered.damaged.is_empty() {
        let damaged = gathered.damaged.into_iter().map(|(at, reason)| (tasks[at], reason));
        return Err(CompactError::Damaged(damaged.collect()));
    }
    let home = gathered.place.home();
    let keep: Option<BTreeSet<Ordinal>> = match plan.keep {
        Keep::All => None,
        Keep::Best(count) => Some(
            compaction
                .ranked
                .iter()
                .take(count as usize)
                .map(|point| point.ordinal)
                .collect(),
        ),
    };
    let tasks = compaction.tasks.iter().map(|(_, range, rows)| match rows {
        Rows::Staged(staged) => TaskRows::Staged(staged),
        Rows::Memory(rows) => TaskRows::Memory { range: *range, rows },
    });
    let tasks: Vec<TaskRows<'_>> = tasks.collect();
    let (compacted, measured) = thread::scope(|scope| {
        let measured = scope.spawn(|| luck::measure(home, compaction, &tasks));
        let compacted = compact(home, &plan.layout, compaction.blocks, &tasks, keep.as_ref());
        (compacted, measured.join())
    });
    let measured = measured.map_err(|_| CompactError::Other("a defect in measuring what luck explains".to_owned()))?;
    let luck::Measured { luck, points } = measured.map_err(other)?;
    let compacted = compacted.map_err(other)?;
    if !compaction.folds.is_empty() {
        write_folds(home, &plan.layout, &compaction.folds).map_err(other)?;
    }
    depot.publish(&gathered.place, plan.id).map_err(other)?;
    Ok(Written { compacted, luck, points })
}

/// Writes the result files of a job's best points on ticks from what a worker staged. To be called on a thread of a runtime that may block.
pub(crate) fn write_on_ticks(depot: &Depot, layout: &Layout, run_as: JobId, staged: &Staged) -> Result<(), StoreError> {
    let gathered = depot.gather(layout.job, &[staged])?;
    let home = gathered.place.home();
    if let Some((_, reason)) = gathered.damaged.into_iter().next() {
        return Err(StoreError::Unreadable {
            path: staged.path(home),
            reason,
        });
    }
    write_fidelity(home, layout, run_as, &staged.read(home, layout)?)?;
    depot.publish(&gathered.place, layout.job)
}

/// The best points of the tasks that are done, from their files. What cannot be read is found when the result files are written.
pub(crate) fn best_points(depot: &Depot, plan: &JobPlan, tasks: &[TaskRecord]) -> Vec<Ranked> {
    let mut board = plan.leaderboard();
    // Asked of a run in one process only.
    let Some(home) = depot.as_folder() else {
        return board.into_ranked();
    };
    for task in tasks {
        if let TaskRecordState::Done { staged, .. } = &task.state
            && let Ok(rows) = staged.read(home, &plan.layout)
        {
            plan.rank(&mut board, &rows);
        }
    }
    board.into_ranked()
}

fn staged(rows: &Rows) -> Option<&Staged> {
    match rows {
        Rows::Staged(staged) => Some(staged),
        Rows::Memory(_) => None,
    }
}
