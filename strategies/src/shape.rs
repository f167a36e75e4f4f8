//! What two strategies have in common that differ in names and numbers only, and which of their points are the same.
//!
//! The rules become one graph with every computation once. Its hash without constants and parameters is the shape: lets, names,
//! brackets and layout do not matter, nor whether a number is written down or a parameter. With them it identifies a point.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_core::distinct::scatter;
use assay_core::job::{Direction, Execution, JobSpec};
use assay_core::space::{Point, Space};
use assay_lang::{Elsewhere, Typed, TypedKind};
use serde_json::json;

use crate::error::StrategyError;
use crate::orders::{LevelTerm, Orders, SizeTerm, Term};
use crate::parameters::ParameterValues;
use crate::strategy::{GivenSignals, Strategy};

/// The shape of a strategy in a job.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Operands stand before those that use them.
    nodes: Vec<Node>,
    parameters: ParameterValues,
    names: Vec<String>,
    /// Everything else that makes trials of the same values different: execution, and the length of the bars.
    setting: u64,
    key: String,
}

#[derive(Debug, Clone)]
struct Node {
    /// What it does, hashed.
    label: u64,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Number(u64),
    Parameter(usize),
    ChoiceIs { parameter: usize, choice: f64, equal: bool },
    Operation(Box<[usize]>),
}

impl Shape {
    /// Of a strategy as a job uses it: rules of a side that is not traded do not count. `space` comes from [`Strategy::resolve_space`].
    ///
    /// # Errors
    /// What makes the strategy unusable in the job.
    pub fn new(spec: &JobSpec, strategy: &Strategy, space: &Space) -> Result<Self, StrategyError> {
        let mut shape = Self {
            nodes: Vec::new(),
            parameters: ParameterValues::new(strategy, space)?,
            names: strategy.space.params.iter().map(|p| p.name.clone()).collect(),
            setting: setting(spec),
            key: String::new(),
        };
        let orders = Orders::read(&strategy.rules, &spec.execution, strategy)?;
        let signals = strategy.signals.as_ref().map(|signals| shape.given(signals));
        let mut lets = BTreeMap::new();
        let mut roots: Vec<usize> = signals.into_iter().collect();
        let direction = spec.execution.direction;
        for (name, rule) in strategy.conditions() {
            let left_out = match direction {
                Direction::Long => name.ends_with("short"),
                Direction::Short => name.ends_with("long"),
                Direction::Both => false,
            };
            if let Some(rule) = rule.filter(|_| !left_out) {
                let root = shape.add(&rule.typed, &mut lets);
                roots.push(shape.operation(name, [root].into()));
            }
        }
        for (name, level) in [
            ("stop_loss", &orders.stop),
            ("take_profit", &orders.target),
            ("trailing_stop", &orders.trail),
        ] {
            let (term, unit) = match level {
                None => continue,
                Some(LevelTerm::Distance(term)) => (term, "distance"),
                Some(LevelTerm::Percent(term)) => (term, "percent"),
            };
            roots.push(shape.term(&format!("{name} {unit}"), &[term], &mut lets));
        }
        let (name, terms): (_, &[&Term]) = match &orders.size {
            SizeTerm::AllIn => ("all_in", &[]),
            SizeTerm::Fraction(term) => ("fraction", &[term]),
            SizeTerm::Units(term) => ("units", &[term]),
            SizeTerm::Notional(term) => ("notional", &[term]),
            SizeTerm::Risk(term) => ("risk", &[term]),
            SizeTerm::VolTarget { target, bars } => ("vol_target", &[target, bars]),
        };
        roots.push(shape.term(name, terms, &mut lets));
        if let Some(term) = &orders.max_bars {
            roots.push(shape.term("max_bars", &[term], &mut lets));
        }
        shape.operation("strategy", roots.into());
        shape.key = shape.without_constants();
        Ok(shape)
    }

    /// The shape: 32 hexadecimal digits.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What identifies a point of the job's space among all points of this shape, spread evenly over all 64-bit numbers.
    pub fn hash(&self, point: &Point, room: &mut ShapeRoom) -> u64 {
        self.parameters.read(point, &mut room.parameters);
        room.nodes.clear();
        for node in &self.nodes {
            let (parameters, nodes) = (&room.parameters, &room.nodes);
            let value = match &node.form {
                Form::Number(bits) => *bits,
                Form::Parameter(at) => bits(parameters[*at]),
                Form::ChoiceIs {
                    parameter,
                    choice,
                    equal,
                } => u64::from((parameters[*parameter] == *choice) == *equal),
                Form::Operation(operands) => operands.iter().fold(0, |sum, at| scatter(sum ^ nodes[*at])),
            };
            room.nodes.push(scatter(value ^ node.label));
        }
        scatter(room.nodes.last().copied().unwrap_or_default() ^ self.setting)
    }

