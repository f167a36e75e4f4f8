//! Strategy files: reading, checking, and the text that identifies a strategy.

use std::collections::{BTreeMap, BTreeSet};

use assay_core::ids::Symbol;
use assay_core::job::{Amount, Execution, Level, Size, explain_toml};
use assay_core::signals::RULES;
use assay_core::space::{Domain, ParamValue, Point, Space};
use assay_lang::{Elsewhere, Expr, LangError, ParameterType, Scope, Typed, check, parse};
use serde::Deserialize;

use crate::error::StrategyError;
use crate::orders::Orders;

/// Most lets of a strategy.
const MOST_LETS: usize = 1_000;

/// A strategy whose every expression is known to be right.
#[derive(Debug, Clone)]
pub struct Strategy {
    /// Its name.
    pub name: String,
    /// What it does, in a line.
    pub about: String,
    /// Its kind, such as `trend` or `mean reversion`; empty if the file does not say.
    pub family: String,
    /// Where its text came from, for messages.
    pub origin: String,
    /// Its parameters with their defaults, and the space used when a job gives none.
    pub space: Space,
    /// Its lets, each after those it mentions.
    pub lets: Vec<Let>,
    /// Its rules.
    pub rules: Rules,
    /// Entries and exits that a program computed, in place of such rules.
    pub signals: Option<GivenSignals>,
    pub(crate) scope: Scope,
}

/// `[signals]`: entries and exits that a program computed. The column of a trial is the value of the parameter `trial`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenSignals {
    /// Hash of the table.
    pub table: String,
    /// Rules that the table has, of [`assay_core::signals::RULES`].
    pub rules: Vec<String>,
}

impl GivenSignals {
    /// The parameter that says which column of the table a trial is.
    pub const PARAMETER: &'static str = "trial";
}

/// A named expression.
#[derive(Debug, Clone)]
pub struct Let {
    /// Its name.
    pub name: String,
    /// The expression.
    pub expression: Expression,
}

/// An expression as written and as understood.
#[derive(Debug, Clone)]
pub struct Expression {
    /// As written.
    pub source: String,
    /// Its tree.
    pub expr: Expr,
    /// Its typed tree.
    pub typed: Typed,
}

/// `[rules]`
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// When to enter a long position.
    pub enter_long: Option<Expression>,
    /// When to leave it.
    pub exit_long: Option<Expression>,
    /// When to enter a short position.
    pub enter_short: Option<Expression>,
    /// When to leave it.
    pub exit_short: Option<Expression>,
    /// Stop loss.
    pub stop_loss: Option<Level>,
    /// Take profit.
    pub take_profit: Option<Level>,
    /// Trailing stop.
    pub trailing_stop: Option<Level>,
    /// Units of an entry.
    pub size: Option<Size>,
    /// Bars after which a position is left.
    pub max_bars: Option<Amount>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    name: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    family: String,
    #[serde(default)]
    params: Space,
    #[serde(default, rename = "let")]
    lets: BTreeMap<String, ParamValue>,
    signals: Option<GivenSignals>,
    #[serde(default)]
    rules: RulesText,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesText {
    enter_long: Option<String>,
    exit_long: Option<String>,
    enter_short: Option<String>,
    exit_short: Option<String>,
    stop_loss: Option<Level>,
    take_profit: Option<Level>,
    trailing_stop: Option<Level>,
    size: Option<Size>,
    max_bars: Option<Amount>,
}

