//! `assay strategy ls | new | show | check`

use std::io::Write;
use std::sync::Arc;

use assay_core::job::{Direction, Execution, Fill, Method, SearchSpec};
use assay_core::space::{Domain, Parameter, Point, Space};
use assay_optimizer::{Count, Proposals};
use assay_strategies::{Program, Strategy, StrategyError, library, look_ahead};
use serde_json::json;

use super::sample_market::sample_market;
use crate::args::{OutputFormat, StrategyCommand};
use crate::failure::{Failure, Outcome};
use crate::job::named_strategy;
use crate::output::{Kind, Rows, human, print_json, print_rows, stdout};
use crate::settings::Settings;

/// Bars of the generated market that a strategy is checked on.
const SAMPLE_BARS: usize = 6_000;
/// Points of the space on which the look-ahead test is made, besides the default one.
const SAMPLE_POINTS: u64 = 7;

pub(super) fn run(command: &StrategyCommand, settings: &Settings) -> Outcome {
    match command {
        StrategyCommand::Ls => list(settings),
        StrategyCommand::New { name } => new(name),
        StrategyCommand::Show { name } => show(name, settings),
        StrategyCommand::Check { file } => check(file, settings),
    }
}

fn list(settings: &Settings) -> Outcome {
    let mut rows = Rows::new([
        ("family", Kind::Text),
        ("name", Kind::Text),
        ("parameters", Kind::Text),
        ("about", Kind::Text),
    ]);
    let mut strategies = Vec::new();
    for (name, source) in library() {
        strategies.push((*name, Strategy::parse(source, name)?));
    }
    strategies.sort_by(|(a, one), (b, other)| (&one.family, a).cmp(&(&other.family, b)));
    for (name, strategy) in strategies {
        let parameters: Vec<&str> = strategy.space.params.iter().map(|p| p.name.as_str()).collect();
        rows.push(vec![
            strategy.family.into(),
            name.into(),
            parameters.join(", ").into(),
            strategy.about.into(),
        ]);
    }
    print_rows(&rows, settings.format())?;
    Ok(0)
}

/// Writes `strategy_new.toml` under another name, unless there is such a file.
fn new(name: &str) -> Outcome {
    let readable = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty();
    if !readable {
        let hint = "use letters, digits and `_`; the file is put into this folder";
        return Err(Failure::usage(format!("`{name}` cannot be the name of a strategy")).hint(hint));
    }
    let path = std::path::PathBuf::from(format!("{name}.toml"));
    let mut file = match std::fs::File::create_new(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let hint = "choose another name, or move the file away";
            return Err(Failure::usage(format!("{} exists already", path.display())).hint(hint));
        }
        Err(error) => return Err(Failure::io("write", &path, &error)),
    };
    let text = include_str!("strategy_new.toml").replace("NAME", name);
    file.write_all(text.as_bytes())
        .map_err(|error| Failure::io("write", &path, &error))?;
    let mut out = stdout();
    writeln!(out, "wrote {name}.toml; next:")?;
    writeln!(
        out,
        "  assay strategy check {name}.toml     type it, and test that it cannot see the future"
    )?;
    writeln!(out, "  assay help fn                        the functions that rules may use")?;
    out.flush()?;
    Ok(0)
}

fn show(name: &str, settings: &Settings) -> Outcome {
    let (source, origin) = named_strategy(name)?;
    if settings.output == Some(OutputFormat::Json) {
        print_json(&json!({ "name": name, "origin": origin, "source": source }))?;
    } else {
        let mut out = stdout();
        out.write_all(source.as_bytes())?;
        out.flush()?;
    }
    Ok(0)
}

/// What is known of a strategy once it was typed, sized and tested.
struct Checked {
    strategy: Strategy,
    warmup_default: usize,
    warmup_largest: usize,
    count: Option<Count>,
    /// Points on which the look-ahead test was made, and bars of their market.
    tested: (usize, usize),
    /// Values that changed when later bars were added.
    differences: Vec<String>,
}

/// What is known of a strategy, as JSON.
#[cfg(feature = "cluster")]
pub(crate) fn checked(strategy: Strategy, origin: &str) -> Result<serde_json::Value, Failure> {
    let checked = examine(strategy)?;
    match checked.differences.first() {
        None => Ok(to_json(&checked)),
        Some(difference) => Err(Failure::internal(format!("the strategy sees the future: {difference}")).at(origin)),
    }
}

fn check(file: &str, settings: &Settings) -> Outcome {
    let (source, origin) = named_strategy(file)?;
    let checked = examine(Strategy::parse(&source, &origin)?)?;
    let mut parameters = Rows::new([("parameter", Kind::Text), ("values", Kind::Text), ("default", Kind::Text)]);
    for parameter in &checked.strategy.space.params {
        let default = parameter.default.as_ref().map(ToString::to_string);
        parameters.push(vec![
            parameter.name.as_str().into(),
            range_text(&parameter.domain).into(),
            default.into(),
        ]);
    }
    match settings.format() {
        OutputFormat::Table => print_report(&checked, &parameters)?,
        OutputFormat::Json => print_json(&to_json(&checked))?,
        format => print_rows(&parameters, format)?,
    }
    match checked.differences.first() {
        None => Ok(0),
        Some(difference) => Err(Failure::internal(format!("the strategy sees the future: {difference}")).at(origin)),
    }
}

