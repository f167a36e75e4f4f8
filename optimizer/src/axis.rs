//! One parameter's values: by index on a grid, by fraction in a draw.

use assay_core::space::{Domain, Parameter};

/// Coordinates of grids up to this long are tabulated.
const TABLE: u64 = 1 << 16;

/// The values of one parameter.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    domain: Domain,
    /// First coordinates of the grid.
    table: Vec<f64>,
    pub(crate) draw: Draw,
}

/// How a fraction in [0, 1) becomes a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Draw {
    /// There is only one.
    Single,
    /// One of so many grid values, all alike.
    Even(u64),
    /// One of the whole numbers `low + i x step`, `i < len`, weighted by the logarithm.
    LogInt { low: f64, step: f64, len: u64 },
    /// Any number between.
    Between { low: f64, high: f64, log: bool },
}

impl Axis {
    pub(crate) fn new(parameter: &Parameter) -> Self {
        let domain = parameter.domain.clone();
        let tabulated = domain.grid_len().unwrap_or(0).min(TABLE);
        let draw = match &domain {
            Domain::Fixed(_) => Draw::Single,
            Domain::Float { low, high, .. } if low == high => Draw::Single,
            Domain::Float {
                low, high, step, log, ..
            } if step.is_none() => Draw::Between {
                low: *low,
                high: *high,
                log: *log,
            },
            _ => match (domain.grid_len().unwrap_or(1), &domain) {
                (1, _) => Draw::Single,
                (
                    len,
                    Domain::Int {
                        low, step, log: true, ..
                    },
                ) => Draw::LogInt {
                    low: *low as f64,
                    step: *step as f64,
                    len,
                },
                (len, _) => Draw::Even(len),
            },
        };
        Self {
            table: (0..tabulated).map(|i| domain.grid_coordinate(i)).collect(),
            domain,
            draw,
        }
    }

    /// Values of a grid; `None` for a float that has neither `step` nor `steps`.
    pub(crate) fn grid_len(&self) -> Option<u64> {
        self.domain.grid_len()
    }

    /// The `index`-th of them.
    pub(crate) fn grid(&self, index: u64) -> f64 {
        match self.table.get(index as usize) {
            Some(coordinate) => *coordinate,
            None => self.domain.grid_coordinate(index),
        }
    }

    /// The value at a fraction in [0, 1).
    pub(crate) fn at(&self, fraction: f64) -> f64 {
        match self.draw {
            Draw::Single => match self.domain {
                Domain::Float { low, .. } => low,
                _ => self.grid(0),
            },
            Draw::Even(len) => self.grid(((fraction * len as f64) as u64).min(len - 1)),
            Draw::LogInt { low, step, len } => {
                let (from, to) = (libm::log(low), libm::log(low + step * len as f64));
                let value = libm::exp(from + fraction * (to - from));
                self.grid((((value - low) / step).max(0.0) as u64).min(len - 1))
            }
            Draw::Between { low, high, log: true } => {
                let (from, to) = (libm::log(low), libm::log(high));
                libm::exp(from + fraction * (to - from)).clamp(low, high)
            }
            Draw::Between { low, high, log: false } => (low + fraction * (high - low)).clamp(low, high),
        }
    }

    /// The fractions that give the same value as this one; nothing if no two do.
    pub(crate) fn cell(&self, fraction: f64) -> Option<(f64, f64)> {
        match self.draw {
            Draw::Single => Some((0.0, 1.0)),
            Draw::Even(len) => {
                let index = libm::floor(fraction * len as f64).clamp(0.0, (len - 1) as f64);
                Some((index / len as f64, (index + 1.0) / len as f64))
            }
            Draw::LogInt { low, step, len } => {
                let (from, to) = (libm::log(low), libm::log(low + step * len as f64));
                let value = self.at(fraction);
                Some((
                    (libm::log(value) - from) / (to - from),
                    (libm::log(value + step) - from) / (to - from),
                ))
            }
            Draw::Between { .. } => None,
        }
    }

    /// The fraction of a value: the middle of those that give it. The inverse of [`Axis::at`].
    pub(crate) fn fraction(&self, value: f64) -> f64 {
        match self.draw {
            Draw::Single => 0.5,
            Draw::Even(len) => (self.index_of(value, len) as f64 + 0.5) / len as f64,
            Draw::LogInt { low, step, len } => {
                let (from, to) = (libm::log(low), libm::log(low + step * len as f64));
                let index = self.index_of(value, len) as f64;
                let (left, right) = (libm::log(low + step * index), libm::log(low + step * (index + 1.0)));
                (f64::midpoint(left, right) - from) / (to - from)
            }
            Draw::Between { low, high, log: true } => {
                let (from, to) = (libm::log(low), libm::log(high));
                ((libm::log(value) - from) / (to - from)).clamp(0.0, 1.0)
            }
            Draw::Between { low, high, log: false } => ((value - low) / (high - low)).clamp(0.0, 1.0),
        }
    }

