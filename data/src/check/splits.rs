//! Prices that begin again at a simple fraction of where they ended.

use assay_core::time::UtcNs;
use serde::Serialize;

use super::LISTED;

/// So many shares for one, or one for so many, are usual.
const USUAL: [u32; 17] = [2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100];
/// How far from the usual number the ratio of two prices may be.
const TOLERANCE: f64 = 0.03;
/// Steps up or down by more than this factor are told whatever they are.
const JUMP: f64 = 2.5;

/// Steps that look like splits of shares, and others as large. A crash may look like a split, and a split with a large move of its own
/// like a jump.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Splits {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<Split>,
}

/// A price that begins again at a usual fraction, or multiple, of where it ended, or very far from there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Split {
    /// When.
    pub time: UtcNs,
    /// The last price before.
    pub before: f64,
    /// The first price after.
    pub after: f64,
    /// Shares after the split, for each `old`; nothing for a jump that is near no usual split.
    pub new: Option<u32>,
    /// Shares before the split, for each `new`.
    pub old: Option<u32>,
}

/// Streams prices.
#[derive(Default)]
pub(super) struct SplitFinder {
    last: Option<f64>,
    found: Splits,
}

impl SplitFinder {
    /// Takes the first and the last price of a row.
    pub(super) fn add(&mut self, time: i64, first: f64, last: f64) {
        let before = self.last.replace(last);
        let Some(before) = before.filter(|before| *before > 0.0 && first > 0.0) else {
            return;
        };
        let step = before / first;
        let terms = ratio(step);
        if terms.is_none() && step.max(1.0 / step) < JUMP {
            return;
        }
        self.found.count += 1;
        if self.found.first.len() < LISTED {
            self.found.first.push(Split {
                time: UtcNs(time),
                before,
                after: first,
                new: terms.map(|(new, _)| new),
                old: terms.map(|(_, old)| old),
            });
        }
    }

    pub(super) fn finish(self) -> Splits {
        self.found
    }
}

/// The split that a ratio of prices is close to: n for 1, 1 for n, or 3 for 2.
fn ratio(ratio: f64) -> Option<(u32, u32)> {
    let near = |wanted: f64| (ratio / wanted - 1.0).abs() <= TOLERANCE;
    if near(1.5) {
        return Some((3, 2));
    }
    let usual = USUAL
        .iter()
        .find(|usual| near(f64::from(**usual)) || near(1.0 / f64::from(**usual)));
    usual.map(|usual| if ratio > 1.0 { (*usual, 1) } else { (1, *usual) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_ratios_are_splits_and_others_are_moves() {
        for (of, split) in [
            (2.0, Some((2, 1))),
            (6.96, Some((7, 1))),
            (1.49, Some((3, 2))),
            (0.125, Some((1, 8))),
            (1.3, None),
            (1.9, None),
            (1.0, None),
            (1.0 / 17.0, None),
            (1e6, None),
        ] {
            assert_eq!(ratio(of), split, "{of}");
        }
    }

    #[test]
    fn the_step_from_the_last_price_to_the_first_counts() {
        let mut finder = SplitFinder::default();
        for (time, first, last) in [
            (0, 10.0, 20.0),
            (1, 20.0, 21.0),
            (2, 10.5, 11.0),
            (3, -1.0, 5.0),
            (4, 5.0, 5.0),
            (5, 42.3, 42.0),
            (6, 18.0, 18.0),
        ] {
            finder.add(time, first, last);
        }
        let found = finder.finish();
        assert_eq!((found.count, found.first[0].time), (2, UtcNs(2)));
        let jump = &found.first[1];
        assert_eq!(
            (jump.time, jump.new, jump.old),
            (UtcNs(5), None, None),
            "8.46 is near no usual split"
        );
    }
}
