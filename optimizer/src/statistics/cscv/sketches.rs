//! What is kept of each trial's returns: sums and sums of squares in blocks of time.

use assay_core::row::Sketch;

use crate::error::OptimizerError;

/// Most blocks of time that a split can be made of.
const MAX_BLOCKS: usize = 16;

/// Sketches of trials on one grid of blocks: for each trial the sums and the sums of squares of its returns in each block.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketches {
    pub(crate) counts: Vec<u32>,
    pub(super) sums: Vec<f64>,
    pub(super) squares: Vec<f64>,
}

impl Sketches {
    /// Of no trial yet, on blocks of `counts` observations: an even number of blocks, at most 16.
    pub fn new(counts: &[u32]) -> Result<Self, OptimizerError> {
        if counts.is_empty() || counts.len() % 2 == 1 || counts.len() > MAX_BLOCKS {
            return Err(OptimizerError::SketchBlocks { found: counts.len() });
        }
        Ok(Self {
            counts: counts.to_vec(),
            sums: Vec::new(),
            squares: Vec::new(),
        })
    }

    /// Of no trial yet, on equal blocks of series of `observations`; what is left over at the end is not used.
    pub fn equal_blocks(blocks: usize, observations: usize) -> Result<Self, OptimizerError> {
        let length = observations.checked_div(blocks).unwrap_or(0);
        if length == 0 && blocks > 0 {
            return Err(OptimizerError::TooFewBars {
                needed: blocks,
                bars: observations,
            });
        }
        Self::new(&vec![length as u32; blocks])
    }

    /// Adds a trial: the sum and the sum of squares of its returns in each block.
    ///
    /// # Panics
    /// If there is not one of each per block.
    pub fn push(&mut self, sums: &[f64], squares: &[f64]) {
        assert_eq!(
            (sums.len(), squares.len()),
            (self.counts.len(), self.counts.len()),
            "one sum per block"
        );
        self.sums.extend_from_slice(sums);
        self.squares.extend_from_slice(squares);
    }

    /// Adds a trial's sketch, which must be on the same grid.
    pub fn push_sketch(&mut self, sketch: &Sketch) -> Result<(), OptimizerError> {
        if self.counts != sketch.counts {
            return Err(OptimizerError::SketchGrid);
        }
        self.push(&sketch.sums, &sketch.squares);
        Ok(())
    }

    /// Adds a trial from its returns, which must be as many as the blocks hold; what is left over after equal blocks is not used.
    pub fn push_returns(&mut self, returns: &[f64]) -> Result<(), OptimizerError> {
        let wanted: usize = self.counts.iter().map(|n| *n as usize).sum();
        if returns.len() < wanted || returns.len() >= wanted + self.counts.len() {
            return Err(OptimizerError::SeriesLength {
                found: returns.len(),
                wanted,
            });
        }
        let mut rest = returns;
        for n in &self.counts {
            let (block, after) = rest.split_at(*n as usize);
            self.sums.push(block.iter().sum());
            self.squares.push(block.iter().map(|r| r * r).sum());
            rest = after;
        }
        Ok(())
    }

    /// Takes the risk-free return per observation, at which Sharpe ratios count from, off all returns.
    #[must_use]
    pub fn over(mut self, risk_free: f64) -> Self {
        let blocks = self.counts.len();
        for (i, (s, q)) in self.sums.iter_mut().zip(&mut self.squares).enumerate() {
            let n = f64::from(self.counts[i % blocks]);
            *q = *q - 2.0 * risk_free * *s + n * risk_free * risk_free;
            *s -= n * risk_free;
        }
        self
    }

    /// Returns of a trial in all blocks.
    pub fn observations(&self) -> u64 {
        self.counts.iter().map(|n| u64::from(*n)).sum()
    }

    /// Every `step`-th trial, from the first.
    #[must_use]
    pub fn every(&self, step: usize) -> Self {
        let mut some = Self {
            counts: self.counts.clone(),
            sums: Vec::new(),
            squares: Vec::new(),
        };
        for trial in (0..self.len()).step_by(step.max(1)) {
            let (sums, squares) = self.trial(trial);
            some.push(sums, squares);
        }
        some
    }

    /// Trials.
    pub fn len(&self) -> usize {
        self.sums.len() / self.counts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    pub(crate) fn trial(&self, trial: usize) -> (&[f64], &[f64]) {
        let blocks = self.counts.len();
        let of = trial * blocks..(trial + 1) * blocks;
        (&self.sums[of.clone()], &self.squares[of])
    }
}