    /// Which of the grid's `len` ascending values is nearest.
    fn index_of(&self, value: f64, len: u64) -> u64 {
        let (mut low, mut high) = (0, len);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.grid(middle) <= value {
                low = middle;
            } else {
                high = middle;
            }
        }
        let next = (low + 1).min(len - 1);
        if (self.grid(next) - value).abs() < (value - self.grid(low)).abs() {
            next
        } else {
            low
        }
    }

    /// How many bits of a fraction are sure to tell values apart: fractions that differ in them give different values.
    /// 0 unless the values lie close together.
    pub(crate) fn resolution_bits(&self) -> u32 {
        let Draw::Between { low, high, log } = self.draw else {
            return 0;
        };
        // Neighbours must lie further apart than a dozen roundings of the largest intermediate number.
        let (range, largest) = if log {
            let (from, to) = (libm::log(low), libm::log(high));
            (to - from, from.abs().max(to.abs()).max(1.0))
        } else {
            (high - low, low.abs().max(high.abs()))
        };
        let cells = range / (16.0 * f64::EPSILON * largest);
        if cells >= 1.0 {
            libm::floor(libm::log2(cells)).min(52.0) as u32
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(domain: Domain) -> Axis {
        Axis::new(&Parameter {
            name: "x".to_owned(),
            domain,
            default: None,
        })
    }

    fn between(low: f64, high: f64, log: bool) -> Axis {
        axis(Domain::Float {
            low,
            high,
            step: None,
            steps: Some(3),
            log,
        })
    }

    #[test]
    fn logarithmic_whole_numbers_get_their_share() {
        let axis = axis(Domain::Int {
            low: 1,
            high: 7,
            step: 1,
            log: true,
        });
        let mut seen = [0u32; 8];
        (0..80_000).for_each(|i| seen[axis.at(f64::from(i) / 80_000.0) as usize] += 1);
        // The numbers 1 and 2..3 each have a third of ln 8, and so have 4..7.
        let thirds = [seen[1], seen[2] + seen[3], seen[4..].iter().sum::<u32>()];
        assert!(thirds.iter().all(|n| n.abs_diff(80_000 / 3) < 3), "{seen:?}");
    }

    #[test]
    fn draws_stay_inside_the_range_and_steps_are_for_grids_only() {
        let largest = 1.0 - f64::EPSILON / 2.0;
        for (low, high, log) in [(0.1, 0.3, false), (1e-4, 1e-2, true), (-1e300, 1e300, false)] {
            let axis = between(low, high, log);
            assert!(axis.at(0.0) >= low && axis.at(largest) <= high);
            assert_eq!(axis.grid_len(), Some(3));
            assert!(matches!(axis.draw, Draw::Between { .. }));
        }
        assert_eq!(between(2.0, 2.0, false).at(0.7), 2.0);
    }

    #[test]
    fn the_fraction_of_a_value_gives_it_back() {
        let int = |low, high, step, log| axis(Domain::Int { low, high, step, log });
        let choice = axis(Domain::Choice(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
        let lattice = axis(Domain::Float {
            low: 0.1,
            high: 2.0,
            step: Some(0.1),
            steps: None,
            log: false,
        });
        for axis in [
            int(2, 60, 1, false),
            int(3, 120, 3, false),
            int(1, 1_000, 1, true),
            choice,
            lattice,
        ] {
            for i in 0..axis.grid_len().unwrap() {
                let value = axis.grid(i);
                assert_eq!(axis.at(axis.fraction(value)), value, "{:?}", axis.domain);
                let (left, right) = axis.cell(axis.fraction(value)).unwrap();
                let inner = [left + 0.01 * (right - left), right - 0.01 * (right - left)];
                assert_eq!(inner.map(|u| axis.at(u)), [value; 2], "{:?}", axis.domain);
            }
        }
        for axis in [between(0.1, 0.3, false), between(1e-4, 1e-2, true)] {
            for i in 0..100 {
                let fraction = f64::from(i) / 100.0;
                assert!((axis.fraction(axis.at(fraction)) - fraction).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn different_cells_give_different_values() {
        for axis in [
            between(0.1, 0.3, false),
            between(1e6, 1e6 + 1.0, false),
            between(1e-9, 1e9, true),
            between(-3.0, 5.0, false),
        ] {
            let bits = axis.resolution_bits();
            assert!((20..=52).contains(&bits), "{bits}");
            let cells = (1u64 << bits) as f64;
            for start in [0.0, libm::floor(cells / 3.0), cells - 100.0] {
                let values: Vec<f64> = (0..100).map(|i| axis.at((start + f64::from(i)) / cells)).collect();
                assert!(values.windows(2).all(|pair| pair[0] < pair[1]));
            }
        }
        assert_eq!(between(1.0, 1.0 + f64::EPSILON, false).resolution_bits(), 0);
    }
}
