//! The workers that are heard of, and how many slots they have together.

use std::collections::BTreeMap;

use assay_core::ids::WorkerId;
use assay_core::time::UtcNs;

/// All workers. How many slots they have is asked at every event, and so is kept as a running sum.
#[derive(Debug, Default)]
pub(super) struct Workers {
    known: BTreeMap<WorkerId, Worker>,
    slots: usize,
}

#[derive(Debug)]
struct Worker {
    slots: u32,
    seen: UtcNs,
}

impl Workers {
    /// One said that it is there.
    pub(super) fn heard(&mut self, worker: WorkerId, slots: u32, now: UtcNs) {
        self.slots += slots as usize;
        if let Some(before) = self.known.insert(worker, Worker { slots, seen: now }) {
            self.slots -= before.slots as usize;
        }
    }

    /// One that may be known did something.
    pub(super) fn seen(&mut self, worker: &WorkerId, now: UtcNs) {
        if let Some(worker) = self.known.get_mut(worker) {
            worker.seen = now;
        }
    }

    /// One went away.
    pub(super) fn leave(&mut self, worker: &WorkerId) {
        if let Some(gone) = self.known.remove(worker) {
            self.slots -= gone.slots as usize;
        }
    }

    /// Forgets those that were last heard of before that time.
    pub(super) fn forget_before(&mut self, time: UtcNs) {
        let slots = &mut self.slots;
        self.known.retain(|_, worker| {
            let stays = worker.seen >= time;
            if !stays {
                *slots -= worker.slots as usize;
            }
            stays
        });
    }

    pub(super) fn knows(&self, worker: &WorkerId) -> bool {
        self.known.contains_key(worker)
    }

    /// Slots of all together.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Each with its slots, and when it was last heard of.
    pub(super) fn all(&self) -> impl Iterator<Item = (&WorkerId, u32, UtcNs)> {
        self.known.iter().map(|(id, worker)| (id, worker.slots, worker.seen))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_running_sum_is_the_sum(steps in prop::collection::vec((0u8..4, 0u8..6, 0u32..9), 0..200)) {
            let mut workers = Workers::default();
            for (now, (what, who, slots)) in (0..).zip(steps) {
                let worker: WorkerId = format!("w-{who}").parse().unwrap();
                match what {
                    0 | 1 => workers.heard(worker, slots, UtcNs(now)),
                    2 => workers.leave(&worker),
                    _ => workers.forget_before(UtcNs(now - 20)),
                }
                prop_assert_eq!(workers.slots(), workers.all().map(|(_, slots, _)| slots as usize).sum::<usize>());
            }
        }
    }
}
