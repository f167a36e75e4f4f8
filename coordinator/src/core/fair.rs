//! Whose task is next: every user gets as much as every other, and of that each job of theirs in proportion to its priority.
//!
//! Stride scheduling (C. A. Waldspurger, W. E. Weihl, 1995) on two floors: each user, and each job among those of its user, has a
//! clock that runs as fast as it is served, divided by the priority of the job; whoever's clock is furthest behind is next. Who
//! arrives, or comes back, gets what it has not asked for in the meantime, but a head start at most: so a small job is done nearly
//! as fast as on an idle cluster, and nobody is kept waiting for longer than the head start.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_core::ids::JobId;

/// Seconds of work for every slot by which a newcomer goes first.
pub(super) const HEAD_START_SECONDS: f64 = 5.0;

/// Clocks of those that are served in turns.
#[derive(Debug, Clone)]
struct Turns<K> {
    clocks: BTreeMap<K, Clock>,
    /// The latest clock at which anybody was served.
    present: f64,
}

#[derive(Debug, Clone, Copy)]
struct Clock {
    at: f64,
    wants_work: bool,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self {
            clocks: BTreeMap::new(),
            present: 0.0,
        }
    }
}

impl<K: Ord> Turns<K> {
    fn join(&mut self, key: K, head_start: f64) {
        let earliest = self.present - head_start;
        let clock = self.clocks.entry(key).or_insert(Clock {
            at: earliest,
            wants_work: false,
        });
        if !clock.wants_work {
            clock.at = clock.at.max(earliest);
            clock.wants_work = true;
        }
    }

    fn leave(&mut self, key: &K) {
        if let Some(clock) = self.clocks.get_mut(key) {
            clock.wants_work = false;
        }
    }

    fn next(&self) -> Option<&K> {
        let waiting = self.clocks.iter().filter(|(_, clock)| clock.wants_work);
        let next = waiting.min_by(|(a, x), (b, y)| x.at.total_cmp(&y.at).then(a.cmp(b)));
        next.map(|(key, _)| key)
    }

    fn served(&mut self, key: &K, amount: f64) {
        if let Some(clock) = self.clocks.get_mut(key) {
            self.present = self.present.max(clock.at);
            clock.at += amount;
        }
    }
}

/// The clocks of users and of their jobs.
#[derive(Debug, Clone, Default)]
pub(super) struct Fair {
    users: Turns<Arc<str>>,
    jobs: BTreeMap<Arc<str>, Turns<JobId>>,
}

impl Fair {
    /// A job wants work. `head_start` is in seconds of work at priority 1.
    pub(super) fn join(&mut self, user: &Arc<str>, job: JobId, head_start: f64) {
        self.users.join(Arc::clone(user), head_start);
        self.jobs.entry(Arc::clone(user)).or_default().join(job, head_start);
    }

    /// A job wants no more work for now.
    pub(super) fn leave(&mut self, user: &Arc<str>, job: JobId) {
        let Some(jobs) = self.jobs.get_mut(user) else { return };
        jobs.leave(&job);
        if jobs.next().is_none() {
            self.users.leave(user);
        }
    }

    /// A job is over.
    pub(super) fn forget(&mut self, user: &Arc<str>, job: JobId) {
        self.leave(user, job);
        if let Some(jobs) = self.jobs.get_mut(user) {
            jobs.clocks.remove(&job);
        }
    }

    /// Which of the jobs that want work is next; of several alike the one with the smallest id.
    pub(super) fn next(&self) -> Option<JobId> {
        let user = self.users.next()?;
        self.jobs.get(user)?.next().copied()
    }

