//! The methods of search on functions whose best points are known, beside the figures of other libraries.
//!
//! `cargo run --release -p assay-benches --bin search` prints the tables of `benches/README.md`.

use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use assay_core::job::{Method, SearchSpec};
use assay_optimizer::search::functions::{Function, Problem};
use assay_optimizer::search::hypervolume::hypervolume;
use assay_optimizer::search::{
    Ask, Cmaes, CmaesSettings, Cube, Genetic, GeneticSettings, Outcome, Sampler, Study, StudySettings, Told, Unit, directions,
    sampler,
};
use clap::Parser;

/// Runs each method with many seeds.
#[derive(Parser)]
struct Arguments {
    /// Seeds, from 1.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// First deviation of CMA-ES as a share of each range, where regrets are measured.
    #[arg(long)]
    sigma: Option<f64>,
    /// Only rows whose name contains this text.
    #[arg(long, default_value = "")]
    only: String,
}

/// How points are handed out: batch, lag.
const WAYS: [(usize, u64); 2] = [(1, 0), (8, 1)];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    let genetic = [
        ("NSGA-II", Function::Zdt1, false, 0.869_680, 0.865_390),
        ("NSGA-II", Function::Zdt2, false, 0.536_380, 0.527_707),
        ("NSGA-II", Function::Zdt3, false, 1.327_542, 1.322_484),
        ("NSGA-II", Function::Dtlz2, false, 0.704_392, 0.701_005),
        ("NSGA-III", Function::Dtlz2, true, 0.743_959, 0.743_868),
    ];
    let evolution = [
        (Function::Rosenbrock, 0.5, 0.0, 4_970),
        (Function::Ellipsoid, 0.5, 2.0, 4_140),
        (Function::Sphere, 0.5, 2.0, 1_370),
    ];
    for (name, function, along, plain, moved) in genetic {
        for (shifted, reference) in [(false, plain), (true, moved)] {
            for (batch, lag) in WAYS {
                let row = format!(
                    "{name} {function}{} batch {batch} lag {lag}",
                    if shifted { " shifted" } else { "" }
                );
                if !row.contains(&arguments.only) {
                    continue;
                }
                let start = Instant::now();
                let mut volumes = Vec::new();
                for seed in 1..=arguments.seeds {
                    let mut problem = Problem::new(function, None)?;
                    if shifted {
                        problem = problem.randomly_shifted(seed);
                    }
                    volumes.push(population_volume(&problem, along, seed, batch, lag)?);
                }
                let [least, median, most] = spread(&mut volumes);
                let seconds = start.elapsed().as_secs_f64() / arguments.seeds as f64;
                writeln!(
                    out,
                    "| {row} | {reference:.5} | {median:.5} | {least:.5} | {most:.5} | {seconds:.2} |"
                )?;
            }
        }
    }
    for (function, sigma, start, reference) in evolution {
        for shifted in [false, true] {
            for (batch, lag) in WAYS {
                let row = format!(
                    "cmaes {function}-10{} batch {batch} lag {lag}",
                    if shifted { " shifted" } else { "" }
                );
                if !row.contains(&arguments.only) {
                    continue;
                }
                let start_at = Instant::now();
                let mut evaluations = Vec::new();
                for seed in 1..=arguments.seeds {
                    let mut problem = Problem::new(function, Some(10))?;
                    if shifted {
                        problem = problem.randomly_shifted(seed);
                    }
                    evaluations.extend(evaluations_to(&problem, sigma, start, seed, batch, lag)?);
                }
                let converged = evaluations.len();
                ensure!(converged > 0, "{row}: no seed converged");
                let [least, median, most] = spread(&mut evaluations);
                let (seeds, seconds) = (arguments.seeds, start_at.elapsed().as_secs_f64() / arguments.seeds as f64);
                writeln!(
                    out,
                    "| {row} | {reference} | {median} | {least} | {most} | {converged} of {seeds} | {seconds:.2} |"
                )?;
            }
        }
    }
    regrets(&arguments, &mut out)?;
    for (method, known) in [(Method::Tpe, 1_000), (Method::Bayes, 500)] {
        let row = format!("one ask of {method} after {known} trials");
        if row.contains(&arguments.only) {
            let mut seconds = asks(method, known)?;
            let [least, median, most] = spread(&mut seconds).map(|seconds| seconds * 1e3);
            writeln!(out, "| {row} | {median:.2} ms | {least:.2} | {most:.2} |")?;
        }
    }
    Ok(())
}

/// Seconds that each of the last 20 proposals takes when so many trials are known, of six variables.
fn asks(method: Method, known: u64) -> Result<Vec<f64>> {
    let problem = Problem::new(Function::Hartmann6, None)?;
    let cube = Cube::new(&problem.space())?;
    let spec = SearchSpec {
        method,
        seed: 1,
        ..SearchSpec::default()
    };
    let sampler = sampler(&spec, &cube, 1).context("a method that learns")?;
    let settings = StudySettings {
        trials: known + 20,
        batch: 1,
        lag: 0,
        patience: None,
        seed: 1,
        objectives: 1,
    };
    let mut study = Study::new(cube, sampler, settings, &[], &[])?;
    let mut seconds = Vec::new();
    loop {
        let began = Instant::now();
        let Ask::Batch(batch) = study.ask() else { break };
        seconds.push(began.elapsed().as_secs_f64());
        for proposal in batch.proposals.iter().filter(|proposal| proposal.new) {
            study.tell(proposal.ordinal, feasible(problem.losses(&proposal.point)))?;
        }
    }
    ensure!(seconds.len() > 20, "{method} ended early");
    Ok(seconds.split_off(seconds.len() - 20))
}

