//! A search on one thread.

use std::collections::VecDeque;

use super::{Ask, Batch, Proposal, Study, StudyError};
use crate::search::Outcome;

impl Study {
    /// Runs the search to its end, or until `evaluate` returns nothing. Each batch is evaluated when no other can be asked for, the
    /// oldest first, so that the lag has its full effect. Returns what was proposed.
    pub fn run(&mut self, mut evaluate: impl FnMut(&Proposal) -> Option<Outcome>) -> Result<Vec<Batch>, StudyError> {
        let mut batches = Vec::new();
        let mut waiting = VecDeque::new();
        loop {
            if let Ask::Batch(batch) = self.ask() {
                waiting.push_back(batches.len());
                batches.push(batch);
                continue;
            }
            let Some(oldest) = waiting.pop_front() else {
                return Ok(batches);
            };
            for proposal in batches[oldest].proposals.iter().filter(|proposal| proposal.new) {
                let Some(outcome) = evaluate(proposal) else {
                    return Ok(batches);
                };
                self.tell(proposal.ordinal, outcome)?;
            }
        }
    }
}
