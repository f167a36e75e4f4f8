//! `assay optimize-fn`: a method of search on a function whose best points are known.

use std::io::Write;
use std::time::Instant;

use assay_core::job::{Method, SearchSpec};
use assay_core::space::Point;
use assay_optimizer::Proposals;
use assay_optimizer::search::functions::Problem;
use assay_optimizer::search::hypervolume::hypervolume;
use assay_optimizer::search::pareto::Front;
use assay_optimizer::search::{Cube, Outcome as Found, Study, StudySettings, sampler};
use serde_json::{Map, Value, json};

use super::show::params_text;
use crate::args::{OptimizeFnArgs, OutputFormat, Shift};
use crate::failure::{Failure, Outcome};
use crate::output::{human, print_json, stdout};
use crate::settings::Settings;

/// The reference of hypervolumes, in every objective.
const REFERENCE: f64 = 1.1;

/// What was evaluated, in its order.
#[derive(Default)]
struct Course {
    points: Vec<Point>,
    front: Front,
    /// Of one objective: the least value so far, whenever it fell.
    improvements: Vec<(u64, f64)>,
}

pub(super) fn run(args: &OptimizeFnArgs, settings: &Settings) -> Outcome {
    let problem = problem(args)?;
    let spec = SearchSpec {
        method: args.method,
        trials: (args.method != Method::Grid).then_some(args.trials),
        seed: args.seed,
        ..SearchSpec::default()
    };
    let began = Instant::now();
    let mut course = Course::default();
    if args.method.learns() {
        search(args, &problem, &spec, &mut course)?;
    } else {
        enumerate(args, &problem, &spec, &mut course)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    match settings.format() {
        OutputFormat::Json => print_json(&to_json(args, &problem, &course, seconds))?,
        OutputFormat::Table => print_table(args, &problem, &course, seconds)?,
        _ => return Err(Failure::usage("a search on a function gives no rows").hint("use -o json")),
    }
    Ok(0)
}

fn problem(args: &OptimizeFnArgs) -> Result<Problem, Failure> {
    let dimension = args.dimension.map(usize::from);
    let problem = match args.objectives {
        Some(objectives) => Problem::with_objectives(args.name, dimension, usize::from(objectives))?,
        None => Problem::new(args.name, dimension)?,
    };
    match &args.shift {
        None => Ok(problem),
        Some(Shift::Random) => Ok(problem.randomly_shifted(args.seed)),
        Some(Shift::By(distances)) if distances.len() <= problem.dimension() => Ok(problem.shifted(distances)),
        Some(Shift::By(distances)) => {
            let message = format!("{} distances for {} variables", distances.len(), problem.dimension());
            Err(Failure::usage(message).hint("give one for each variable, or fewer"))
        }
    }
}

impl Course {
    fn evaluate(&mut self, problem: &Problem, point: &Point) -> Found {
        let losses = problem.losses(point);
        let number = self.points.len() as u64;
        if let [loss] = *losses
            && self.improvements.last().is_none_or(|(_, best)| loss < *best)
        {
            self.improvements.push((number + 1, loss));
        }
        let found = Found {
            losses: Some(losses),
            violation: 0.0,
        };
        self.points.push(point.clone());
        self.front.push(number, &found);
        found
    }

    fn losses(&self) -> Vec<&[f64]> {
        let members = self.front.members().iter();
        members.filter_map(|(_, outcome)| outcome.losses.as_deref()).collect()
    }
}

fn search(args: &OptimizeFnArgs, problem: &Problem, spec: &SearchSpec, course: &mut Course) -> Result<(), Failure> {
    if args.method == Method::Halving {
        return Err(Failure::usage("a function has no shorter windows to begin with")
            .hint("`halving` is for jobs; try tpe, bayes, cmaes or genetic"));
    }
    if problem.objectives() > args.method.most_goals() {
        let message = format!(
            "{} pursues one objective, {} has {}",
            args.method,
            args.name,
            problem.objectives()
        );
        return Err(Failure::usage(message).hint("genetic, tpe and bayes pursue several"));
    }
    let cube = Cube::new(&problem.space())?;
    let sampler = sampler(spec, &cube, problem.objectives())
        .ok_or_else(|| Failure::internal(format!("{} does not learn", args.method)))?;
    let settings = StudySettings {
        trials: args.trials,
        batch: args.batch as usize,
        lag: u64::from(args.lag),
        patience: None,
        seed: args.seed,
        objectives: problem.objectives(),
    };
    let mut study = Study::new(cube, sampler, settings, &[], &[])?;
    let ran = study.run(|proposal| Some(course.evaluate(problem, &proposal.point)));
    ran.map(drop).map_err(|error| Failure::internal(error.to_string()))
}

/// A method whose points are known from the beginning. A grid of continuous variables has as many steps in each as the trials allow.
fn enumerate(args: &OptimizeFnArgs, problem: &Problem, spec: &SearchSpec, course: &mut Course) -> Result<(), Failure> {
    let mut space = problem.space();
    if args.method == Method::Grid {
        let mut side = 1u32;
        while cells(side + 1, problem.dimension()) <= args.trials as f64 {
            side += 1;
        }
        for param in &mut space.params {
            if let assay_core::space::Domain::Float { steps, .. } = &mut param.domain {
                *steps = Some(side);
            }
        }
    }
    let proposals = Proposals::new(&space, spec)?;
    let mut block = Vec::new();
    for index in 0..proposals.blocks() {
        proposals.block(index, &mut block);
        for (_, point) in &block {
            course.evaluate(problem, point);
        }
    }
    Ok(())
}

/// How many points a grid has with so many values of each of so many variables.
fn cells(side: u32, variables: usize) -> f64 {
    (0..variables).fold(1.0, |product, _| product * f64::from(side))
}

fn params(problem: &Problem, point: &Point) -> Map<String, Value> {
    let names = problem.space().params.into_iter().map(|param| param.name);
    names.zip(point.0.iter().map(|x| json!(x))).collect()
}

fn to_json(args: &OptimizeFnArgs, problem: &Problem, course: &Course, seconds: f64) -> Value {
    let mut out = json!({
        "function": args.name.to_string(),
        "dimension": problem.dimension(),
        "objectives": problem.objectives(),
        "method": args.method.name(),
        "seed": args.seed,
        "batch": args.batch,
        "lag": args.lag,
        "trials": course.points.len(),
        "seconds": seconds,
    });
    if problem.objectives() == 1 {
        let best = course.improvements.last().map(|(_, best)| *best);
        let point = course
            .front
            .members()
            .first()
            .map(|(number, _)| &course.points[*number as usize]);
        out["best"] = json!(best);
        out["regret"] = json!(best.zip(problem.optimum()).map(|(best, optimum)| best - optimum));
        out["params"] = json!(point.map(|point| params(problem, point)));
        out["best_so_far"] = json!(course.improvements);
    } else {
        let losses = course.losses();
        out["hypervolume"] = json!(hypervolume(&losses, &vec![REFERENCE; problem.objectives()]));
        out["reference"] = json!(REFERENCE);
        out["front"] = json!(losses);
    }
    out
}

fn print_table(args: &OptimizeFnArgs, problem: &Problem, course: &Course, seconds: f64) -> Result<(), Failure> {
    let mut out = stdout();
    let trials = human::count(course.points.len() as i64);
    writeln!(
        out,
        "{} on {} of {} variables: {trials} trials in {}",
        args.method,
        args.name,
        problem.dimension(),
        human::seconds(seconds)
    )?;
    if problem.objectives() > 1 {
        let losses = course.losses();
        let volume = hypervolume(&losses, &vec![REFERENCE; problem.objectives()]);
        writeln!(out, "hypervolume  {volume:.5}, reference {REFERENCE} in each objective")?;
        writeln!(out, "front        {} points", losses.len())?;
        return Ok(out.flush()?);
    }
    if let (Some((_, best)), Some((number, _))) = (course.improvements.last(), course.front.members().first()) {
        writeln!(out, "best    {}", human::number(*best))?;
        if let Some(optimum) = problem.optimum() {
            writeln!(out, "regret  {:.3e}", best - optimum)?;
        }
        writeln!(
            out,
            "at      {}",
            params_text(&params(problem, &course.points[*number as usize]))
        )?;
        writeln!(out, "found   as trial {}", human::count(*number as i64 + 1))?;
    }
    Ok(out.flush()?)
}
