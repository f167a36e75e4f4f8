//! Points for a search that has no new ones of its own.

use crate::draws::Sequence;
use crate::generator;
use crate::proposals;
use crate::search::Cube;

/// Candidates looked at in a whole search, where it is not known how many there are.
const CANDIDATES: u64 = 1 << 22;

/// The points of a space in a random order.
///
/// Points that were taken once may be shown again: that they are known is the caller's to notice, which makes the order independent
/// of whether a search was interrupted.
#[derive(Debug)]
pub(super) struct Filler {
    sequence: Sequence,
    next: u64,
    end: u64,
}

impl Filler {
    pub(super) fn new(cube: &Cube, seed: u64) -> Self {
        let sequence = Sequence::random(cube.axes(), generator::key(seed, 6));
        let end = sequence.len(cube.axes()).min(CANDIDATES);
        Self { sequence, next: 0, end }
    }

    /// The next point that is admitted and for which `is_new`; nothing if there are no more.
    pub(super) fn next(&mut self, cube: &Cube, is_new: impl Fn(&[f64]) -> bool) -> Option<Box<[f64]>> {
        let mut coordinates = vec![0.0; cube.axes().len()];
        while self.next < self.end {
            self.sequence.candidate(cube.axes(), self.next, &mut coordinates);
            self.next += 1;
            cube.settle(&mut coordinates);
            if cube.condition().is_none_or(|condition| condition.holds(&coordinates)) && is_new(&coordinates) {
                return Some(coordinates.into());
            }
        }
        None
    }
}

/// How many points a cube admits, where they are few enough to be counted.
pub(super) fn available(cube: &Cube) -> Option<u64> {
    proposals::available(cube.axes(), cube.counted())?.checked_mul(u64::from(cube.levels()))
}