impl Strategy {
    /// Reads and checks a strategy file. `origin` says where the text came from, for messages.
    ///
    /// # Errors
    /// Not TOML, an unknown key, an expression that is wrong, lets in a circle, no entry at all.
    pub fn parse(source: &str, origin: &str) -> Result<Self, StrategyError> {
        let file: FileText = toml::from_str(source).map_err(|error| StrategyError::File {
            origin: origin.to_owned(),
            error: explain_toml(&error, source),
        })?;
        let mut scope = Scope::new();
        for parameter in &file.params.params {
            let kind = parameter_type(&parameter.domain);
            let declared = scope.parameter(&parameter.name, kind);
            declared.map_err(|error| StrategyError::expression(format!("{origin}, params"), &parameter.name, error))?;
        }
        let lets = read_lets(&file.lets, origin, &mut scope)?;
        let rule = |name: &str, text: Option<String>| -> Result<Option<Expression>, StrategyError> {
            let Some(text) = text else { return Ok(None) };
            let place = format!("{origin}, rules.{name}");
            let expression = read_expression(&text, &place, &scope)?;
            let typed = expression.typed.condition(name);
            let typed = typed.map_err(|error| StrategyError::expression(place, &text, error))?;
            Ok(Some(Expression { typed, ..expression }))
        };
        let text = file.rules;
        let rules = Rules {
            enter_long: rule("enter_long", text.enter_long)?,
            exit_long: rule("exit_long", text.exit_long)?,
            enter_short: rule("enter_short", text.enter_short)?,
            exit_short: rule("exit_short", text.exit_short)?,
            stop_loss: text.stop_loss,
            take_profit: text.take_profit,
            trailing_stop: text.trailing_stop,
            size: text.size,
            max_bars: text.max_bars,
        };
        let given = |rule: &str| {
            file.signals
                .iter()
                .any(|signals| signals.rules.iter().any(|name| name == rule))
        };
        let entry = |rule: &Option<Expression>, name: &str| rule.is_some() || given(name);
        if !entry(&rules.enter_long, "enter_long") && !entry(&rules.enter_short, "enter_short") {
            return Err(StrategyError::NoEntry {
                origin: origin.to_owned(),
            });
        }
        let strategy = Self {
            name: file.name,
            about: file.about,
            family: file.family,
            origin: origin.to_owned(),
            space: file.params,
            lets,
            rules,
            signals: file.signals,
            scope,
        };
        strategy.check_signals()?;
        crate::orders::check(&strategy.rules, &strategy)?;
        crate::parameters::check_conditions(&strategy.space, &format!("{origin}, params"))?;
        Ok(strategy)
    }

    fn check_signals(&self) -> Result<(), StrategyError> {
        let Some(signals) = &self.signals else { return Ok(()) };
        let bad = |reason: String| StrategyError::Signals {
            origin: self.origin.clone(),
            reason,
        };
        if let Some(unknown) = signals.rules.iter().find(|name| !RULES.contains(&name.as_str())) {
            return Err(bad(format!("there is no rule `{unknown}`")));
        }
        let mut rules = self.conditions().into_iter();
        if let Some((name, _)) = rules.find(|(name, rule)| rule.is_some() && signals.rules.iter().any(|of| of == name)) {
            return Err(bad(format!("{name} is a rule, and signals are given for it, too")));
        }
        if self.space.index_of(GivenSignals::PARAMETER).is_none() {
            return Err(bad(format!(
                "no parameter `{}` says which column a trial takes",
                GivenSignals::PARAMETER
            )));
        }
        Ok(())
    }

    /// The text that says what the strategy does, and nothing else: parameters, lets and rules in a fixed order and spelling,
    /// without name, description, comments and layout.
    pub fn canonical(&self) -> String {
        use std::fmt::Write;
        let mut out = String::new();
        for parameter in &self.space.params {
            let _ = writeln!(
                out,
                "param {} = {:?} default {:?}",
                parameter.name, parameter.domain, parameter.default
            );
        }
        if let Some(condition) = &self.space.condition {
            let spelled = parse(condition).map_or_else(|_| condition.clone(), |expr| expr.to_string());
            let _ = writeln!(out, "where {spelled}");
        }
        for (name, condition) in &self.space.when {
            let spelled = parse(condition).map_or_else(|_| condition.clone(), |expr| expr.to_string());
            let _ = writeln!(out, "{name} when {spelled}");
        }
        let mut lets: Vec<&Let> = self.lets.iter().collect();
        lets.sort_by(|a, b| a.name.cmp(&b.name));
        for item in lets {
            let _ = writeln!(out, "let {} = {}", item.name, item.expression.expr);
        }
        for (name, rule) in self.conditions() {
            if let Some(rule) = rule {
                let _ = writeln!(out, "{name} = {}", rule.expr);
            }
        }
        if let Some(signals) = &self.signals {
            let _ = writeln!(out, "signals {} {}", signals.table, signals.rules.join(" "));
        }
        let rules = &self.rules;
        for (name, level) in [
            ("stop_loss", &rules.stop_loss),
            ("take_profit", &rules.take_profit),
            ("trailing_stop", &rules.trailing_stop),
        ] {
            if let Some(level) = level {
                let _ = writeln!(out, "{name} = {level:?}");
            }
        }
        if let Some(size) = &rules.size {
            let _ = writeln!(out, "size = {size:?}");
        }
        if let Some(bars) = &rules.max_bars {
            let _ = writeln!(out, "max_bars = {bars:?}");
        }
        out
    }

