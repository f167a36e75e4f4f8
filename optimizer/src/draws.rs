//! Random and Sobol searches: an endless sequence of candidates, of which the new ones that satisfy the condition are taken.

use std::collections::HashSet;

use assay_core::BLOCK;

use crate::axis::{Axis, Draw};
use crate::condition::{Condition, Resting};
use crate::error::OptimizerError;
use crate::generator::{self, Permutation};
use crate::sobol::{self, Sobol};

/// Candidates by number, each made without those before it.
#[derive(Debug, Clone)]
pub(crate) enum Sequence {
    /// The grid in a random order. Its candidates are distinct.
    Shuffled(Permutation),
    /// Independent draws. With `spread` (axis, bits, permutation) that axis takes the cells of 2^-bits in a random order, which
    /// makes the candidates distinct without making them any less random.
    Independent {
        key: u64,
        spread: Option<(usize, u32, Permutation)>,
    },
    /// A Sobol sequence over the axes that have more than one value; `distinct` if one of them resolves all of its points.
    Sobol { sobol: Sobol, distinct: bool },
}

/// Bits that an axis must resolve for a random search to rely on it.
const SPREAD_BITS: u32 = 40;

impl Sequence {
    /// For a random search. Grids with even weights are shuffled, so that few points in a small space are no problem.
    pub(crate) fn random(axes: &[Axis], seed: u64) -> Self {
        let lens = axes.iter().map(|axis| match axis.draw {
            Draw::Single => Some(1),
            Draw::Even(len) => Some(len),
            Draw::LogInt { .. } | Draw::Between { .. } => None,
        });
        let total = lens.map(|len| len.unwrap_or(0)).try_fold(1u64, u64::checked_mul);
        if let Some(total @ 1..) = total {
            return Self::Shuffled(Permutation::new(generator::key(seed, 1), total));
        }
        let finest = axes
            .iter()
            .map(Axis::resolution_bits)
            .enumerate()
            .max_by_key(|(_, bits)| *bits);
        let spread = finest
            .filter(|(_, bits)| *bits >= SPREAD_BITS)
            .map(|(axis, bits)| (axis, bits, Permutation::new(generator::key(seed, 2), 1 << bits)));
        Self::Independent {
            key: generator::key(seed, 3),
            spread,
        }
    }

    /// For a Sobol search.
    pub(crate) fn sobol(axes: &[Axis], seed: u64) -> Result<Self, OptimizerError> {
        let dimensions = axes.iter().filter(|axis| axis.draw != Draw::Single).count();
        if dimensions > sobol::MAX_DIMENSIONS {
            return Err(OptimizerError::TooManyDimensions {
                found: dimensions,
                limit: sobol::MAX_DIMENSIONS,
            });
        }
        Ok(Self::Sobol {
            sobol: Sobol::new(dimensions, generator::key(seed, 4)),
            distinct: axes.iter().any(|axis| axis.resolution_bits() > 32),
        })
    }

    fn distinct(&self) -> bool {
        match self {
            Self::Shuffled(_) => true,
            Self::Independent { spread, .. } => spread.is_some(),
            Self::Sobol { distinct, .. } => *distinct,
        }
    }

    /// How many candidates there are.
    pub(crate) fn len(&self, axes: &[Axis]) -> u64 {
        match self {
            Self::Shuffled(_) => axes.iter().map(even_len).product(),
            Self::Independent { spread, .. } => spread.as_ref().map_or(u64::MAX, |(_, bits, _)| 1 << bits),
            Self::Sobol { .. } => sobol::MAX_POINTS,
        }
    }

    /// Writes the coordinates of candidate `number`.
    pub(crate) fn candidate(&self, axes: &[Axis], number: u64, into: &mut [f64]) {
        match self {
            Self::Shuffled(permutation) => {
                let mut index = permutation.at(number);
                for (axis, slot) in axes.iter().zip(into).rev() {
                    let len = even_len(axis);
                    *slot = if len == 1 { axis.at(0.0) } else { axis.grid(index % len) };
                    index /= len;
                }
            }
            Self::Independent { key, spread } => {
                let draw_key = generator::random(*key, number);
                for (i, (axis, slot)) in axes.iter().zip(into).enumerate() {
                    let fraction = match spread {
                        Some((spread_axis, bits, permutation)) if *spread_axis == i => {
                            permutation.at(number) as f64 / (1u64 << bits) as f64
                        }
                        _ => generator::fraction(draw_key, i as u64),
                    };
                    *slot = axis.at(fraction);
                }
            }
            Self::Sobol { sobol, .. } => {
                let mut dimension = 0;
                for (axis, slot) in axes.iter().zip(into) {
                    if axis.draw == Draw::Single {
                        *slot = axis.at(0.0);
                    } else {
                        *slot = axis.at(sobol.at(number, dimension));
                        dimension += 1;
                    }
                }
            }
        }
    }
}

fn even_len(axis: &Axis) -> u64 {
    match axis.draw {
        Draw::Even(len) => len,
        _ => 1,
    }
}