    fn add(&mut self, typed: &Typed, lets: &mut BTreeMap<String, usize>) -> usize {
        match &typed.kind {
            TypedKind::Number(value) => self.leaf(Form::Number(bits(*value))),
            TypedKind::Bool(value) => self.leaf(Form::Number(bits(f64::from(u8::from(*value))))),
            // A text stands alone only as an operand of a comparison, which is a `ChoiceIs` by now.
            TypedKind::Text(_) => self.leaf(Form::Number(0)),
            TypedKind::Series(name) => self.operation(name, [].into()),
            TypedKind::Parameter(name) => {
                let at = self.parameter(name);
                self.leaf(Form::Parameter(at))
            }
            TypedKind::Let(name, value) => {
                if let Some(at) = lets.get(name) {
                    return *at;
                }
                let at = self.add(value, lets);
                lets.insert(name.clone(), at);
                at
            }
            TypedKind::ChoiceIs {
                parameter,
                choice,
                equal,
            } => {
                let parameter = self.parameter(parameter);
                self.leaf(Form::ChoiceIs {
                    parameter,
                    choice: *choice as f64,
                    equal: *equal,
                })
            }
            TypedKind::Call(function, arguments) => {
                let arguments = arguments.iter().map(|argument| self.add(argument, lets)).collect();
                self.operation(&format!("{:?}", function.body), arguments)
            }
            TypedKind::Shared(value) => {
                // No let is called so.
                let name = format!("@{:p}", Arc::as_ptr(value));
                if let Some(at) = lets.get(&name) {
                    return *at;
                }
                let at = self.add(value, lets);
                lets.insert(name, at);
                at
            }
            TypedKind::Elsewhere(place, value) => {
                let value = self.add(value, lets);
                match place {
                    Elsewhere::Parameter(name) => {
                        let at = self.parameter(name);
                        let symbol = self.leaf(Form::Parameter(at));
                        self.operation("ref", [symbol, value].into())
                    }
                    place => self.operation(&format!("{place:?}"), [value].into()),
                }
            }
            TypedKind::Unary(op, operand) => {
                let operand = self.add(operand, lets);
                self.operation(&format!("{op:?}"), [operand].into())
            }
            TypedKind::Binary(op, left, right) => {
                let operands = [self.add(left, lets), self.add(right, lets)];
                self.operation(&format!("{op:?}"), operands.into())
            }
            TypedKind::Index(value, bars) => {
                let operands = [self.add(value, lets), self.add(bars, lets)];
                self.operation("index", operands.into())
            }
        }
    }

    /// Columns of a table: other tables are other points of the same shape.
    fn given(&mut self, signals: &GivenSignals) -> usize {
        let table = self.leaf(Form::Number(first_word(blake3::hash(signals.table.as_bytes()))));
        let column = self.parameter(GivenSignals::PARAMETER);
        let column = self.leaf(Form::Parameter(column));
        self.operation(&format!("signals {}", signals.rules.join(" ")), [table, column].into())
    }

    fn term(&mut self, name: &str, terms: &[&Term], lets: &mut BTreeMap<String, usize>) -> usize {
        let operands = terms.iter().map(|term| self.add(&term.expression.typed, lets)).collect();
        self.operation(name, operands)
    }

    /// A number, given or bound: in the shape they are all alike.
    fn leaf(&mut self, form: Form) -> usize {
        self.push("constant", form)
    }

    fn operation(&mut self, name: &str, operands: Box<[usize]>) -> usize {
        self.push(name, Form::Operation(operands))
    }

    fn push(&mut self, name: &str, form: Form) -> usize {
        let label = first_word(blake3::hash(name.as_bytes()));
        self.nodes.push(Node { label, form });
        self.nodes.len() - 1
    }

    fn parameter(&self, name: &str) -> usize {
        let position = self.names.iter().position(|known| known == name);
        position.expect("the scope of a strategy holds its own parameters")
    }

    fn without_constants(&self) -> String {
        let mut hashes: Vec<blake3::Hash> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&node.label.to_le_bytes());
            if let Form::Operation(operands) = &node.form {
                for at in operands {
                    hasher.update(hashes[*at].as_bytes());
                }
            }
            hashes.push(hasher.finalize());
        }
        let root = hashes.last().expect("a strategy has a root");
        root.to_hex()[..32].to_owned()
    }
}

