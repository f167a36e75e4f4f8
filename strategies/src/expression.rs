//! One expression on one market, for looking at.

use std::collections::BTreeSet;

use assay_core::instrument::Instrument;
use assay_engine::Market;
use assay_lang::{Elsewhere, Scope};

use crate::bind::Binder;
use crate::elsewhere::Beside;
use crate::error::StrategyError;
use crate::evaluator::Evaluator;
use crate::graph::{BitsId, ColumnId, Graph};
use crate::program::{Program, TILE};
use crate::strategy::read_expression;
use crate::template::Template;

/// What is known of an expression before there are bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explained {
    /// Whether it is a condition rather than a number.
    pub condition: bool,
    /// Bars before its first value, at least.
    pub warmup: usize,
}

/// Types an expression without parameters, and works out its warm-up.
///
/// # Errors
/// The expression is wrong, or asks for quotes.
pub fn explain_expression(source: &str) -> Result<Explained, StrategyError> {
    let market = no_bars();
    let read = Read::new(&market, &[source])?;
    let (condition, warmup) = match read.roots[0] {
        Root::Number(column) => (false, read.graph.lookback(column)),
        Root::Condition(holds, fails) => {
            let bars = [holds, fails].map(|bits| read.graph.bits_lookback(bits));
            (true, bars[0].max(bars[1]))
        }
    };
    Ok(Explained {
        condition,
        warmup: warmup as usize,
    })
}

/// The instruments that an expression looks at with `ref`.
///
/// # Errors
/// The expression is wrong.
pub fn expression_references(source: &str) -> Result<BTreeSet<String>, StrategyError> {
    let typed = read_expression(source, "expression", &Scope::new())?.typed;
    let mut symbols = BTreeSet::new();
    typed.visit_places(&mut |place| {
        if let Elsewhere::Symbol(symbol) = place {
            symbols.insert(symbol.clone());
        }
    });
    Ok(symbols)
}

/// A market without bars: enough to put an expression together.
fn no_bars() -> Market {
    use assay_engine::market::{Column, Ohlc};
    let none = || Column::<f64>::from(Vec::new());
    let mid = Ohlc {
        open: none(),
        high: none(),
        low: none(),
        close: none(),
    };
    let instrument = Instrument::unknown("X".parse().expect("a symbol"));
    let time = Column::from(Vec::new());
    Market::of_columns(instrument, 60_000_000_000, time, Vec::new(), mid, None, none())
}

enum Root {
    Number(ColumnId),
    /// Where it holds and where it does not.
    Condition(BitsId, BitsId),
}

impl Root {
    fn column(&self) -> Option<ColumnId> {
        match self {
            Self::Number(column) => Some(*column),
            Self::Condition(..) => None,
        }
    }
}

/// Expressions in one graph.
struct Read {
    graph: Graph,
    besides: Vec<Beside>,
    roots: Vec<Root>,
}

impl Read {
    fn new(market: &Market, sources: &[&str]) -> Result<Self, StrategyError> {
        const PLACE: &str = "expression";
        let mut template = Template::new(Vec::new());
        let mut slots = Vec::with_capacity(sources.len());
        for source in sources {
            let typed = read_expression(source, PLACE, &Scope::new())?.typed;
            let condition = typed.ty.is_condition();
            let typed = if condition {
                Ok(typed)
            } else {
                typed.number("the expression")
            };
            let typed = typed.map_err(|error| StrategyError::expression(PLACE.to_owned(), source, error))?;
            slots.push((template.add(PLACE.to_owned(), source, &typed), condition));
        }
        let mut graph = Graph::default();
        let mut binder = Binder::new(&template, &mut graph, market, &[]);
        let mut roots = Vec::with_capacity(slots.len());
        for (slot, condition) in slots {
            roots.push(if condition {
                Root::Condition(binder.truth(slot, true)?, binder.truth(slot, false)?)
            } else {
                Root::Number(binder.column(slot)?)
            });
        }
        let besides = binder.take_places();
        Ok(Self { graph, besides, roots })
    }
}

/// Bars to a tile of so many columns. Few columns stay in a core's own cache even if tiles are long, and then those of the market
/// come out of memory in longer runs.
fn bars_of_a_tile(columns: usize) -> usize {
    const VALUES: usize = 32_768;
    match VALUES / columns.max(1) {
        ..4_096 => TILE,
        4_096..8_192 => 2 * TILE,
        _ => 4 * TILE,
    }
}

