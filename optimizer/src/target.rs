//! What a job wants of a point, ready to be asked of very many: its goals, and what it requires.

use assay_core::job::{Aggregate, Objective};
use assay_core::metrics::{METRICS, Metric, Metrics};
use assay_lang::{BinaryOp, Expr, ExprKind, LangError, ParameterType, ScalarProgram, parse};

use crate::error::OptimizerError;
use crate::search::Outcome;

/// By how much a requirement counts as violated that cannot be evaluated, because a metric in it is undefined.
const UNDEFINED: f64 = 10.0;
/// The same of one that has no amount: not a comparison, or one of equality.
const FALSE: f64 = 1.0;

/// Goals and requirements of a job.
#[derive(Debug, Clone)]
pub struct Target {
    objective: Objective,
    requirements: Vec<Requirement>,
}

/// A part of a requirement: parts are joined by `and`.
#[derive(Debug, Clone)]
enum Requirement {
    /// `small <= large`, or `small < large`.
    Order {
        small: ScalarProgram,
        large: ScalarProgram,
        strict: bool,
    },
    /// Anything else.
    Condition(ScalarProgram),
}

impl Target {
    /// Of a job's objective.
    ///
    /// # Errors
    /// A requirement that is no condition on metrics.
    pub fn new(objective: &Objective) -> Result<Self, OptimizerError> {
        let mut requirements = Vec::new();
        for condition in &objective.require {
            requirements_of(condition, &mut requirements).map_err(|error| OptimizerError::Require {
                error,
                condition: condition.clone(),
            })?;
        }
        Ok(Self {
            objective: objective.clone(),
            requirements,
        })
    }

    /// Goals and their aggregation.
    pub fn objective(&self) -> &Objective {
        &self.objective
    }

    /// What a point is worth to a search: minus the scores of its goals, and by how much it violates what is required. `metrics` are
    /// those of its trials, one for each instrument; `None` where one failed.
    pub fn outcome(&self, metrics: &[Option<&Metrics>]) -> Outcome {
        let goals = self.objective.goals();
        let losses = goals.map(|goal| {
            let scores = metrics.iter().map(|metrics| metrics.and_then(|m| m.get(goal.metric)));
            let score = self
                .objective
                .aggregate
                .over(scores.map(|value| value.map(|value| goal.score(value))))?;
            // A loss of -0 is 0.
            Some(0.0 - score)
        });
        Outcome {
            losses: losses.collect(),
            violation: self.violation(metrics),
        }
    }

    /// By how much a point violates what is required, summed over the requirements: of a comparison the distance between its sides
    /// relative to the larger one. 0 if it satisfies all.
    ///
    /// Requirements are about metrics aggregated over the instruments; where the worst instrument counts, they are asked of each, and
    /// the one that violates them most counts.
    pub fn violation(&self, metrics: &[Option<&Metrics>]) -> f64 {
        if self.requirements.is_empty() {
            return 0.0;
        }
        if self.objective.aggregate == Aggregate::Min || metrics.len() == 1 {
            let undefined = Metrics::default();
            let each = metrics.iter().map(|metrics| self.violation_of(metrics.unwrap_or(&undefined)));
            return each.fold(0.0, f64::max);
        }
        let mut aggregated = Metrics::default();
        for metric in Metric::ALL {
            let values = metrics.iter().map(|metrics| metrics.and_then(|m| m.get(metric)));
            if let Some(value) = self.objective.aggregate.over(values) {
                aggregated.set(metric, value);
            }
        }
        self.violation_of(&aggregated)
    }

    fn violation_of(&self, metrics: &Metrics) -> f64 {
        self.requirements.iter().map(|part| part.violation(metrics.values())).sum()
    }
}

impl Requirement {
    fn violation(&self, values: &[f64; METRICS]) -> f64 {
        match self {
            Self::Condition(program) if program.eval_bool(values) => 0.0,
            Self::Condition(program) if program.eval_number(values).is_nan() => UNDEFINED,
            Self::Condition(_) => FALSE,
            Self::Order { small, large, strict } => {
                let (small, large) = (small.eval_number(values), large.eval_number(values));
                let missing = small - large;
                if missing.is_nan() {
                    return UNDEFINED;
                }
                if missing <= 0.0 {
                    // Equality violates a strict comparison by the least amount that counts.
                    return if missing == 0.0 && *strict { f64::EPSILON } else { 0.0 };
                }
                (missing / small.abs().max(large.abs())).clamp(f64::EPSILON, UNDEFINED)
            }
        }
    }
}

