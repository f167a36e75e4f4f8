//! Search without learning.

use crate::search::stream::Stream;
use crate::search::{Cube, Sampler, Told, Unit};

/// Draws for a point that the condition admits.
const ATTEMPTS: usize = 256;

/// Independent draws: the yardstick for methods that learn, and where some of them begin.
#[derive(Debug, Clone)]
pub struct Random {
    cube: Cube,
    seed: u64,
}

impl Random {
    /// A random search.
    pub fn new(cube: Cube, seed: u64) -> Self {
        Self { cube, seed }
    }
}

impl Sampler for Random {
    fn propose(&mut self, batch: u64, count: usize, _: &[Unit]) -> Vec<Unit> {
        let mut stream = Stream::new(self.seed, batch);
        (0..count).map(|_| uniform(&self.cube, &mut stream)).collect()
    }

    fn observe(&mut self, _: u64, _: &[Told]) {}
}

/// A random point, admitted by the condition unless that admits next to nothing.
pub(crate) fn uniform(cube: &Cube, stream: &mut Stream) -> Unit {
    let mut unit: Unit = cube.dimensions().iter().map(|_| stream.fraction()).collect();
    for _ in 1..ATTEMPTS {
        if cube.admits(&unit) {
            break;
        }
        unit.iter_mut().for_each(|u| *u = stream.fraction());
    }
    unit
}
