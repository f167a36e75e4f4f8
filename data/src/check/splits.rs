//! Prices that begin again at a simple fraction of where they ended.

use assay_core::time::UtcNs;
use serde::Serialize;

use super::LISTED;

/// So many shares for one, or one for so many, at most.
const MOST: f64 = 100.0;
/// How far from the whole number the ratio of two prices may be.
const TOLERANCE: f64 = 0.03;

/// Steps that look like splits of shares. A crash may look like one, and a split with a large move of its own like none.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Splits {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<Split>,
}

/// A price that begins again at a simple fraction, or multiple, of where it ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Split {
    /// When.
    pub time: UtcNs,
    /// The last price before.
    pub before: f64,
    /// The first price after.
    pub after: f64,
    /// Shares after the split, for each `old`.
    pub new: u32,
    /// Shares before the split, for each `new`.
    pub old: u32,
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
        let Some((new, old)) = ratio(before / first) else { return };
        self.found.count += 1;
        if self.found.first.len() < LISTED {
            self.found.first.push(Split {
                time: UtcNs(time),
                before,
                after: first,
                new,
                old,
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
    let whole = ratio.max(1.0 / ratio).round();
    if !(2.0..=MOST).contains(&whole) {
        return None;
    }
    if near(whole) {
        Some((whole as u32, 1))
    } else {
        near(1.0 / whole).then_some((1, whole as u32))
    }
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
        ] {
            finder.add(time, first, last);
        }
        let found = finder.finish();
        assert_eq!((found.count, found.first[0].time), (1, UtcNs(2)));
    }
}
