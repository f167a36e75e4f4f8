//! What was ever searched by jobs like one: what the database recorded of those that are done, and what the others have run so far.

use std::sync::Arc;

use assay_core::distinct::DistinctPoints;
use assay_core::time::UtcNs;
use assay_optimizer::search::Batch;
use assay_proto::HeldBackState;
use assay_store::{
    FamilyKey, FamilyRecord, JobRecord, JobState, Look, Searched, Store, StoreError, TaskRecordState, TimeRange,
};
use assay_strategies::{Job, Shape, ShapeRoom};

use crate::plan::JobPlan;

/// The families to which a job belongs, one an instrument.
#[derive(Debug, Clone)]
pub struct Families {
    /// What makes its points the same as those of other jobs.
    pub shape: Shape,
    /// In the order of its instruments, with the times that it searches.
    pub keys: Vec<(FamilyKey, TimeRange)>,
    /// What a holdout holds back of each.
    pub held_back: Vec<TimeRange>,
}

impl Families {
    /// Of a job; `None` for one whose strategy cannot be bound, and none of whose trials can run.
    pub fn of(job: &Job) -> Option<Self> {
        let shape = Shape::new(&job.spec, &job.strategy, &job.space).ok()?;
        let keys = job.instruments.iter().map(|item| {
            let key = FamilyKey {
                symbol: item.instrument.symbol.to_string(),
                kind: item.kind.to_string(),
                shape: shape.key().to_owned(),
            };
            (key, job.searched(item))
        });
        let held_back = job.instruments.iter().filter_map(|item| job.held_back(item));
        Some(Self {
            keys: keys.collect(),
            held_back: held_back.map(|held| (held.from, held.to)).collect(),
            shape,
        })
    }

    /// What these points add to them.
    pub(crate) fn searched(&self, points: &Arc<DistinctPoints>) -> Vec<Searched> {
        let searched = self.keys.iter().map(|(family, range)| Searched {
            family: family.clone(),
            points: Arc::clone(points),
            range: *range,
        });
        searched.collect()
    }
}

/// The families of a job, one an instrument in its order; none for a job whose text says too little. Jobs that are not done, whether they
/// run, were stopped, failed or were killed, count with what they have run.
pub async fn family_records(store: &Store, record: &JobRecord) -> Result<Vec<(FamilyKey, FamilyRecord)>, StoreError> {
    let Some(families) = families_of(record) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (key, _) in families.keys {
        let family = store.family(&key).await?;
        found.push((key, family));
    }
    for other in store.jobs().await? {
        if other.state == JobState::Done || other.trials_done == 0 {
            continue;
        }
        let Some(relatives) = families_of(&other) else { continue };
        if !relatives
            .keys
            .iter()
            .any(|(key, _)| found.iter().any(|(known, _)| known == key))
        {
            continue;
        }
        let points = points_so_far(store, &other, &relatives).await?;
        for (key, range) in &relatives.keys {
            if let Some((_, family)) = found.iter_mut().find(|(known, _)| known == key) {
                family.add(&points, *range);
            }
        }
    }
    Ok(found)
}

/// A verdict's looks at what a job held back, for the record; none without a holdout.
pub fn looks(record: &JobRecord, at: UtcNs) -> Vec<Look> {
    let Some(families) = families_of(record) else {
        return Vec::new();
    };
    let looks = families.keys.into_iter().zip(families.held_back);
    let look = |((family, _), range)| Look {
        family,
        job: record.id,
        range,
        at,
    };
    looks.map(look).collect()
}

/// Whether what a job held back had been searched before, or looked at by another job; and how often it was looked at in all.
pub(crate) fn held_back(record: &JobRecord, families: &[(FamilyKey, FamilyRecord)]) -> Option<HeldBackState> {
    let ranges = families_of(record)?.held_back;
    let (from, to) = *ranges.first()?;
    let meets = |a: &TimeRange, b: &TimeRange| a.0 < b.1 && b.0 < a.1;
    let mut state = HeldBackState {
        from,
        to,
        searched: false,
        looked_at_before: false,
        looks: 0,
    };
    for ((_, family), range) in families.iter().zip(&ranges) {
        state.searched |= family.ranges.iter().any(|searched| meets(searched, range));
        let looks: Vec<&Look> = family.looks.iter().filter(|look| meets(&look.range, range)).collect();
        let own = looks.iter().position(|look| look.job == record.id).unwrap_or(looks.len());
        state.looked_at_before |= own > 0;
        state.looks = state.looks.max(looks.len() as u64);
    }
    Some(state)
}

fn families_of(record: &JobRecord) -> Option<Families> {
    Families::of(&Job::from_body(&record.body).ok()?)
}

async fn points_so_far(store: &Store, record: &JobRecord, families: &Families) -> Result<DistinctPoints, StoreError> {
    let mut points = DistinctPoints::default();
    let Ok(plan) = JobPlan::of_record(record) else {
        return Ok(points);
    };
    let mut room = ShapeRoom::default();
    if plan.learning.is_some() {
        // What a search proposed is run, or was about to be.
        let known = store.job_with_tasks(record.id).await?;
        for batch in known.map_or(Vec::new(), |known| known.batches) {
            let read: Option<Batch> = serde_json::from_str(&batch.proposals).ok();
            let proposals = read.map_or(Vec::new(), |batch| batch.proposals);
            points.extend(
                proposals
                    .iter()
                    .map(|proposal| families.shape.hash(&proposal.point, &mut room)),
            );
        }
        return Ok(points);
    }
    for task in store.tasks(record.id).await? {
        if matches!(task.state, TaskRecordState::Done { .. }) {
            let of_task = plan.points(task.range);
            points.extend(of_task.iter().map(|planned| families.shape.hash(&planned.point, &mut room)));
        }
    }
    Ok(points)
}