/// Room for hashing points, used again and again.
#[derive(Debug, Clone, Default)]
pub struct ShapeRoom {
    parameters: Vec<f64>,
    nodes: Vec<u64>,
}

/// Texts that name parameters are in the graph already.
fn setting(spec: &JobSpec) -> u64 {
    let execution = Execution {
        size: None,
        stop_loss: None,
        take_profit: None,
        trailing_stop: None,
        max_bars: None,
        ..spec.execution.clone()
    };
    let setting = json!({ "execution": execution, "bars": spec.data.bars, "fill_gaps": spec.data.fill_gaps });
    first_word(blake3::hash(setting.to_string().as_bytes()))
}

fn first_word(hash: blake3::Hash) -> u64 {
    let (words, _) = hash.as_bytes().as_chunks::<8>();
    u64::from_le_bytes(words[0])
}

/// -0 is 0.
fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(job: &str, strategy: &str) -> (Shape, Space) {
        let text = format!("name = 'a'\n[data]\ninstruments = ['X']\nbars = '5m'\n[strategy]\nuse = 's'\n{job}");
        let strategy = Strategy::parse(strategy, "s.toml").unwrap();
        let spec = JobSpec::from_toml(&text).unwrap();
        let space = strategy.resolve_space(spec.params.as_ref()).unwrap();
        (Shape::new(&spec, &strategy, &space).unwrap(), space)
    }

    fn hash(of: &(Shape, Space), values: &[(&str, f64)]) -> u64 {
        let value = |name: &str| values.iter().find(|(known, _)| *known == name).map_or(0.0, |(_, x)| *x);
        let point = Point(of.1.params.iter().map(|p| value(&p.name)).collect());
        of.0.hash(&point, &mut ShapeRoom::default())
    }

    const CROSS: &str = "name = 'one'\n[params]\nfast = { int = [2, 50], default = 5 }\nslow = { int = [3, 200], default = 20 }\n\
        [let]\na = 'sma(close, fast)'\n[rules]\nenter_long = 'crossover(a, sma(close, slow))'\nexit_long = 'a < sma(close, slow)'";

    #[test]
    fn names_lets_and_whether_a_number_is_a_parameter_change_neither_shape_nor_point() {
        let one = shape("", CROSS);
        let renamed = "name = 'two'\n[params]\nx = { int = [2, 90], default = 5 }\n\
            [let]\nquick = 'sma(close, n = x)'\nslowly = 'sma( close, 20 )'\n\
            [rules]\nenter_long = 'crossover(quick, slowly)'\nexit_long = '(quick < slowly)'";
        let two = shape("", renamed);
        assert_eq!(one.0.key(), two.0.key());
        assert_eq!(hash(&one, &[("fast", 7.0), ("slow", 20.0)]), hash(&two, &[("x", 7.0)]));
        assert_ne!(hash(&one, &[("fast", 7.0), ("slow", 21.0)]), hash(&two, &[("x", 7.0)]));
        assert_ne!(
            hash(&one, &[("fast", 20.0), ("slow", 7.0)]),
            hash(&one, &[("fast", 7.0), ("slow", 20.0)])
        );
    }

    #[test]
    fn another_rule_is_another_shape_and_another_execution_another_point() {
        let one = shape("", CROSS);
        let other = shape("", &CROSS.replace("sma(close, fast)", "ema(close, fast)"));
        assert_ne!(one.0.key(), other.0.key());
        let stopped = shape("[execution]\nstop_loss = '2%'", CROSS);
        assert_ne!(one.0.key(), stopped.0.key());
        let tighter = shape("[execution]\nstop_loss = '1%'", CROSS);
        assert_eq!(tighter.0.key(), stopped.0.key());
        let point = [("fast", 7.0), ("slow", 20.0)];
        assert_ne!(hash(&tighter, &point), hash(&stopped, &point));
        let costly = shape("[execution]\ncommission = 0.001", CROSS);
        assert_eq!(costly.0.key(), one.0.key());
        assert_ne!(hash(&costly, &point), hash(&one, &point));
    }

    #[test]
    fn hashes_of_a_grid_do_not_collide() {
        let one = shape("", CROSS);
        let mut points = assay_core::distinct::DistinctPoints::default();
        let grid = (2..50).flat_map(|fast| (3..200).map(move |slow| (f64::from(fast), f64::from(slow))));
        points.extend(grid.map(|(fast, slow)| hash(&one, &[("fast", fast), ("slow", slow)])));
        assert_eq!(points.count(), 48 * 197);
    }
}
