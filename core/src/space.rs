//! Parameters, their ranges, and the condition that couples them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A parameter's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// One of a choice.
    Text(String),
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// The values that a parameter may take.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// `low, low + step, ...` up to and including `high`; `log` spreads draws evenly in the logarithm.
    Int {
        /// Lowest value.
        low: i64,
        /// Highest value.
        high: i64,
        /// Distance of neighbours.
        step: i64,
        /// Draws are even in the logarithm.
        log: bool,
    },
    /// Between `low` and `high` inclusive; `step` makes it a lattice, `steps` says how many values a grid takes.
    Float {
        /// Lowest value.
        low: f64,
        /// Highest value.
        high: f64,
        /// Distance of neighbours.
        step: Option<f64>,
        /// Values that a grid takes.
        steps: Option<u32>,
        /// Draws, and the values of a grid, are even in the logarithm.
        log: bool,
    },
    /// One of these texts.
    Choice(Vec<String>),
    /// Not searched.
    Fixed(ParamValue),
}

/// A named parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parameter {
    /// Its name, an identifier.
    pub name: String,
    /// Its values.
    pub domain: Domain,
    /// The value where a job says nothing.
    pub default: Option<ParamValue>,
}

/// Parameters by name (in the order of their names, which is the order of a point's coordinates) and the condition on them.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Space {
    /// Sorted by name.
    pub params: Vec<Parameter>,
    /// An expression over the parameters; points that do not satisfy it are no points.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// Conditions, by parameter, under which the parameter matters; where one does not hold, its parameter rests at one value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, String>,
}

/// One parameter set: a coordinate per parameter of the space, in its order. Integers are stored as such, a choice by its index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Point(pub Box<[f64]>);

impl Domain {
    /// The value that a coordinate stands for.
    pub fn value(&self, coordinate: f64) -> ParamValue {
        match self {
            Self::Int { .. } => ParamValue::Int(coordinate as i64),
            Self::Float { .. } => ParamValue::Float(coordinate),
            Self::Choice(texts) => ParamValue::Text(texts[coordinate as usize].clone()),
            Self::Fixed(value) => value.clone(),
        }
    }

    /// The coordinate of a fixed or given value; `None` if the domain cannot hold it.
    pub fn coordinate(&self, value: &ParamValue) -> Option<f64> {
        match (self, value) {
            (Self::Choice(texts), ParamValue::Text(text)) => texts.iter().position(|t| t == text).map(|i| i as f64),
            (Self::Int { .. } | Self::Float { .. }, ParamValue::Int(v)) => Some(*v as f64),
            (Self::Int { .. }, ParamValue::Float(v)) => (*v == v.trunc()).then_some(*v),
            (Self::Float { .. }, ParamValue::Float(v)) => Some(*v),
            (Self::Fixed(fixed), value) if fixed == value => Some(match value {
                ParamValue::Int(v) => *v as f64,
                ParamValue::Float(v) => *v,
                ParamValue::Text(_) => 0.0,
            }),
            _ => None,
        }
    }

    /// How many values a grid takes; `None` for a float without `step` or `steps`.
    pub fn grid_len(&self) -> Option<u64> {
        match self {
            Self::Int { low, high, step, .. } => Some(((high - low) / step) as u64 + 1),
            Self::Float {
                low,
                high,
                step: Some(step),
                ..
            } => Some(((high - low) / step + 1e-9) as u64 + 1),
            Self::Float { steps: Some(steps), .. } => Some(u64::from(*steps)),
            Self::Float { .. } => None,
            Self::Choice(texts) => Some(texts.len() as u64),
            Self::Fixed(_) => Some(1),
        }
    }

    /// The coordinate of the `index`-th grid value; requires `index < grid_len()`.
    pub fn grid_coordinate(&self, index: u64) -> f64 {
        match self {
            Self::Int { low, step, .. } => (low + index as i64 * step) as f64,
            Self::Float {
                low, step: Some(step), ..
            } => decimal(low + index as f64 * step),
            Self::Float {
                low, high, steps, log, ..
            } => {
                let last = f64::from(steps.unwrap_or(1).max(2) - 1);
                let share = index as f64 / last;
                if index == 0 {
                    *low
                } else if share >= 1.0 {
                    *high
                } else if *log {
                    libm::exp(libm::log(*low) + share * (libm::log(*high) - libm::log(*low)))
                } else {
                    decimal(low + share * (high - low))
                }
            }
            Self::Choice(_) => index as f64,
            Self::Fixed(value) => self.coordinate(value).unwrap_or(0.0),
        }
    }
}

