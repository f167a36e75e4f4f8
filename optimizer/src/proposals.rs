//! The points that a search tries, in blocks.

use std::sync::OnceLock;

use assay_core::BLOCK;
use assay_core::ids::Ordinal;
use assay_core::job::{Method, SearchSpec};
use assay_core::space::{Point, Space};

use crate::axis::{Axis, Draw};
use crate::condition::{Condition, Resting};
use crate::count::{self, Count, Lens};
use crate::draws::{Draws, Sequence};
use crate::error::OptimizerError;

/// The points of a search: block by block, in any order, on any thread, always the same.
///
/// A grid numbers the whole cartesian product, the first parameter slowest, and leaves out the numbers of points that do not
/// satisfy the condition. Random and Sobol searches number the points they propose without gaps.
///
/// ```
/// use assay_core::job::SearchSpec;
/// use assay_core::space::{Domain, Parameter, Space};
/// use assay_optimizer::{Count, Proposals};
///
/// let range = |name: &str| Parameter {
///     name: name.to_owned(),
///     domain: Domain::Int { low: 2, high: 60, step: 1, log: false },
///     default: None,
/// };
/// let space = Space { params: vec![range("fast"), range("slow")], condition: Some("fast < slow".to_owned()), ..Space::default() };
/// let proposals = Proposals::new(&space, &SearchSpec::default())?;
/// assert_eq!(proposals.count(), Count::Exact(59 * 58 / 2));
/// let mut points = Vec::new();
/// proposals.block(0, &mut points);
/// let (ordinal, point) = &points[0];
/// assert_eq!((ordinal.0, &*point.0), (1, &[2.0, 3.0][..]));
/// # Ok::<(), assay_optimizer::OptimizerError>(())
/// ```
#[derive(Debug)]
pub struct Proposals {
    axes: Vec<Axis>,
    condition: Option<Condition>,
    plan: Plan,
    count: OnceLock<Count>,
}

#[derive(Debug)]
enum Plan {
    Grid(Lens),
    Draws(Draws),
}

impl Proposals {
    /// Prepares a search. The work done here is bounded: at most some ten million evaluations of the condition, or a few per
    /// trial of a random or Sobol search.
    pub fn new(space: &Space, search: &SearchSpec) -> Result<Self, OptimizerError> {
        let condition = match search.method {
            Method::Grid => Condition::of_grid(space)?,
            _ => Condition::of(space)?,
        };
        // What a grid leaves out is counted; what is drawn is moved, and counts once.
        let counted = Condition::of_grid(space)?;
        let resting = Resting::of(space)?;
        let axes: Vec<Axis> = space.params.iter().map(Axis::new).collect();
        let plan = match search.method {
            Method::Grid => Plan::Grid(grid(space, &axes, condition.as_ref())?),
            Method::Random => {
                let trials = search.trials.ok_or(OptimizerError::NoTrials)?;
                let sequence = Sequence::random(&axes, search.seed);
                let available = match sequence {
                    Sequence::Shuffled(_) => None,
                    _ => available(&axes, counted.as_ref()),
                };
                Plan::Draws(Draws::new(sequence, &axes, condition.as_ref(), resting, trials, available)?)
            }
            Method::Sobol => {
                let trials = search.trials.ok_or(OptimizerError::NoTrials)?;
                let sequence = Sequence::sobol(&axes, search.seed)?;
                let available = available(&axes, counted.as_ref());
                Plan::Draws(Draws::new(sequence, &axes, condition.as_ref(), resting, trials, available)?)
            }
            method => return Err(OptimizerError::Learns { method }),
        };
        if let (Plan::Draws(draws), Some(condition)) = (&plan, &condition)
            && draws.count() == 0
        {
            return Err(no_point(condition));
        }
        Ok(Self {
            axes,
            condition,
            plan,
            count: OnceLock::new(),
        })
    }

    /// Blocks of 1,024 consecutive ordinals, the last one shorter; blocks of a grid may hold fewer points, or none.
    pub fn blocks(&self) -> u64 {
        match &self.plan {
            Plan::Grid(lens) => lens.total().div_ceil(BLOCK),
            Plan::Draws(draws) => draws.count().div_ceil(BLOCK),
        }
    }

