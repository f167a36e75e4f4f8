//! The `where` of a space, ready to be asked of very many points.

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
        Self::compile(text, space)
            .map(Some)
            .map_err(|error| OptimizerError::Condition {
                error,
                condition: text.clone(),
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
