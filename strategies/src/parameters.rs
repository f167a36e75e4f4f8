//! A job's parameters beside the strategy's: what each point means to the strategy.

use std::collections::BTreeMap;

use assay_core::nearest;
use assay_core::space::{Domain, ParamValue, Parameter, Point, Space};
use assay_lang::{ParameterType, ScalarProgram, parse};

use crate::error::StrategyError;
use crate::strategy::{Strategy, parameter_type};

impl Strategy {
    /// The space that a job searches: its own parameters, and the defaults of those that it leaves out. Without parameters of
    /// the job it is the strategy's space. The strategy's `where` holds unless the job gives one.
    ///
    /// # Errors
    /// A parameter that the strategy does not declare or whose kind is another, a wrong `where`, a missing default.
    pub fn resolve_space(&self, job: Option<&Space>) -> Result<Space, StrategyError> {
        let Some(job) = job else { return Ok(self.space.clone()) };
        let known: Vec<&str> = self.space.params.iter().map(|p| p.name.as_str()).collect();
        if let Some(stranger) = job.params.iter().find(|p| self.space.index_of(&p.name).is_none()) {
            return Err(StrategyError::UnknownParameter {
                strategy: self.name.clone(),
                name: stranger.name.clone(),
                hint: nearest::hint(&stranger.name, &known),
            });
        }
        let (mut params, mut when) = (Vec::new(), BTreeMap::new());
        for own in &self.space.params {
            let parameter = match (job.index_of(&own.name), &own.default, &own.domain) {
                (Some(at), ..) => job.params[at].clone(),
                (None, Some(default), _) | (None, None, Domain::Fixed(default)) => Parameter {
                    domain: Domain::Fixed(default.clone()),
                    ..own.clone()
                },
                (None, None, _) => {
                    return Err(StrategyError::NoDefault {
                        strategy: self.name.clone(),
                        name: own.name.clone(),
                    });
                }
            };
            source_of(own, &parameter.domain, 0, self)?;
            let condition = job.when.get(&own.name).or_else(|| self.space.when.get(&own.name));
            if let (Some(condition), false) = (condition, matches!(parameter.domain, Domain::Fixed(_))) {
                when.insert(own.name.clone(), condition.clone());
            }
            params.push(parameter);
        }
        let condition = job.condition.clone().or_else(|| self.space.condition.clone());
        let space = Space { params, condition, when };
        let place = if job.condition.is_some() || !job.when.is_empty() {
            "job, params".to_owned()
        } else {
            format!("{}, params", self.origin)
        };
        check_conditions(&space, &place)?;
        Ok(space)
    }
}

/// Whether the conditions of a space are such: `where`, and the `when` of each parameter.
pub(crate) fn check_conditions(space: &Space, place: &str) -> Result<(), StrategyError> {
    let names: Vec<(&str, ParameterType)> = space
        .params
        .iter()
        .map(|p| (p.name.as_str(), parameter_type(&p.domain)))
        .collect();
    let check = |condition: &str, key: &str, names: &[(&str, ParameterType)]| {
        let program = parse(condition).and_then(|expr| ScalarProgram::condition(&expr, names, key));
        program
            .map(drop)
            .map_err(|error| StrategyError::expression(format!("{place}.{key}"), condition, error))
    };
    if let Some(condition) = &space.condition {
        check(condition, "where", &names)?;
    }
    // What may rest decides about nothing: the conditions have no order then, and no circles.
    let always: Vec<(&str, ParameterType)> = names
        .iter()
        .filter(|(name, _)| !space.when.contains_key(*name))
        .cloned()
        .collect();
    for (name, condition) in &space.when {
        let expr = parse(condition).ok();
        let mentioned = expr.iter().flat_map(|expr| expr.names());
        if let Some(other) = mentioned.into_iter().find(|mentioned| space.when.contains_key(*mentioned)) {
            return Err(StrategyError::Nested {
                name: name.clone(),
                other: other.to_owned(),
            });
        }
        check(condition, &format!("{name}.when"), &always)?;
    }
    Ok(())
}

/// Where a parameter of the strategy takes its value from.
#[derive(Debug, Clone)]
enum ValueSource {
    Value(f64),
    Coordinate(usize),
    /// The coordinate is a position among the job's choices; this is the position of each among the strategy's.
    Choice(usize, Vec<f64>),
}

/// From the points of a space to the parameters of a strategy, in the order in which it declares them.
#[derive(Debug, Clone)]
pub(crate) struct ParameterValues {
    sources: Vec<ValueSource>,
    choices: Vec<Vec<String>>,
}

