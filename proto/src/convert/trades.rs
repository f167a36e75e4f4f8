//! Trades, and trials that are to be replayed.

use assay_core::ids::{JobId, Ordinal};
use assay_core::space::Point;
use assay_core::time::UtcNs;
use assay_store::{TradeRecord, TrialTrades};

use super::{WireError, parse};
use crate::protocol::{Answer, Question, ReplayOrder, Replayed};
use crate::wire;

impl From<TradeRecord> for wire::Trade {
    fn from(trade: TradeRecord) -> Self {
        Self {
            long: trade.long,
            entry_ns: trade.entry.0,
            exit_ns: trade.exit.0,
            entry_price: trade.entry_price,
            exit_price: trade.exit_price,
            units: trade.units,
            pnl: trade.pnl,
            r#return: trade.ret,
            fees: trade.fees,
            reason: trade.reason,
        }
    }
}

impl From<wire::Trade> for TradeRecord {
    fn from(trade: wire::Trade) -> Self {
        Self {
            long: trade.long,
            entry: UtcNs(trade.entry_ns),
            exit: UtcNs(trade.exit_ns),
            entry_price: trade.entry_price,
            exit_price: trade.exit_price,
            units: trade.units,
            pnl: trade.pnl,
            ret: trade.r#return,
            fees: trade.fees,
            reason: trade.reason,
        }
    }
}

impl From<TrialTrades> for wire::TrialTrades {
    fn from(kept: TrialTrades) -> Self {
        Self {
            trial: kept.trial.to_string(),
            trades: kept.trades.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::TrialTrades> for TrialTrades {
    type Error = WireError;

    fn try_from(kept: wire::TrialTrades) -> Result<Self, WireError> {
        Ok(Self {
            trial: parse("trial", &kept.trial)?,
            trades: kept.trades.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<Answer> for wire::NextReplayReply {
    fn from(answer: Answer) -> Self {
        let Answer::Replay(order) = answer else {
            return Self::default();
        };
        let point = |(ordinal, point): (Ordinal, Point)| wire::ReplayPoint {
            ordinal: ordinal.0,
            coordinates: point.0.to_vec(),
        };
        Self {
            job: Some(order.job.to_string()),
            body: order.body.to_string(),
            points: order.points.into_iter().map(point).collect(),
            on_ticks: order.on_ticks.into_iter().map(point).collect(),
            attempt: order.attempt,
        }
    }
}

impl TryFrom<wire::NextReplayReply> for Answer {
    type Error = WireError;

    fn try_from(reply: wire::NextReplayReply) -> Result<Self, WireError> {
        let Some(job) = reply.job else { return Ok(Self::NotWanted) };
        let point = |point: wire::ReplayPoint| (Ordinal(point.ordinal), Point(point.coordinates.into()));
        Ok(Self::Replay(Box::new(ReplayOrder {
            job: parse("job", &job)?,
            body: reply.body.into(),
            points: reply.points.into_iter().map(point).collect(),
            on_ticks: reply.on_ticks.into_iter().map(point).collect(),
            attempt: reply.attempt,
        })))
    }
}

impl wire::ReplayedRequest {
    /// That this came of a job's replay.
    pub(crate) fn new(job: JobId, replayed: Replayed) -> Self {
        use wire::replayed_request::Outcome;
        let outcome = match replayed {
            Replayed::Trades(trades) => Outcome::Trades((*trades).into()),
            Replayed::OnTicks { run_as, staged } => Outcome::OnTicks(wire::RowsOnTicks {
                run_as: run_as.to_string(),
                staged: Some((&*staged).into()),
            }),
            Replayed::Finished => Outcome::Finished(wire::Finished {}),
            Replayed::Failed(reason) => Outcome::Error(reason),
        };
        Self {
            job: job.to_string(),
            outcome: Some(outcome),
        }
    }
}

impl TryFrom<wire::ReplayedRequest> for Question {
    type Error = WireError;

    fn try_from(request: wire::ReplayedRequest) -> Result<Self, WireError> {
        use wire::replayed_request::Outcome;
        let outcome = match request.outcome.ok_or(WireError::missing("outcome"))? {
            Outcome::Trades(trades) => Replayed::Trades(Box::new(trades.try_into()?)),
            Outcome::OnTicks(rows) => Replayed::OnTicks {
                run_as: parse("on_ticks.run_as", &rows.run_as)?,
                staged: Box::new(rows.staged.ok_or(WireError::missing("on_ticks.staged"))?.try_into()?),
            },
            Outcome::Finished(wire::Finished {}) => Replayed::Finished,
            Outcome::Error(reason) => Replayed::Failed(reason),
        };
        let job = parse("job", &request.job)?;
        Ok(Self::Replayed { job, outcome })
    }
}

#[cfg(test)]
mod tests {
    use assay_core::fingerprint::Fingerprint;
    use assay_store::{Staged, TaskRange};

    use super::*;

    #[test]
    fn trades_survive_the_wire() {
        let trade = TradeRecord {
            long: false,
            entry: UtcNs(1),
            exit: UtcNs(2),
            entry_price: 1.5,
            exit_price: 1.25,
            units: 3.0,
            pnl: 0.75,
            ret: None,
            fees: 0.1,
            reason: "stop".to_owned(),
        };
        let kept = TrialTrades {
            trial: "t_00000000000000ff_1_5".parse().unwrap(),
            trades: vec![trade],
        };
        assert_eq!(TrialTrades::try_from(wire::TrialTrades::from(kept.clone())).unwrap(), kept);
        let order = Answer::Replay(Box::new(ReplayOrder {
            job: kept.trial.job,
            body: "body".into(),
            points: vec![(Ordinal(7), Point(Box::from([1.0, 0.5])))],
            on_ticks: vec![(Ordinal(9), Point(Box::from([2.0, 0.25])))],
            attempt: 3,
        }));
        assert_eq!(Answer::try_from(wire::NextReplayReply::from(order.clone())).unwrap(), order);
        assert_eq!(
            Answer::try_from(wire::NextReplayReply::from(Answer::NotWanted)).unwrap(),
            Answer::NotWanted
        );
        let range = TaskRange {
            first_block: 1 << 62,
            blocks: 1,
        };
        let staged = Staged {
            job: kept.trial.job,
            range,
            attempt: 3,
            file: Staged::file_name(range, 3),
            bytes: 100,
            hash: [7; 32],
            rows: 10,
            failed: 1,
            fingerprint: Fingerprint::default(),
        };
        let job = kept.trial.job;
        for outcome in [
            Replayed::Trades(Box::new(kept)),
            Replayed::OnTicks {
                run_as: JobId::from_hash([9; 32]),
                staged: Box::new(staged),
            },
            Replayed::Finished,
            Replayed::Failed("no ticks".to_owned()),
        ] {
            let request = wire::ReplayedRequest::new(job, outcome.clone());
            match Question::try_from(request).unwrap() {
                Question::Replayed { job: of, outcome: found } => assert_eq!((of, found), (job, outcome)),
                other => panic!("{other:?}"),
            }
        }
    }
}
