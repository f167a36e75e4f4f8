//! What users ask of schedules.

use assay_core::ids::JobId;
use assay_core::time::UtcNs;

use super::{ClientError, Remote, Wired};
use crate::convert::parse;
use crate::protocol::ScheduleInfo;
use crate::status::LARGEST_ANSWER;
use crate::wire;
use crate::wire::schedules_client::SchedulesClient;

fn schedules(wired: Wired) -> SchedulesClient<Wired> {
    SchedulesClient::new(wired).max_decoding_message_size(LARGEST_ANSWER)
}

impl Remote {
    /// Makes a schedule of a job (`Job::body`): when, as five fields of cron, in which IANA zone. `priority` is 1 to 10.
    pub async fn add_schedule(
        &self,
        name: &str,
        cron: &str,
        zone: &str,
        body: String,
        priority: u8,
    ) -> Result<ScheduleInfo, ClientError> {
        let request = wire::AddScheduleRequest {
            name: name.to_owned(),
            cron: cron.to_owned(),
            zone: zone.to_owned(),
            body,
            priority: priority.into(),
        };
        let add = |wired| async move { schedules(wired).add(request).await };
        Ok(self.only_once(add).await?.try_into()?)
    }

    /// All schedules that the key may see, by name.
    pub async fn schedules(&self) -> Result<Vec<ScheduleInfo>, ClientError> {
        let list = |wired| async move { schedules(wired).list(wire::ListSchedulesRequest {}).await };
        let reply = self.again(list).await?;
        let infos = reply.schedules.into_iter().map(ScheduleInfo::try_from);
        Ok(infos.collect::<Result<_, _>>()?)
    }

    /// Runs a schedule now, and says which job that is.
    pub async fn run_schedule(&self, name: &str) -> Result<JobId, ClientError> {
        let request = wire::RunScheduleRequest { name: name.to_owned() };
        let run = |wired| async move { schedules(wired).run_now(request).await };
        Ok(parse("job", &self.only_once(run).await?.job)?)
    }

    /// Lets a schedule run at its planned times, or not.
    pub async fn enable_schedule(&self, name: &str, enabled: bool) -> Result<(), ClientError> {
        let request = wire::EnableScheduleRequest {
            name: name.to_owned(),
            enabled,
        };
        let enable = |wired| async move { schedules(wired).enable(request).await };
        self.only_once(enable).await.map(|_| ())
    }

    /// Removes a schedule; its jobs stay.
    pub async fn remove_schedule(&self, name: &str) -> Result<(), ClientError> {
        let request = wire::RemoveScheduleRequest { name: name.to_owned() };
        let remove = |wired| async move { schedules(wired).remove(request).await };
        self.only_once(remove).await.map(|_| ())
    }

    /// What a schedule's last run changed, or the one that was due at `planned`: JSON.
    pub async fn schedule_report(&self, name: &str, planned: Option<UtcNs>) -> Result<String, ClientError> {
        let request = wire::ScheduleReportRequest {
            name: name.to_owned(),
            planned_ns: planned.map(|at| at.0),
        };
        let report = |wired| {
            let request = request.clone();
            async move { schedules(wired).report(request).await }
        };
        Ok(self.again(report).await?.report)
    }
}
