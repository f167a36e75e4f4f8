//! Whose task is next: every job gets work in proportion to its priority.
//!
//! Stride scheduling (C. A. Waldspurger, W. E. Weihl, 1995): each job has a clock that runs as fast as it is served, divided by its
//! priority; the job whose clock is furthest behind is next. A job that arrives, or comes back from a pause, starts at the present:
//! it neither waits for what others had before it nor catches up on what it did not ask for.

use std::collections::BTreeMap;

use assay_core::ids::JobId;

/// The clocks of the jobs that want work.
#[derive(Debug, Clone, Default)]
pub(super) struct Fair {
    clocks: BTreeMap<JobId, f64>,
    /// The clock of the job that was served last: the present.
    present: f64,
}

impl Fair {
    /// A job wants work.
    pub(super) fn join(&mut self, job: JobId) {
        self.clocks.entry(job).or_insert(self.present);
    }

    /// A job wants no more work.
    pub(super) fn leave(&mut self, job: JobId) {
        self.clocks.remove(&job);
    }

    /// Which of the jobs that want work is next; of several alike the one with the smallest id.
    pub(super) fn next(&self) -> Option<JobId> {
        let next = self.clocks.iter().min_by(|a, b| a.1.total_cmp(b.1).then(a.0.cmp(b.0)));
        next.map(|(job, _)| *job)
    }

    /// A job was given work of so many seconds.
    pub(super) fn served(&mut self, job: JobId, seconds: f64, priority: u8) {
        if let Some(clock) = self.clocks.get_mut(&job) {
            self.present = self.present.max(*clock);
            *clock += seconds / f64::from(priority.max(1));
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

    proptest! {
        #[test]
        fn jobs_are_served_in_proportion_to_their_priority(
            jobs in prop::collection::vec((1u8..=10, 1u32..50), 1..6), latecomer in 0usize..3_000,
        ) {
            let mut fair = Fair::default();
            let mut served = vec![0.0; jobs.len()];
            let mut others = 0.0;
            for round in 0..6_000 {
                if round == latecomer {
                    (1..jobs.len() as u8).for_each(|i| fair.join(job(i)));
                } else if round == 0 {
                    fair.join(job(0));
                }
                fair.join(job(0));
                let next = fair.next().unwrap();
                let index = (0..jobs.len()).find(|i| job(*i as u8) == next).unwrap();
                let (priority, cost) = jobs[index];
                fair.served(next, f64::from(cost), priority);
                if round >= latecomer {
                    served[index] += f64::from(cost);
                } else {
                    others += f64::from(cost);
                }
            }
            let shares: Vec<f64> = served.iter().zip(&jobs).map(|(s, (priority, _))| s / f64::from(*priority)).collect();
            let most = shares.iter().copied().fold(0.0, f64::max);
            let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
            // No job is ahead of another by more than a task.
            let slack = 2.0 * jobs.iter().map(|(p, c)| f64::from(*c) / f64::from(*p)).fold(0.0, f64::max);
            prop_assert!(most - least <= slack, "{shares:?} {others}");
        }
    }

    #[test]
    fn who_leaves_is_not_served_and_loses_no_turn_of_others() {
        let mut fair = Fair::default();
        assert_eq!(fair.next(), None);
        fair.join(job(1));
        fair.served(job(1), 100.0, 1);
        fair.join(job(2));
        assert_eq!(fair.next(), Some(job(2)));
        fair.leave(job(2));
        assert_eq!(fair.next(), Some(job(1)));
    }
}
