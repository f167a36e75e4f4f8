//! Ranked points as people and programs see them.

use std::collections::BTreeMap;

use assay_coordinator::{Legs, Luck};
use assay_core::ids::{Ordinal, TrialId};
use assay_core::job::{Goal, Objective};
use assay_core::metrics::{Metric, Metrics};
use assay_core::rank::Ranked;
use assay_core::row::TrialRow;
use assay_optimizer::Target;
use assay_optimizer::search::pareto;
use assay_optimizer::statistics::{deflation_threshold, verdict_variance};
use assay_proto::Recorded;
use assay_store::{JobRecord, ParamKind};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::local::{by_ordinal, objective_of};
use crate::output::{Cell, Kind, Rows};

/// Metrics that a table shows, after the one that ranks.
const SHOWN: [Metric; 8] = [
    Metric::Sharpe,
    Metric::TotalReturn,
    Metric::MaxDrawdown,
    Metric::Calmar,
    Metric::Trades,
    Metric::WinRate,
    Metric::ProfitFactor,
    Metric::Exposure,
];

/// The points of a job with several goals, front by front: first those that no other is better than, then those that only these are
/// better than, and so on, each with the number of its front; what violates the job's requirements comes after what does not. Inside a
/// front they stay as they were ranked.
pub(super) fn by_front(record: &JobRecord, ranked: Vec<Ranked>, limit: usize) -> Result<Vec<(u64, Ranked)>, Failure> {
    let target = Target::new(&record.objective()?)?;
    let outcome = |point: &Ranked| target.outcome(&point.metrics.iter().map(Option::as_ref).collect::<Vec<_>>());
    let outcomes: Vec<_> = ranked.iter().map(outcome).collect();
    let fronts = pareto::first_fronts(&outcomes.iter().collect::<Vec<_>>(), limit);
    let mut points: Vec<Option<Ranked>> = ranked.into_iter().map(Some).collect();
    let ordered = (1u64..)
        .zip(&fronts)
        .flat_map(|(front, members)| members.iter().map(move |index| (front, *index)));
    let ordered = ordered
        .take(limit)
        .filter_map(|(front, index)| Some((front, points[index].take()?)));
    Ok(ordered.collect())
}

/// Returns below which ratios of them say nothing.
const FEW: u64 = 30;

/// That the trials of a job have too few returns for its ratios to mean anything, if so.
pub(super) fn few_returns(recorded: &Recorded) -> Option<String> {
    let returns = Luck::from_json(&recorded.luck)?
        .observations
        .filter(|returns| *returns < FEW)?;
    let returns = match returns {
        1 => "one return".to_owned(),
        more => format!("{more} returns"),
    };
    Some(format!(
        "a trial has {returns}: ratios of so few, such as its Sharpe ratio, say nothing"
    ))
}

/// A job's points in order, with what it takes to show them.
pub(crate) struct Board<'a> {
    record: &'a JobRecord,
    ranked: &'a [Ranked],
    goal: Goal,
    objective: Objective,
    /// Metrics of points that were run again on ticks, by instrument.
    on_ticks: BTreeMap<Ordinal, Vec<Option<Metrics>>>,
    /// What the best of as many trials without skill would be expected to show, per observation.
    threshold: Option<f64>,
    /// Of a job with several goals, the front of each point.
    fronts: Option<&'a [u64]>,
    /// Of a walk forward, in which fold's training each point was ranked.
    legs: Legs,
}

impl<'a> Board<'a> {
    /// `goal` is what the points are ranked by.
    pub(super) fn new(record: &'a JobRecord, ranked: &'a [Ranked], goal: Goal) -> Result<Self, Failure> {
        Ok(Self {
            record,
            ranked,
            goal,
            objective: record.objective()?,
            on_ticks: BTreeMap::new(),
            threshold: None,
            fronts: None,
            legs: Legs::of(record)?,
        })
    }

    /// With the rows of points that were run again on ticks.
    pub(super) fn on_ticks(mut self, rows: &[TrialRow]) -> Self {
        self.on_ticks = by_ordinal(rows);
        self
    }

    /// What the points are ranked by, over bars and on ticks; `None` unless the point was run again.
    fn rungs(&self, point: &Ranked) -> Option<(Option<f64>, Option<f64>)> {
        let again = self.on_ticks.get(&point.ordinal)?;
        let of = |metrics: &[Option<Metrics>]| {
            let objective = Objective {
                maximize: self.goal,
                aggregate: self.objective.aggregate,
                ..Objective::default()
            };
            objective_of(&objective, metrics)
        };
        Some((of(&point.metrics), of(again)))
    }

