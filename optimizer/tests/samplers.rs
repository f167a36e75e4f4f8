//! What every method of search must keep, whatever it is: the same checks for all of them.

use std::collections::{BTreeMap, BTreeSet};

use assay_core::ids::Ordinal;
use assay_core::space::{Domain, ParamValue, Parameter, Point, Space};
use assay_optimizer::search::{
    Ask, Batch, Bayes, BayesSettings, Cmaes, CmaesSettings, Cube, De, DeSettings, Genetic, GeneticSettings, Halving, Outcome,
    Polish, PolishSettings, Pso, PsoSettings, Random, Refine, RefineSettings, Sampler, Study, StudySettings, Tpe, TpeSettings,
};
use proptest::prelude::*;

/// A method under test: how it is made for a cube, a seed and a number of objectives.
struct Method {
    name: &'static str,
    /// Most objectives that it can have.
    objectives: usize,
    make: fn(&Cube, u64, usize) -> Box<dyn Sampler>,
}

const METHODS: &[Method] = &[
    Method {
        name: "random",
        objectives: usize::MAX,
        make: |cube, seed, _| Box::new(Random::new(cube.clone(), seed)),
    },
    Method {
        name: "tpe",
        objectives: usize::MAX,
        make: |cube, seed, _| Box::new(Tpe::new(cube.clone(), seed, TpeSettings::default())),
    },
    Method {
        name: "bayes",
        objectives: usize::MAX,
        // Little effort for each proposal: these checks make thousands of them.
        make: |cube, seed, _| {
            let settings = BayesSettings {
                startup: 6,
                candidates: 8,
                starts: 1,
                steps: 4,
            };
            Box::new(Bayes::new(cube.clone(), seed, settings))
        },
    },
    Method {
        name: "genetic",
        objectives: usize::MAX,
        make: |cube, seed, objectives| {
            let settings = GeneticSettings {
                population: 20,
                ..GeneticSettings::default()
            };
            Box::new(Genetic::new(cube.clone(), seed, settings, objectives))
        },
    },
    Method {
        name: "cmaes",
        objectives: 1,
        make: |cube, seed, _| Box::new(Cmaes::new(cube.clone(), seed, CmaesSettings::default())),
    },
    Method {
        name: "de",
        objectives: 1,
        make: |cube, seed, _| Box::new(De::new(cube.clone(), seed, DeSettings::default())),
    },
    Method {
        name: "pso",
        objectives: 1,
        make: |cube, seed, _| Box::new(Pso::new(cube.clone(), seed, PsoSettings::default())),
    },
    Method {
        name: "refine",
        objectives: usize::MAX,
        make: |cube, seed, _| {
            let settings = RefineSettings {
                coarse: 30,
                ..RefineSettings::default()
            };
            Box::new(Refine::new(cube.clone(), seed, settings))
        },
    },
    Method {
        name: "polish",
        objectives: 1,
        make: |cube, seed, _| Box::new(Polish::new(cube.clone(), seed, PolishSettings::default())),
    },
    Method {
        name: HALVING,
        objectives: 1,
        make: |cube, seed, _| {
            let inner = Random::new(cube.without_levels(), seed);
            Box::new(Halving::new(cube.clone(), 3, Box::new(inner)))
        },
    },
];

/// The one method whose cube has levels of fidelity.
const HALVING: &str = "halving";
const LEVELS: u32 = 3;

fn parameter(name: &str, domain: Domain) -> Parameter {
    Parameter {
        name: name.to_owned(),
        domain,
        default: None,
    }
}

fn int(name: &str, low: i64, high: i64, log: bool) -> Parameter {
    let step = 1;
    parameter(name, Domain::Int { low, high, step, log })
}

fn float(name: &str, low: f64, high: f64, log: bool) -> Parameter {
    let (step, steps) = (None, None);
    let domain = Domain::Float {
        low,
        high,
        step,
        steps,
        log,
    };
    parameter(name, domain)
}

fn choice(name: &str, texts: &[&str]) -> Parameter {
    parameter(name, Domain::Choice(texts.iter().map(|text| (*text).to_owned()).collect()))
}

fn space(params: Vec<Parameter>, condition: Option<&str>) -> Space {
    Space {
        params,
        condition: condition.map(str::to_owned),
        ..Space::default()
    }
}

