//! The `where` of a space, and the `when` of its parameters, ready to be asked of very many points.

use assay_core::space::{Domain, ParamValue, Space};
use assay_lang::{Expr, ExprKind, LangError, ParameterType, ScalarProgram, parse};

use crate::error::OptimizerError;

/// A compiled condition.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    program: ScalarProgram,
    /// Indices of the parameters it mentions, ascending.
    pub(crate) mentions: Vec<usize>,
    pub(crate) text: String,
}

impl Condition {
    /// The condition of a space; `None` if it has none.
    pub(crate) fn of(space: &Space) -> Result<Option<Self>, OptimizerError> {
        let Some(text) = &space.condition else {
            return Ok(None);
        };
        Self::new(text, space).map(Some)
    }

    /// The condition of a grid: that of the space, and that parameters which do not matter rest.
    pub(crate) fn of_grid(space: &Space) -> Result<Option<Self>, OptimizerError> {
        if space.when.is_empty() {
            return Self::of(space);
        }
        let resting = space.params.iter().filter_map(|parameter| {
            let when = space.when.get(&parameter.name)?;
            let rest = match parameter.domain.value(parameter.domain.rest()) {
                ParamValue::Text(text) => format!("\"{text}\""),
                // Not the shortest text, but one that reads back to the same number, and never as a date or a word.
                ParamValue::Float(value) => format!("({value:e})"),
                ParamValue::Int(value) => format!("({value})"),
            };
            Some(format!("(({when}) or {} == {rest})", parameter.name))
        });
        let parts: Vec<String> = space
            .condition
            .iter()
            .map(|text| format!("({text})"))
            .chain(resting)
            .collect();
        let mut condition = Self::new(&parts.join(" and "), space)?;
        if let Some(text) = &space.condition {
            condition.text.clone_from(text);
        }
        Ok(Some(condition))
    }

    fn new(text: &str, space: &Space) -> Result<Self, OptimizerError> {
        Self::compile(text, space).map_err(|error| OptimizerError::Condition {
            error,
            condition: text.to_owned(),
        })
    }

    fn compile(text: &str, space: &Space) -> Result<Self, LangError> {
        let expr = parse(text)?;
        let names: Vec<_> = space
            .params
            .iter()
            .map(|p| (p.name.as_str(), parameter_type(&p.domain, &expr)))
            .collect();
        let program = ScalarProgram::condition(&expr, &names, "where")?;
        let mentions = expr.names().into_iter().filter_map(|name| space.index_of(name)).collect();
        Ok(Self {
            program,
            mentions,
            text: text.to_owned(),
        })
    }

    /// Whether it holds for these coordinates.
    pub(crate) fn holds(&self, coordinates: &[f64]) -> bool {
        self.program.eval_bool(coordinates)
    }
}

/// Parameters that matter only sometimes. Where one does not, it rests, so that points which differ in nothing else are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resting(Vec<Rest>);

#[derive(Debug, Clone)]
struct Rest {
    /// Which parameter.
    index: usize,
    /// Where it stands when it does not matter.
    coordinate: f64,
    when: Condition,
}

impl Resting {
    /// Of a space.
    pub(crate) fn of(space: &Space) -> Result<Self, OptimizerError> {
        let mut all = Vec::new();
        for (index, parameter) in space.params.iter().enumerate() {
            if let Some(when) = space.when.get(&parameter.name) {
                all.push(Rest {
                    index,
                    coordinate: parameter.domain.rest(),
                    when: Condition::new(when, space)?,
                });
            }
        }
        Ok(Self(all))
    }

    /// Whether every parameter always matters.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Parameters that do not matter at these coordinates.
    pub(crate) fn idle<'a>(&'a self, coordinates: &'a [f64]) -> impl Iterator<Item = usize> + 'a {
        let idle = self.0.iter().filter(|rest| !rest.when.holds(coordinates));
        idle.map(|rest| rest.index)
    }

    /// Moves what does not matter to where it rests.
    pub(crate) fn settle(&self, coordinates: &mut [f64]) {
        for rest in &self.0 {
            if !rest.when.holds(coordinates) {
                coordinates[rest.index] = rest.coordinate;
            }
        }
    }
}

fn parameter_type(domain: &Domain, expr: &Expr) -> ParameterType {
    match domain {
        Domain::Int { .. } | Domain::Fixed(ParamValue::Int(_)) => ParameterType::Integer,
        Domain::Float { .. } | Domain::Fixed(ParamValue::Float(_)) => ParameterType::Number,
        Domain::Choice(texts) => ParameterType::Choice(texts.clone()),
        // What else a fixed text could have been is not known here, so it may be compared with any text.
        Domain::Fixed(ParamValue::Text(text)) => {
            let mut texts = vec![text.clone()];
            expr.visit(&mut |part| {
                if let ExprKind::Text(other) = &part.kind
                    && !texts.contains(other)
                {
                    texts.push(other.clone());
                }
            });
            ParameterType::Choice(texts)
        }
    }
}
