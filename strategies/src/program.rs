//! Many trials of one strategy on one market as one graph.

use std::collections::BTreeMap;

use assay_core::job::{Direction, Execution};
use assay_core::space::{Point, Space};
use assay_engine::signals::Level;
use assay_engine::{Market, Settings, Size};
use assay_lang::Kernel;

use crate::bind::Binder;
use crate::bits::delay_history;
use crate::buffers::capacity;
use crate::elsewhere::Beside;
use crate::error::StrategyError;
use crate::graph::{BitsId, BitsOp, ColumnId, ColumnOp, Graph, Operand, Pairwise};
use crate::orders::{LevelTerm, Orders, SizeTerm, Term};
use crate::parameters::ParameterValues;
use crate::strategy::{Expression, Strategy};
use crate::template::{Slot, Template};

/// Bars to a tile where nothing else is said: columns of a few dozen nodes stay in a core's own cache.
pub const TILE: usize = 2_048;

/// What one trial needs of the graph.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TrialPlan {
    /// Its scalars.
    pub settings: Settings,
    /// When it enters long; `None` never fires.
    pub enter_long: Option<BitsId>,
    /// When it leaves a long position.
    pub exit_long: Option<BitsId>,
    /// When it enters short.
    pub enter_short: Option<BitsId>,
    /// When it leaves a short position.
    pub exit_short: Option<BitsId>,
    /// Price distance of the stop.
    pub stop: Option<ColumnId>,
    /// Price distance of the target.
    pub target: Option<ColumnId>,
    /// Price distance of the trailing stop.
    pub trail: Option<ColumnId>,
    /// Annual volatility of returns.
    pub volatility: Option<ColumnId>,
}

/// Nodes of a program by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeCount {
    /// Numbers per bar, the market's own columns not counted.
    pub columns: usize,
    /// Conditions per bar.
    pub bits: usize,
}

/// The graph of many trials.
#[derive(Debug, Clone)]
pub struct Program {
    /// In the order of the points.
    pub trials: Vec<TrialPlan>,
    /// Trials whose parameters make no sense, such as a window of 0 bars, by index; their plans are empty.
    pub failures: BTreeMap<usize, StrategyError>,
    pub(crate) graph: Graph,
    /// What is computed on other bars.
    pub(crate) besides: Vec<Beside>,
    /// Values that others read from before the tile, per column; `None` for the market's own.
    pub(crate) column_histories: Vec<Option<usize>>,
    /// The same in words of bits.
    pub(crate) bits_histories: Vec<Option<usize>>,
}

/// The template of a strategy with the slots of everything a trial needs.
struct Roots {
    template: Template,
    conditions: [Option<Slot>; 4],
    stop: Option<(Slot, bool)>,
    target: Option<(Slot, bool)>,
    trail: Option<(Slot, bool)>,
    size: SizeSlots,
    max_bars: Option<Slot>,
}

enum SizeSlots {
    AllIn,
    Fraction(Slot),
    Units(Slot),
    Notional(Slot),
    Risk(Slot),
    VolTarget { target: Slot, bars: Slot },
}

impl Program {
    /// Binds every point. `space` comes from [`Strategy::resolve_space`]; size, stops and time limit of `execution` override the
    /// strategy's; rules of a side that `execution.direction` leaves out are not computed.
    ///
    /// # Errors
    /// What is wrong for every point; what is wrong for some is in [`Program::failures`].
    pub fn build(
        strategy: &Strategy,
        execution: &Execution,
        space: &Space,
        points: &[Point],
        market: &Market,
    ) -> Result<Self, StrategyError> {
        let parameters = ParameterValues::new(strategy, space)?;
        let orders = Orders::read(&strategy.rules, execution, strategy)?;
        let roots = Roots::new(strategy, &orders, execution.direction);
        let mut graph = Graph::default();
        let (mut trials, mut failures) = (Vec::with_capacity(points.len()), BTreeMap::new());
        let mut binder = Binder::new(&roots.template, &mut graph, market, parameters.choices());
        for (index, point) in points.iter().enumerate() {
            binder.start(|values| parameters.read(point, values));
            let plan = roots.bind(&mut binder, market);
            trials.push(match plan {
                Ok(plan) => plan,
                Err(error) if error.is_of_the_data() => return Err(error),
                Err(error) => {
                    failures.insert(index, error);
                    TrialPlan::default()
                }
            });
        }
        let besides = binder.take_places();
        Ok(Self {
            trials,
            failures,
            ..Self::with_besides(graph, besides)
        })
    }

    /// No trials yet.
    pub(crate) fn with_besides(graph: Graph, besides: Vec<Beside>) -> Self {
        let (column_histories, bits_histories) = histories(&graph);
        Self {
            trials: Vec::new(),
            failures: BTreeMap::new(),
            graph,
            besides,
            column_histories,
            bits_histories,
        }
    }

