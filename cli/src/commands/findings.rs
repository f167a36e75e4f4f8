//! What the points of a job say about its space: read once, drawn and written to the results.

use std::path::Path;

use assay_core::job::{JobSpec, Objective};
use assay_core::metrics::Metric;
use assay_core::space::{Point, Space};
use assay_optimizer::Target;
use assay_optimizer::analysis::{BestSoFar, Effect, HypervolumeCourse, ImportanceSettings, Plateaus, Scored, importance};
use assay_optimizer::search::pareto::Front as ParetoFront;
use assay_optimizer::search::{Cube, Outcome};
use assay_report::{Front, Importance, Sample};
use assay_store::{Finding, JobRecord, scan_points};
use assay_strategies::Strategy;

use crate::failure::Failure;
use crate::settings::Settings;

/// Points that are drawn from; of more, every second, third and so on.
const MOST: u64 = 2_000_000;
/// Points that a forest learns from, and among which neighbours are looked for.
const LEARNED: usize = 40_000;
/// Points of several goals that are kept; a front is small, and the rest is there to be seen beside it.
const OUTCOMES: usize = 20_000;

/// A job as it was submitted.
pub(crate) struct Stored {
    pub(crate) spec: JobSpec,
    pub(crate) strategy: Strategy,
    pub(crate) space: Space,
}

impl Stored {
    /// From the database's record, without looking at data.
    pub(crate) fn of(record: &JobRecord) -> Result<Self, Failure> {
        let broken = || Failure::external(format!("the database's record of job {} cannot be read", record.id));
        let stored: serde_json::Value = serde_json::from_str(&record.spec).map_err(|_| broken())?;
        let spec = JobSpec::from_toml(stored["source"].as_str().ok_or_else(broken)?)?;
        let strategy = Strategy::parse(&record.strategy, &format!("strategy of job {}", record.id))?;
        let space = strategy.resolve_space(spec.params.as_ref())?;
        Ok(Self { spec, strategy, space })
    }
}

/// All that was found.
pub(crate) struct Findings {
    pub(crate) sample: Sample,
    /// Position and score of each new best.
    pub(crate) best: BestSoFar,
    /// Of single parameters and of pairs.
    pub(crate) importance: Vec<Importance>,
    pub(crate) front: Option<Front>,
    /// Points of the sample in unit coordinates, where neighbours are looked for.
    scored: Scored,
    cube: Option<Cube>,
}

impl Findings {
    /// Reads all points of a job once, from the home where its rows are.
    pub(crate) fn read(
        record: &JobRecord,
        space: &Space,
        objective: &Objective,
        home: &Path,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let target = Target::new(objective)?;
        let mut reader = Reader::new(record);
        let goal = objective.maximize.metric;
        scan_points(home, &record.layout, &wanted(objective), |scanned| {
            let score = objective.score(scanned.metrics.iter().map(|metrics| metrics.get(goal)));
            let value = score.map_or(f64::NAN, |score| objective.value(score));
            let several = objective.goal_count() > 1;
            if objective.require.is_empty() && !several {
                reader.point(scanned.point, score, value, true);
                return;
            }
            let metrics: Vec<_> = scanned.metrics.iter().map(Some).collect();
            let outcome = target.outcome(&metrics);
            reader.point(scanned.point, score, value, outcome.violation == 0.0);
            if several {
                reader.outcome(outcome);
            }
        })?;
        settings.log(|| format!("{} points read", reader.sample.total));
        let front = reader.front(objective);
        let Reader { sample, best, .. } = reader;
        let cube = Cube::new(space).ok();
        let scored = cube
            .as_ref()
            .map_or_else(|| Scored::new(&[]), |cube| scored(cube, &sample, objective));
        let effects = importance(&scored, ImportanceSettings::default());
        settings.log(|| "importance computed".to_owned());
        let names = cube.as_ref().map(|cube| names(cube, space)).unwrap_or_default();
        let named = |effect: &Effect| Importance {
            names: effect.dimensions.iter().map(|d| names[*d].clone()).collect(),
            share: effect.share,
            spread: effect.spread,
        };
        Ok(Self {
            importance: effects.iter().map(named).collect(),
            sample,
            best,
            front,
            scored,
            cube,
        })
    }

    /// How the neighbours of points do, 1 being as well as the best.
    pub(crate) fn plateaus<'a>(&self, points: impl Iterator<Item = &'a Point>) -> Vec<Option<f64>> {
        let plateaus = Plateaus::new(&self.scored);
        points
            .map(|point| self.cube.as_ref().and_then(|cube| plateaus.score(&cube.unit(point))))
            .collect()
    }

    /// As rows of a result file. `plateaus` are of these ordinals.
    pub(crate) fn rows(&self, objective: &Objective, plateaus: &[(u64, Option<f64>)]) -> Vec<Finding> {
        let importance = self.importance.iter().map(|importance| Finding {
            analysis: "importance",
            param: importance.names.first().cloned(),
            other: importance.names.get(1).cloned(),
            value: importance.share,
            spread: Some(importance.spread),
            ..Finding::default()
        });
        let at = |analysis, ordinal, value| Finding {
            analysis,
            ordinal: Some(ordinal),
            value,
            ..Finding::default()
        };
        let plateaus = plateaus
            .iter()
            .filter_map(|(ordinal, value)| Some(at("plateau", *ordinal, (*value)?)));
        let best = self.best.steps().iter();
        let best = best.map(|(tried, score)| at("best_so_far", *tried, objective.value(*score)));
        let volumes = self.front.iter().flat_map(|front| &front.hypervolume);
        let volumes = volumes.map(|(tried, volume)| at("hypervolume", *tried, *volume));
        importance.chain(plateaus).chain(best).chain(volumes).collect()
    }
}

