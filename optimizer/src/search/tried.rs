//! What has been tried, and what to propose where nothing is known.

use std::collections::BTreeSet;

use crate::generator;
use crate::search::stream::Stream;
use crate::search::{Cube, Told, Unit, random};
use crate::sobol::{self, Sobol};

/// Draws for a point that is not known.
const ATTEMPTS: usize = 64;

/// The points told so far.
#[derive(Debug)]
pub(crate) struct Tried {
    sobol: Option<Sobol>,
    /// By the bits of their coordinates.
    points: BTreeSet<Box<[u64]>>,
}

/// The points that a method should not propose: those told so far, those pending, and those that it has just proposed.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    cube: &'a Cube,
    tried: &'a Tried,
    others: Vec<Unit>,
}

impl Tried {
    pub(crate) fn new(cube: &Cube, seed: u64) -> Self {
        let dimensions = cube.dimensions().len();
        Self {
            sobol: (dimensions <= sobol::MAX_DIMENSIONS).then(|| Sobol::new(dimensions, generator::key(seed, 17))),
            points: BTreeSet::new(),
        }
    }

    pub(crate) fn insert(&mut self, told: &[Told]) {
        self.points.extend(told.iter().map(|told| bits(&told.unit)));
    }

    pub(crate) fn with<'a>(&'a self, cube: &'a Cube, pending: &[Unit]) -> Known<'a> {
        Known {
            cube,
            tried: self,
            others: pending.to_vec(),
        }
    }
}

impl Known<'_> {
    /// Whether a (centred) point is not among them.
    pub(crate) fn lacks(&self, unit: &[f64]) -> bool {
        !self.others.iter().any(|other| **other == *unit) && !self.tried.points.contains(&bits(unit))
    }

    pub(crate) fn insert(&mut self, unit: &Unit) {
        self.others.push(unit.clone());
    }

    /// Those that are not told yet.
    pub(crate) fn others(&self) -> &[Unit] {
        &self.others
    }

    /// The next point of a Sobol sequence, or a random one if that is not admitted or known.
    pub(crate) fn spread(&self, stream: &mut Stream) -> Unit {
        let number = (self.tried.points.len() + self.others.len()) as u64;
        let unit = self.tried.sobol.as_ref().map(|sobol| {
            let dimensions = 0..self.cube.dimensions().len();
            let unit: Unit = dimensions.map(|dimension| sobol.at(number, dimension)).collect();
            self.cube.centre(&unit)
        });
        unit.filter(|unit| self.lacks(unit) && self.cube.admits(unit))
            .unwrap_or_else(|| self.random(stream))
    }

    /// Points spread evenly over the cube, centred, whatever they are.
    pub(crate) fn spread_many(&self, count: usize, stream: &mut Stream) -> Vec<Unit> {
        let dimensions = self.cube.dimensions().len();
        // A Sobol sequence shifted as a whole is as even as before.
        let shift: Vec<f64> = (0..dimensions).map(|_| stream.fraction()).collect();
        let mut point = |index: usize| -> Unit {
            let at = |dimension: usize| match &self.tried.sobol {
                Some(sobol) => (sobol.at(index as u64, dimension) + shift[dimension]) % 1.0,
                None => stream.fraction(),
            };
            self.cube.centre(&(0..dimensions).map(at).collect::<Unit>())
        };
        (0..count).map(&mut point).collect()
    }

    /// A random point: admitted and not known, unless such points are rare.
    pub(crate) fn random(&self, stream: &mut Stream) -> Unit {
        let mut unit = self.cube.centre(&random::uniform(self.cube, stream));
        for _ in 1..ATTEMPTS {
            if self.lacks(&unit) {
                break;
            }
            unit = self.cube.centre(&random::uniform(self.cube, stream));
        }
        unit
    }
}

/// What tells points apart.
pub(crate) fn bits(unit: &[f64]) -> Box<[u64]> {
    unit.iter().map(|u| u.to_bits()).collect()
}