    /// The same with the front of each point.
    pub(super) fn with_fronts(self, fronts: &'a [u64]) -> Self {
        Self {
            fronts: Some(fronts),
            ..self
        }
    }

    /// With Sharpe ratios deflated by what is recorded of the search.
    pub(super) fn deflated(mut self, recorded: &Recorded) -> Self {
        let luck = Luck::from_json(&recorded.luck);
        let threshold = luck.and_then(|luck| {
            let variance = verdict_variance(recorded.sharpe_variance, luck.observations?)?;
            Some(deflation_threshold(variance, recorded.family_points.max(luck.points)))
        });
        self.threshold = threshold;
        self
    }

    fn deflated_sharpe(&self, metrics: Option<&Metrics>) -> Option<f64> {
        let metrics = metrics?;
        let root = metrics.get(Metric::PeriodsPerYear)?.sqrt();
        Some(metrics.get(Metric::Sharpe)? - self.threshold? * root)
    }

    /// `rank, trial_id, instrument, params, metrics` and, of several instruments, `by_instrument`; `deflated_sharpe` of a finished job.
    pub(crate) fn to_json(&self) -> Vec<Value> {
        (1u64..)
            .zip(self.ranked)
            .map(|(rank, point)| self.entry(rank, point))
            .collect()
    }

    fn entry(&self, rank: u64, point: &Ranked) -> Value {
        let instruments = &self.record.layout.instruments;
        let mut entry = Map::new();
        entry.insert("rank".to_owned(), json!(rank));
        if let Some(front) = self.fronts.and_then(|fronts| fronts.get(rank as usize - 1)) {
            entry.insert("front".to_owned(), json!(front));
        }
        if !self.objective.require.is_empty() {
            entry.insert("feasible".to_owned(), json!(point.violation == 0.0));
            entry.insert("violation".to_owned(), json!(point.violation));
        }
        entry.insert("trial_id".to_owned(), json!(self.trial_id(point, 0)));
        if let Some(fold) = self.fold(point) {
            entry.insert("fold".to_owned(), json!(fold));
        }
        let several = instruments.len() > 1;
        let name = if several { "*" } else { instruments[0].as_str() };
        entry.insert("instrument".to_owned(), json!(name));
        entry.insert("params".to_owned(), Value::Object(self.record.layout.values(&point.point)));
        let metrics = self.metrics(point);
        if self.threshold.is_some() {
            entry.insert("deflated_sharpe".to_owned(), json!(self.deflated_sharpe(metrics.as_ref())));
        }
        entry.insert("metrics".to_owned(), json!(metrics));
        if several {
            let trials = (0u32..).zip(instruments).zip(&point.metrics);
            let trials = trials.map(|((index, instrument), metrics)| {
                json!({ "trial_id": self.trial_id(point, index), "instrument": instrument, "metrics": metrics })
            });
            entry.insert("by_instrument".to_owned(), trials.collect());
        }
        if let Some((bars, ticks)) = self.rungs(point) {
            let metrics: Vec<Value> = self.on_ticks[&point.ordinal].iter().map(|metrics| json!(metrics)).collect();
            let divergence = ticks.zip(bars).map(|(ticks, bars)| ticks - bars);
            let on_ticks = json!({ "objective": ticks, "divergence": divergence, "metrics": metrics });
            entry.insert("on_ticks".to_owned(), on_ticks);
        }
        Value::Object(entry)
    }

    pub(super) fn trial_id(&self, point: &Ranked, instrument: u32) -> TrialId {
        TrialId {
            job: self.record.id,
            instrument,
            ordinal: point.ordinal,
        }
    }

    /// The fold in whose training window a point of a walk forward ran.
    fn fold(&self, point: &Ranked) -> Option<u32> {
        let window = self.legs.window_of(point.ordinal) as usize;
        self.record.layout.windows.get(window)?.fold
    }

    /// The trial's metrics; of several instruments each metric's aggregate, the objective's as the point was ranked by it.
    pub(super) fn metrics(&self, point: &Ranked) -> Option<Metrics> {
        if let [metrics] = point.metrics.as_slice() {
            return *metrics;
        }
        let mut total = Metrics::default();
        for metric in Metric::ALL {
            let values = point
                .metrics
                .iter()
                .map(|metrics| metrics.as_ref().and_then(|m| m.get(metric)));
            if let Some(value) = self.objective.aggregate.over(values) {
                total.set(metric, value);
            }
        }
        total.set(self.goal.metric, point.objective.unwrap_or(f64::NAN));
        Some(total)
    }

