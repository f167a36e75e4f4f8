//! Values of a parameter in bins, and what the objective was in each.

use std::collections::BTreeSet;

use assay_core::metrics::Unit;

use super::Parameter;
use crate::human;
use crate::plot::Scale;

/// Distinct values that get a bin each, if there are enough points for them.
const DISTINCT: usize = 40;
/// Uneven values drawn once each that get a bin each.
const FEW: usize = 12;
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
    /// The ends of equal bins as wholes; none where each bin is a value.
    range: Option<(f64, f64)>,
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
        if values.len() == middles.len() && middles.len() > FEW && even_step(&middles).is_none() {
            return Self::equal(parameter, values);
        }
        let names = middles.iter().map(|x| human::number(*x)).collect();
        Self::apart(middles, names)
    }

    fn apart(middles: Vec<f64>, names: Vec<String>) -> Self {
        let ends = middles.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect();
        Self {
            middles,
            names,
            ends,
            range: None,
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
            range: Some((low, high)),
            log,
        }
    }

    /// Names along the bins, at most `most` of them, with their places counted in bins from the beginning of the first: of choices all,
    /// of numbers round ones or every second, fifth and so on.
    pub(super) fn marks(&self, most: usize) -> Vec<(f64, String)> {
        let named = |index: usize| (index as f64 + 0.5, self.names[index].clone());
        if let Some((low, high)) = self.range {
            return self.round_marks(low, high, most);
        }
        let count = self.len();
        if count <= most {
            return (0..count).map(named).collect();
        }
        let mut steps = (0..).flat_map(|power| [1, 2, 5].map(|m| m * 10usize.pow(power)));
        let every = steps.find(|every| count.div_ceil(*every) <= most.max(1)).unwrap_or(count);
        // The round ones of whole multiples of a step: 10, 20, 30 and not 8, 18, 28.
        let first = even_step(&self.middles).map_or(0, |step| {
            let at = self.middles[0] / step;
            if (at - at.round()).abs() < 1e-6 {
                (-(at.round() as i64)).rem_euclid(every as i64) as usize
            } else {
                0
            }
        });
        (first..count).step_by(every).map(named).collect()
    }

    fn round_marks(&self, low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
        let scale = if self.log {
            Scale::logarithmic(low, high)
        } else {
            Scale::new(low, high)
        };
        let mut wished = (1..=most.max(2)).rev().map(|wanted| scale.marks(Unit::Plain, wanted));
        let found = wished.find(|marks| marks.len() <= most);
        let found = found.unwrap_or_else(|| scale.marks(Unit::Plain, most));
        let every = found.len().div_ceil(most.max(1)).max(1);
        let place = |(value, text): (f64, String)| (scale.share(value) * self.len() as f64, text);
        found.into_iter().step_by(every).map(place).collect()
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

/// What ascending values are apart, if it is the same everywhere.
fn even_step(values: &[f64]) -> Option<f64> {
    let (first, last) = (values.first()?, values.last()?);
    let step = (last - first) / (values.len().max(2) - 1) as f64;
    let even = values
        .windows(2)
        .all(|pair| (pair[1] - pair[0] - step).abs() <= 1e-6 * step.abs());
    (step > 0.0 && even).then_some(step)
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

    #[test]
    fn names_along_bins_are_regular() {
        let texts = |bins: &Bins, most: usize| -> Vec<String> { bins.marks(most).into_iter().map(|mark| mark.1).collect() };
        let number = Parameter::default();
        let each: Vec<f64> = (3..30).map(f64::from).collect();
        let bins = Bins::of(&number, &each);
        assert_eq!(texts(&bins, 8), ["5", "10", "15", "20", "25"]);
        assert_eq!(bins.marks(8)[0].0, 2.5, "in the middle of the third bin");
        let many: Vec<f64> = (0..900).map(|i| 0.13 + f64::from(i) * 0.011).collect();
        assert_eq!(texts(&Bins::of(&number, &many), 6), ["2", "4", "6", "8", "10"]);
        let log = Parameter {
            log: true,
            ..Parameter::default()
        };
        let powers: Vec<f64> = (0..900).map(|i| libm::pow(10.0, -4.0 + f64::from(i) / 450.0)).collect();
        assert_eq!(
            texts(&Bins::of(&log, &powers), 8),
            ["0.0001", "0.0002", "0.0005", "0.001", "0.002", "0.005"]
        );
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
