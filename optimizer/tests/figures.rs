//! Searches find what the references find, on functions whose best points are known. The references are medians of five seeds, or of
//! eleven for CMA-ES; the tables in `benches/README.md` have twenty of ours.

use std::sync::{Arc, Mutex, MutexGuard};

use assay_optimizer::search::functions::{Function, Problem};
use assay_optimizer::search::hypervolume::hypervolume;
use assay_optimizer::search::{
    Cmaes, CmaesSettings, Cube, De, DeSettings, Dimension, Genetic, GeneticSettings, Halving, Outcome, Polish, PolishSettings,
    Pso, PsoSettings, Random, Refine, RefineSettings, Sampler, Study, StudySettings, Told, Unit, directions,
};

const SEEDS: [u64; 3] = [1, 2, 3];

fn feasible(losses: Box<[f64]>) -> Outcome {
    Outcome {
        losses: Some(losses),
        violation: 0.0,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn cube(problem: &Problem) -> Cube {
    Cube::new(&problem.space()).expect("test functions have sound spaces")
}

/// Runs a search until it ends or `evaluate` returns nothing.
fn run(
    problem: &Problem,
    sampler: Box<dyn Sampler>,
    settings: StudySettings,
    evaluate: impl Fn(Box<[f64]>) -> Option<Outcome>,
) -> Study {
    let study = Study::new(cube(problem), sampler, settings, &[], &[]);
    let mut study = study.expect("test functions have no condition");
    let batches = study.run(|proposal| evaluate(problem.losses(&proposal.point)));
    batches.expect("only what was proposed is told");
    study
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

/// Hypervolume of the last population, the median of three seeds.
fn volume(function: Function, make: impl Fn(Cube, u64) -> Genetic) -> f64 {
    let problem = Problem::new(function, None).expect("the usual dimension is defined");
    let volume = |seed| {
        let settings = StudySettings {
            trials: 25_000,
            batch: 8,
            lag: 1,
            patience: None,
            seed,
            objectives: problem.objectives(),
        };
        let genetic = Shared(Arc::new(Mutex::new(make(cube(&problem), seed))));
        run(&problem, Box::new(genetic.clone()), settings, |losses| Some(feasible(losses)));
        let last = genetic.genetic();
        let losses: Vec<&[f64]> = last.population().filter_map(|told| told.outcome.losses.as_deref()).collect();
        assert!(losses.len() <= 100);
        hypervolume(&losses, &vec![1.1; problem.objectives()])
    };
    median(SEEDS.map(volume).into())
}

fn nsga2(function: Function) -> f64 {
    volume(function, |cube, seed| {
        let objectives = function.usual_objectives();
        Genetic::new(cube, seed, GeneticSettings::default(), objectives)
    })
}

#[test]
fn nsga2_covers_the_front_of_zdt1() {
    assert!(nsga2(Function::Zdt1) >= 0.869_76);
}

#[test]
fn nsga2_covers_the_front_of_zdt2() {
    assert!(nsga2(Function::Zdt2) >= 0.536_38);
}

#[test]
fn nsga2_covers_the_front_of_zdt3() {
    assert!(nsga2(Function::Zdt3) >= 1.327_73);
}

#[test]
fn nsga2_covers_the_front_of_dtlz2() {
    assert!(nsga2(Function::Dtlz2) >= 0.704_17);
}

#[test]
fn nsga3_covers_the_front_of_dtlz2() {
    let along = |cube, seed| Genetic::along(cube, seed, GeneticSettings::default(), &directions::das_dennis(3, 12));
    assert!(volume(Function::Dtlz2, along) >= 0.744);
}

/// Least loss of a search with so many trials, the median of three seeds.
fn least(problem: &Problem, trials: u64, make: impl Fn(Cube, u64) -> Box<dyn Sampler>) -> f64 {
    let least = |seed| {
        let settings = StudySettings {
            trials,
            batch: 4,
            lag: 1,
            patience: None,
            seed,
            objectives: 1,
        };
        let study = run(problem, make(cube(problem), seed), settings, |losses| Some(feasible(losses)));
        let best = study
            .front()
            .members()
            .first()
            .and_then(|(_, outcome)| outcome.losses.clone());
        best.expect("test functions are defined everywhere")[0]
    };
    median(SEEDS.map(least).into())
}

#[test]
fn cmaes_solves_rosenbrock_in_ten_dimensions() {
    let problem = Problem::new(Function::Rosenbrock, Some(10)).unwrap();
    let mut evaluations = Vec::new();
    for seed in SEEDS {
        // From 0 with a deviation of 0.5, of a range from -5 to 5.
        let settings = CmaesSettings {
            sigma: 0.05,
            start: Some([0.5; 10].into()),
            ..CmaesSettings::default()
        };
        let sampler = Box::new(Cmaes::new(cube(&problem), seed, settings));
        let settings = StudySettings {
            trials: 20_000,
            batch: 1,
            lag: 0,
            patience: None,
            seed,
            objectives: 1,
        };
        let study = run(&problem, sampler, settings, |losses| {
            (losses[0] >= 1e-8).then(|| feasible(losses))
        });
        evaluations.push(study.proposed() as f64);
    }
    assert!(evaluations.iter().all(|count| *count < 20_000.0), "{evaluations:?}");
    assert!(median(evaluations) <= 5_000.0);
}

#[test]
fn restarts_leave_local_minima() {
    let problem = Problem::new(Function::Levy, Some(3)).unwrap().randomly_shifted(5);
    let found = least(&problem, 4_000, |cube, seed| {
        Box::new(Cmaes::new(cube, seed, CmaesSettings::default()))
    });
    assert!(found < 1e-8, "{found}");
}

#[test]
fn every_method_gets_further_than_chance() {
    let problem = Problem::new(Function::Rosenbrock, Some(4)).unwrap().randomly_shifted(2);
    let random = least(&problem, 600, |cube, seed| Box::new(Random::new(cube, seed)));
    let within = |name: &str, share: f64, make: fn(Cube, u64) -> Box<dyn Sampler>| {
        let found = least(&problem, 600, make);
        assert!(found < share * random, "{name}: {found} against {random}");
    };
    within("de", 0.1, |cube, seed| Box::new(De::new(cube, seed, DeSettings::default())));
    within("pso", 0.1, |cube, seed| {
        Box::new(Pso::new(cube, seed, PsoSettings::default()))
    });
    within("cmaes", 0.1, |cube, seed| {
        Box::new(Cmaes::new(cube, seed, CmaesSettings::default()))
    });
    within("polish", 0.1, |cube, seed| {
        Box::new(Polish::new(cube, seed, PolishSettings::default()))
    });
    within("refine", 0.8, |cube, seed| {
        Box::new(Refine::new(cube, seed, RefineSettings::default()))
    });
    within("genetic", 0.5, |cube, seed| {
        let settings = GeneticSettings {
            population: 20,
            ..GeneticSettings::default()
        };
        Box::new(Genetic::new(cube, seed, settings, 1))
    });
}

#[test]
fn halving_promotes_the_best_of_each_level() {
    let problem = Problem::new(Function::Sphere, Some(2)).unwrap();
    let cube = Cube::with_levels(&problem.space(), 3).unwrap();
    assert_eq!(cube.dimensions()[2], Dimension::Ordered(3));
    let mut halving = Halving::new(cube.clone(), 3, Box::new(Random::new(cube.without_levels(), 1)));
    let mut counts = [0; 3];
    let mut best = f64::INFINITY;
    for batch in 0..60 {
        let units = halving.propose(batch, 4, &[]);
        let told: Vec<Told> = units
            .into_iter()
            .map(|unit| {
                let loss = problem.losses(&cube.point(&unit))[0];
                counts[cube.level(&unit) as usize] += 1;
                if cube.level(&unit) == 2 {
                    best = best.min(loss);
                }
                Told {
                    unit,
                    outcome: feasible([loss].into()),
                }
            })
            .collect();
        halving.observe(batch, &told);
    }
    assert!(
        counts[0] > 2 * counts[1] && counts[1] > 2 * counts[2] && counts[2] > 5,
        "{counts:?}"
    );
    assert!(best < 0.5, "{best}");
}
