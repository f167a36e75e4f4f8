//! How close searches come to known minima in 100 trials, with three seeds each. The figures of 20 seeds are in `benches/README.md`.

use std::collections::VecDeque;

use assay_core::space::{Domain, Parameter, Point, Space};
use assay_optimizer::search::functions::{Function, Problem};
use assay_optimizer::search::{Ask, Bayes, BayesSettings, Cube, Outcome, Sampler, Study, StudySettings, Tpe, TpeSettings};

/// The outcomes of a search of so many trials, one at a time or in batches.
fn search(
    space: &Space,
    make: &dyn Fn(Cube) -> Box<dyn Sampler>,
    (trials, batch, lag): (u64, usize, u64),
    objectives: usize,
    outcome: &dyn Fn(&Point) -> Outcome,
) -> Vec<Outcome> {
    let cube = Cube::new(space).expect("the spaces of these tests are valid");
    let settings = StudySettings {
        trials,
        batch,
        lag,
        patience: None,
        seed: 1,
        objectives,
    };
    let mut study = Study::new(cube.clone(), make(cube), settings, &[], &[]).expect("every space here has a point");
    let mut outcomes = Vec::new();
    let mut waiting = VecDeque::new();
    loop {
        match study.ask() {
            Ask::Batch(batch) => {
                waiting.extend(batch.proposals);
                continue;
            }
            Ask::Done if waiting.is_empty() => return outcomes,
            Ask::Wait | Ask::Done => {}
        }
        while let Some(proposal) = waiting.pop_front() {
            let told = outcome(&proposal.point);
            study.tell(proposal.ordinal, told.clone()).expect("the point was proposed");
            outcomes.push(told);
        }
    }
}

fn feasible(losses: Box<[f64]>) -> Outcome {
    Outcome {
        losses: Some(losses),
        violation: 0.0,
    }
}

/// The lowest first loss.
fn lowest<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> f64 {
    let losses = outcomes.filter_map(|outcome| outcome.losses.as_ref());
    losses.map(|losses| losses[0]).fold(f64::INFINITY, f64::min)
}

fn tpe(seed: u64) -> impl Fn(Cube) -> Box<dyn Sampler> {
    move |cube| Box::new(Tpe::new(cube, seed, TpeSettings::default()))
}

fn bayes(seed: u64) -> impl Fn(Cube) -> Box<dyn Sampler> {
    move |cube| Box::new(Bayes::new(cube, seed, BayesSettings::default()))
}

/// Median regret of three seeds after 100 trials.
fn median_regret(problem: &Problem, make: &dyn Fn(u64) -> Box<dyn Fn(Cube) -> Box<dyn Sampler>>, way: (usize, u64)) -> f64 {
    let regret = |seed: u64| {
        let outcome = |point: &Point| feasible(problem.losses(point));
        let outcomes = search(&problem.space(), &make(seed), (100, way.0, way.1), 1, &outcome);
        lowest(outcomes.iter()) - problem.optimum().expect("a known minimum")
    };
    let mut regrets = [regret(1), regret(2), regret(3)];
    regrets.sort_by(f64::total_cmp);
    regrets[1]
}

fn problems() -> [Problem; 3] {
    let of = |function, dimension| Problem::new(function, dimension).expect("a dimension that it can have");
    [
        of(Function::Branin, None),
        of(Function::Hartmann6, None),
        of(Function::Ackley, Some(5)).shifted(&[10.3, -7.1, 3.7, 15.2, -12.4]),
    ]
}

#[test]
fn parzen_estimators_come_close() {
    for (problem, (alone, batched)) in problems().iter().zip([(0.04, 0.3), (0.3, 0.9), (7.0, 14.0)]) {
        let make = |seed| -> Box<dyn Fn(Cube) -> Box<dyn Sampler>> { Box::new(tpe(seed)) };
        let found = median_regret(problem, &make, (1, 0));
        assert!(found < alone, "{problem:?}: {found}");
        let found = median_regret(problem, &make, (8, 1));
        assert!(found < batched, "{problem:?} in batches: {found}");
    }
}

