//! What processes are told: losses and violations on scales that suit them.

use crate::search::Outcome;
use crate::search::stream::Stream;

/// Losses as the values of one process per objective, standardized; of three objectives and more, as those of a single one.
pub(super) fn targets(losses: &[&[f64]], stream: &mut Stream) -> Vec<Vec<f64>> {
    let Some(objectives) = losses.first().map(|losses| losses.len()) else {
        return Vec::new();
    };
    let columns = (0..objectives).map(|objective| losses.iter().map(|losses| losses[objective]).collect());
    let columns: Vec<Vec<f64>> = columns.map(|column: Vec<f64>| standardized(&column)).collect();
    if objectives > 2 {
        return vec![standardized(&weighted_largest(&columns, stream))];
    }
    columns
}

/// The augmented Chebyshev function of the objectives (Knowles 2006, equation 2) with random weights.
fn weighted_largest(columns: &[Vec<f64>], stream: &mut Stream) -> Vec<f64> {
    const AUGMENTATION: f64 = 0.05;
    // Exponential draws in proportion to their sum are even over the simplex.
    let draws: Vec<f64> = columns.iter().map(|_| -libm::log(1.0 - stream.fraction())).collect();
    let total: f64 = draws.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let scaled: Vec<Vec<f64>> = columns
        .iter()
        .zip(draws)
        .map(|(column, draw)| {
            let low = column.iter().copied().fold(f64::INFINITY, f64::min);
            let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let scale = draw / total / (high - low).max(f64::MIN_POSITIVE);
            column.iter().map(|value| (value - low) * scale).collect()
        })
        .collect();
    let at = |i: usize| scaled.iter().map(move |column: &Vec<f64>| column[i]);
    let of_point = |i| at(i).fold(0.0, f64::max) + AUGMENTATION * at(i).sum::<f64>();
    (0..columns[0].len()).map(of_point).collect()
}

/// Values with mean 0 and variance 1; all 0 if they are alike.
fn standardized(values: &[f64]) -> Vec<f64> {
    let len = values.len() as f64;
    // Halves keep sums of the largest numbers finite.
    let mean = values.iter().map(|value| value / len).sum::<f64>();
    let largest = values.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max);
    if largest == 0.0 || !largest.is_finite() {
        return vec![0.0; values.len()];
    }
    let scaled: Vec<f64> = values.iter().map(|value| (value - mean) / largest).collect();
    let deviation = libm::sqrt(scaled.iter().map(|value| value * value).sum::<f64>() / len);
    scaled.into_iter().map(|value| value / deviation).collect()
}

/// What is told of points inside the constraints: not far from the border, as nothing is known of how far inside they are.
const INSIDE: f64 = -0.25;

/// How far outside of the constraints points are: [`INSIDE`] if inside, 0 to 1 by the violation, 1 if the trial failed; nothing if all are
/// inside.
pub(super) fn violations<'a>(outcomes: impl Iterator<Item = &'a Outcome> + Clone) -> Option<Vec<f64>> {
    let mut positive: Vec<f64> = outcomes
        .clone()
        .map(|outcome| outcome.violation)
        .filter(|v| *v > 0.0)
        .collect();
    positive.sort_unstable_by(f64::total_cmp);
    let median = positive.get(positive.len() / 2).copied().unwrap_or(1.0);
    let value = |outcome: &Outcome| match (&outcome.losses, outcome.violation) {
        (None, _) => 1.0,
        (Some(_), 0.0) => INSIDE,
        // A ratio that infinity has, too.
        (Some(_), violation) => 1.0 / (1.0 + median / violation),
    };
    let values: Vec<f64> = outcomes.map(value).collect();
    values.iter().any(|value| *value > 0.0).then_some(values)
}

/// Indices of at most `most` values in ascending order: the best half of them, and others evenly spread over the rest.
pub(super) fn sample(values: &[f64], most: usize) -> Vec<usize> {
    if values.len() <= most {
        return (0..values.len()).collect();
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let rest = order.split_off(most / 2);
    let wanted = most - order.len();
    order.extend((0..wanted).map(|i| rest[i * rest.len() / wanted]));
    order.sort_unstable();
    order
}
