//! The winners of a walk forward in its test windows.

use assay_core::metrics::{Metric, Metrics};
use assay_core::row::Planned;
use assay_core::space::Domain;
use assay_engine::{Plan, Replay, stitch};
use assay_store::FoldRecord;
use assay_strategies::sweep::Sweep;
use serde_json::{Map, Value, json};

use crate::error::WorkerError;
use crate::prepared::Prepared;

/// Runs every winner in the test window of its fold, on every instrument, each begun with the final equity of the one before.
pub(crate) fn walk(prepared: &Prepared, winners: &[Option<Planned>]) -> Result<Vec<FoldRecord>, WorkerError> {
    let mut records = Vec::new();
    for (instrument, sweep) in (0..).zip(prepared.markets.sweeps()) {
        let mut walked = Walked::new(prepared, sweep, instrument);
        for (number, winner) in winners.iter().enumerate() {
            records.push(walked.fold(number, winner.as_ref())?);
        }
        records.push(walked.whole(winners));
    }
    Ok(records)
}

/// A walk on one instrument under way.
struct Walked<'a> {
    prepared: &'a Prepared,
    sweep: &'a Sweep,
    instrument: u32,
    capital: f64,
    parts: Vec<(Plan, Replay)>,
    /// Annual returns of the winners in their training windows.
    in_sample: Vec<Option<f64>>,
}

impl<'a> Walked<'a> {
    fn new(prepared: &'a Prepared, sweep: &'a Sweep, instrument: u32) -> Self {
        Self {
            prepared,
            sweep,
            instrument,
            capital: prepared.job.spec.execution.capital,
            parts: Vec::new(),
            in_sample: Vec::new(),
        }
    }

    /// One fold; without a winner nothing is traded in it.
    fn fold(&mut self, number: usize, winner: Option<&Planned>) -> Result<FoldRecord, WorkerError> {
        let job = &self.prepared.job;
        let fold = job.folds[number];
        let mut record = json!({
            "fold": number,
            "instrument": self.prepared.layout.instruments[self.instrument as usize],
            "train_from": fold.train_from,
            "train_to": fold.train_to,
            "test_from": fold.test_from,
            "test_to": fold.test_to,
            "capital": self.capital,
        });
        let Some(winner) = winner else {
            self.in_sample.push(None);
            record["reason"] = json!("no point has an objective in the training window");
            return Ok(self.record(number as i64, &record));
        };
        let points = [(winner.ordinal, winner.point.clone())];
        let rows = self.sweep.run_over(winner.window, self.instrument, &points);
        let trained = rows[0].metrics().copied().unwrap_or_default();
        let (plan, replay) = self
            .sweep
            .replay_test(&fold, self.capital, &job.spec.metrics, &winner.point)?;
        self.capital = replay.equity.last().copied().unwrap_or(self.capital);
        self.in_sample.push(trained.get(Metric::Cagr));
        let id = assay_core::ids::TrialId {
            job: job.id,
            instrument: self.instrument,
            ordinal: winner.ordinal,
        };
        record["trial_id"] = json!(id);
        record["params"] = Value::Object(self.prepared.layout.values(&winner.point));
        record["efficiency"] = json!(efficiency(replay.metrics.get(Metric::Cagr), trained.get(Metric::Cagr)));
        record["in_sample"] = json!(trained);
        record["out_of_sample"] = json!(replay.metrics);
        self.parts.push((plan, replay));
        Ok(self.record(number as i64, &record))
    }

    /// All folds as one curve.
    fn whole(&self, winners: &[Option<Planned>]) -> FoldRecord {
        let known: Vec<f64> = self.in_sample.iter().copied().flatten().collect();
        let trained = (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64);
        let stitched = stitch(&self.parts);
        let metrics: Metrics = stitched.metrics;
        let record = json!({
            "folds": winners.len(),
            "instrument": self.prepared.layout.instruments[self.instrument as usize],
            "out_of_sample": metrics,
            "in_sample_cagr": trained,
            "efficiency": efficiency(metrics.get(Metric::Cagr), trained),
            "drift": drift(self.prepared, winners),
            "equity": stitched.curve,
        });
        self.record(-1, &record)
    }

    fn record(&self, fold: i64, record: &Value) -> FoldRecord {
        FoldRecord {
            fold,
            instrument: self.instrument,
            record: record.to_string(),
        }
    }
}

/// Annualised return out of sample over that in sample; nothing where the latter is no gain.
fn efficiency(out: Option<f64>, within: Option<f64>) -> Option<f64> {
    let ratio = out? / within.filter(|within| *within > 0.0)?;
    ratio.is_finite().then_some(ratio)
}

/// How far each parameter moves from fold to fold: the mean distance of neighbours as a share of its range; of a choice, how often it
/// changes.
fn drift(prepared: &Prepared, winners: &[Option<Planned>]) -> Map<String, Value> {
    let winners: Vec<&Planned> = winners.iter().flatten().collect();
    let mut drift = Map::new();
    for (i, parameter) in prepared.job.space.params.iter().enumerate() {
        let range = match &parameter.domain {
            Domain::Int { low, high, .. } => (high - low) as f64,
            Domain::Float { low, high, .. } => high - low,
            Domain::Choice(_) | Domain::Fixed(_) => 0.0,
        };
        let moved = |pair: &[&Planned]| {
            let distance = (pair[1].point.0[i] - pair[0].point.0[i]).abs();
            if range > 0.0 {
                distance / range
            } else {
                f64::from(u8::from(distance > 0.0))
            }
        };
        let moves: Vec<f64> = winners.windows(2).map(moved).collect();
        let mean = (!moves.is_empty()).then(|| moves.iter().sum::<f64>() / moves.len() as f64);
        if !matches!(parameter.domain, Domain::Fixed(_)) {
            drift.insert(parameter.name.clone(), json!(mean));
        }
    }
    drift
}
