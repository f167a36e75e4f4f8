//! What a verdict on a finished job rests on, as far as it is recorded.

use assay_core::job::Objective;
use assay_core::rank::Ranked;
use assay_core::space::{Domain, Parameter, Space};
use assay_optimizer::verdict::{Plateau, plateau};
use assay_proto::Recorded;
use assay_store::{JobRecord, ParamKind, Scored, Store, StoreError};

use crate::families::{family_records, held_back};
use crate::legs::Legs;

/// Reads it; with `neighbours` how those of its best point do, too, for which all rows are read.
pub async fn recorded(store: &Store, job: &JobRecord, neighbours: bool) -> Result<Recorded, StoreError> {
    let objective = job.objective()?;
    let best = store.top(job, 1, objective.maximize, None).await?.into_iter().next();
    let legs = Legs::of(job)?;
    let entry = store.ledger_of(job.id).await?;
    let families = family_records(store, job).await?;
    let plateau = match &best {
        Some(best) if neighbours => {
            let by_sharpe = Objective {
                aggregate: objective.aggregate,
                ..Objective::default()
            };
            let mut scored = store.scores(job, &by_sharpe).await?;
            // The same point has done something else in another window.
            let window = legs.window_of(best.ordinal);
            scored.retain(|of| legs.window_of(of.ordinal) == window);
            around(job, best, &scored)
        }
        _ => None,
    };
    Ok(Recorded {
        window: best.as_ref().map_or(0, |best| legs.window_of(best.ordinal)),
        best,
        sharpe_variance: entry.as_ref().and_then(|entry| entry.sharpe.variance),
        luck: entry.map_or_else(String::new, |entry| entry.luck),
        family_points: families
            .iter()
            .map(|(_, family)| family.points.count())
            .max()
            .unwrap_or_default(),
        held_back: held_back(job, &families),
        plateau,
    })
}

/// How the neighbours of the best point do, on Sharpe ratios whatever the objective.
fn around(job: &JobRecord, best: &Ranked, scored: &[Scored]) -> Option<Plateau> {
    let at = scored.iter().position(|of| of.ordinal == best.ordinal)?;
    let params = job.layout.params.iter().map(|param| Parameter {
        name: param.name.clone(),
        domain: match param.kind {
            ParamKind::Text => Domain::Choice(param.choices.clone()),
            ParamKind::Int | ParamKind::Float => Domain::Float {
                low: f64::MIN,
                high: f64::MAX,
                step: None,
                steps: None,
                log: false,
            },
        },
        default: None,
    });
    let space = Space {
        params: params.collect(),
        ..Space::default()
    };
    let points: Vec<_> = scored.iter().map(|of| of.point.clone()).collect();
    let scores: Vec<_> = scored.iter().map(|of| of.score).collect();
    plateau(&space, &points, &scores, at)
}
