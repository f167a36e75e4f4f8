//! The best trials of finished jobs, replayed when a worker has a moment, for their trades and on ticks: away from the path on which trials
//! are computed.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use assay_core::ids::TrialId;
use assay_core::space::Point;
use assay_core::time::UtcNs;
use assay_engine::{Side, Trade};
use assay_proto::{Answer, Question, ReplayOrder, Replayed};
use assay_store::{ON_TICKS, TradeRecord, TrialTrades};
use assay_strategies::Job;
use assay_strategies::sweep::Sweep;
use tokio::time::sleep;

use crate::error::WorkerError;
use crate::prepared::{Prepared, layout_of};
use crate::rung::run_points;
use crate::worker::{Worker, blocking};

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
                let outcome = match self.replay_job(*order).await {
                    Ok(()) => Replayed::Finished,
                    Err(error) => {
                        tracing::warn!(%job, %error, "trials could not be replayed");
                        Replayed::Failed(error.to_string())
                    }
                };
                let _ = self.link().ask(Question::Replayed { job, outcome }).await;
            }
        }
    }

    async fn replay_job(&self, order: ReplayOrder) -> Result<(), WorkerError> {
        if !order.points.is_empty() {
            self.replay_trades(&order).await?;
        }
        if !order.on_ticks.is_empty() {
            self.climb(order).await?;
        }
        Ok(())
    }

    /// Runs the best points again on ticks.
    async fn climb(&self, order: ReplayOrder) -> Result<(), WorkerError> {
        let ReplayOrder {
            job: id,
            body,
            on_ticks: points,
            attempt,
            ..
        } = order;
        let (layout, ladder) = blocking(move || {
            let job = Job::from_body(&body)?;
            Ok((layout_of(&job), job.ladder()?))
        })
        .await?;
        // Whoever asked has read that the job has one.
        let Some(ladder) = ladder else { return Ok(()) };
        let run_as = ladder.id;
        let (catalog, _held) = self.data_of(&ladder).await?;
        let threads = self.threads();
        let rows = blocking(move || run_points(&ladder, &catalog, &points, threads)).await?;
        let staged = Box::new(self.depot().stage(&layout, ON_TICKS, attempt, rows).await?);
        let outcome = Replayed::OnTicks { run_as, staged };
        self.link().ask(Question::Replayed { job: id, outcome }).await?;
        Ok(())
    }

    async fn replay_trades(&self, order: &ReplayOrder) -> Result<(), WorkerError> {
        let prepared = match self.loaded(order.job) {
            Some(prepared) => prepared,
            None => self.load_body(Arc::clone(&order.body)).await?,
        };
        for (ordinal, point) in &order.points {
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
                    ordinal: *ordinal,
                };
                let outcome = Replayed::Trades(Box::new(TrialTrades { trial, trades }));
                self.link().ask(Question::Replayed { job: order.job, outcome }).await?;
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
