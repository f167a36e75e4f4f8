//! A worker's link to a coordinator elsewhere.

use std::sync::Arc;

use assay_core::{Domain, Explain, SEMANTICS_VERSION};
use tokio::sync::watch;

use super::{ClientError, Remote, Wired};
use crate::convert::WireError;
use crate::protocol::{Answer, Call, Link, LinkError, Question};
use crate::status::{LARGEST_ANSWER, LARGEST_REPORT};
use crate::wire;
use crate::wire::workers_client::WorkersClient;

/// Calls that may wait for each other.
const WAITING: usize = 256;

fn client(wired: Wired) -> WorkersClient<Wired> {
    WorkersClient::new(wired)
        .max_encoding_message_size(LARGEST_REPORT)
        .max_decoding_message_size(LARGEST_ANSWER)
}

impl Remote {
    /// A link for a worker of this process, and what tells of the day when the coordinator does not want it any more: its key is of
    /// no use, or its version is another one. Calls are asked once; the worker knows what to ask again.
    pub fn link(&self) -> (Link, watch::Receiver<Option<ClientError>>) {
        let (link, mut calls) = Link::new(WAITING);
        let (refused, refusal) = watch::channel(None);
        let (remote, refused) = (self.clone(), Arc::new(refused));
        tokio::spawn(async move {
            while let Some(Call { question, answer }) = calls.recv().await {
                let (remote, refused) = (remote.clone(), Arc::clone(&refused));
                tokio::spawn(async move {
                    let result = remote.carry(question).await.map_err(|error| {
                        if error.domain() == Domain::NotAllowed {
                            refused.send_replace(Some(error.clone()));
                        }
                        link_error(&error)
                    });
                    // Who asked may have gone away.
                    let _ = answer.send(result);
                });
            }
        });
        (link, refusal)
    }

    async fn carry(&self, question: Question) -> Result<Answer, ClientError> {
        match question {
            Question::Heartbeat { worker, slots, running } => {
                let request = wire::HeartbeatRequest {
                    worker: worker.to_string(),
                    slots,
                    running: running.into_iter().map(Into::into).collect(),
                    semantics: SEMANTICS_VERSION,
                };
                let reply = self
                    .once(|wired| async move { client(wired).heartbeat(request).await })
                    .await?;
                Ok(Answer::Welcome {
                    drop: reply.drop.into_iter().map(Into::into).collect(),
                })
            }
            Question::Lease { worker, task } => {
                let request = wire::LeaseRequest {
                    worker: worker.to_string(),
                    task: task.0,
                };
                let reply = self.once(|wired| async move { client(wired).lease(request).await }).await?;
                Ok(reply.try_into()?)
            }
            Question::Report {
                worker,
                task,
                attempt,
                report,
            } => {
                let request = wire::ReportRequest {
                    worker: worker.to_string(),
                    task: task.0,
                    attempt: attempt.0,
                    report: Some((&report).try_into()?),
                };
                let reply = self.once(|wired| async move { client(wired).report(request).await }).await?;
                outcome(reply.outcome())
            }
            Question::Leave { worker } => {
                let request = wire::LeaveRequest {
                    worker: worker.to_string(),
                };
                self.once(|wired| async move { client(wired).leave(request).await }).await?;
                Ok(Answer::Done)
            }
            Question::NextReplay { worker } => {
                let request = wire::NextReplayRequest {
                    worker: worker.to_string(),
                };
                let reply = self
                    .once(|wired| async move { client(wired).next_replay(request).await })
                    .await?;
                Ok(reply.try_into()?)
            }
            Question::Replayed { job, outcome } => {
                let request = wire::ReplayedRequest::new(job, outcome);
                self.once(|wired| async move { client(wired).replayed(request).await })
                    .await?;
                Ok(Answer::Done)
            }
            Question::Job(job) => {
                let request = wire::JobBodyRequest { job: job.to_string() };
                let reply = self.once(|wired| async move { client(wired).job(request).await }).await?;
                Ok(reply.body.map_or(Answer::UnknownJob, |body| Answer::Job(body.into())))
            }
        }
    }
}

fn outcome(outcome: wire::report_reply::Outcome) -> Result<Answer, ClientError> {
    use wire::report_reply::Outcome;
    Ok(match outcome {
        Outcome::Recorded => Answer::Recorded,
        Outcome::NotWanted => Answer::NotWanted,
        Outcome::Conflict => Answer::Conflict,
        Outcome::Unspecified => return Err(WireError::new("outcome", "missing").into()),
    })
}

/// A worker goes on asking while nobody answers, and gives up what was refused.
fn link_error(error: &ClientError) -> LinkError {
    if error.retryable() {
        return LinkError::Unreachable {
            reason: error.to_string(),
        };
    }
    LinkError::Refused {
        reason: error.to_string(),
        hint: error.hint().unwrap_or_default(),
    }
}
