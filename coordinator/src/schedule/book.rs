//! What is asked of schedules, of a cluster's and of a home's alike.

use assay_core::nearest;
use assay_core::time::UtcNs;
use assay_proto::ScheduleInfo;
use assay_store::{Schedule, ScheduledRun, Store};

use super::error::check_name;
use super::{ScheduleError, Timetable};

/// Runs looked at for one that has a report.
const RUNS: usize = 1_000;

/// Adds a schedule whose times and name make sense.
pub async fn add(store: &Store, schedule: Schedule) -> Result<ScheduleInfo, ScheduleError> {
    check_name(&schedule.name)?;
    Timetable::of(&schedule)?;
    if !store.add_schedule(&schedule).await? {
        return Err(ScheduleError::Taken(schedule.name));
    }
    let at = schedule.created;
    info(store, schedule, at).await
}

/// The schedule of a name among those that may be seen.
pub fn find(mut known: Vec<Schedule>, name: &str) -> Result<Schedule, ScheduleError> {
    if let Some(at) = known.iter().position(|schedule| schedule.name == name) {
        return Ok(known.swap_remove(at));
    }
    let nearest = nearest::nearest(name, known.iter().map(|schedule| schedule.name.as_str()));
    Err(ScheduleError::Unknown {
        name: name.to_owned(),
        nearest: nearest.map(str::to_owned),
    })
}

/// A schedule with its last run, and when it is due next.
pub async fn info(store: &Store, schedule: Schedule, at: UtcNs) -> Result<ScheduleInfo, ScheduleError> {
    let last = store.runs(&schedule.name, 1).await?.into_iter().next();
    let next = |schedule: &Schedule| Timetable::of(schedule).ok()?.next(at);
    Ok(ScheduleInfo::new(schedule, last, next))
}

/// Lets a schedule run at its planned times from now on, or not.
pub async fn set_enabled(store: &Store, name: &str, enabled: bool, at: UtcNs) -> Result<(), ScheduleError> {
    let (changed, state) = if enabled {
        (store.enable_schedule(name, at).await?, "enabled")
    } else {
        (store.disable_schedule(name).await?, "disabled")
    };
    if changed {
        return Ok(());
    }
    Err(ScheduleError::Already {
        name: name.to_owned(),
        state,
    })
}

/// What the last run changed that has a report, or the one that was due at `planned`: JSON.
pub async fn report(store: &Store, name: &str, planned: Option<UtcNs>) -> Result<String, ScheduleError> {
    let runs = store.runs(name, RUNS).await?;
    let wanted = |run: &ScheduledRun| planned.is_none_or(|at| run.planned == at);
    let report = runs.into_iter().filter(wanted).find_map(|run| run.report);
    report.ok_or_else(|| ScheduleError::NoReport(name.to_owned()))
}