/// The value of an expression without parameters at every bar; NaN where it is null. A condition is 1 or 0.
///
/// # Errors
/// The expression is wrong, or asks for quotes of bars without them.
pub fn evaluate_expression(market: &Market, source: &str) -> Result<Vec<f64>, StrategyError> {
    let mut values = evaluate_expressions(market, &[source])?;
    Ok(values.pop().unwrap_or_default())
}

/// Several of them at once: what they share is computed once.
///
/// # Errors
/// As [`evaluate_expression`].
pub fn evaluate_expressions(market: &Market, sources: &[&str]) -> Result<Vec<Vec<f64>>, StrategyError> {
    let Read { graph, besides, roots } = Read::new(market, sources)?;
    let program = Program::with_besides(graph, besides);
    let mut evaluator = Evaluator::keeping(&program, market, roots.iter().filter_map(Root::column));
    let mut all: Vec<Vec<f64>> = roots.iter().map(|_| Vec::new()).collect();
    let step = bars_of_a_tile(program.nodes().columns);
    for from in (0..market.len()).step_by(step) {
        let tile = from..market.len().min(from + step);
        evaluator.advance(tile.clone());
        for (values, root) in all.iter_mut().zip(&roots) {
            match root {
                Root::Number(column) if evaluator.keeps(*column) => {}
                Root::Number(column) => values.extend_from_slice(evaluator.column(*column)),
                Root::Condition(holds, fails) => {
                    let (holds, fails) = (evaluator.bits(*holds), evaluator.bits(*fails));
                    let bit = |words: &[u64], i: usize| words[i / 64] >> (i % 64) & 1 == 1;
                    values.extend((0..tile.len()).map(|i| match (bit(holds, i), bit(fails, i)) {
                        (true, _) => 1.0,
                        (_, true) => 0.0,
                        _ => f64::NAN,
                    }));
                }
            }
        }
    }
    for (column, kept) in evaluator.into_kept() {
        let places: Vec<usize> = (0..roots.len()).filter(|at| roots[*at].column() == Some(column)).collect();
        if let [others @ .., last] = &places[..] {
            for other in others {
                all[*other].clone_from(&kept);
            }
            all[*last] = kept;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prices that go up and down, with bars that do not move and one that stands out.
    fn market() -> Market {
        use assay_engine::market::{Column, Ohlc};
        let column = |shift: usize| -> Column<f64> {
            let value = |bar: usize| f64::from((bar * bar + shift * 7) as u32 % 101) / 8.0 + if bar == 300 { 1e9 } else { 1.0 };
            (0..1_000).map(value).collect::<Vec<_>>().into()
        };
        let mid = Ohlc {
            open: column(1),
            high: column(2),
            low: column(3),
            close: column(1),
        };
        let times: Vec<i64> = (0..1_000).map(|bar| bar * 60_000_000_000).collect();
        let instrument = Instrument::unknown("X".parse().expect("a symbol"));
        Market::of_columns(instrument, 60_000_000_000, times.into(), vec![0; 1_000], mid, None, column(5))
    }

    #[test]
    fn chains_give_the_bits_of_their_steps() {
        let market = market();
        let formulas = [
            "max(high - low, abs(high - close[1]), abs(low - close[1]))",
            "(high + low + close * 2) / 4",
            "nz((close / close[3] - 1) * 100, 7) - (open - low)",
            "ema(ema(change(close), 9), 4) / ema(ema(abs(change(close)), 9), 4)",
            "rma(close, 5) * volume + cumsum(open - high)",
            "1 / (close - open) + close * volume - high",
            "(close - low) / (high - low) - open",
            "adosc(3, 10)",
            "t3(close, 5, 0.7)",
            "macd(close, 5, 9, 4).hist",
        ];
        for formula in formulas {
            let Read { graph, besides, roots } = Read::new(&market, &[formula]).expect("a formula");
            let program = Program::with_besides(graph, besides);
            let column = roots[0].column().expect("a number");
            let mut evaluator = Evaluator::new(&program, &market);
            let mut steps = Vec::new();
            for from in (0..market.len()).step_by(192) {
                evaluator.advance(from..market.len().min(from + 192));
                steps.extend_from_slice(evaluator.column(column));
            }
            let chains = evaluate_expression(&market, formula).expect("a formula");
            let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            assert_eq!(steps.len(), chains.len());
            assert!(steps.iter().zip(&chains).all(same), "{formula}");
        }
    }
}
