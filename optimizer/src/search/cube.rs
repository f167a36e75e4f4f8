//! A space as samplers see it.

use assay_core::space::{Domain, Point, Space};

use crate::axis::{Axis, Draw};
use crate::condition::{Condition, Resting};
use crate::error::OptimizerError;
use crate::search::Unit;

/// How close to a point that is admitted another one is looked for: 2^-12 of the way.
const HALVINGS: u32 = 12;

/// A space as the unit cube: one dimension per parameter that is searched, in the order of their names, and where trials can be cut
/// short ([`Cube::with_levels`]) a last one for how much of a trial is run.
///
/// Distances in the cube are those of the parameter's scale: logarithmic where it says so, steps evenly apart, the texts of a choice
/// without any order.
#[derive(Debug, Clone)]
pub struct Cube {
    axes: Vec<Axis>,
    /// Per dimension, the parameter it stands for.
    searched: Vec<usize>,
    dimensions: Vec<Dimension>,
    condition: Option<Condition>,
    resting: Resting,
    /// What a grid of the space would leave out.
    counted: Option<Condition>,
    /// How many levels of fidelity there are.
    levels: u32,
}

/// What a dimension of the cube is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Any number.
    Real,
    /// So many values in their order, each with the same share of [0, 1].
    Ordered(u64),
    /// Whole numbers, so many, each with a share of [0, 1] by the logarithm.
    LogOrdered(u64),
    /// So many values without an order.
    Category(u64),
}

impl Cube {
    /// The cube of a space.
    pub fn new(space: &Space) -> Result<Self, OptimizerError> {
        let axes: Vec<Axis> = space.params.iter().map(Axis::new).collect();
        let mut searched = Vec::new();
        let mut dimensions = Vec::new();
        for (index, (axis, parameter)) in axes.iter().zip(&space.params).enumerate() {
            dimensions.push(match (axis.draw, &parameter.domain) {
                (Draw::Single, _) => continue,
                (Draw::Even(len), Domain::Choice(_)) => Dimension::Category(len),
                (Draw::Even(len), _) => Dimension::Ordered(len),
                (Draw::LogInt { len, .. }, _) => Dimension::LogOrdered(len),
                (Draw::Between { .. }, _) => Dimension::Real,
            });
            searched.push(index);
        }
        Ok(Self {
            condition: Condition::of(space)?,
            resting: Resting::of(space)?,
            counted: Condition::of_grid(space)?,
            axes,
            searched,
            dimensions,
            levels: 1,
        })
    }

    /// The cube of a space whose trials can be run in so many levels of fidelity: on short windows or few instruments first, in
    /// full at the last one. The level is the cube's last dimension, so that points of a cube with levels are told apart by it
    /// and methods that know nothing of levels are never shown one.
    pub fn with_levels(space: &Space, levels: u32) -> Result<Self, OptimizerError> {
        let mut cube = Self::new(space)?;
        cube.levels = levels.max(1);
        if cube.levels > 1 {
            cube.dimensions.push(Dimension::Ordered(u64::from(cube.levels)));
        }
        Ok(cube)
    }

    /// The cube of the same space in which every trial is run in full.
    #[must_use]
    pub fn without_levels(&self) -> Self {
        let mut cube = self.clone();
        cube.dimensions.truncate(cube.searched.len());
        cube.levels = 1;
        cube
    }

    /// How many levels of fidelity there are; 1 if every trial is run in full.
    pub fn levels(&self) -> u32 {
        self.levels
    }

    /// The level of fidelity at these coordinates, 0 being the cheapest; the only one there is for a cube without levels.
    pub fn level(&self, unit: &[f64]) -> u32 {
        let share = unit.get(self.searched.len()).copied().unwrap_or(0.0);
        ((share * f64::from(self.levels)) as u32).min(self.levels - 1)
    }

    /// Coordinates of a point that is to be run at a level.
    pub fn unit_at(&self, point: &Point, level: u32) -> Unit {
        let coordinate = |index: &usize| self.axes[*index].fraction(point.0[*index]);
        let share = (self.levels > 1).then(|| (f64::from(level) + 0.5) / f64::from(self.levels));
        self.searched.iter().map(coordinate).chain(share).collect()
    }

    /// Its dimensions.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// Of each dimension but that of levels, the parameter of the space it stands for.
    pub fn searched(&self) -> &[usize] {
        &self.searched
    }

    /// The point of the space at these coordinates.
    pub fn point(&self, unit: &[f64]) -> Point {
        let mut coordinates: Vec<f64> = self.axes.iter().map(|axis| axis.at(0.0)).collect();
        for (index, u) in self.searched.iter().zip(unit) {
            coordinates[*index] = self.axes[*index].at(*u);
        }
        self.settle(&mut coordinates);
        Point(coordinates.into())
    }

    /// The coordinates of a point of the space, run in full: the centre of its cell where a dimension is discrete.
    pub fn unit(&self, point: &Point) -> Unit {
        self.unit_at(point, self.levels - 1)
    }

    /// Where the cell of a coordinate begins and ends; nothing where the dimension is real.
    pub fn cell(&self, dimension: usize, coordinate: f64) -> Option<(f64, f64)> {
        if let Some(index) = self.searched.get(dimension) {
            return self.axes[*index].cell(coordinate);
        }
        let levels = f64::from(self.levels);
        let level = libm::floor(coordinate * levels).clamp(0.0, levels - 1.0);
        Some((level / levels, (level + 1.0) / levels))
    }

    /// Moves coordinates to where samplers are told of them: to the centre of their cell where a dimension is discrete.
    pub fn centre(&self, unit: &[f64]) -> Unit {
        self.unit_at(&self.point(unit), self.level(unit))
    }

    /// Whether the condition of the space admits these coordinates.
    pub fn admits(&self, unit: &[f64]) -> bool {
        self.condition
            .as_ref()
            .is_none_or(|condition| condition.holds(&self.point(unit).0))
    }

    /// The nearest to these coordinates that is admitted on the way to others that are known to be: the coordinates themselves, or
    /// the first of the points halfway, three quarters of the way and so on. Centred.
    pub fn repair(&self, unit: &[f64], admitted: &[f64]) -> Unit {
        if self.admits(unit) {
            return self.centre(unit);
        }
        let mut share = 0.5;
        for _ in 0..HALVINGS {
            let between = unit.iter().zip(admitted).map(|(u, a)| a + share * (u - a));
            let between: Vec<f64> = between.collect();
            if self.admits(&between) {
                return self.centre(&between);
            }
            share *= 0.5;
        }
        admitted.into()
    }

    /// Of each dimension, whether its parameter does not matter at these coordinates; `None` in a space whose parameters always do.
    pub fn idle(&self, unit: &[f64]) -> Option<Vec<bool>> {
        if self.resting.is_empty() {
            return None;
        }
        let point = self.point(unit);
        let mut idle = vec![false; self.dimensions.len()];
        for index in self.resting.idle(&point.0) {
            if let Some(dimension) = self.searched.iter().position(|searched| *searched == index) {
                idle[dimension] = true;
            }
        }
        Some(idle)
    }

    pub(crate) fn axes(&self) -> &[Axis] {
        &self.axes
    }

    pub(crate) fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }

    /// What every point of the cube satisfies, as a grid counts them.
    pub(crate) fn counted(&self) -> Option<&Condition> {
        self.counted.as_ref()
    }

    /// Moves parameters that do not matter at these coordinates of the space to where they rest.
    pub(crate) fn settle(&self, coordinates: &mut [f64]) {
        self.resting.settle(coordinates);
    }
}
