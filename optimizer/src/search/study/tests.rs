use assay_core::space::{Domain, Parameter, Space};
use proptest::prelude::*;

use super::*;
use crate::search::Random;

fn space(high: i64, condition: Option<&str>) -> Space {
    let parameter = |name: &str| Parameter {
        name: name.to_owned(),
        domain: Domain::Int {
            low: 1,
            high,
            step: 1,
            log: false,
        },
        default: None,
    };
    Space {
        params: vec![parameter("a"), parameter("b")],
        condition: condition.map(str::to_owned),
        ..Space::default()
    }
}

fn settings() -> StudySettings {
    StudySettings {
        trials: 40,
        batch: 4,
        lag: 1,
        patience: None,
        seed: 3,
        objectives: 1,
    }
}

fn study(space: &Space, settings: StudySettings) -> Study {
    let cube = Cube::new(space).unwrap();
    let sampler = Box::new(Random::new(cube.clone(), 5));
    Study::new(cube, sampler, settings, &[], &[]).unwrap()
}

fn outcome(loss: f64) -> Outcome {
    Outcome {
        losses: Some([loss].into()),
        violation: 0.0,
    }
}

/// Tells everything as soon as it is proposed.
fn run(study: &mut Study) -> Vec<Proposal> {
    let mut found = Vec::new();
    loop {
        match study.ask() {
            Ask::Batch(batch) => {
                for proposal in batch.proposals.into_iter().filter(|p| p.new) {
                    let loss = proposal.point.0.iter().sum();
                    study.tell(proposal.ordinal, outcome(loss)).unwrap();
                    found.push(proposal);
                }
            }
            Ask::Wait => panic!("everything was told"),
            Ask::Done => return found,
        }
    }
}

#[test]
fn a_batch_waits_for_those_before_its_lag() {
    let mut study = study(&space(30, None), settings());
    let Ask::Batch(first) = study.ask() else { panic!() };
    let Ask::Batch(second) = study.ask() else { panic!() };
    assert_eq!(study.ask(), Ask::Wait);
    for proposal in &second.proposals {
        study.tell(proposal.ordinal, outcome(0.0)).unwrap();
    }
    assert_eq!(study.ask(), Ask::Wait);
    for proposal in &first.proposals {
        study.tell(proposal.ordinal, outcome(0.0)).unwrap();
    }
    let Ask::Batch(third) = study.ask() else { panic!() };
    assert_eq!(third.number, 2);
    // The second batch is complete, but the third must not have been proposed from it.
    assert_eq!(study.observed, 1);
}

#[test]
fn small_spaces_are_exhausted_and_nothing_comes_twice() {
    for (high, condition, all) in [(1, None, 1), (4, Some("a < b"), 6), (5, None, 25)] {
        let found = run(&mut study(&space(high, condition), settings()));
        let mut points: Vec<Vec<u64>> = found.iter().map(|p| p.point.0.iter().map(|x| *x as u64).collect()).collect();
        points.sort();
        points.dedup();
        assert_eq!((points.len(), found.len()), (all, all));
        assert!(found.iter().enumerate().all(|(i, p)| p.ordinal.0 == i as u64));
    }
}

#[test]
fn no_point_is_an_error() {
    let cube = Cube::new(&space(4, Some("a > b + 10"))).unwrap();
    let sampler = Box::new(Random::new(cube.clone(), 5));
    let error = Study::new(cube, sampler, settings(), &[], &[]).err().unwrap();
    assert!(matches!(error, OptimizerError::NoPoint { .. }));
}

#[test]
fn it_stops_when_nothing_improves() {
    let mut study = study(
        &space(1000, None),
        StudySettings {
            patience: Some(10),
            trials: 1000,
            ..settings()
        },
    );
    let mut proposed = 0;
    while let Ask::Batch(batch) = study.ask() {
        for proposal in batch.proposals {
            study.tell(proposal.ordinal, outcome(1.0)).unwrap();
            proposed += 1;
        }
    }
    // The first improves; ten more that do not are known when the batch after the third is complete.
    assert_eq!(proposed, 16);
    assert_eq!(study.front().members().len(), 1);
}

#[test]
fn enqueued_points_come_first_and_once() {
    let cube = Cube::new(&space(30, Some("a < b"))).unwrap();
    let sampler = Box::new(Random::new(cube.clone(), 5));
    let points = [[2.0, 3.0], [7.0, 3.0], [2.0, 3.0], [4.0, 9.0]].map(|p| Point(p.into()));
    let mut study = Study::new(cube, sampler, settings(), &[], &points).unwrap();
    let Ask::Batch(batch) = study.ask() else { panic!() };
    let found: Vec<&Point> = batch.proposals.iter().map(|p| &p.point).collect();
    assert_eq!(found, [&points[0], &points[3]]);
}

#[test]
fn wrong_outcomes_are_refused() {
    let mut study = study(&space(30, None), settings());
    assert!(study.tell(Ordinal(0), outcome(1.0)).is_err());
    study.ask();
    let two = Outcome {
        losses: Some([1.0, 2.0].into()),
        violation: 0.0,
    };
    assert!(matches!(study.tell(Ordinal(0), two), Err(StudyError::Objectives { .. })));
    study.tell(Ordinal(0), outcome(1.0)).unwrap();
    study.tell(Ordinal(0), outcome(1.0)).unwrap();
    assert!(matches!(
        study.tell(Ordinal(0), outcome(2.0)),
        Err(StudyError::ToldTwice { .. })
    ));
    study.tell(Ordinal(1), outcome(f64::NAN)).unwrap();
    assert_eq!(study.trial(Ordinal(1)).unwrap().1.unwrap().losses, None);
}

#[test]
fn stored_batches_of_another_search_are_refused() {
    let mut other = study(&space(30, None), settings());
    let Ask::Batch(mut batch) = other.ask() else { panic!() };
    let fresh = || study(&space(30, None), settings());
    assert!(fresh().restore(std::slice::from_ref(&batch), &[]).is_ok());
    assert!(matches!(
        fresh().restore(std::slice::from_ref(&batch), &[(Ordinal(9), outcome(0.0))]),
        Err(StudyError::NeverProposed { .. })
    ));
    batch.number = 1;
    assert!(matches!(
        fresh().restore(std::slice::from_ref(&batch), &[]),
        Err(StudyError::MissingBatch { .. })
    ));
    batch.number = 0;
    batch.proposals[0].ordinal = Ordinal(7);
    assert!(matches!(fresh().restore(&[batch], &[]), Err(StudyError::OtherNumbers { .. })));
}

proptest! {
    /// Points that a sampler proposes outside of what the condition admits are moved, not dropped.
    #[test]
    fn only_admitted_points_are_proposed(seed in 0u64..1000) {
        struct Corners(u64);
        impl Sampler for Corners {
            fn propose(&mut self, batch: u64, count: usize, _: &[Unit]) -> Vec<Unit> {
                let corner = |k: u64| if (self.0 + batch + k).is_multiple_of(2) { 0.99 } else { f64::NAN };
                (0..count as u64).map(|k| [corner(k), 0.01].into()).collect()
            }
            fn observe(&mut self, _: u64, _: &[Told]) {}
        }
        let cube = Cube::new(&space(9, Some("a < b"))).unwrap();
        let settings = StudySettings { seed, trials: 20, ..settings() };
        let mut study = Study::new(cube, Box::new(Corners(seed)), settings, &[], &[]).unwrap();
        let found = run(&mut study);
        prop_assert_eq!(found.len(), 20);
        prop_assert!(found.iter().all(|p| p.point.0[0] < p.point.0[1]));
    }
}
