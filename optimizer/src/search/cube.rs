//! A space as samplers see it.

use assay_core::space::{Domain, Point, Space};

use crate::axis::{Axis, Draw};
use crate::condition::Condition;
use crate::error::OptimizerError;
use crate::search::Unit;

/// A space as the unit cube: one dimension per parameter that is searched, in the order of their names.
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
            axes,
            searched,
            dimensions,
        })
    }

    /// Its dimensions.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The point of the space at these coordinates.
    pub fn point(&self, unit: &[f64]) -> Point {
        let mut coordinates: Vec<f64> = self.axes.iter().map(|axis| axis.at(0.0)).collect();
        for (index, u) in self.searched.iter().zip(unit) {
            coordinates[*index] = self.axes[*index].at(*u);
        }
        Point(coordinates.into())
    }

    /// The coordinates of a point of the space: the centre of its cell where a dimension is discrete.
    pub fn unit(&self, point: &Point) -> Unit {
        let coordinate = |index: &usize| self.axes[*index].fraction(point.0[*index]);
        self.searched.iter().map(coordinate).collect()
    }

    /// Moves coordinates to where samplers are told of them: to the centre of their cell where a dimension is discrete.
    pub fn centre(&self, unit: &[f64]) -> Unit {
        self.unit(&self.point(unit))
    }

    /// Whether the condition of the space admits these coordinates.
    pub fn admits(&self, unit: &[f64]) -> bool {
        self.condition
            .as_ref()
            .is_none_or(|condition| condition.holds(&self.point(unit).0))
    }
}
