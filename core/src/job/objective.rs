//! `[objective]`: what is better.

use serde::{Deserialize, Serialize};

use crate::metrics::Metric;

/// How a point's objective follows from those of its trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Mean over instruments.
    #[default]
    Mean,
    /// Median over instruments.
    Median,
    /// Worst instrument.
    Min,
}

/// A metric and whether more of it is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// The metric.
    pub metric: Metric,
    /// Smaller is better.
    pub negated: bool,
}

impl Goal {
    /// The number to maximize.
    pub fn score(&self, value: f64) -> f64 {
        if self.negated { -value } else { value }
    }
}

/// `[objective]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Text", into = "Text")]
pub struct Objective {
    /// Metric to maximize; a leading `-` minimizes. Of several the first.
    pub maximize: Goal,
    /// The others of several metrics: `maximize = ["sharpe", "-volatility"]`.
    pub also: Vec<Goal>,
    /// Over instruments.
    pub aggregate: Aggregate,
    /// Conditions on the metrics; what does not satisfy them ranks below all that does.
    pub require: Vec<String>,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            maximize: Goal {
                metric: Metric::Sharpe,
                negated: false,
            },
            also: Vec::new(),
            aggregate: Aggregate::default(),
            require: Vec::new(),
        }
    }
}

impl Objective {
    /// All goals.
    pub fn goals(&self) -> impl Iterator<Item = Goal> + Clone {
        std::iter::once(self.maximize).chain(self.also.iter().copied())
    }

    /// How many goals there are.
    pub fn goal_count(&self) -> usize {
        1 + self.also.len()
    }
}

/// As written: one goal or a list of them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename = "objective")]
struct Text {
    maximize: Goals,
    aggregate: Aggregate,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    require: Vec<String>,
}

impl Default for Text {
    fn default() -> Self {
        Objective::default().into()
    }
}

impl From<Text> for Objective {
    fn from(text: Text) -> Self {
        Self {
            maximize: text.maximize.0,
            also: text.maximize.1,
            aggregate: text.aggregate,
            require: text.require,
        }
    }
}

impl From<Objective> for Text {
    fn from(objective: Objective) -> Self {
        Self {
            maximize: Goals(objective.maximize, objective.also),
            aggregate: objective.aggregate,
            require: objective.require,
        }
    }
}

/// At least one goal.
struct Goals(Goal, Vec<Goal>);

impl Serialize for Goals {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.1.is_empty() {
            return self.0.serialize(serializer);
        }
        serializer.collect_seq(std::iter::once(&self.0).chain(&self.1))
    }
}

impl<'de> Deserialize<'de> for Goals {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GoalsVisitor)
    }
}

struct GoalsVisitor;

impl<'de> serde::de::Visitor<'de> for GoalsVisitor {
    type Value = Goals;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a metric such as \"sharpe\", or a list of metrics")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Goals, E> {
        let goal = Goal::deserialize(serde::de::value::StrDeserializer::new(text))?;
        Ok(Goals(goal, Vec::new()))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Goals, A::Error> {
        let first = items.next_element()?;
        let first = first.ok_or_else(|| serde::de::Error::custom("maximize = [] names no metric"))?;
        let mut others = Vec::new();
        while let Some(goal) = items.next_element()? {
            others.push(goal);
        }
        Ok(Goals(first, others))
    }
}