fn requirements_of(text: &str, into: &mut Vec<Requirement>) -> Result<(), LangError> {
    let expr = parse(text)?;
    let names: Vec<(&str, ParameterType)> = Metric::ALL
        .into_iter()
        .map(|metric| (metric.name(), ParameterType::Number))
        .collect();
    // As a whole first: its errors say more than those of its parts.
    ScalarProgram::condition(&expr, &names, "require")?;
    split(&expr, &names, into)
}

fn split(expr: &Expr, names: &[(&str, ParameterType)], into: &mut Vec<Requirement>) -> Result<(), LangError> {
    let requirement = match &expr.kind {
        ExprKind::Binary(BinaryOp::And, left, right) => {
            split(left, names, into)?;
            return split(right, names, into);
        }
        ExprKind::Binary(op @ (BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge), left, right) => {
            let (small, large) = match op {
                BinaryOp::Lt | BinaryOp::Le => (left, right),
                _ => (right, left),
            };
            Requirement::Order {
                small: ScalarProgram::compile(small, names)?,
                large: ScalarProgram::compile(large, names)?,
                strict: matches!(op, BinaryOp::Lt | BinaryOp::Gt),
            }
        }
        _ => Requirement::Condition(ScalarProgram::condition(expr, names, "require")?),
    };
    into.push(requirement);
    Ok(())
}

#[cfg(test)]
mod tests {
    use assay_core::Explain;
    use assay_core::job::Goal;

    use super::*;

    fn metrics(values: &[(Metric, f64)]) -> Metrics {
        let mut metrics = Metrics::default();
        for (metric, value) in values {
            metrics.set(*metric, *value);
        }
        metrics
    }

    fn target(require: &[&str], aggregate: Aggregate) -> Result<Target, OptimizerError> {
        let negated = true;
        let metric = Metric::MaxDrawdownDuration;
        Target::new(&Objective {
            also: vec![Goal { metric, negated }],
            aggregate,
            require: require.iter().map(|text| (*text).to_owned()).collect(),
            ..Objective::default()
        })
    }

    #[test]
    fn every_metric_can_be_required() {
        for metric in Metric::ALL {
            target(&[&format!("{metric} > 0")], Aggregate::Mean).unwrap();
        }
        let error = target(&["trade >= 30"], Aggregate::Mean).unwrap_err();
        assert!(error.to_string().starts_with("objective.require"), "{error}");
        assert!(error.hint().unwrap().contains("trades"), "{:?}", error.hint());
        assert!(target(&["trades"], Aggregate::Mean).is_err());
        assert!(target(&["close > trades"], Aggregate::Mean).is_err());
    }

    #[test]
    fn violations_add_up_and_are_relative() {
        let target = target(
            &["trades >= 30 and max_drawdown > -0.25", "win_rate == 1 or sharpe > 1"],
            Aggregate::Mean,
        )
        .unwrap();
        let good = metrics(&[
            (Metric::Trades, 30.0),
            (Metric::MaxDrawdown, -0.2),
            (Metric::WinRate, 0.5),
            (Metric::Sharpe, 2.0),
            (Metric::MaxDrawdownDuration, 60.0),
        ]);
        let outcome = target.outcome(&[Some(&good)]);
        assert_eq!((outcome.losses.as_deref(), outcome.violation), (Some(&[-2.0, 60.0][..]), 0.0));
        let bad = metrics(&[
            (Metric::Trades, 15.0),
            (Metric::MaxDrawdown, -0.25),
            (Metric::WinRate, 0.5),
            (Metric::Sharpe, 0.5),
        ]);
        let outcome = target.outcome(&[Some(&bad)]);
        assert_eq!((outcome.losses, outcome.violation), (None, 0.5 + f64::EPSILON + FALSE));
        // Undefined metrics violate what is asked of them.
        assert!(target.violation(&[None]) >= 2.0 * UNDEFINED);
    }

    #[test]
    fn the_worst_instrument_counts_where_the_job_says_so() {
        let few = metrics(&[(Metric::Trades, 10.0)]);
        let many = metrics(&[(Metric::Trades, 50.0)]);
        let both = [Some(&few), Some(&many)];
        assert_eq!(target(&["trades >= 30"], Aggregate::Mean).unwrap().violation(&both), 0.0);
        assert_eq!(
            target(&["trades >= 30"], Aggregate::Min).unwrap().violation(&both),
            20.0 / 30.0
        );
    }
}