/// Spaces of every kind, each with how many points it has if they are few.
fn spaces() -> Vec<(&'static str, Space, Option<u64>)> {
    let fixed = parameter("f", Domain::Fixed(ParamValue::Int(3)));
    vec![
        (
            "real",
            space(vec![float("a", -5.0, 5.0, false), float("b", 0.0, 1.0, false)], None),
            None,
        ),
        (
            "mixed",
            space(
                vec![
                    int("a", 2, 60, false),
                    int("b", 1, 1000, true),
                    float("c", 1e-4, 1.0, true),
                    choice("d", &["sma", "ema", "wma"]),
                    float("e", 0.0, 1.0, false),
                    fixed.clone(),
                ],
                None,
            ),
            None,
        ),
        (
            "condition",
            space(vec![int("a", 2, 40, false), int("b", 2, 40, false)], Some("a + 3 < b")),
            None,
        ),
        (
            "narrow",
            space(vec![int("a", 1, 9, false), int("b", 1, 9, false)], Some("a == b")),
            Some(9),
        ),
        (
            "texts",
            space(vec![choice("a", &["x", "y", "z"]), choice("b", &["u", "v"])], None),
            Some(6),
        ),
        (
            "small",
            space(vec![int("a", 1, 4, true), choice("b", &["u", "v"])], None),
            Some(8),
        ),
        ("one", space(vec![int("a", 4, 4, false), fixed.clone()], None), Some(1)),
        ("none", space(vec![fixed], None), Some(1)),
    ]
}

/// What becomes of a point: mostly a bowl, sometimes nothing, sometimes with a violated constraint.
fn outcome(point: &Point, objectives: usize) -> Outcome {
    let mut hash = 17u64;
    for x in &point.0 {
        hash = (hash ^ x.to_bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    }
    let bowl = |centre: usize| point.0.iter().map(|x| (x - centre as f64) * (x - centre as f64)).sum::<f64>();
    Outcome {
        losses: (!hash.is_multiple_of(7)).then(|| (0..objectives).map(|k| bowl(2 + 5 * k)).collect()),
        violation: if hash.is_multiple_of(5) { (hash % 97) as f64 } else { 0.0 },
    }
}

fn settings(trials: u64, batch: usize, lag: u64, objectives: usize) -> StudySettings {
    StudySettings {
        trials,
        batch,
        lag,
        patience: None,
        seed: 11,
        objectives,
    }
}

fn cube(method: &Method, space: &Space) -> Cube {
    let levels = if method.name == HALVING { LEVELS } else { 1 };
    Cube::with_levels(space, levels).expect("the spaces of these tests are valid")
}

fn study(method: &Method, space: &Space, settings: &StudySettings) -> Study {
    let cube = cube(method, space);
    let sampler = (method.make)(&cube, settings.seed, settings.objectives);
    Study::new(cube, sampler, settings.clone(), &[], &[]).expect("every space here has a point")
}

/// A search under way: what a job would have stored, and which points are being evaluated.
#[derive(Default, Clone)]
struct Job {
    batches: Vec<Batch>,
    told: Vec<(Ordinal, Outcome)>,
    running: Vec<(Ordinal, Outcome)>,
    done: bool,
}

impl Job {
    /// One step: a question, or an answer picked by `draw`.
    fn step(&mut self, study: &mut Study, draw: u64, outcome: &dyn Fn(&Point) -> Outcome) {
        if (draw.is_multiple_of(3) || self.running.is_empty()) && !self.done {
            match study.ask() {
                Ask::Batch(batch) => {
                    let new = batch.proposals.iter().filter(|proposal| proposal.new);
                    self.running
                        .extend(new.map(|proposal| (proposal.ordinal, outcome(&proposal.point))));
                    self.batches.push(batch);
                }
                Ask::Wait => assert!(!self.running.is_empty(), "waits for nothing"),
                Ask::Done => self.done = true,
            }
        } else if !self.running.is_empty() {
            let (ordinal, outcome) = self.running.swap_remove((draw >> 8) as usize % self.running.len());
            study.tell(ordinal, outcome.clone()).expect("the point was proposed");
            self.told.push((ordinal, outcome));
        }
    }

    fn is_over(&self) -> bool {
        self.done && self.running.is_empty()
    }
}

fn draw(seed: u64, step: u64) -> u64 {
    let mut x = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 31)
}