fn examine(strategy: Strategy) -> Result<Checked, Failure> {
    let mut market = sample_market(SAMPLE_BARS)?;
    let execution = Execution {
        direction: Direction::Both,
        fill: Fill::Close,
        ..Execution::default()
    };
    let space = strategy.resolve_space(None)?;
    // What the strategy looks at besides is generated too.
    let other = Arc::new(market.clone());
    let others = strategy.references(&space, &execution)?.into_iter();
    market.others = Arc::new(others.map(|symbol| (symbol.to_string(), Arc::clone(&other))).collect());
    let default = strategy.default_point();
    let corner = Point(space.params.iter().map(largest).collect());
    let program = Program::build(&strategy, &execution, &space, &[default.clone(), corner], &market)?;
    if let Some(error) = program.failures.get(&0) {
        return Err(error.clone().into());
    }
    let mut points = vec![default];
    points.extend(sample_points(&space)?);
    let mut differences = Vec::new();
    let mut tested = 0;
    for point in &points {
        match look_ahead(&strategy, &market, point) {
            Ok(found) => {
                tested += 1;
                let text = |d: assay_strategies::Difference| {
                    format!("{} changes at bar {} when bars follow bar {}", d.node, d.bar, d.cut)
                };
                differences.extend(found.difference.map(text));
            }
            // Parameters without a meaning, such as a size of 0, are no case for this test.
            Err(StrategyError::BadAmount { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let count = match Proposals::new(&space, &SearchSpec::default()) {
        Ok(proposals) => Some(proposals.count()),
        Err(assay_optimizer::OptimizerError::Continuous { .. } | assay_optimizer::OptimizerError::TooLarge) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Checked {
        warmup_default: program.warmup(0),
        warmup_largest: program.warmup(1).max(program.warmup(0)),
        strategy,
        count,
        tested: (tested, SAMPLE_BARS),
        differences,
    })
}

fn sample_points(space: &Space) -> Result<Vec<Point>, Failure> {
    let search = SearchSpec {
        method: Method::Random,
        trials: Some(SAMPLE_POINTS),
        seed: 1,
        ..SearchSpec::default()
    };
    let mut points = Vec::new();
    Proposals::new(space, &search)?.block(0, &mut points);
    Ok(points.into_iter().map(|(_, point)| point).collect())
}

/// The largest coordinate of a parameter: lookbacks grow with lengths.
fn largest(parameter: &Parameter) -> f64 {
    match &parameter.domain {
        Domain::Int { high, .. } => *high as f64,
        Domain::Float { high, .. } => *high,
        Domain::Choice(texts) => texts.len() as f64 - 1.0,
        Domain::Fixed(value) => parameter.domain.coordinate(value).unwrap_or(0.0),
    }
}

fn range_text(domain: &Domain) -> String {
    let log = |log: bool| if log { ", log" } else { "" };
    match domain {
        Domain::Int {
            low,
            high,
            step: 1,
            log: l,
        } => format!("{low} to {high}{}", log(*l)),
        Domain::Int { low, high, step, log: l } => format!("{low} to {high} by {step}{}", log(*l)),
        Domain::Float {
            low,
            high,
            step: Some(step),
            ..
        } => format!("{low} to {high} by {step}"),
        Domain::Float {
            low,
            high,
            steps: Some(steps),
            log: l,
            ..
        } => format!("{low} to {high} in {steps} steps{}", log(*l)),
        Domain::Float { low, high, log: l, .. } => format!("{low} to {high}{}", log(*l)),
        Domain::Choice(texts) => texts.join(" | "),
        Domain::Fixed(value) => value.to_string(),
    }
}

fn count_text(count: Option<Count>) -> String {
    match count {
        Some(Count::Exact(count)) => format!("{} points", human::count(count as i64)),
        Some(Count::About(count)) => format!("about {} points", human::count(count as i64)),
        None => "continuous: draw from it with method = \"random\" or \"sobol\"".to_owned(),
    }
}

fn print_report(checked: &Checked, parameters: &Rows) -> Result<(), Failure> {
    let strategy = &checked.strategy;
    let mut out = stdout();
    writeln!(out, "{}: {}", strategy.name, strategy.about)?;
    if !parameters.is_empty() {
        writeln!(out, "\n{}\n", crate::output::table(parameters))?;
    }
    if let Some(condition) = &strategy.space.condition {
        writeln!(out, "where        {condition}")?;
    }
    writeln!(out, "space        {}", count_text(checked.count))?;
    for (name, rule) in strategy.conditions() {
        if let Some(rule) = rule {
            writeln!(out, "{name:<12} {}", rule.source)?;
        }
    }
    writeln!(
        out,
        "warm-up      {} bars with the defaults, {} at most",
        human::count(checked.warmup_default as i64),
        human::count(checked.warmup_largest as i64)
    )?;
    let verdict = if checked.differences.is_empty() { "passed" } else { "FAILED" };
    let (points, bars) = checked.tested;
    writeln!(
        out,
        "look-ahead   {verdict} with {points} parameter sets on {} generated bars",
        human::count(bars as i64)
    )?;
    Ok(out.flush()?)
}

fn to_json(checked: &Checked) -> serde_json::Value {
    let strategy = &checked.strategy;
    let rules: serde_json::Map<_, _> = strategy
        .conditions()
        .into_iter()
        .filter_map(|(name, rule)| Some((name.to_owned(), json!(rule?.source))))
        .collect();
    json!({
        "name": strategy.name,
        "about": strategy.about,
        "params": strategy.space.params,
        "where": strategy.space.condition,
        "rules": rules,
        "points": checked.count.map(Count::value),
        "points_exact": matches!(checked.count, Some(Count::Exact(_))),
        "warmup": { "default": checked.warmup_default, "largest": checked.warmup_largest },
        "look_ahead": checked.differences.is_empty(),
    })
}