/// Rounds away the dust of `low + i x step` (12 significant digits), so that 0.1 + 2 x 0.1 is 0.3.
fn decimal(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    format!("{value:.11e}").parse().unwrap_or(value)
}

impl Domain {
    /// Where a parameter stands when it does not matter: at the first of its values.
    pub fn rest(&self) -> f64 {
        match self {
            Self::Int { low, .. } => *low as f64,
            Self::Float { low, .. } => *low,
            Self::Choice(_) => 0.0,
            Self::Fixed(value) => self.coordinate(value).unwrap_or(0.0),
        }
    }
}

impl Space {
    /// Index of a parameter.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.params.binary_search_by(|p| p.name.as_str().cmp(name)).ok()
    }

    /// A point's values by name.
    pub fn values(&self, point: &Point) -> BTreeMap<String, ParamValue> {
        let pairs = self.params.iter().zip(point.0.iter());
        pairs
            .map(|(param, coordinate)| (param.name.clone(), param.domain.value(*coordinate)))
            .collect()
    }

    /// Points of the full grid before the condition; `None` if a float has no step or the count overflows.
    pub fn grid_len(&self) -> Option<u64> {
        self.params.iter().try_fold(1u64, |n, p| n.checked_mul(p.domain.grid_len()?))
    }
}

/// How a parameter is written: `{ int = [5, 50], step = 5, default = 10 }`, `{ float = [0.1, 2], log = true }`,
/// `{ choice = ["sma", "ema"] }`, or a plain value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterText {
    int: Option<[i64; 2]>,
    float: Option<[f64; 2]>,
    choice: Option<Vec<String>>,
    step: Option<f64>,
    steps: Option<u32>,
    #[serde(default)]
    log: bool,
    default: Option<ParamValue>,
    when: Option<String>,
}