    /// Bars before the rules of a trial can all be defined.
    pub fn warmup(&self, trial: usize) -> usize {
        let plan = &self.trials[trial];
        let bits = [plan.enter_long, plan.exit_long, plan.enter_short, plan.exit_short];
        let bits = bits.into_iter().flatten().map(|id| self.graph.bits_lookback(id));
        let columns = [plan.stop, plan.target, plan.trail, plan.volatility];
        let columns = columns.into_iter().flatten().map(|id| self.graph.lookback(id));
        bits.chain(columns).max().unwrap_or(0) as usize
    }

    /// How many distinct nodes there are.
    pub fn nodes(&self) -> NodeCount {
        NodeCount {
            columns: self.column_histories.iter().flatten().count(),
            bits: self.graph.bits.len(),
        }
    }

    /// Bytes that an evaluator of this program takes with tiles of [`TILE`] bars, about.
    pub fn memory_bytes(&self) -> usize {
        let columns = self
            .column_histories
            .iter()
            .flatten()
            .map(|history| capacity(*history, TILE) * 8 + 128);
        let bits = self
            .bits_histories
            .iter()
            .flatten()
            .map(|history| capacity(*history, TILE / 64) * 8 + 64);
        let sums = self.graph.columns.iter().filter_map(|node| match node.op {
            ColumnOp::Sum(_, n) | ColumnOp::Mean(_, n) => Some(n),
            _ => None,
        });
        let sums = sums.max().map_or(0, |n| capacity(n as usize, TILE) * 8);
        // A kernel holds about a window of each input, twice.
        let kernels = self.graph.calls.iter().map(|placed| {
            let before = self.graph.lookback(placed.first) as usize;
            256 + before * 16 * placed.call.inputs.len()
        });
        let besides = self.besides.iter().map(Beside::memory_bytes).sum::<usize>();
        columns.sum::<usize>()
            + bits.sum::<usize>()
            + kernels.sum::<usize>()
            + besides
            + sums
            + self.trials.len() * size_of::<TrialPlan>()
    }
}

/// How far back each node is read.
fn histories(graph: &Graph) -> (Vec<Option<usize>>, Vec<Option<usize>>) {
    let kept = |node: &crate::graph::Node<ColumnOp>| (!matches!(node.op, ColumnOp::Source(_))).then_some(0);
    let mut columns: Vec<Option<usize>> = graph.columns.iter().map(kept).collect();
    let mut bits = vec![Some(0); graph.bits.len()];
    // From the last node on: a delay shows an earlier part of its series, so what is read of the delay is read of the series.
    for (at, node) in graph.columns.iter().enumerate().rev() {
        if let ColumnOp::Delay(x, n) = node.op {
            let own = columns[at].unwrap_or(0);
            if let Some(history) = &mut columns[x.0 as usize] {
                *history = (*history).max(own + n as usize);
            }
        }
    }
    for node in &graph.bits {
        if let BitsOp::Delay(x, n) = node.op {
            let history = &mut bits[x.0 as usize];
            *history = (*history).max(Some(delay_history(n)));
        }
    }
    (columns, bits)
}

/// A template holding the strategy's lets.
pub(crate) fn template_of(strategy: &Strategy) -> Template {
    let parameters = strategy.space.params.iter().map(|p| p.name.clone()).collect();
    let mut template = Template::new(parameters);
    for item in &strategy.lets {
        let place = format!("{}, let.{}", strategy.origin, item.name);
        template.add_let(&item.name, place, &item.expression.source, &item.expression.typed);
    }
    template
}

impl Roots {
    fn new(strategy: &Strategy, orders: &Orders, direction: Direction) -> Self {
        let mut template = template_of(strategy);
        let wanted = match direction {
            Direction::Both => [true; 4],
            Direction::Long => [true, true, false, false],
            Direction::Short => [false, false, true, true],
        };
        let mut at = 0;
        let conditions = strategy.conditions().map(|(name, rule)| {
            let rule: Option<&Expression> = rule.filter(|_| wanted[at]);
            at += 1;
            rule.map(|rule| template.add(format!("{}, rules.{name}", strategy.origin), &rule.source, &rule.typed))
        });
        let mut term = |term: &Term| {
            let Expression { source, typed, .. } = &term.expression;
            template.add(term.place.clone(), source, typed)
        };
        let mut level = |level: &Option<LevelTerm>| {
            level.as_ref().map(|level| match level {
                LevelTerm::Distance(distance) => (term(distance), false),
                LevelTerm::Percent(share) => (term(share), true),
            })
        };
        let (stop, target, trail) = (level(&orders.stop), level(&orders.target), level(&orders.trail));
        let size = match &orders.size {
            SizeTerm::AllIn => SizeSlots::AllIn,
            SizeTerm::Fraction(x) => SizeSlots::Fraction(term(x)),
            SizeTerm::Units(x) => SizeSlots::Units(term(x)),
            SizeTerm::Notional(x) => SizeSlots::Notional(term(x)),
            SizeTerm::Risk(x) => SizeSlots::Risk(term(x)),
            SizeTerm::VolTarget { target, bars } => SizeSlots::VolTarget {
                target: term(target),
                bars: term(bars),
            },
        };
        let max_bars = orders.max_bars.as_ref().map(term);
        Self {
            template,
            conditions,
            stop,
            target,
            trail,
            size,
            max_bars,
        }
    }

