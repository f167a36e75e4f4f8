//! The core against a world that fails: workers that die, freeze and come back, messages that are lost and doubled, coordinators that
//! die before and after a commit, disks that are full. Everything is drawn from a seed, time is simulated, and at the end the job
//! must be there: every trial once, with the fingerprint of an undisturbed run.

mod database;
mod plans;
mod world;

use assay_core::job::Method;
use assay_proto::{Answer, Control};
use assay_store::{Compacted, FoldRecord, TaskRecordState};

use self::plans::{learning_plan, plan, rows};
use self::world::World;
use super::*;

const SECOND: i64 = 1_000_000_000;
/// Bars of a simulated job.
const BARS: u64 = 100;

/// Random numbers of a seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// True once in `n`.
    fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

#[test]
fn jobs_come_out_as_without_faults_whatever_dies() {
    let seeds = std::env::var("ASSAY_SIMULATION_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000);
    for seed in 0..seeds {
        let mut world = World::new(seed, 1 + (seed % 5) as u32, true);
        let plans: Vec<Arc<JobPlan>> = (0..=seed % 3).map(|i| plan(i as u8 + 1, 5 + 12 * i)).collect();
        world.take_office();
        for plan in &plans {
            world.submit(plan, 5);
        }
        world.finish(3_600);
        for plan in &plans {
            world.check(plan, None);
        }
    }
}

/// What a job found: the batches that its searches proposed, its rows and its walk forward.
fn found(world: &World, plan: &JobPlan) -> (Vec<assay_store::StoredBatch>, Compacted, Vec<FoldRecord>) {
    let job = &world.database.jobs[&plan.id];
    let mut batches = job.batches.clone();
    batches.sort_by_key(|batch| (batch.leg, batch.number));
    (batches, world.database.done[&plan.id].compacted.clone(), job.folds.clone())
}

#[test]
fn searches_that_learn_try_the_same_points_whatever_dies() {
    for (seed, method, folds) in [
        (1, Method::Tpe, 1),
        (2, Method::Genetic, 3),
        (3, Method::Pso, 1),
        (4, Method::De, 2),
        (5, Method::Cmaes, 1),
    ] {
        let plan = learning_plan(seed, method, folds);
        let run = |seed: u64, workers: u32, faults: bool| {
            let mut world = World::new(seed, workers, faults);
            world.take_office();
            world.submit(&plan, 5);
            world.finish(3_600);
            assert_eq!(world.alarms, 0);
            found(&world, &plan)
        };
        let calm = run(7, 1, false);
        assert_eq!(calm.2.len(), plan.folds);
        assert!(calm.1.trials >= 60 * (folds * plan.instruments) as u64, "{method}");
        for seed in 0..12 {
            let stormy = run(seed, 1 + (seed % 4) as u32, true);
            assert!(stormy == calm, "{method} in world {seed}");
        }
    }
}

#[test]
fn without_faults_nothing_is_computed_twice_and_nothing_is_left() {
    let mut world = World::new(7, 4, false);
    let plan = plan(1, 60);
    world.take_office();
    assert_eq!(world.submit(&plan, 5), Some(Answer::Submitted(JobState::Running)));
    assert_eq!(
        world.submit(&plan, 5),
        Some(Answer::Submitted(JobState::Running)),
        "twice is once"
    );
    world.finish(60);
    world.check(&plan, None);
    assert_eq!((world.computed, world.wasted), (plan.known_blocks().unwrap(), 0));
    let queue = world.core.as_ref().unwrap().queue();
    assert_eq!((queue.waiting, queue.running, queue.uncarved_blocks), (0, 0, 0));
}

#[test]
fn a_task_that_cannot_be_run_is_given_up_and_the_rest_is_done() {
    let mut world = World::new(3, 3, false);
    world.poison = Some(11);
    let plan = plan(2, 30);
    world.take_office();
    world.submit(&plan, 5);
    world.finish(120);
    let record = world.database.jobs[&plan.id].tasks.iter().find(|task| {
        let blocks = task.range.first_block..task.range.end();
        blocks.contains(&11)
    });
    let record = record.unwrap();
    assert_eq!((record.attempts, record.failed), (3, 3));
    assert!(matches!(&record.state, TaskRecordState::Quarantined { reason } if reason == "block 11 cannot be run"));
    world.check(&plan, Some(record.range));
    let lost = rows(&plan, record.range).len() as u64;
    assert_eq!(world.database.done[&plan.id].compacted.failed, lost);
}

#[test]
fn a_small_job_beside_a_large_one_takes_at_most_twice_its_time_alone() {
    let seconds = |large: bool| {
        let mut world = World::new(5, 4, false);
        world.take_office();
        if large {
            world.submit(&plan(1, 2_000), 5);
            (0..300).for_each(|_| world.advance());
        }
        let small = plan(3, 100);
        world.submit(&small, 5);
        let began = world.now;
        while !world.database.done.contains_key(&small.id) {
            world.advance();
        }
        (world.now - began) as f64 / 1e9
    };
    let (alone, beside) = (seconds(false), seconds(true));
    assert!(beside <= 2.0 * alone + 10.0, "{alone} alone, {beside} beside a large job");
}

#[test]
fn a_stopped_job_is_left_alone_and_continues_when_submitted_again() {
    let mut world = World::new(9, 2, false);
    let plan = plan(1, 200);
    world.take_office();
    world.submit(&plan, 5);
    (0..40).for_each(|_| world.advance());
    let stop = Event::Control {
        request: Request(0),
        job: plan.id,
        control: Control::Stop,
    };
    assert_eq!(world.tell(stop), Some(Answer::Done));
    let core = world.core.as_ref().unwrap();
    assert_eq!((core.queue().waiting, core.queue().running), (0, 0), "idle at once");
    let before = world.computed;
    (0..100).for_each(|_| world.advance());
    assert_eq!(world.database.jobs[&plan.id].record.state, JobState::Stopped);
    world.submit(&plan, 5);
    world.finish(60);
    world.check(&plan, None);
    assert!(
        before > 0 && world.computed < plan.known_blocks().unwrap() + 20,
        "finished tasks are kept"
    );
}