impl ParameterText {
    fn domain(self) -> Result<(Domain, Option<ParamValue>), String> {
        let Self {
            int,
            float,
            choice,
            step,
            steps,
            log,
            default,
            when: _,
        } = self;
        let domain = match (int, float, choice) {
            (Some([low, high]), None, None) => {
                if high < low {
                    return Err(format!(
                        "int = [{low}, {high}] is empty: the first number must not exceed the second"
                    ));
                }
                if steps.is_some() {
                    return Err("`steps` belongs to float ranges; an int range takes `step`".to_owned());
                }
                let step = step.unwrap_or(1.0);
                if step < 1.0 || step != libm::trunc(step) {
                    return Err(format!("step = {step} of an int range must be a whole number of at least 1"));
                }
                if log && low < 1 {
                    return Err(format!("log = true needs a lowest value of at least 1, not {low}"));
                }
                Domain::Int {
                    low,
                    high,
                    step: step as i64,
                    log,
                }
            }
            (None, Some([low, high]), None) => {
                if !(low.is_finite() && high.is_finite() && (high - low).is_finite() && low <= high) {
                    return Err(format!("float = [{low}, {high}] is empty or not finite"));
                }
                if log && low <= 0.0 {
                    return Err(format!("log = true needs a lowest value above 0, not {low}"));
                }
                if step.is_some_and(|s| s.is_nan() || s <= 0.0) || steps == Some(0) {
                    return Err("step and steps must be above 0".to_owned());
                }
                if step.is_some() && (steps.is_some() || log) {
                    return Err("step goes neither with steps nor with log; use steps = n".to_owned());
                }
                Domain::Float {
                    low,
                    high,
                    step,
                    steps,
                    log,
                }
            }
            (None, None, Some(texts)) => {
                let mut sorted = texts.clone();
                sorted.sort();
                if let Some([twice, _]) = sorted.array_windows().find(|[a, b]| a == b) {
                    return Err(format!("choice names \"{twice}\" twice"));
                }
                if texts.is_empty() {
                    return Err("choice = [] leaves nothing to choose".to_owned());
                }
                Domain::Choice(texts)
            }
            (None, None, None) => {
                return Err("expected one of `int = [low, high]`, `float = [low, high]`, `choice = [...]`".to_owned());
            }
            _ => return Err("give only one of int, float, choice".to_owned()),
        };
        if let Some(value) = &default
            && domain.coordinate(value).is_none()
        {
            return Err(format!("default = {value} does not fit the range"));
        }
        Ok((domain, default))
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl<'de> Deserialize<'de> for Space {
    /// A table of parameters, with `where` among them.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let mut table = BTreeMap::<String, toml::Value>::deserialize(deserializer)?;
        let condition = match table.remove("where") {
            None => None,
            Some(toml::Value::String(text)) => Some(text),
            Some(other) => {
                return Err(D::Error::custom(format!(
                    "where: expected an expression in quotes, found {}",
                    other.type_str()
                )));
            }
        };
        let (mut params, mut when) = (Vec::new(), BTreeMap::new());
        for (name, value) in table {
            if !is_identifier(&name) {
                return Err(D::Error::custom(format!(
                    "parameter `{name}`: a name is letters, digits and `_`, not starting with a digit"
                )));
            }
            let located = |text: String| D::Error::custom(format!("parameter `{name}`: {text}"));
            let (domain, default) = match value {
                toml::Value::Table(table) => {
                    let text: ParameterText = toml::Value::Table(table)
                        .try_into()
                        .map_err(|e: toml::de::Error| located(e.message().to_owned()))?;
                    if let Some(condition) = &text.when {
                        when.insert(name.clone(), condition.clone());
                    }
                    text.domain().map_err(located)?
                }
                toml::Value::Integer(value) => (Domain::Fixed(ParamValue::Int(value)), None),
                toml::Value::Float(value) => (Domain::Fixed(ParamValue::Float(value)), None),
                toml::Value::String(value) => (Domain::Fixed(ParamValue::Text(value)), None),
                other => {
                    return Err(located(format!(
                        "expected a table or a plain value, found {}",
                        other.type_str()
                    )));
                }
            };
            params.push(Parameter { name, domain, default });
        }
        Ok(Self { params, condition, when })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(text: &str) -> Result<Space, String> {
        toml::from_str(text).map_err(|e: toml::de::Error| e.message().to_owned())
    }

    #[test]
    fn reads_every_kind_of_parameter() {
        let space = space("slow = { int = [3, 120], step = 3, default = 9 }\nfast = 5\nmode = { choice = [\"sma\", \"ema\"] }\nband = { float = [0.1, 0.5], step = 0.1 }\nwhere = \"fast < slow\"").unwrap();
        assert_eq!(
            space.params.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
            ["band", "fast", "mode", "slow"]
        );
        assert_eq!(space.grid_len(), Some(5 * 2 * 40));
        assert_eq!(space.params[0].domain.grid_coordinate(2), 0.3);
        assert_eq!(space.condition.as_deref(), Some("fast < slow"));
        let point = Point(Box::from([0.2, 5.0, 1.0, 6.0]));
        assert_eq!(space.values(&point)["mode"], ParamValue::Text("ema".to_owned()));
    }

    #[test]
    fn a_parameter_may_matter_only_sometimes() {
        let space = space("mode = { choice = [\"a\", \"b\"] }\nn = { int = [3, 9], when = \"mode == 'b'\" }").unwrap();
        assert_eq!(space.when.get("n").map(String::as_str), Some("mode == 'b'"));
        assert_eq!(space.params[1].domain.rest(), 3.0);
    }

    #[test]
    fn refuses_nonsense_with_the_name_of_the_parameter() {
        for (text, expected) in [
            ("a = { int = [5, 2] }", "parameter `a`: int = [5, 2] is empty"),
            ("a = { int = [1, 2], stepp = 1 }", "parameter `a`: unknown field `stepp`"),
            ("a = { float = [0.0, 2.0], log = true }", "needs a lowest value above 0"),
            ("a = { choice = [] }", "nothing to choose"),
            ("a = { choice = [\"x\", \"x\"] }", "names \"x\" twice"),
            ("a = { float = [-1e308, 1e308] }", "not finite"),
            ("a = {}", "expected one of"),
            ("a = { int = [1, 2], default = \"x\" }", "does not fit"),
        ] {
            let error = space(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