#[test]
fn gaussian_processes_come_closer() {
    for (problem, limit) in problems().iter().zip([1e-7, 0.2, 4.0]) {
        let found = median_regret(problem, &|seed| Box::new(bayes(seed)), (1, 0));
        assert!(found < limit, "{problem:?}: {found}");
    }
}

/// A space with every kind of parameter whose best point is a = 7, b = 0.3, d = "y", and how far a point is from it.
fn mixed() -> (Space, impl Fn(&Point) -> f64) {
    let parameter = |name: &str, domain: Domain| Parameter {
        name: name.to_owned(),
        domain,
        default: None,
    };
    let (step, steps, log) = (None, None, false);
    let params = vec![
        parameter(
            "a",
            Domain::Int {
                low: 1,
                high: 60,
                step: 1,
                log: true,
            },
        ),
        parameter(
            "b",
            Domain::Float {
                low: 0.0,
                high: 1.0,
                step,
                steps,
                log,
            },
        ),
        parameter(
            "c",
            Domain::Int {
                low: 0,
                high: 9,
                step: 1,
                log,
            },
        ),
        parameter("d", Domain::Choice(["x", "y", "z", "w"].map(str::to_owned).into())),
    ];
    let loss = |point: &Point| {
        let [a, b, c, d] = *point.0 else { panic!("four parameters") };
        let far = libm::log(a / 7.0);
        far * far + 4.0 * (b - 0.3) * (b - 0.3) + 0.02 * (c - 4.0).abs() + if d == 1.0 { 0.0 } else { 0.5 + 0.1 * d }
    };
    (
        Space {
            params,
            ..Space::default()
        },
        loss,
    )
}

#[test]
fn whole_numbers_and_texts_are_found() {
    let (space, loss) = mixed();
    let outcome = |point: &Point| feasible([loss(point)].into());
    let best = |outcomes: Vec<Outcome>| outcomes.iter().map(|o| o.losses.as_ref().unwrap()[0]).fold(9.0, f64::min);
    for seed in 1..4 {
        let found = best(search(&space, &tpe(seed), (100, 1, 0), 1, &outcome));
        assert!(found < 0.2, "tpe {seed}: {found}");
        let found = best(search(&space, &bayes(seed), (60, 4, 1), 1, &outcome));
        assert!(found < 1e-2, "bayes {seed}: {found}");
    }
}

#[test]
fn constraints_steer_the_search() {
    let (space, loss) = mixed();
    // The best feasible point lies at b = 0.7, with a tenth of the space around it.
    let outcome = |point: &Point| {
        let outside = (0.7 - point.0[1]).max(0.0) + (point.0[0] - 12.0).max(0.0);
        Outcome {
            losses: Some([loss(point)].into()),
            violation: outside,
        }
    };
    let best = |outcomes: Vec<Outcome>| lowest(outcomes.iter().filter(|outcome| outcome.violation == 0.0));
    for seed in 1..4 {
        let found = best(search(&space, &tpe(seed), (100, 1, 0), 1, &outcome));
        assert!(found < 0.85, "tpe {seed}: {found}");
        let found = best(search(&space, &bayes(seed), (60, 1, 0), 1, &outcome));
        assert!(found < 0.7, "bayes {seed}: {found}");
    }
}

#[test]
fn two_objectives_are_searched_along_their_front() {
    let problem = Problem::new(Function::Zdt1, Some(4)).unwrap();
    let volume = |make: &dyn Fn(Cube) -> Box<dyn Sampler>, trials: u64| {
        let outcome = |point: &Point| feasible(problem.losses(point));
        let outcomes = search(&problem.space(), make, (trials, 1, 0), 2, &outcome);
        let losses: Vec<&[f64]> = outcomes.iter().filter_map(|outcome| outcome.losses.as_deref()).collect();
        assay_optimizer::search::hypervolume::hypervolume(&losses, &[1.1, 1.1])
    };
    // The most possible is 0.877; random points reach 0.1 or so.
    let found = volume(&bayes(1), 60);
    assert!(found > 0.84, "{found}");
    let found = volume(&tpe(1), 150);
    assert!(found > 0.65, "{found}");
}
