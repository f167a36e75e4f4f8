//! What users do with schedules.

use std::sync::Arc;

use assay_core::time::UtcNs;
use assay_proto::convert::priority;
use assay_proto::wire;
use assay_proto::wire::schedules_server::Schedules;
use assay_store::Schedule;
use tonic::{Request, Response, Status};

use super::jobs::{READERS, WRITERS, open};
use super::{Caller, Front, audited, malformed, now, refuse};
use crate::schedule::book;

/// The adapter.
#[derive(Debug)]
pub(super) struct SchedulesService(pub(super) Arc<Front>);

impl Front {
    /// The schedules that a caller may see.
    async fn schedules_of(&self, caller: &Caller) -> Result<Vec<Schedule>, Status> {
        let mut schedules = self.store.schedules().await.map_err(refuse)?;
        schedules.retain(|schedule| caller.is_admin() || schedule.owner == caller.owner);
        Ok(schedules)
    }

    async fn schedule(&self, caller: &Caller, name: &str) -> Result<Schedule, Status> {
        book::find(self.schedules_of(caller).await?, name).map_err(refuse)
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
        let detail = format!("{} {}", schedule.cron, schedule.zone);
        let info = book::add(&front.store, schedule).await.map_err(refuse)?;
        front.audit(&caller, "schedule.add", &info.schedule.name, detail).await?;
        Ok(Response::new(info.into()))
    }

    async fn list(&self, request: Request<wire::ListSchedulesRequest>) -> Result<Response<wire::ListSchedulesReply>, Status> {
        let (caller, _) = open(request, READERS)?;
        let at = now();
        let mut schedules = Vec::new();
        for schedule in self.0.schedules_of(&caller).await? {
            schedules.push(book::info(&self.0.store, schedule, at).await.map_err(refuse)?.into());
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
        let name = self.0.schedule(&caller, &request.name).await?.name;
        let changed = book::set_enabled(&self.0.store, &name, request.enabled, now()).await;
        changed.map_err(refuse)?;
        let state = if request.enabled { "enabled" } else { "disabled" };
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
        let report = book::report(&self.0.store, &name, request.planned_ns.map(UtcNs)).await;
        let report = report.map_err(refuse)?;
        Ok(Response::new(wire::ScheduleReportReply { report }))
    }
}
