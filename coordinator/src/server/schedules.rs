//! What users do with schedules.

use std::sync::Arc;

use assay_core::nearest;
use assay_core::time::UtcNs;
use assay_proto::convert::priority;
use assay_proto::wire::schedules_server::Schedules;
use assay_proto::{ScheduleInfo, wire};
use assay_store::{Schedule, ScheduledRun};
use tonic::{Request, Response, Status};

use super::jobs::{READERS, WRITERS, open};
use super::{Caller, Front, audited, malformed, now, refuse};
use crate::schedule::{ScheduleError, Timetable, check_name};

/// The adapter.
#[derive(Debug)]
pub(super) struct SchedulesService(pub(super) Arc<Front>);

/// Runs looked at for one that has a report.
const RUNS: usize = 1_000;

impl Front {
    /// The schedules that a caller may see.
    async fn schedules_of(&self, caller: &Caller) -> Result<Vec<Schedule>, Status> {
        let mut schedules = self.store.schedules().await.map_err(refuse)?;
        schedules.retain(|schedule| caller.is_admin() || schedule.owner == caller.owner);
        Ok(schedules)
    }

    async fn schedule(&self, caller: &Caller, name: &str) -> Result<Schedule, Status> {
        let mut known = self.schedules_of(caller).await?;
        if let Some(at) = known.iter().position(|schedule| schedule.name == name) {
            return Ok(known.swap_remove(at));
        }
        let nearest = nearest::nearest(name, known.iter().map(|schedule| schedule.name.as_str()));
        Err(refuse(ScheduleError::Unknown {
            name: name.to_owned(),
            nearest: nearest.map(str::to_owned),
        }))
    }

    async fn schedule_info(&self, schedule: Schedule, at: UtcNs) -> Result<ScheduleInfo, Status> {
        let last = self.store.runs(&schedule.name, 1).await.map_err(refuse)?.into_iter().next();
        Ok(ScheduleInfo::new(schedule, last, |schedule| {
            Timetable::of(schedule).ok()?.next(at)
        }))
    }

    /// Writes down who did what to a schedule.
    async fn audit(&self, caller: &Caller, action: &str, name: &str, detail: String) -> Result<(), Status> {
        let audit = audited(&caller.owner, action, &name, detail);
        self.coordinator()?.record(vec![audit]).await.map_err(refuse)
    }
}

#[tonic::async_trait]
impl Schedules for SchedulesService {
    async fn add(&self, request: Request<wire::AddScheduleRequest>) -> Result<Response<wire::ScheduleInfo>, Status> {
        let (caller, request) = open(request, WRITERS)?;
        let front = &self.0;
        check_name(&request.name).map_err(refuse)?;
        Timetable::new(&request.cron, &request.zone).map_err(refuse)?;
        // What is no job, or too large, is refused now and not at night.
        front.plan(request.body.clone()).await?;
        let at = now();
        let schedule = Schedule {
            priority: priority(request.priority).map_err(malformed)?,
            name: request.name,
            owner: caller.owner.clone(),
            cron: request.cron,
            zone: request.zone,
            body: request.body,
            enabled: true,
            created: at,
            since: at,
        };
        if !front.store.add_schedule(&schedule).await.map_err(refuse)? {
            return Err(refuse(ScheduleError::Taken(schedule.name)));
        }
        let detail = format!("{} {}", schedule.cron, schedule.zone);
        front.audit(&caller, "schedule.add", &schedule.name, detail).await?;
        let info = front.schedule_info(schedule, at).await?;
        Ok(Response::new(info.into()))
    }

    async fn list(&self, request: Request<wire::ListSchedulesRequest>) -> Result<Response<wire::ListSchedulesReply>, Status> {
        let (caller, _) = open(request, READERS)?;
        let at = now();
        let mut schedules = Vec::new();
        for schedule in self.0.schedules_of(&caller).await? {
            schedules.push(self.0.schedule_info(schedule, at).await?.into());
        }
        Ok(Response::new(wire::ListSchedulesReply { schedules }))
    }

    async fn run_now(&self, request: Request<wire::RunScheduleRequest>) -> Result<Response<wire::RunScheduleReply>, Status> {
        let (caller, request) = open(request, WRITERS)?;
        let schedule = self.0.schedule(&caller, &request.name).await?;
        let at = now();
        let job = self.0.take_up(&schedule, at, at).await?;
        Ok(Response::new(wire::RunScheduleReply { job: job.to_string() }))
    }

    async fn enable(
        &self,
        request: Request<wire::EnableScheduleRequest>,
    ) -> Result<Response<wire::EnableScheduleReply>, Status> {
        let (caller, request) = open(request, WRITERS)?;
        let store = &self.0.store;
        let name = self.0.schedule(&caller, &request.name).await?.name;
        let (changed, state) = if request.enabled {
            (store.enable_schedule(&name, now()).await, "enabled")
        } else {
            (store.disable_schedule(&name).await, "disabled")
        };
        if !changed.map_err(refuse)? {
            return Err(refuse(ScheduleError::Already { name, state }));
        }
        self.0.audit(&caller, "schedule.enable", &name, state.to_owned()).await?;
        Ok(Response::new(wire::EnableScheduleReply {}))
    }

    async fn remove(
        &self,
        request: Request<wire::RemoveScheduleRequest>,
    ) -> Result<Response<wire::RemoveScheduleReply>, Status> {
        let (caller, request) = open(request, WRITERS)?;
        let name = self.0.schedule(&caller, &request.name).await?.name;
        self.0.store.remove_schedule(&name).await.map_err(refuse)?;
        self.0.audit(&caller, "schedule.remove", &name, String::new()).await?;
        Ok(Response::new(wire::RemoveScheduleReply {}))
    }

    async fn report(
        &self,
        request: Request<wire::ScheduleReportRequest>,
    ) -> Result<Response<wire::ScheduleReportReply>, Status> {
        let (caller, request) = open(request, READERS)?;
        let name = self.0.schedule(&caller, &request.name).await?.name;
        let runs = self.0.store.runs(&name, RUNS).await.map_err(refuse)?;
        let wanted = |run: &ScheduledRun| request.planned_ns.is_none_or(|at| run.planned.0 == at);
        let report = runs.into_iter().filter(wanted).find_map(|run| run.report);
        let report = report.ok_or_else(|| refuse(ScheduleError::NoReport(name)))?;
        Ok(Response::new(wire::ScheduleReportReply { report }))
    }
}