/// Steps in which a search of these tests must have ended.
const STEPS: u64 = 200_000;

/// Runs to the end, answers in an order chosen by `order`.
fn run(mut study: Study, order: u64, outcome: &dyn Fn(&Point) -> Outcome) -> Vec<Batch> {
    let mut job = Job::default();
    for step in 0..STEPS {
        job.step(&mut study, draw(order, step), outcome);
        if job.is_over() {
            return job.batches;
        }
    }
    panic!("the search does not end");
}

/// The points that were evaluated, after checking that each is admitted, was evaluated once, and is numbered in order.
fn evaluated(batches: &[Batch], space: &Space, context: &str) -> Vec<Point> {
    let cube = Cube::new(space).expect("the spaces of these tests are valid");
    let mut seen: BTreeMap<(Vec<u64>, u32), u64> = BTreeMap::new();
    let mut points = Vec::new();
    for (number, batch) in batches.iter().enumerate() {
        assert_eq!(batch.number, number as u64, "{context}");
        for proposal in &batch.proposals {
            let bits: Vec<u64> = proposal.point.0.iter().map(|x| x.to_bits()).collect();
            let bits = (bits, proposal.level);
            assert!(cube.admits(&cube.unit(&proposal.point)), "{context}: {:?}", proposal.point);
            for (x, parameter) in proposal.point.0.iter().zip(&space.params) {
                assert!(holds(&parameter.domain, *x), "{context}: {:?}", proposal.point);
            }
            if proposal.new {
                assert_eq!(proposal.ordinal.0, points.len() as u64, "{context}");
                assert_eq!(seen.insert(bits, proposal.ordinal.0), None, "{context}");
                points.push(proposal.point.clone());
            } else {
                assert_eq!(seen.get(&bits), Some(&proposal.ordinal.0), "{context}");
            }
        }
    }
    points
}

fn holds(domain: &Domain, x: f64) -> bool {
    match domain {
        Domain::Int { low, high, .. } => x == x.trunc() && (*low as f64..=*high as f64).contains(&x),
        Domain::Float { low, high, .. } => (*low..=*high).contains(&x),
        Domain::Choice(texts) => x == x.trunc() && (0.0..texts.len() as f64).contains(&x),
        Domain::Fixed(_) => true,
    }
}

/// Every method in every space with every number of objectives that it can have, up to 4.
fn cases() -> impl Iterator<Item = (&'static Method, String, Space, Option<u64>, usize)> {
    METHODS.iter().flat_map(|method| {
        spaces().into_iter().flat_map(move |(name, space, points)| {
            let counts = (1..=method.objectives.min(4)).filter(move |count| *count == 1 || name == "mixed");
            counts.map(move |objectives| {
                let context = format!("{} in {name}, {objectives} objectives", method.name);
                (method, context, space.clone(), points, objectives)
            })
        })
    })
}

#[test]
fn the_order_of_answers_changes_nothing() {
    for (method, context, space, _, objectives) in cases() {
        for (batch, lag) in [(1, 0), (5, 1), (8, 3)] {
            let settings = settings(90, batch, lag, objectives);
            let outcome = |point: &Point| outcome(point, objectives);
            let first = run(study(method, &space, &settings), 1, &outcome);
            for order in 2..5 {
                let other = run(study(method, &space, &settings), order, &outcome);
                assert_eq!(first, other, "{context}");
            }
            evaluated(&first, &space, &context);
        }
    }
}

#[test]
fn another_seed_gives_other_points() {
    // A grid has no use for a seed.
    for method in METHODS.iter().filter(|method| method.name != "refine") {
        let (_, space, _) = &spaces()[0];
        let with = |seed| {
            let settings = StudySettings {
                seed,
                ..settings(40, 5, 1, 1)
            };
            run(study(method, space, &settings), 1, &|point| outcome(point, 1))
        };
        assert_ne!(with(1), with(2), "{}", method.name);
    }
}

#[test]
fn small_spaces_are_searched_without_repetition_and_without_end() {
    for (method, context, space, points, objectives) in cases() {
        let settings = settings(400, 4, 1, objectives);
        let batches = run(study(method, &space, &settings), 7, &|point| outcome(point, objectives));
        let found = evaluated(&batches, &space, &context);
        assert!(!found.is_empty(), "{context}");
        if let Some(points) = points {
            let points = points * u64::from(cube(method, &space).levels());
            assert!(found.len() as u64 <= points, "{context}");
        }
    }
}