    fn bind(&self, binder: &mut Binder<'_>, market: &Market) -> Result<TrialPlan, StrategyError> {
        let mut bits = [None; 4];
        for (bits, slot) in bits.iter_mut().zip(self.conditions) {
            *bits = slot.map(|slot| binder.truth(slot, true)).transpose()?;
        }
        let mut level = |root: Option<(Slot, bool)>| -> Result<(Option<Level>, Option<ColumnId>), StrategyError> {
            Ok(match root {
                None => (None, None),
                Some((slot, true)) => (Some(Level::Share(binder.scalar(slot) / 100.0)), None),
                Some((slot, false)) => (Some(Level::Distance), Some(binder.column(slot)?)),
            })
        };
        let ((stop, stop_column), (target, target_column), (trail, trail_column)) =
            (level(self.stop)?, level(self.target)?, level(self.trail)?);
        let mut volatility = None;
        let positive = |binder: &Binder<'_>, slot: Slot, expected: &'static str, good: &dyn Fn(f64) -> bool| {
            let found = binder.scalar(slot);
            if good(found) {
                Ok(found)
            } else {
                Err(self.bad_amount(slot, found, expected))
            }
        };
        let above_0 = |x: f64| x > 0.0;
        let size = match self.size {
            SizeSlots::AllIn => Size::AllIn,
            SizeSlots::Fraction(x) => Size::Fraction(positive(binder, x, "a share above 0 and at most 1", &|x| {
                x > 0.0 && x <= 1.0
            })?),
            SizeSlots::Units(x) => Size::Units(positive(binder, x, "a number above 0", &above_0)?),
            SizeSlots::Notional(x) => Size::Notional(positive(binder, x, "a number above 0", &above_0)?),
            SizeSlots::Risk(x) => Size::Risk(positive(binder, x, "a share above 0", &above_0)?),
            SizeSlots::VolTarget { target, bars } => {
                let good = |n: f64| n >= 2.0 && n == n.trunc() && n <= assay_lang::MAX_LENGTH as f64;
                let bars = positive(binder, bars, "a whole number of at least 2", &good)?;
                volatility = Some(annual_volatility(binder, market, bars as u32)?);
                Size::VolTarget(positive(binder, target, "a share above 0", &above_0)?)
            }
        };
        let whole = |n: f64| n >= 1.0 && n == n.trunc() && n <= f64::from(u32::MAX);
        let max_bars = self
            .max_bars
            .map(|slot| positive(binder, slot, "a whole number of at least 1", &whole))
            .transpose()?;
        Ok(TrialPlan {
            settings: Settings {
                size,
                stop,
                target,
                trail,
                max_bars: max_bars.map(|n| n as u32),
            },
            enter_long: bits[0],
            exit_long: bits[1],
            enter_short: bits[2],
            exit_short: bits[3],
            stop: stop_column,
            target: target_column,
            trail: trail_column,
            volatility,
        })
    }

    fn bad_amount(&self, slot: Slot, found: f64, expected: &'static str) -> StrategyError {
        let text = self.template.parts[slot.0 as usize].text;
        StrategyError::BadAmount {
            place: self.template.texts[text as usize].0.clone(),
            found: if found.is_nan() {
                "null".to_owned()
            } else {
                found.to_string()
            },
            expected,
        }
    }
}

/// Standard deviation of `n` returns of the close (ddof 1), annualised.
fn annual_volatility(binder: &mut Binder<'_>, market: &Market, n: u32) -> Result<ColumnId, StrategyError> {
    use assay_lang::BinaryOp::{Div, Sub};
    let close = binder.series("close")?;
    let before = binder.delay(close, 1);
    let ratio = binder.operator(Div, close, before);
    let returns = ColumnOp::Pairwise(Pairwise::Operator(Sub), Operand::Column(ratio), Operand::number(1.0));
    let returns = binder.graph.column(returns);
    let deviation = binder.kernel(Kernel::SampleDeviation, 0, &[returns], &[f64::from(n)]);
    let factor = market.bars_per_year().sqrt();
    Ok(binder.scale(deviation, factor))
}
