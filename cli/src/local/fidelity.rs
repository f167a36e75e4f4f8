//! The upper rung of a job's fidelity ladder: its best points again, with fills from ticks.

use std::collections::BTreeMap;

use assay_core::ids::{Ordinal, TrialId};
use assay_core::job::{Goal, Objective};
use assay_core::metrics::Metrics;
use assay_core::rank::{Ranked, Standing};
use assay_core::row::TrialRow;
use assay_data::Catalog;
use assay_store::{JobRecord, read_fidelity, write_fidelity};
use assay_strategies::Job;
use assay_worker::run_points;

use super::Ledger;
use crate::args::Limits;
use crate::failure::Failure;
use crate::settings::Settings;

/// The best points over bars, and what became of them on ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fidelity {
    /// Best over bars first.
    pub(crate) points: Vec<Rung>,
    goal: Goal,
}

/// A point on both rungs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rung {
    /// Its trial on the first instrument.
    pub(crate) trial: TrialId,
    /// The objective over bars.
    pub(crate) bars: Option<f64>,
    /// The objective on ticks.
    pub(crate) ticks: Option<f64>,
}

/// Runs the best points of a finished job again on ticks, if its `[fidelity]` asks for it, or finds that they were.
pub(crate) fn climb(
    job: &Job,
    record: &JobRecord,
    catalog: &Catalog,
    settings: &Settings,
    limits: Limits,
) -> Result<Option<Fidelity>, Failure> {
    let (Some(spec), Some(tick_job)) = (&job.spec.fidelity, job.ladder()?) else {
        return Ok(None);
    };
    let objective = record.objective()?;
    let ranked = Ledger::new(&settings.home)?.top(record, spec.top as usize, objective.maximize)?;
    let found = read_fidelity(&settings.home, &record.layout)?;
    let known = found.filter(|(run_as, rows)| *run_as == tick_job.id && covers(rows, &ranked));
    let rows = if let Some((_, rows)) = known {
        rows
    } else {
        settings.log(|| format!("the best {} points again on ticks", ranked.len()));
        let mut points: Vec<_> = ranked.iter().map(|point| (point.ordinal, point.point.clone())).collect();
        points.sort_by_key(|(ordinal, _)| *ordinal);
        let rows = run_points(&tick_job, catalog, &points, settings.threads(limits))?;
        write_fidelity(&settings.home, &record.layout, tick_job.id, &rows)?;
        rows
    };
    Ok(Some(Fidelity::of(record, &objective, &ranked, &rows)))
}

/// The rows of a job's best points on ticks that a home has.
pub(crate) fn rows_on_ticks(record: &JobRecord, settings: &Settings) -> Result<Option<Vec<TrialRow>>, Failure> {
    Ok(read_fidelity(&settings.home, &record.layout)?.map(|(_, rows)| rows))
}

fn covers(rows: &[TrialRow], ranked: &[Ranked]) -> bool {
    let there = by_ordinal(rows);
    ranked.iter().all(|point| there.contains_key(&point.ordinal))
}

/// Metrics of each point by instrument; `None` where a trial failed.
pub(crate) fn by_ordinal(rows: &[TrialRow]) -> BTreeMap<Ordinal, Vec<Option<Metrics>>> {
    let mut points: BTreeMap<Ordinal, Vec<Option<Metrics>>> = BTreeMap::new();
    for row in rows {
        points.entry(row.ordinal).or_default().push(row.metrics().copied());
    }
    points
}

/// The objective of a point from the metrics of its trials.
pub(crate) fn objective_of(objective: &Objective, metrics: &[Option<Metrics>]) -> Option<f64> {
    let values = metrics.iter().map(|metrics| metrics.as_ref()?.get(objective.maximize.metric));
    objective.score(values).map(|score| objective.value(score))
}

impl Fidelity {
    fn of(record: &JobRecord, objective: &Objective, ranked: &[Ranked], rows: &[TrialRow]) -> Self {
        let on_ticks = by_ordinal(rows);
        let rung = |point: &Ranked| Rung {
            trial: TrialId {
                job: record.id,
                instrument: 0,
                ordinal: point.ordinal,
            },
            bars: point.objective,
            ticks: on_ticks
                .get(&point.ordinal)
                .and_then(|metrics| objective_of(objective, metrics)),
        };
        Self {
            points: ranked.iter().map(rung).collect(),
            goal: objective.maximize,
        }
    }