/// The metrics of goals and requirements.
fn wanted(objective: &Objective) -> Vec<Metric> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = |metric: &Metric| {
        let of_goal = objective.goals().any(|goal| goal.metric == *metric);
        let in_text = |text: &String| text.split(|c| !word(c)).any(|name| name == metric.name());
        of_goal || objective.require.iter().any(in_text)
    };
    Metric::ALL.into_iter().filter(named).collect()
}

/// Names of a cube's dimensions.
fn names(cube: &Cube, space: &Space) -> Vec<String> {
    let searched = cube.searched();
    searched.iter().map(|index| space.params[*index].name.clone()).collect()
}

/// The points of a sample in unit coordinates, evenly taken from it.
fn scored(cube: &Cube, sample: &Sample, objective: &Objective) -> Scored {
    let mut scored = Scored::new(cube.dimensions());
    let step = sample.objective.len().div_ceil(LEARNED).max(1);
    let mut point = Point(vec![0.0; sample.values.len()].into());
    for (i, value) in sample.objective.iter().enumerate().step_by(step) {
        if value.is_finite() {
            point.0.iter_mut().zip(&sample.values).for_each(|(x, column)| *x = column[i]);
            scored.push(&cube.unit(&point), objective.score_of(*value));
        }
    }
    scored
}

/// Points on their way into columns.
struct Reader {
    sample: Sample,
    best: BestSoFar,
    /// One in so many points is kept.
    step: u64,
    /// Of jobs with several goals, outcomes with the positions of their points.
    outcomes: Vec<(u64, Outcome)>,
}

impl Reader {
    fn new(record: &JobRecord) -> Self {
        let expected = record.points.unwrap_or(record.trials);
        let step = expected.div_ceil(MOST).max(1);
        let room = (expected / step) as usize + 1;
        Self {
            sample: Sample {
                values: vec![Vec::with_capacity(room); record.layout.params.len()],
                objective: Vec::with_capacity(room),
                position: Vec::with_capacity(room),
                total: 0,
            },
            best: BestSoFar::default(),
            step,
            outcomes: Vec::new(),
        }
    }

    fn point(&mut self, point: &[f64], score: Option<f64>, value: f64, feasible: bool) {
        self.best.push(score.filter(|_| feasible));
        let position = self.sample.total;
        self.sample.total += 1;
        if position.is_multiple_of(self.step) {
            for (column, x) in self.sample.values.iter_mut().zip(point) {
                column.push(*x);
            }
            self.sample.objective.push(value);
            self.sample.position.push(position);
        }
    }

    /// Keeps an outcome unless it is certain that nobody will look at it: one of so many, and all that may be on the front.
    fn outcome(&mut self, outcome: Outcome) {
        let position = self.sample.total - 1;
        self.outcomes.push((position, outcome));
        if self.outcomes.len() > 2 * OUTCOMES {
            let front = front_of(&self.outcomes);
            let step = self.outcomes.len().div_ceil(OUTCOMES);
            let mut at = 0;
            self.outcomes.retain(|(position, _)| {
                at += 1;
                (at - 1) % step == 0 || front.members().iter().any(|member| member.0 == *position)
            });
        }
    }

    /// The front by the first two goals, if there are several.
    fn front(&self, objective: &Objective) -> Option<Front> {
        let goals: Vec<_> = objective.goals().take(2).collect();
        let [first, second] = goals[..] else { return None };
        let reference = HypervolumeCourse::reference(self.outcomes.iter().map(|(_, outcome)| outcome))?;
        let mut course = HypervolumeCourse::new(&reference);
        let mut hypervolume = Vec::new();
        for (position, outcome) in &self.outcomes {
            let before = course.steps().len();
            course.push(outcome);
            hypervolume.extend(course.steps()[before..].iter().map(|(_, volume)| (*position, *volume)));
        }
        let values = |outcome: &Outcome| {
            let losses = outcome.losses.as_ref()?;
            Some([first.score(-losses[0]), second.score(-losses[1])])
        };
        let members = course.front().members();
        Some(Front {
            names: [first, second].map(|goal| goal.metric.name().to_owned()),
            smaller: [first.negated, second.negated],
            units: [first.metric.unit(), second.metric.unit()],
            front: members.iter().filter_map(|(_, outcome)| values(outcome)).collect(),
            others: self.outcomes.iter().filter_map(|(_, outcome)| values(outcome)).collect(),
            hypervolume,
        })
    }
}

fn front_of(outcomes: &[(u64, Outcome)]) -> ParetoFront {
    let mut front = ParetoFront::default();
    for (position, outcome) in outcomes {
        front.push(*position, outcome);
    }
    front
}