    /// Points proposed. Fewer than the trials asked for if the space has no more. For a grid with a condition the first call
    /// takes up to 50 million evaluations.
    pub fn count(&self) -> Count {
        *self.count.get_or_init(|| match &self.plan {
            Plan::Draws(draws) => Count::Exact(draws.count()),
            Plan::Grid(lens) => {
                let condition = self.condition.as_ref();
                match (count::exact(&self.axes, lens, condition, u64::MAX), condition) {
                    (Some(count), _) => Count::Exact(count),
                    (None, Some(condition)) => Count::About(count::estimate(&self.axes, lens, condition)),
                    (None, None) => Count::Exact(lens.total()),
                }
            }
        })
    }

    /// Replaces `into` by the points of a block, in the order of their ordinals; by nothing beyond the last block.
    pub fn block(&self, index: u64, into: &mut Vec<(Ordinal, Point)>) {
        into.clear();
        match &self.plan {
            Plan::Grid(lens) => self.grid_block(lens, index, into),
            Plan::Draws(draws) => draws.block(&self.axes, index, |ordinal, coordinates| {
                into.push((Ordinal(ordinal), Point(Box::from(coordinates))));
            }),
        }
    }

    fn grid_block(&self, lens: &Lens, index: u64, into: &mut Vec<(Ordinal, Point)>) {
        let total = lens.total();
        let first = index.saturating_mul(BLOCK);
        if first >= total {
            return;
        }
        let mut digits = vec![0; lens.0.len()];
        let mut rest = first;
        for (digit, len) in digits.iter_mut().zip(&lens.0).rev() {
            *digit = rest % len;
            rest /= len;
        }
        let mut coordinates: Vec<f64> = self.axes.iter().zip(&digits).map(|(axis, i)| axis.grid(*i)).collect();
        for ordinal in first..total.min(first.saturating_add(BLOCK)) {
            if self.condition.as_ref().is_none_or(|condition| condition.holds(&coordinates)) {
                into.push((Ordinal(ordinal), Point(Box::from(coordinates.as_slice()))));
            }
            for (i, digit) in digits.iter_mut().enumerate().rev() {
                *digit = (*digit + 1) % lens.0[i];
                coordinates[i] = self.axes[i].grid(*digit);
                if *digit != 0 {
                    break;
                }
            }
        }
    }
}

fn grid(space: &Space, axes: &[Axis], condition: Option<&Condition>) -> Result<Lens, OptimizerError> {
    let mut lens = Vec::with_capacity(axes.len());
    for (axis, parameter) in axes.iter().zip(&space.params) {
        let len = axis.grid_len().ok_or_else(|| OptimizerError::Continuous {
            name: parameter.name.clone(),
        })?;
        lens.push(len);
    }
    let product = lens.iter().try_fold(1u64, |n, len| n.checked_mul(*len));
    product.ok_or(OptimizerError::TooLarge)?;
    let lens = Lens(lens);
    match condition {
        Some(condition) if count::exact(axes, &lens, Some(condition), 1) == Some(0) => Err(no_point(condition)),
        _ => Ok(lens),
    }
}

/// How many points there are to draw, where they are few enough to be counted.
pub(crate) fn available(axes: &[Axis], condition: Option<&Condition>) -> Option<u64> {
    let lens = axes.iter().map(|axis| match axis.draw {
        Draw::Single => Some(1),
        Draw::Even(len) | Draw::LogInt { len, .. } => Some(len),
        Draw::Between { .. } => None,
    });
    let lens: Vec<u64> = lens.collect::<Option<_>>()?;
    lens.iter().try_fold(1u64, |n, len| n.checked_mul(*len))?;
    count::exact(axes, &Lens(lens), condition, u64::MAX)
}

pub(crate) fn no_point(condition: &Condition) -> OptimizerError {
    OptimizerError::NoPoint {
        condition: condition.text.clone(),
    }
}

#[cfg(test)]
#[path = "proposals_tests.rs"]
mod tests;