    /// The median of one of a point's two numbers.
    pub(crate) fn median(&self, number: impl Fn(&Rung) -> Option<f64>) -> Option<f64> {
        let mut values: Vec<f64> = self.points.iter().filter_map(number).collect();
        values.sort_by(f64::total_cmp);
        let count = values.len();
        (count > 0).then(|| f64::midpoint(values[(count - 1) / 2], values[count / 2]))
    }

    /// The best point on ticks.
    pub(crate) fn best(&self) -> Option<&Rung> {
        let standing = |rung: &Rung| Standing {
            violation: 0.0,
            score: rung.ticks.map(|value| self.goal.score(value)),
            ordinal: rung.trial.ordinal,
        };
        self.points.iter().min_by(|a, b| standing(a).compare(&standing(b)))
    }

    /// Spearman's rank correlation of the two numbers over the points that have both; `None` for fewer than three, or where all are
    /// alike.
    pub(crate) fn correlation(&self) -> Option<f64> {
        let both: Vec<(f64, f64)> = self.points.iter().filter_map(|rung| rung.bars.zip(rung.ticks)).collect();
        let (a, b): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
        if a.len() < 3 {
            return None;
        }
        let (a, b) = (ranks(&a), ranks(&b));
        let mean = (a.len() as f64 - 1.0) / 2.0;
        let product = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum() };
        let spread = (product(&a, &a) * product(&b, &b)).sqrt();
        (spread > 0.0).then(|| product(&a, &b) / spread)
    }
}

/// The position of each value among all, from 0; equal ones share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    for alike in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let before = order.partition_point(|i| values[*i] < values[alike[0]]);
        for i in alike {
            ranks[*i] = before as f64 + (alike.len() as f64 - 1.0) / 2.0;
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use assay_core::metrics::Metric;

    use super::*;

    fn fidelity(pairs: &[(Option<f64>, Option<f64>)], negated: bool) -> Fidelity {
        let rung = |(ordinal, (bars, ticks)): (u64, &(Option<f64>, Option<f64>))| Rung {
            trial: TrialId {
                job: "j_0000000000000001".parse().unwrap(),
                instrument: 0,
                ordinal: Ordinal(ordinal),
            },
            bars: *bars,
            ticks: *ticks,
        };
        Fidelity {
            points: (0..).zip(pairs).map(rung).collect(),
            goal: Goal {
                metric: Metric::Sharpe,
                negated,
            },
        }
    }

    #[test]
    fn ranks_agree_turn_round_and_share_ties() {
        let some = |a, b| (Some(a), Some(b));
        assert_eq!(
            fidelity(&[some(1.0, 10.0), some(2.0, 20.0), some(5.0, 21.0)], false).correlation(),
            Some(1.0)
        );
        assert_eq!(
            fidelity(&[some(1.0, 3.0), some(2.0, 2.0), some(3.0, -1.0)], false).correlation(),
            Some(-1.0)
        );
        // Ranks 0 1 2 against 0.5 0.5 2: 1.5 / sqrt(2 x 1.5).
        let tied = fidelity(&[some(1.0, 7.0), some(2.0, 7.0), some(3.0, 9.0)], false)
            .correlation()
            .unwrap();
        assert!((tied - 1.5 / 3.0f64.sqrt()).abs() < 1e-12);
        assert_eq!(
            fidelity(&[some(1.0, 7.0), some(2.0, 7.0), some(3.0, 7.0)], false).correlation(),
            None
        );
        assert_eq!(
            fidelity(&[some(1.0, 7.0), some(2.0, 8.0), (Some(3.0), None)], false).correlation(),
            None
        );
    }

    #[test]
    fn the_best_on_ticks_and_medians_leave_out_what_is_undefined() {
        let points = [(Some(3.0), Some(1.0)), (Some(2.0), None), (Some(1.0), Some(4.0))];
        for (negated, best) in [(false, 2), (true, 0)] {
            assert_eq!(fidelity(&points, negated).best().unwrap().trial.ordinal.0, best);
        }
        assert_eq!(fidelity(&points, false).median(|rung| rung.ticks), Some(2.5));
        assert_eq!(fidelity(&[], false).best(), None);
    }
}