/// The candidates that were taken, so that any block of them is found at once.
#[derive(Debug, Clone)]
pub(crate) struct Draws {
    sequence: Sequence,
    resting: Resting,
    count: u64,
    /// `None` if every candidate is taken.
    taken: Option<Taken>,
}

#[derive(Debug, Clone, Default)]
struct Taken {
    /// One bit per candidate.
    bits: Vec<u64>,
    /// Candidate with which each block begins.
    starts: Vec<u64>,
}

/// Candidates looked at for each trial wanted, and in any case, before giving up.
const PATIENCE: u64 = 256;
const LEAST_CANDIDATES: u64 = 1 << 23;
/// Where none of so many satisfies the condition, the others are not looked at.
const HOPELESS_CANDIDATES: u64 = 1_000_000;
/// More than these, or four for each trial wanted, are never looked at.
const MOST_CANDIDATES: u64 = 1 << 26;

impl Draws {
    /// Takes the first `trials` candidates that are new and satisfy the condition; fewer if `available`, the number of points
    /// that there are, is known and smaller, or if the candidates end.
    pub(crate) fn new(
        sequence: Sequence,
        axes: &[Axis],
        condition: Option<&Condition>,
        resting: Resting,
        trials: u64,
        available: Option<u64>,
    ) -> Result<Self, OptimizerError> {
        let len = sequence.len(axes);
        let wanted = trials.min(available.unwrap_or(u64::MAX));
        let distinct = sequence.distinct() && resting.is_empty();
        if condition.is_none() && distinct {
            return match &sequence {
                Sequence::Shuffled(_) => Ok(Self {
                    sequence,
                    resting,
                    count: wanted.min(len),
                    taken: None,
                }),
                _ if wanted <= len => Ok(Self {
                    sequence,
                    resting,
                    count: wanted,
                    taken: None,
                }),
                _ => Err(OptimizerError::TooManyTrials { trials, limit: len }),
            };
        }
        let patience = wanted.saturating_mul(PATIENCE).saturating_add(LEAST_CANDIDATES);
        let limit = len.min(patience.min(MOST_CANDIDATES.max(wanted.saturating_mul(4))));
        let mut taken = Taken::default();
        let mut seen = (!distinct).then(HashSet::new);
        let mut coordinates = vec![0.0; axes.len()];
        let (mut count, mut number) = (0, 0);
        // Where there are points, as a count has told, one may come late.
        let hopeless = if available.is_some() {
            limit
        } else {
            limit.min(HOPELESS_CANDIDATES)
        };
        while count < wanted && number < if count == 0 { hopeless } else { limit } {
            sequence.candidate(axes, number, &mut coordinates);
            resting.settle(&mut coordinates);
            let take = condition.is_none_or(|condition| condition.holds(&coordinates))
                && seen.as_mut().is_none_or(|seen| seen.insert(digest(&coordinates)));
            if take {
                taken.take(number, count);
                count += 1;
            }
            number += 1;
        }
        let exhausted = number == len && matches!(sequence, Sequence::Shuffled(_));
        let condition = condition.map(|condition| condition.text.clone());
        match (count, condition) {
            (0, Some(condition)) if exhausted => Err(OptimizerError::NoPoint { condition }),
            (_, condition) if count < wanted && !exhausted => Err(OptimizerError::TooRare {
                found: count,
                wanted,
                draws: number,
                condition,
            }),
            _ => Ok(Self {
                sequence,
                resting,
                count,
                taken: Some(taken),
            }),
        }
    }

    /// Points taken.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Calls `see` with the number and coordinates of each point of a block.
    pub(crate) fn block(&self, axes: &[Axis], index: u64, mut see: impl FnMut(u64, &[f64])) {
        let first = index.saturating_mul(BLOCK);
        let mut coordinates = vec![0.0; axes.len()];
        let mut candidates = self.taken.as_ref().map(|taken| taken.from(index));
        for ordinal in first..self.count.min(first.saturating_add(BLOCK)) {
            let number = match &mut candidates {
                Some(candidates) => candidates.next().expect("there are as many marks as points"),
                None => ordinal,
            };
            self.sequence.candidate(axes, number, &mut coordinates);
            self.resting.settle(&mut coordinates);
            see(ordinal, &coordinates);
        }
    }
}

impl Taken {
    fn take(&mut self, number: u64, ordinal: u64) {
        if ordinal.is_multiple_of(BLOCK) {
            self.starts.push(number);
        }
        let word = (number / 64) as usize;
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << (number % 64);
    }

    /// The candidates taken from the beginning of a block on.
    fn from(&self, block: u64) -> impl Iterator<Item = u64> {
        let start = self.starts.get(block as usize).copied().unwrap_or(u64::MAX);
        let end = self.bits.len() as u64 * 64;
        (start..end).filter(|number| self.bits[(number / 64) as usize] >> (number % 64) & 1 == 1)
    }
}

/// Tells points apart by 64 bits. Two different ones meet with a probability of about (number of points)^2 / 2^65; then the
/// second is passed over, on every machine alike.
fn digest(coordinates: &[f64]) -> u64 {
    coordinates.iter().fold(0, |hash, x| {
        generator::mix(hash ^ generator::mix(x.to_bits().wrapping_add(1)))
    })
}