impl ParameterValues {
    /// `space` comes from [`Strategy::resolve_space`].
    pub(crate) fn new(strategy: &Strategy, space: &Space) -> Result<Self, StrategyError> {
        let choices = strategy.space.params.iter().map(|own| {
            let given = space.index_of(&own.name).map(|at| &space.params[at].domain);
            choices_of(strategy, own, given)
        });
        let sources = strategy.space.params.iter().map(|own| match space.index_of(&own.name) {
            Some(at) => source_of(own, &space.params[at].domain, at, strategy),
            None => Err(StrategyError::NoDefault {
                strategy: strategy.name.clone(),
                name: own.name.clone(),
            }),
        });
        Ok(Self {
            sources: sources.collect::<Result<_, _>>()?,
            choices: choices.collect(),
        })
    }

    /// The texts of each parameter with choices, in the order of their positions.
    pub(crate) fn choices(&self) -> &[Vec<String>] {
        &self.choices
    }

    pub(crate) fn read(&self, point: &Point, values: &mut Vec<f64>) {
        values.clear();
        values.extend(self.sources.iter().map(|source| match source {
            ValueSource::Value(value) => *value,
            ValueSource::Coordinate(at) => point.0[*at],
            ValueSource::Choice(at, positions) => positions[point.0[*at] as usize],
        }));
    }
}

/// The texts that a parameter may take: the strategy's; where it names an instrument for `ref`, those of the job besides.
fn choices_of(strategy: &Strategy, own: &Parameter, given: Option<&Domain>) -> Vec<String> {
    let ParameterType::Choice(mut known) = parameter_type(&own.domain) else {
        return Vec::new();
    };
    if strategy.names_instrument(&own.name) {
        let texts = match given {
            Some(Domain::Choice(texts)) => texts.as_slice(),
            Some(Domain::Fixed(ParamValue::Text(text))) => std::slice::from_ref(text),
            _ => &[],
        };
        for text in texts {
            if !known.contains(text) {
                known.push(text.clone());
            }
        }
    }
    known
}

fn source_of(own: &Parameter, given: &Domain, at: usize, strategy: &Strategy) -> Result<ValueSource, StrategyError> {
    let wrong = |expected: String, found: String| StrategyError::WrongParameter {
        strategy: strategy.name.clone(),
        name: own.name.clone(),
        expected,
        found,
    };
    match (parameter_type(&own.domain), given) {
        (ParameterType::Choice(_), given) => {
            let known = choices_of(strategy, own, Some(given));
            let texts = match given {
                Domain::Choice(texts) => texts.as_slice(),
                Domain::Fixed(ParamValue::Text(text)) => std::slice::from_ref(text),
                other => return Err(wrong(format!("one of {}", quoted(&known)), describe(other))),
            };
            let position = |text: &String| {
                let found = known.iter().position(|known| known == text).map(|at| at as f64);
                found.ok_or_else(|| wrong(format!("one of {}", quoted(&known)), format!("\"{text}\"")))
            };
            let positions = texts.iter().map(position).collect::<Result<Vec<_>, _>>()?;
            Ok(match (given, positions.as_slice()) {
                (Domain::Fixed(_), [only]) => ValueSource::Value(*only),
                _ => ValueSource::Choice(at, positions),
            })
        }
        (_, Domain::Int { .. }) | (ParameterType::Number, Domain::Float { .. }) => Ok(ValueSource::Coordinate(at)),
        (_, Domain::Fixed(ParamValue::Int(value))) => Ok(ValueSource::Value(*value as f64)),
        (ParameterType::Number, Domain::Fixed(ParamValue::Float(value))) => Ok(ValueSource::Value(*value)),
        (ParameterType::Integer, Domain::Fixed(ParamValue::Float(value))) if *value == value.trunc() => {
            Ok(ValueSource::Value(*value))
        }
        (ParameterType::Integer, other) => Err(wrong("a whole number".to_owned(), describe(other))),
        (ParameterType::Number, other) => Err(wrong("a number".to_owned(), describe(other))),
    }
}

fn quoted(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    quoted.join(", ")
}

fn describe(domain: &Domain) -> String {
    match domain {
        Domain::Int { .. } => "a range of whole numbers".to_owned(),
        Domain::Float { .. } => "a range of numbers".to_owned(),
        Domain::Choice(_) => "a choice of texts".to_owned(),
        Domain::Fixed(ParamValue::Text(text)) => format!("\"{text}\""),
        Domain::Fixed(value) => value.to_string(),
    }
}
