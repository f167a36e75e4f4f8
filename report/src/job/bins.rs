//! Values of a parameter in bins, and what the objective was in each.

use std::collections::BTreeSet;

use super::Parameter;
use crate::human;

/// Distinct values that get a bin each, if there are enough points for them.
const DISTINCT: usize = 40;
/// Bins of a parameter with more values, at least and at most.
const BINS: (usize, usize) = (6, 24);

/// How a parameter's values are binned.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bins {
    /// A value in the middle of each bin, ascending.
    pub(super) middles: Vec<f64>,
    /// What each bin is called.
    pub(super) names: Vec<String>,
    /// Upper ends of all bins but the last.
    ends: Vec<f64>,
    log: bool,
}

impl Bins {
    /// A bin for every value, or as many equal ones as can be told apart.
    pub(super) fn of(parameter: &Parameter, values: &[f64]) -> Self {
        if !parameter.choices.is_empty() {
            let middles: Vec<f64> = (0..parameter.choices.len()).map(|i| i as f64).collect();
            return Self::apart(middles, parameter.choices.clone());
        }
        let mut distinct = BTreeSet::new();
        for value in values {
            distinct.insert(ordered(*value));
            if distinct.len() > DISTINCT {
                return Self::equal(parameter, values);
            }
        }
        // Values drawn once each are not told apart, unless there is nothing else to see.
        if values.len() < 3 * distinct.len() && values.len() > distinct.len() {
            return Self::equal(parameter, values);
        }
        let middles: Vec<f64> = distinct.into_iter().map(value_of).collect();
        let names = middles.iter().map(|x| human::number(*x)).collect();
        Self::apart(middles, names)
    }

    fn apart(middles: Vec<f64>, names: Vec<String>) -> Self {
        let ends = middles.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect();
        Self {
            middles,
            names,
            ends,
            log: false,
        }
    }

    fn equal(parameter: &Parameter, values: &[f64]) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log = parameter.log && low > 0.0;
        let (from, to) = if log { (libm::log(low), libm::log(high)) } else { (low, high) };
        // So many that a cell of two parameters has four points.
        let bins = ((values.len() as f64).sqrt() as usize / 2).clamp(BINS.0, BINS.1);
        let at = |share: f64| {
            let x = from + (to - from) * share / bins as f64;
            if log { libm::exp(x) } else { x }
        };
        let middles: Vec<f64> = (0..bins).map(|i| at(i as f64 + 0.5)).collect();
        let whole = values.iter().all(|x| x.fract() == 0.0);
        // Three digits tell neighbours apart.
        let digits = |x: f64| {
            if whole {
                x.round()
            } else {
                format!("{x:.2e}").parse().unwrap_or(x)
            }
        };
        Self {
            names: middles.iter().map(|x| human::number(digits(*x))).collect(),
            ends: (1..bins).map(|i| at(i as f64)).collect(),
            middles,
            log,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.middles.len()
    }

    /// The bin of a value.
    pub(super) fn index(&self, value: f64) -> usize {
        self.ends.partition_point(|end| *end <= value)
    }

    /// Whether bins grow by factors.
    pub(super) fn log(&self) -> bool {
        self.log
    }
}

/// Numbers as integers in the same order.
fn ordered(value: f64) -> i64 {
    let bits = (value + 0.0).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn value_of(ordered: i64) -> f64 {
    f64::from_bits((ordered ^ (((ordered >> 63) as u64) >> 1) as i64) as u64)
}

/// The values of each cell, one cell after the other: `cell` says where each value belongs, NaN ones are left out.
pub(super) fn grouped(values: &[f64], cells: usize, cell: impl Fn(usize) -> usize) -> Vec<Vec<f64>> {
    let mut groups = vec![Vec::new(); cells];
    for (i, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        groups[cell(i)].push(*value);
    }
    groups
}

/// The `share` quantile; the values are put into another order.
pub(super) fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let position = share * last as f64;
    let below = position as usize;
    let (_, low, rest) = values.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    let high = rest.iter().copied().fold(f64::INFINITY, f64::min);
    let between = position - below as f64;
    Some(if between > 0.0 { low + (high - low) * between } else { low })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_value_has_the_bin_of_its_own_or_of_its_range() {
        let number = Parameter::default();
        let few = Bins::of(&number, &[3.0, 1.0, 2.0, -1.0]);
        assert_eq!(
            (few.middles.as_slice(), few.names[0].as_str()),
            ([-1.0, 1.0, 2.0, 3.0].as_slice(), "-1")
        );
        assert_eq!([-1.0, 1.0, 2.0, 3.0].map(|x| few.index(x)), [0, 1, 2, 3]);
        let log = Parameter {
            log: true,
            ..Parameter::default()
        };
        let many: Vec<f64> = (1..=1_000).map(f64::from).collect();
        let bins = Bins::of(&log, &many);
        assert!(bins.log() && bins.len() == 15 && bins.index(1.0) == 0 && bins.index(1_000.0) == 14);
        let choice = Parameter {
            choices: vec!["sma".to_owned(), "ema".to_owned()],
            ..Parameter::default()
        };
        assert_eq!(Bins::of(&choice, &[1.0]).names, ["sma", "ema"]);
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_values(mut values in prop::collection::vec(-1e3f64..1e3, 1..40), share in 0.0f64..=1.0) {
            let found = quantile(&mut values, share).unwrap();
            values.sort_by(f64::total_cmp);
            let position = share * (values.len() - 1) as f64;
            let (low, high) = (values[position as usize], values[(position as usize + 1).min(values.len() - 1)]);
            prop_assert!((found - (low + (high - low) * position.fract())).abs() < 1e-9);
        }

        #[test]
        fn order_survives_the_integers(a in -1e9f64..1e9, b in -1e9f64..1e9) {
            prop_assert_eq!(ordered(a).cmp(&ordered(b)), (a + 0.0).total_cmp(&(b + 0.0)));
            prop_assert_eq!(value_of(ordered(a)), a);
        }
    }
}
