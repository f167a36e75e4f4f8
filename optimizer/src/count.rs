//! How many points of a grid satisfy its condition.

use crate::axis::Axis;
use crate::condition::Condition;
use crate::generator;

/// How many points a search proposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exact(u64),
    /// About so many, from a sample of the grid.
    About(u64),
}

impl Count {
    /// The number.
    pub fn value(self) -> u64 {
        match self {
            Self::Exact(count) | Self::About(count) => count,
        }
    }
}

/// Most evaluations of a condition for an exact answer.
const MAX_EVALUATIONS: u64 = 50_000_000;
/// Points of a sample.
const SAMPLE: u64 = 1 << 20;

/// The lengths of a grid's axes, known to be finite and their product to fit.
#[derive(Debug, Clone)]
pub(crate) struct Lens(pub(crate) Vec<u64>);

impl Lens {
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().product()
    }

    /// Points over the mentioned axes alone, and points over the others.
    fn split(&self, mentions: &[usize]) -> (u64, u64) {
        let inside: u64 = mentions.iter().map(|i| self.0[*i]).product();
        (inside, self.total() / inside)
    }
}

/// Exact where the parameters that the condition mentions span at most 50 million points: the others only multiply.
/// `limit` ends the count early once it is reached.
pub(crate) fn exact(axes: &[Axis], lens: &Lens, condition: Option<&Condition>, limit: u64) -> Option<u64> {
    let Some(condition) = condition else {
        return Some(lens.total());
    };
    let (inside, outside) = lens.split(&condition.mentions);
    if inside > MAX_EVALUATIONS {
        return None;
    }
    let mut coordinates: Vec<f64> = axes.iter().map(|axis| axis.grid(0)).collect();
    let mut digits = vec![0; condition.mentions.len()];
    let mut count = 0;
    for _ in 0..inside {
        count += u64::from(condition.holds(&coordinates));
        if count >= limit {
            break;
        }
        for (digit, i) in digits.iter_mut().zip(&condition.mentions).rev() {
            *digit = (*digit + 1) % lens.0[*i];
            coordinates[*i] = axes[*i].grid(*digit);
            if *digit != 0 {
                break;
            }
        }
    }
    Some(count * outside)
}

/// An estimate from a million points drawn with a fixed seed.
pub(crate) fn estimate(axes: &[Axis], lens: &Lens, condition: &Condition) -> u64 {
    let key = generator::key(0, 5);
    let mut coordinates: Vec<f64> = axes.iter().map(|axis| axis.grid(0)).collect();
    let mut hits = 0;
    for number in 0..SAMPLE {
        let draw_key = generator::random(key, number);
        for i in &condition.mentions {
            let index = (generator::fraction(draw_key, *i as u64) * lens.0[*i] as f64) as u64;
            coordinates[*i] = axes[*i].grid(index.min(lens.0[*i] - 1));
        }
        hits += u64::from(condition.holds(&coordinates));
    }
    (hits as f64 / SAMPLE as f64 * lens.total() as f64) as u64
}
