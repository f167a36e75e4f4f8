//! The trades of the best trials of finished jobs, replayed when a worker has a moment: away from the path on which trials are computed.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use assay_core::ids::TrialId;
use assay_core::space::Point;
use assay_core::time::UtcNs;
use assay_engine::{Side, Trade};
use assay_proto::{Answer, Question, ReplayOrder};
use assay_store::{TradeRecord, TrialTrades};
use assay_strategies::sweep::Sweep;
use tokio::time::sleep;

use crate::error::WorkerError;
use crate::prepared::Prepared;
use crate::worker::Worker;

/// Heartbeats after which it is asked once for something to replay.
const ASK: u32 = 5;
/// Trades of a trial beyond which they are not kept: they would not fit into a message.
const MOST_TRADES: usize = 400_000;

/// The trades of a trial, as they are kept.
pub fn trades_of(sweep: &Sweep, point: &Point) -> Result<Vec<TradeRecord>, WorkerError> {
    Ok(sweep.replay(point)?.trades.iter().map(trade_record).collect())
}

/// A trade as it is kept.
pub fn trade_record(trade: &Trade) -> TradeRecord {
    TradeRecord {
        long: trade.side == Side::Long,
        entry: UtcNs(trade.entry_time),
        exit: UtcNs(trade.exit_time),
        entry_price: trade.entry_price,
        exit_price: trade.exit_price,
        units: trade.units,
        pnl: trade.pnl,
        ret: trade.ret.is_finite().then_some(trade.ret),
        fees: trade.fees,
        reason: trade.reason.name().to_owned(),
    }
}

impl Worker {
    /// Asks again and again for something to replay, for ever.
    pub(crate) async fn replay(self: Arc<Self>) {
        loop {
            sleep(self.heartbeat() * ASK).await;
            let question = Question::NextReplay {
                worker: self.id().clone(),
            };
            // Whoever does not answer is asked again.
            if let Ok(Answer::Replay(order)) = self.link().ask(question).await {
                let job = order.job;
                let error = self.replay_job(*order).await.err().map(|error| error.to_string());
                if let Some(error) = &error {
                    tracing::warn!(%job, error, "trials could not be replayed");
                }
                let trades = None;
                let _ = self.link().ask(Question::KeepTrades { job, trades, error }).await;
            }
        }
    }

    async fn replay_job(&self, order: ReplayOrder) -> Result<(), WorkerError> {
        let prepared = match self.loaded(order.job) {
            Some(prepared) => prepared,
            None => self.load_body(order.body).await?,
        };
        for (ordinal, point) in order.points {
            for instrument in 0..prepared.layout.instruments.len() as u32 {
                let (prepared, point) = (Arc::clone(&prepared), point.clone());
                let replayed = tokio::task::spawn_blocking(move || replay_one(&prepared, instrument, &point));
                let trades = replayed.await.map_err(|error| WorkerError::Panic(error.to_string()))?;
                // A trial that failed has none, and one that has too many is left to whoever replays it.
                let Some(trades) = trades.filter(|trades| trades.len() <= MOST_TRADES) else {
                    continue;
                };
                let trial = TrialId {
                    job: order.job,
                    instrument,
                    ordinal,
                };
                let question = Question::KeepTrades {
                    job: order.job,
                    trades: Some(Box::new(TrialTrades { trial, trades })),
                    error: None,
                };
                self.link().ask(question).await?;
            }
        }
        Ok(())
    }
}

/// A trial that fails here failed before, or is a defect that its replay by hand shows.
fn replay_one(prepared: &Prepared, instrument: u32, point: &Point) -> Option<Vec<TradeRecord>> {
    let replayed = panic::catch_unwind(AssertUnwindSafe(|| trades_of(prepared.markets.sweep(instrument), point)));
    replayed.ok()?.ok()
}
