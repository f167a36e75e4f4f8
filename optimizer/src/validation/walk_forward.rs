//! Windows that move forward: search in one, run what was found in the next.

use std::ops::Range;

use crate::error::OptimizerError;

/// A walk forward, all lengths in bars.
///
/// ```text
/// rolling    |--- train ---|gap|-- test --|
///            |-- step --|--- train ---|gap|-- test --|
/// anchored   |--- train ---|gap|-- test --|
///            |--------- train --------|gap|-- test --|
/// ```
///
/// The gap is `purge` and `embargo` together: training always lies before its test, so that both hold back the same bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkForward {
    /// Whether every training window begins at the first bar and grows.
    pub anchored: bool,
    /// Length of the training windows; of the first one if anchored.
    pub train: usize,
    /// Length of the test windows.
    pub test: usize,
    /// From one test window's start to the next; `None` for the test window's length, so that each bar is tested once.
    pub step: Option<usize>,
    /// Bars after the training window that its trades may reach into.
    pub purge: usize,
    /// Further bars before the test window.
    pub embargo: usize,
}

/// One fold: positions of bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// Bars to search on.
    pub train: Range<usize>,
    /// Bars to run the winner on.
    pub test: Range<usize>,
}

impl WalkForward {
    /// The folds that `bars` have room for; bars after the last whole test window are left over.
    ///
    /// # Errors
    /// Windows of no bars, a step shorter than the test window (bars would be tested twice), and fewer bars than one fold takes.
    pub fn folds(&self, bars: usize) -> Result<Vec<Fold>, OptimizerError> {
        for (name, length) in [("train", self.train), ("test", self.test)] {
            if length == 0 {
                return Err(OptimizerError::EmptyWindow { name });
            }
        }
        let step = self.step.unwrap_or(self.test);
        if step < self.test {
            return Err(OptimizerError::StepTooShort { step, test: self.test });
        }
        let lengths = [self.train, self.purge, self.embargo, self.test];
        let needed = lengths.into_iter().fold(0usize, usize::saturating_add);
        if needed > bars {
            return Err(OptimizerError::TooFewBars { needed, bars });
        }
        let folds = (0..=bars - needed).step_by(step).map(|start| Fold {
            train: if self.anchored { 0 } else { start }..start + self.train,
            test: start + needed - self.test..start + needed,
        });
        Ok(folds.collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: WalkForward = WalkForward {
        anchored: false,
        train: 4,
        test: 2,
        step: None,
        purge: 0,
        embargo: 0,
    };

    #[test]
    fn rolling_and_anchored() {
        let fold = |train, test| Fold { train, test };
        assert_eq!(PLAIN.folds(9).unwrap(), [fold(0..4, 4..6), fold(2..6, 6..8)]);
        let anchored = WalkForward {
            anchored: true,
            purge: 1,
            embargo: 2,
            step: Some(3),
            ..PLAIN
        };
        assert_eq!(anchored.folds(12).unwrap(), [fold(0..4, 7..9), fold(0..7, 10..12)]);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert_eq!(PLAIN.folds(5), Err(OptimizerError::TooFewBars { needed: 6, bars: 5 }));
        let huge = WalkForward {
            train: usize::MAX,
            ..PLAIN
        };
        let needed = usize::MAX;
        assert_eq!(huge.folds(5), Err(OptimizerError::TooFewBars { needed, bars: 5 }));
        let overlapping = WalkForward { step: Some(1), ..PLAIN };
        assert_eq!(overlapping.folds(50), Err(OptimizerError::StepTooShort { step: 1, test: 2 }));
        let empty = WalkForward { test: 0, ..PLAIN };
        assert_eq!(empty.folds(50), Err(OptimizerError::EmptyWindow { name: "test" }));
    }

    proptest! {
        #[test]
        fn training_ends_before_its_test_and_no_bar_is_tested_twice(
            anchored: bool, train in 1usize..50, test in 1usize..50, more in 0usize..20, purge in 0usize..10, embargo in 0usize..10,
            bars in 0usize..500,
        ) {
            let walk = WalkForward { anchored, train, test, step: Some(test + more), purge, embargo };
            let needed = train + purge + embargo + test;
            let Ok(folds) = walk.folds(bars) else {
                prop_assert!(needed > bars);
                return Ok(());
            };
            prop_assert_eq!(folds.len(), 1 + (bars - needed) / (test + more));
            for fold in &folds {
                prop_assert_eq!(fold.test.start - fold.train.end, purge + embargo);
                prop_assert_eq!(fold.test.len(), test);
                prop_assert!(fold.test.end <= bars && fold.train.len() >= train && (anchored || fold.train.len() == train));
            }
            prop_assert!(folds.windows(2).all(|pair| pair[1].test.start - pair[0].test.start == test + more));
        }
    }
}