    /// Whether a parameter names an instrument for `ref`.
    pub(crate) fn names_instrument(&self, parameter: &str) -> bool {
        self.mentions()
            .any(|place| matches!(place, Elsewhere::Parameter(name) if name == parameter))
    }

    /// The instruments that a job with this strategy looks at besides its own; `space` comes from [`Strategy::resolve_space`].
    ///
    /// # Errors
    /// A parameter names what cannot be a symbol; what is wrong with the levels and sizes of `execution`.
    pub fn references(&self, space: &Space, execution: &Execution) -> Result<BTreeSet<Symbol>, StrategyError> {
        let orders = Orders::read(&self.rules, execution, self)?;
        let mut texts: BTreeSet<&String> = BTreeSet::new();
        let mut of_orders = Vec::new();
        for term in orders.terms() {
            term.expression.typed.visit_places(&mut |place| of_orders.push(place));
        }
        for place in self.mentions().chain(of_orders) {
            match place {
                Elsewhere::Bars(_) => {}
                Elsewhere::Symbol(symbol) => {
                    texts.insert(symbol);
                }
                Elsewhere::Parameter(name) => match space.index_of(name).map(|at| &space.params[at].domain) {
                    Some(Domain::Choice(choices)) => texts.extend(choices),
                    Some(Domain::Fixed(ParamValue::Text(text))) => {
                        texts.insert(text);
                    }
                    _ => {}
                },
            }
        }
        let symbol = |text: &String| text.parse().map_err(|_| StrategyError::NoReference { symbol: text.clone() });
        texts.into_iter().map(symbol).collect()
    }

    /// All places elsewhere that an expression is computed on.
    fn mentions(&self) -> impl Iterator<Item = &Elsewhere> {
        let rules = self.conditions().into_iter().filter_map(|(_, rule)| rule);
        let expressions = self.lets.iter().map(|item| &item.expression).chain(rules);
        let mut places = Vec::new();
        for expression in expressions {
            expression.typed.visit_places(&mut |place| places.push(place));
        }
        places.into_iter()
    }

