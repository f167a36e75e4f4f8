//! Jobs of a simulation, and the rows that they come to.

use std::sync::Arc;

use assay_core::fingerprint::Fingerprint;
use assay_core::ids::JobId;
use assay_core::job::{Keep, Method, Objective, SearchSpec};
use assay_core::metrics::{Metric, Metrics};
use assay_core::row::{Outcome, Planned, TrialRow};
use assay_core::space::{Domain, Parameter, Space};
use assay_optimizer::{Learning, Target, listed, planned};
use assay_store::{Layout, TaskRange};

use super::Dice;
use crate::plan::{JobPlan, LegPlan};

pub(super) fn plan(seed: u8, blocks: u64) -> Arc<JobPlan> {
    let parameter = |name: &str, high| Parameter {
        name: name.to_owned(),
        domain: Domain::Int {
            low: 0,
            high,
            step: 1,
            log: false,
        },
        default: None,
    };
    let space = Space {
        // Sixteen times sixty-four points are a block; few of them satisfy the condition.
        params: vec![parameter("a", 16 * blocks as i64 - 1), parameter("b", 63)],
        condition: Some("b < 2 or b < 5 and a > 100".to_owned()),
        ..Space::default()
    };
    let search = SearchSpec {
        method: Method::Grid,
        ..SearchSpec::default()
    };
    let id = JobId::from_hash([seed; 32]);
    Arc::new(plan_of(id, &space, &search, 1 + usize::from(seed % 2), 1))
}

pub(super) fn plan_of(id: JobId, space: &Space, search: &SearchSpec, instruments: usize, folds: usize) -> JobPlan {
    let symbols = vec!["X".parse().unwrap(); instruments];
    let proposals = listed(space, search).unwrap();
    let learning = search.method.learns().then(|| Learning::new(space, search, 1).unwrap());
    let blocks = learning.as_ref().map_or(proposals.blocks(), Learning::trials);
    let probe = planned(&proposals, 0..search.probe.map_or(0, |_| 1), 0, 0);
    let leg = |fold: usize| LegPlan {
        first: fold as u64 * blocks,
        blocks,
        windows: vec![fold as u32],
    };
    JobPlan {
        id,
        body: Arc::from(""),
        layout: Layout::new(id, &symbols, space),
        proposals,
        learning,
        probe: probe
            .into_iter()
            .take(search.probe.unwrap_or(0) as usize)
            .map(|p| p.point)
            .collect(),
        earlier: Vec::new(),
        start_from: None,
        legs: (0..folds).map(leg).collect(),
        folds: if folds > 1 { folds } else { 0 },
        time_limit_ns: None,
        instruments,
        objective: Objective::default(),
        target: Target::new(&Objective::default()).unwrap(),
        keep: Keep::All,
        risk_free: 0.0,
        families: None,
        trades_kept: None,
        ladder: false,
        seconds_per_point: 1e-3,
        most_points: 1 << 20,
    }
}

/// A search that learns, over one window or in folds.
pub(super) fn learning_plan(seed: u8, method: Method, folds: usize) -> Arc<JobPlan> {
    let parameter = |name: &str| Parameter {
        name: name.to_owned(),
        domain: Domain::Int {
            low: 0,
            high: 40,
            step: 1,
            log: false,
        },
        default: None,
    };
    let space = Space {
        params: vec![parameter("a"), parameter("b")],
        condition: Some("a < b".to_owned()),
        ..Space::default()
    };
    let search = SearchSpec {
        method,
        trials: Some(60),
        batch: Some(8),
        lag: Some(u32::from(seed) % 3),
        probe: Some(20),
        ..SearchSpec::default()
    };
    let id = JobId::from_hash([seed; 32]);
    Arc::new(plan_of(id, &space, &search, 1 + usize::from(seed % 2), folds))
}

pub(super) fn row(instrument: u32, ordinal: u64, point: &assay_core::space::Point) -> TrialRow {
    let mut metrics = Metrics::default();
    metrics.set(Metric::Sharpe, Dice(ordinal * 3 + u64::from(instrument)).below(10_000) as f64);
    TrialRow {
        instrument,
        ordinal: assay_core::ids::Ordinal(ordinal),
        point: point.clone(),
        window: 0,
        outcome: Outcome::Done { metrics, sketch: None },
    }
}

pub(super) fn rows(plan: &JobPlan, range: TaskRange) -> Vec<TrialRow> {
    rows_of(plan, &plan.points(range))
}

pub(super) fn rows_of(plan: &JobPlan, points: &[Planned]) -> Vec<TrialRow> {
    let of_point = |planned: &Planned| {
        let Planned { ordinal, point, window } = planned.clone();
        (0..plan.instruments as u32).map(move |instrument| TrialRow {
            window,
            ..row(instrument, ordinal.0, &point)
        })
    };
    points.iter().flat_map(of_point).collect()
}

pub(super) fn fingerprint(rows: &[TrialRow]) -> Fingerprint {
    let mut fingerprint = Fingerprint::default();
    for row in rows {
        row.fingerprint(&mut fingerprint);
    }
    fingerprint
}
