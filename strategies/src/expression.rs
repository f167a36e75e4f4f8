//! One expression on one market, for looking at.

use assay_engine::Market;
use assay_lang::Scope;

use crate::bind::Binder;
use crate::error::StrategyError;
use crate::evaluator::Evaluator;
use crate::graph::{BitsId, ColumnId, Graph};
use crate::program::{Program, TILE};
use crate::strategy::read_expression;
use crate::template::Template;

enum Root {
    Number(ColumnId),
    /// Where it holds and where it does not.
    Condition(BitsId, BitsId),
}

/// The value of an expression without parameters at every bar; NaN where it is null. A condition is 1 or 0.
///
/// # Errors
/// The expression is wrong, or asks for quotes of bars without them.
pub fn evaluate_expression(market: &Market, source: &str) -> Result<Vec<f64>, StrategyError> {
    const PLACE: &str = "expression";
    let typed = read_expression(source, PLACE, &Scope::new())?.typed;
    let condition = typed.ty.is_condition();
    let typed = if condition {
        Ok(typed)
    } else {
        typed.number("the expression")
    };
    let typed = typed.map_err(|error| StrategyError::expression(PLACE.to_owned(), source, error))?;
    let mut template = Template::new(Vec::new());
    let slot = template.add(PLACE.to_owned(), source, &typed);
    let mut graph = Graph::default();
    let mut binder = Binder::new(&template, &mut graph, market);
    let root = if condition {
        Root::Condition(binder.truth(slot, true)?, binder.truth(slot, false)?)
    } else {
        Root::Number(binder.column(slot)?)
    };
    let program = Program::new(graph, Vec::new(), std::collections::BTreeMap::new());
    let mut evaluator = Evaluator::new(&program, market);
    let mut values = Vec::with_capacity(market.len());
    for from in (0..market.len()).step_by(TILE) {
        let tile = from..market.len().min(from + TILE);
        evaluator.advance(tile.clone());
        match root {
            Root::Number(column) => values.extend_from_slice(evaluator.column(column)),
            Root::Condition(holds, fails) => {
                let (holds, fails) = (evaluator.bits(holds), evaluator.bits(fails));
                let bit = |words: &[u64], i: usize| words[i / 64] >> (i % 64) & 1 == 1;
                values.extend((0..tile.len()).map(|i| match (bit(holds, i), bit(fails, i)) {
                    (true, _) => 1.0,
                    (_, true) => 0.0,
                    _ => f64::NAN,
                }));
            }
        }
    }
    Ok(values)
}