#[test]
fn undefined_objectives_are_no_obstacle() {
    for (method, context, space, _, objectives) in cases() {
        let nothing = |_: &Point| Outcome {
            losses: None,
            violation: 0.0,
        };
        // An undefined number never reaches a method, but may be told to the search.
        let undefined = |_: &Point| Outcome {
            losses: Some(vec![f64::NAN; objectives].into()),
            violation: f64::NAN,
        };
        let settings = settings(60, 4, 1, objectives);
        let batches = run(study(method, &space, &settings), 1, &nothing);
        evaluated(&batches, &space, &context);
        let batches = run(study(method, &space, &settings), 1, &undefined);
        evaluated(&batches, &space, &context);
    }
}

#[test]
fn equal_and_huge_losses_are_no_obstacle() {
    for (method, context, space, _, objectives) in cases() {
        for loss in [0.0, f64::MAX, -f64::MAX, 1e-300] {
            let same = |point: &Point| Outcome {
                losses: Some(vec![if point.0[0] > 3.0 { loss } else { -loss }; objectives].into()),
                violation: 0.0,
            };
            let batches = run(study(method, &space, &settings(60, 4, 1, objectives)), 1, &same);
            evaluated(&batches, &space, &context);
        }
    }
}

#[test]
fn earlier_outcomes_and_wished_points_are_taken() {
    for (method, context, space, points, objectives) in cases() {
        let cube = cube(method, &space);
        let settings = settings(40, 4, 1, objectives);
        let earlier = run(study(method, &space, &settings), 1, &|point| outcome(point, objectives));
        let earlier: Vec<(Point, Outcome)> = evaluated(&earlier, &space, &context)
            .into_iter()
            .map(|point| (point.clone(), outcome(&point, objectives)))
            .collect();
        let mut wished: Vec<Point> = Vec::new();
        for (point, _) in earlier.iter().rev() {
            if wished.len() < 6 && !wished.contains(point) {
                wished.push(point.clone());
            }
        }
        let make = || {
            let sampler = (method.make)(&cube, 3, objectives);
            Study::new(cube.clone(), sampler, settings.clone(), &earlier, &wished).unwrap()
        };
        let batches = run(make(), 1, &|point| outcome(point, objectives));
        assert_eq!(batches, run(make(), 2, &|point| outcome(point, objectives)), "{context}");
        let found = evaluated(&batches, &space, &context);
        assert_eq!(found[..wished.len()], wished, "{context}");
        assert!(points.is_some() || found.len() > wished.len(), "{context}");
    }
}

#[test]
fn methods_differ_in_what_they_propose() {
    let (_, space, _) = &spaces()[1];
    let settings = settings(60, 4, 1, 1);
    let all: BTreeSet<String> = METHODS
        .iter()
        .map(|method| format!("{:?}", run(study(method, space, &settings), 1, &|point| outcome(point, 1))))
        .collect();
    assert_eq!(all.len(), METHODS.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Killed at any moment, with any answers under way, a search goes on as if nothing had happened.
    #[test]
    fn interrupted_searches_go_on(order in 0u64..1_000_000, killed_after in 0u64..150, batch in 1usize..9, lag in 0u64..3) {
        for (method, context, space, _, objectives) in cases() {
            let settings = settings(50, batch, lag, objectives);
            let outcome = |point: &Point| outcome(point, objectives);
            let mut first = study(method, &space, &settings);
            let mut job = Job::default();
            for step in 0..killed_after {
                job.step(&mut first, draw(order, step), &outcome);
            }
            let mut second = study(method, &space, &settings);
            second.restore(&job.batches, &job.told).unwrap();
            let mut restored = Job { done: false, ..job.clone() };
            for step in killed_after..STEPS {
                if job.is_over() && restored.is_over() {
                    break;
                }
                job.step(&mut first, draw(order, step), &outcome);
                restored.step(&mut second, draw(order + 1, step), &outcome);
            }
            prop_assert!(job.is_over() && restored.is_over(), "{}", &context);
            prop_assert_eq!(&job.batches, &restored.batches, "{}", &context);
        }
    }
}