    /// A job was given work of so many seconds.
    pub(super) fn served(&mut self, user: &Arc<str>, job: JobId, seconds: f64, priority: u8) {
        let amount = seconds / f64::from(priority.max(1));
        self.users.served(user, amount);
        if let Some(jobs) = self.jobs.get_mut(user) {
            jobs.served(&job, amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job(i: u8) -> JobId {
        JobId::from_hash([i; 32])
    }

    fn user(i: u8) -> Arc<str> {
        format!("user-{i}").into()
    }

    /// Serves the next job with so many seconds and says which it was.
    fn serve(fair: &mut Fair, user_of: impl Fn(JobId) -> Arc<str>, seconds: f64, priority: u8) -> JobId {
        let next = fair.next().unwrap();
        fair.served(&user_of(next), next, seconds, priority);
        next
    }

    proptest! {
        #[test]
        fn jobs_of_a_user_are_served_in_proportion_to_their_priority(
            jobs in prop::collection::vec((1u8..=10, 1u32..50), 1..6), latecomer in 0usize..3_000, head_start in 0u32..500,
        ) {
            let (mut fair, ann) = (Fair::default(), user(0));
            let head_start = f64::from(head_start);
            let mut served = vec![0.0; jobs.len()];
            for round in 0..6_000 {
                if round == latecomer {
                    (1..jobs.len() as u8).for_each(|i| fair.join(&ann, job(i), head_start));
                }
                fair.join(&ann, job(0), head_start);
                let next = fair.next().unwrap();
                let index = (0..jobs.len()).find(|i| job(*i as u8) == next).unwrap();
                let (priority, cost) = jobs[index];
                fair.served(&ann, next, f64::from(cost), priority);
                if round >= latecomer {
                    served[index] += f64::from(cost);
                }
            }
            let shares: Vec<f64> = served.iter().zip(&jobs).map(|(s, (priority, _))| s / f64::from(*priority)).collect();
            let most = shares.iter().copied().fold(0.0, f64::max);
            let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
            // No job is ahead of another by more than a task, and by what a newcomer may be ahead.
            let slack = 2.0 * jobs.iter().map(|(p, c)| f64::from(*c) / f64::from(*p)).fold(0.0, f64::max);
            prop_assert!(most - least <= slack + head_start, "{shares:?}");
        }

        #[test]
        fn users_are_served_alike_however_many_jobs_they_have(counts in prop::collection::vec(1u8..20, 2..6)) {
            let mut fair = Fair::default();
            let users: Vec<(Arc<str>, std::ops::Range<u8>)> = counts.iter().scan(0, |first, count| {
                *first += count;
                Some((user(*first), *first - count..*first))
            }).collect();
            let user_of = |id: JobId| users.iter().find(|(_, jobs)| jobs.clone().any(|i| job(i) == id)).unwrap().0.clone();
            for (user, jobs) in &users {
                jobs.clone().for_each(|i| fair.join(user, job(i), 10.0));
            }
            let mut served: BTreeMap<Arc<str>, u32> = BTreeMap::new();
            for _ in 0..500 * users.len() {
                let next = serve(&mut fair, user_of, 1.0, 5);
                *served.entry(user_of(next)).or_default() += 1;
            }
            prop_assert!(served.values().all(|count| (499..=501).contains(count)), "{served:?}");
        }
    }

    #[test]
    fn who_leaves_is_not_served_and_loses_no_turn_of_others() {
        let (mut fair, ann) = (Fair::default(), user(0));
        assert_eq!(fair.next(), None);
        fair.join(&ann, job(1), 0.0);
        fair.served(&ann, job(1), 100.0, 1);
        fair.join(&ann, job(2), 0.0);
        assert_eq!(fair.next(), Some(job(2)));
        fair.leave(&ann, job(2));
        assert_eq!(fair.next(), Some(job(1)));
        fair.forget(&ann, job(1));
        assert_eq!(fair.next(), None);
    }

    #[test]
    fn a_newcomer_goes_first_for_a_while_and_again_only_for_what_it_did_not_take() {
        let (mut fair, ann, ben) = (Fair::default(), user(0), user(1));
        let user_of = |id| if id == job(1) { ann.clone() } else { ben.clone() };
        fair.join(&ann, job(1), 10.0);
        for _ in 0..1_000 {
            serve(&mut fair, user_of, 1.0, 1);
        }
        // What was served last may be a task ahead.
        fair.join(&ben, job(2), 10.0);
        let first = (0..10).filter(|_| serve(&mut fair, user_of, 1.0, 1) == job(2)).count();
        assert_eq!(first, 10);
        let shared = (0..100).filter(|_| serve(&mut fair, user_of, 1.0, 1) == job(2)).count();
        assert!((49..=52).contains(&shared), "{shared}");
        // Who comes and goes gains nothing by it.
        let mut gained = 0;
        for _ in 0..100 {
            fair.leave(&ben, job(2));
            fair.join(&ben, job(2), 10.0);
            gained += usize::from(serve(&mut fair, user_of, 1.0, 1) == job(2));
        }
        assert!((49..=52).contains(&gained), "{gained}");
    }
}
