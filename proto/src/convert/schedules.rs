//! Schedules.

use assay_core::time::UtcNs;
use assay_store::{Schedule, ScheduledRun};

use super::{WireError, parse, priority};
use crate::protocol::ScheduleInfo;
use crate::wire;

impl From<ScheduleInfo> for wire::ScheduleInfo {
    fn from(info: ScheduleInfo) -> Self {
        let schedule = info.schedule;
        Self {
            name: schedule.name,
            owner: schedule.owner,
            priority: schedule.priority.into(),
            cron: schedule.cron,
            zone: schedule.zone,
            enabled: schedule.enabled,
            created_ns: schedule.created.0,
            next_ns: info.next.map(|at| at.0),
            last: info.last.map(|run| wire::ScheduledRun {
                planned_ns: run.planned.0,
                taken_ns: run.taken.0,
                job: run.job.map(|job| job.to_string()),
                error: run.error,
            }),
        }
    }
}

impl TryFrom<wire::ScheduleInfo> for ScheduleInfo {
    type Error = WireError;

    fn try_from(info: wire::ScheduleInfo) -> Result<Self, WireError> {
        let last = info.last.map(|run| {
            Ok(ScheduledRun {
                schedule: info.name.clone(),
                planned: UtcNs(run.planned_ns),
                taken: UtcNs(run.taken_ns),
                job: run.job.as_deref().map(|job| parse("last.job", job)).transpose()?,
                error: run.error,
                report: None,
            })
        });
        Ok(Self {
            last: last.transpose()?,
            next: info.next_ns.map(UtcNs),
            schedule: Schedule {
                name: info.name,
                owner: info.owner,
                priority: priority(info.priority)?,
                cron: info.cron,
                zone: info.zone,
                body: String::new(),
                enabled: info.enabled,
                created: UtcNs(info.created_ns),
                since: UtcNs(info.created_ns),
            },
        })
    }
}