/// The least regret of searches of 100 trials.
fn regrets(arguments: &Arguments, out: &mut impl std::io::Write) -> Result<()> {
    let functions = [
        ("branin", Function::Branin, None),
        ("hartmann6", Function::Hartmann6, None),
        ("ackley-5", Function::Ackley, Some(5)),
    ];
    for method in [Method::Tpe, Method::Bayes, Method::Cmaes] {
        for (name, function, dimension) in functions {
            for moved in [false, true] {
                for (batch, lag) in WAYS {
                    let row = format!("{method} {name}{} batch {batch} lag {lag}", if moved { " moved" } else { "" });
                    if !row.contains(&arguments.only) {
                        continue;
                    }
                    let start = Instant::now();
                    let mut found = Vec::new();
                    for seed in 1..=arguments.seeds {
                        let problem = Problem::new(function, dimension)?;
                        let problem = match (moved, function) {
                            (true, _) => problem.randomly_shifted(seed),
                            (false, Function::Ackley) => problem.shifted(&[10.3, -7.1, 3.7, 15.2, -12.4]),
                            (false, _) => problem,
                        };
                        found.push(regret(&problem, method, arguments.sigma, seed, batch, lag)?);
                    }
                    let [least, median, most] = spread(&mut found);
                    let seconds = start.elapsed().as_secs_f64() / arguments.seeds as f64;
                    writeln!(out, "| {row} | {median:.2e} | {least:.2e} | {most:.2e} | {seconds:.2} |")?;
                    out.flush()?;
                }
            }
        }
    }
    Ok(())
}

/// What a search of 100 trials leaves to the best there is.
fn regret(problem: &Problem, method: Method, sigma: Option<f64>, seed: u64, batch: usize, lag: u64) -> Result<f64> {
    let cube = Cube::new(&problem.space())?;
    let mut spec = SearchSpec {
        method,
        seed,
        ..SearchSpec::default()
    };
    spec.cmaes = sigma.map(|sigma| CmaesSettings {
        sigma,
        ..CmaesSettings::default()
    });
    let sampler = sampler(&spec, &cube, 1).context("a method that learns")?;
    let settings = StudySettings {
        trials: 100,
        batch,
        lag,
        patience: None,
        seed,
        objectives: 1,
    };
    let mut study = Study::new(cube, sampler, settings, &[], &[])?;
    let mut best = f64::INFINITY;
    study.run(|proposal| {
        let losses = problem.losses(&proposal.point);
        best = best.min(losses[0]);
        Some(feasible(losses))
    })?;
    Ok(best - problem.optimum().context("a known minimum")?)
}

/// Evaluations until CMA-ES has found less than 1e-8, begun at `start` with a deviation of `sigma`, both in the problem's units;
/// nothing if it never does.
fn evaluations_to(problem: &Problem, sigma: f64, start: f64, seed: u64, batch: usize, lag: u64) -> Result<Option<f64>> {
    let cube = Cube::new(&problem.space())?;
    let (low, high) = problem.ranges()[0];
    let settings = CmaesSettings {
        sigma: sigma / (high - low),
        start: Some(vec![(start - low) / (high - low); problem.dimension()].into()),
        ..CmaesSettings::default()
    };
    let sampler = Box::new(Cmaes::new(cube.clone(), seed, settings));
    let settings = StudySettings {
        trials: 60_000,
        batch,
        lag,
        patience: None,
        seed,
        objectives: 1,
    };
    let mut study = Study::new(cube, sampler, settings, &[], &[])?;
    let mut reached = None;
    study.run(|proposal| {
        let losses = problem.losses(&proposal.point);
        if losses[0] < 1e-8 && reached.is_none() {
            reached = Some(proposal.ordinal.0 as f64 + 1.0);
            return None;
        }
        Some(feasible(losses))
    })?;
    Ok(reached)
}

/// A sampler that can still be looked at when a study has it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Genetic>>);

impl Shared {
    fn genetic(&self) -> MutexGuard<'_, Genetic> {
        self.0.lock().expect("nothing panics while it is locked")
    }
}

impl Sampler for Shared {
    fn propose(&mut self, batch: u64, count: usize, pending: &[Unit]) -> Vec<Unit> {
        self.genetic().propose(batch, count, pending)
    }

    fn observe(&mut self, batch: u64, told: &[Told]) {
        self.genetic().observe(batch, told);
    }
}

/// Hypervolume of the last population.
fn population_volume(problem: &Problem, along: bool, seed: u64, batch: usize, lag: u64) -> Result<f64> {
    let cube = Cube::new(&problem.space())?;
    let genetic = if along {
        Genetic::along(cube.clone(), seed, GeneticSettings::default(), &directions::das_dennis(3, 12))
    } else {
        Genetic::new(cube.clone(), seed, GeneticSettings::default(), problem.objectives())
    };
    let settings = StudySettings {
        trials: 25_000,
        batch,
        lag,
        patience: None,
        seed,
        objectives: problem.objectives(),
    };
    let genetic = Shared(Arc::new(Mutex::new(genetic)));
    let mut study = Study::new(cube, Box::new(genetic.clone()), settings, &[], &[])?;
    study.run(|proposal| Some(feasible(problem.losses(&proposal.point))))?;
    let last = genetic.genetic();
    let losses: Vec<&[f64]> = last.population().filter_map(|told| told.outcome.losses.as_deref()).collect();
    Ok(hypervolume(&losses, &vec![1.1; problem.objectives()]))
}

fn feasible(losses: Box<[f64]>) -> Outcome {
    Outcome {
        losses: Some(losses),
        violation: 0.0,
    }
}

/// Least, median and greatest.
fn spread(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    [
        values[0],
        f64::midpoint(values[last / 2], values[values.len() / 2]),
        values[last],
    ]
}
