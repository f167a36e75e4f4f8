//! What workers say to their coordinator.

use std::sync::Arc;

use assay_core::ids::{JobId, TaskId};
use assay_proto::convert::parse;
use assay_proto::wire::workers_server::Workers;
use assay_proto::{Answer, Call, Question, wire};
use assay_store::Scope;
use tokio::sync::oneshot;
use tonic::{Request, Response, Status};

use super::{Front, caller_of, malformed, refuse};
use crate::error::CoordinatorError;

/// The adapter.
#[derive(Debug)]
pub(super) struct WorkersService(pub(super) Arc<Front>);

impl WorkersService {
    #[allow(clippy::result_large_err, reason = "tonic's error")]
    fn open<T>(request: Request<T>) -> Result<T, Status> {
        caller_of(&request)?.needs(&[Scope::Worker])?;
        Ok(request.into_inner())
    }

    async fn ask(&self, question: Question) -> Result<Answer, Status> {
        let (answer, answered) = oneshot::channel();
        self.0.coordinator()?.pass(Call { question, answer }).await;
        match answered.await {
            Ok(answer) => answer.map_err(refuse),
            Err(_) => Err(refuse(CoordinatorError::Gone)),
        }
    }
}

#[tonic::async_trait]
impl Workers for WorkersService {
    async fn heartbeat(&self, request: Request<wire::HeartbeatRequest>) -> Result<Response<wire::HeartbeatReply>, Status> {
        let question = Self::open(request)?.try_into().map_err(malformed)?;
        let drop = match self.ask(question).await? {
            Answer::Welcome { drop } => drop,
            other => return Err(refuse(CoordinatorError::unexpected(&other))),
        };
        Ok(Response::new(wire::HeartbeatReply {
            drop: drop.into_iter().map(Into::into).collect(),
        }))
    }

    async fn lease(&self, request: Request<wire::LeaseRequest>) -> Result<Response<wire::LeaseReply>, Status> {
        let request = Self::open(request)?;
        let question = Question::Lease {
            worker: parse("worker", &request.worker).map_err(malformed)?,
            task: TaskId(request.task),
        };
        Ok(Response::new(self.ask(question).await?.into()))
    }

    async fn report(&self, request: Request<wire::ReportRequest>) -> Result<Response<wire::ReportReply>, Status> {
        use wire::report_reply::Outcome;
        let question = Self::open(request)?.try_into().map_err(malformed)?;
        let outcome = match self.ask(question).await? {
            Answer::Recorded => Outcome::Recorded,
            Answer::Conflict => Outcome::Conflict,
            _ => Outcome::NotWanted,
        };
        Ok(Response::new(wire::ReportReply { outcome: outcome.into() }))
    }

    async fn leave(&self, request: Request<wire::LeaveRequest>) -> Result<Response<wire::LeaveReply>, Status> {
        let worker = parse("worker", &Self::open(request)?.worker).map_err(malformed)?;
        self.ask(Question::Leave { worker }).await?;
        Ok(Response::new(wire::LeaveReply {}))
    }

    async fn next_replay(&self, request: Request<wire::NextReplayRequest>) -> Result<Response<wire::NextReplayReply>, Status> {
        Self::open(request)?;
        Ok(Response::new(self.0.next_replay().await?.into()))
    }

    async fn replayed(&self, request: Request<wire::ReplayedRequest>) -> Result<Response<wire::ReplayedReply>, Status> {
        let question = Self::open(request)?.try_into().map_err(malformed)?;
        let Question::Replayed { job, outcome } = question else {
            return Err(malformed("not about a replay"));
        };
        self.0.replayed(job, outcome).await?;
        Ok(Response::new(wire::ReplayedReply {}))
    }

    async fn job(&self, request: Request<wire::JobBodyRequest>) -> Result<Response<wire::JobBodyReply>, Status> {
        let job: JobId = parse("job", &Self::open(request)?.job).map_err(malformed)?;
        let body = match self.ask(Question::Job(job)).await? {
            Answer::Job(body) => Some(body.to_string()),
            _ => None,
        };
        Ok(Response::new(wire::JobBodyReply { body }))
    }
}