    /// The four conditions with their names, in the order of the language reference.
    pub fn conditions(&self) -> [(&'static str, Option<&Expression>); 4] {
        let rules = &self.rules;
        [
            ("enter_long", rules.enter_long.as_ref()),
            ("exit_long", rules.exit_long.as_ref()),
            ("enter_short", rules.enter_short.as_ref()),
            ("exit_short", rules.exit_short.as_ref()),
        ]
    }

    /// Levels of its deepest expression, with the lets that it mentions written out: `a + b` has two.
    pub fn depth(&self) -> usize {
        let mut lets: BTreeMap<&str, usize> = BTreeMap::new();
        for item in &self.lets {
            let depth = item.expression.expr.depth(&|name| lets.get(name).copied());
            lets.insert(&item.name, depth);
        }
        let rules = self.conditions().into_iter().filter_map(|(_, rule)| rule);
        let rules = rules.map(|rule| rule.expr.depth(&|name| lets.get(name).copied()));
        rules.chain(lets.values().copied()).max().unwrap_or(0)
    }

    /// The point of the strategy's own space that takes every default; where there is none, the first value of the range.
    pub fn default_point(&self) -> Point {
        let coordinate = |parameter: &assay_core::space::Parameter| {
            let default = parameter.default.as_ref();
            let default = default.and_then(|value| parameter.domain.coordinate(value));
            default.unwrap_or_else(|| parameter.domain.rest())
        };
        Point(self.space.params.iter().map(coordinate).collect())
    }
}

/// What the language knows of a parameter.
pub(crate) fn parameter_type(domain: &Domain) -> ParameterType {
    match domain {
        Domain::Int { .. } | Domain::Fixed(ParamValue::Int(_)) => ParameterType::Integer,
        Domain::Float { .. } | Domain::Fixed(ParamValue::Float(_)) => ParameterType::Number,
        Domain::Choice(texts) => ParameterType::Choice(texts.clone()),
        Domain::Fixed(ParamValue::Text(text)) => ParameterType::Choice(vec![text.clone()]),
    }
}

/// Reads and types one expression.
pub(crate) fn read_expression(source: &str, place: &str, scope: &Scope) -> Result<Expression, StrategyError> {
    let located = |error: LangError| StrategyError::expression(place.to_owned(), source, error);
    let expr = parse(source).map_err(located)?;
    let typed = check(&expr, scope).map_err(located)?;
    Ok(Expression {
        source: source.to_owned(),
        expr,
        typed,
    })
}

/// Reads the lets into `scope`, each after those it mentions.
fn read_lets(texts: &BTreeMap<String, ParamValue>, origin: &str, scope: &mut Scope) -> Result<Vec<Let>, StrategyError> {
    if texts.len() > MOST_LETS {
        return Err(StrategyError::TooManyLets {
            origin: origin.to_owned(),
            found: texts.len(),
            limit: MOST_LETS,
        });
    }
    let mut parsed = BTreeMap::new();
    for (name, value) in texts {
        let source = value.to_string();
        let expr =
            parse(&source).map_err(|error| StrategyError::expression(format!("{origin}, let.{name}"), &source, error))?;
        parsed.insert(name.as_str(), (source, expr));
    }
    let mut order = Vec::new();
    let mut done = BTreeSet::new();
    for name in parsed.keys() {
        visit(name, &parsed, &mut done, &mut Vec::new(), &mut order).map_err(|names| StrategyError::Cycle {
            origin: origin.to_owned(),
            names,
        })?;
    }
    let mut lets = Vec::new();
    for name in order {
        let (source, expr) = &parsed[name];
        let place = format!("{origin}, let.{name}");
        let located = |error: LangError| StrategyError::expression(place.clone(), source, error);
        let typed = check(expr, scope).map_err(located)?;
        // The name itself may be what is wrong; then it is what is shown.
        scope.bind(name, typed.clone()).map_err(|error| match &error.kind {
            assay_lang::LangErrorKind::BadName { .. } => StrategyError::expression(format!("{origin}, let"), name, error),
            _ => located(error),
        })?;
        lets.push(Let {
            name: name.to_owned(),
            expression: Expression {
                source: source.clone(),
                expr: expr.clone(),
                typed,
            },
        });
    }
    Ok(lets)
}

/// Appends `name` and what it needs to `order`; the error is the circle found.
fn visit<'a>(
    name: &'a str,
    parsed: &'a BTreeMap<&'a str, (String, Expr)>,
    done: &mut BTreeSet<&'a str>,
    open: &mut Vec<&'a str>,
    order: &mut Vec<&'a str>,
) -> Result<(), Vec<String>> {
    if done.contains(name) {
        return Ok(());
    }
    if let Some(first) = open.iter().position(|other| *other == name) {
        let around = open[first..].iter().chain(std::iter::once(&name));
        return Err(around.map(|name| (*name).to_owned()).collect());
    }
    open.push(name);
    for mentioned in parsed[name].1.names() {
        if let Some((mentioned, _)) = parsed.get_key_value(mentioned) {
            visit(mentioned, parsed, done, open, order)?;
        }
    }
    open.pop();
    done.insert(name);
    order.push(name);
    Ok(())
}