    /// For tables: the parameters and the metrics that matter most.
    pub(super) fn table_rows(&self) -> Rows {
        let mut metrics = vec![self.goal.metric];
        for metric in self.objective.goals().map(|goal| goal.metric).chain(SHOWN) {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        self.rows(&metrics, "")
    }

    /// For files: everything.
    pub(crate) fn file_rows(&self) -> Rows {
        self.rows(&Metric::ALL, "param.")
    }

    /// The deflated figure stands beside the raw one.
    fn shows_deflated(&self, metric: Metric) -> bool {
        metric == Metric::Sharpe && self.threshold.is_some()
    }

    fn rows(&self, metrics: &[Metric], prefix: &str) -> Rows {
        let layout = &self.record.layout;
        let several = layout.instruments.len() > 1;
        let judged = !self.objective.require.is_empty();
        let mut columns = vec![("rank".to_owned(), Kind::Count)];
        if self.fronts.is_some() {
            columns.push(("front".to_owned(), Kind::Count));
        }
        if judged {
            columns.push(("feasible".to_owned(), Kind::Flag));
        }
        columns.push(("trial_id".to_owned(), Kind::Text));
        let walks = self.record.layout.windows.iter().any(|window| window.fold.is_some());
        if walks {
            columns.push(("fold".to_owned(), Kind::Count));
        }
        if several || !prefix.is_empty() {
            columns.push(("instrument".to_owned(), Kind::Text));
        }
        let kind = |kind: ParamKind| match kind {
            ParamKind::Int => Kind::Count,
            ParamKind::Float => Kind::Number,
            ParamKind::Text => Kind::Text,
        };
        columns.extend(layout.params.iter().map(|p| (format!("{prefix}{}", p.name), kind(p.kind))));
        for metric in metrics {
            columns.push((metric.name().to_owned(), metric.unit().into()));
            if self.shows_deflated(*metric) {
                columns.push(("deflated_sharpe".to_owned(), Kind::Number));
            }
        }
        if !self.on_ticks.is_empty() {
            let kind: Kind = self.goal.metric.unit().into();
            columns.extend([("on_ticks".to_owned(), kind), ("divergence".to_owned(), kind)]);
        }
        let mut rows = Rows::new(columns);
        for (rank, point) in (1u64..).zip(self.ranked) {
            let mut row: Vec<Cell> = vec![rank.into()];
            if let Some(fronts) = self.fronts {
                row.push(fronts.get(rank as usize - 1).copied().into());
            }
            if judged {
                row.push((point.violation == 0.0).into());
            }
            row.push(self.trial_id(point, 0).to_string().into());
            if walks {
                row.push(self.fold(point).map(u64::from).into());
            }
            if several {
                row.push("*".into());
            } else if !prefix.is_empty() {
                row.push(layout.instruments[0].as_str().into());
            }
            row.extend(layout.values(&point.point).values().map(param_cell));
            let values = self.metrics(point);
            for metric in metrics {
                row.push(metric_cell(*metric, values.as_ref()));
                if self.shows_deflated(*metric) {
                    row.push(self.deflated_sharpe(values.as_ref()).into());
                }
            }
            if !self.on_ticks.is_empty() {
                let (bars, ticks) = self.rungs(point).unwrap_or_default();
                row.extend([ticks.into(), ticks.zip(bars).map(|(ticks, bars)| ticks - bars).into()]);
            }
            rows.push(row);
        }
        rows
    }
}

/// A parameter's value as a cell.
pub(super) fn param_cell(value: &Value) -> Cell {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cell::Whole(whole),
            None => number.as_f64().into(),
        },
        Value::String(text) => text.as_str().into(),
        _ => Cell::Null,
    }
}

fn metric_cell(metric: Metric, metrics: Option<&Metrics>) -> Cell {
    let value = metrics.and_then(|metrics| metrics.get(metric));
    match (Kind::from(metric.unit()), value) {
        (_, None) => Cell::Null,
        // The mean of counts need not be one; whole it is shown all the same.
        (Kind::Count, Some(value)) => Cell::Whole(value.round() as i64),
        (_, Some(value)) => value.into(),
    }
}
