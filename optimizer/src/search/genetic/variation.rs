//! How children come from their parents.

use crate::search::stream::Stream;
use crate::search::{Cube, Dimension, GeneticSettings};

/// A child of two points: simulated binary crossover and polynomial mutation where values have an order, an exchange of values and
/// another value where they have none.
///
/// Sources: K. Deb, R. B. Agrawal, "Simulated binary crossover for continuous search space", 1995, in the form for bounded
/// variables of Deb's NSGA-II; K. Deb, M. Goyal, "A combined genetic adaptive search", 1996.
pub(super) fn child(cube: &Cube, settings: &GeneticSettings, parents: [&[f64]; 2], stream: &mut Stream) -> Vec<f64> {
    let [first, second] = parents;
    let mut child = first.to_vec();
    let dimensions = cube.dimensions();
    if stream.fraction() < settings.crossover {
        for (i, dimension) in dimensions.iter().enumerate() {
            if stream.fraction() >= 0.5 {
                continue;
            }
            child[i] = match dimension {
                Dimension::Category(_) => second[i],
                _ => crossed(first[i], second[i], settings.crossover_index, stream),
            };
        }
    }
    let probability = settings.mutation.unwrap_or(1.0 / dimensions.len() as f64);
    for (i, dimension) in dimensions.iter().enumerate() {
        if stream.fraction() < probability {
            child[i] = mutated(cube, i, *dimension, child[i], settings.mutation_index, stream);
        }
    }
    child
}

/// One of the two values that simulated binary crossover makes of two values in [0, 1].
fn crossed(first: f64, second: f64, index: f64, stream: &mut Stream) -> f64 {
    let (low, high) = (first.min(second), first.max(second));
    let (u, lower) = (stream.fraction(), stream.fraction() < 0.5);
    let range = high - low;
    if range < 1e-14 {
        return first;
    }
    let room = if lower { low } else { 1.0 - high };
    let alpha = 2.0 - libm::pow(1.0 + 2.0 * room / range, -(index + 1.0));
    let base = if u <= 1.0 / alpha {
        u * alpha
    } else {
        1.0 / (2.0 - u * alpha)
    };
    let spread = libm::pow(base, 1.0 / (index + 1.0)) * range;
    let value = 0.5 * (low + high + if lower { -spread } else { spread });
    value.clamp(0.0, 1.0)
}

fn mutated(cube: &Cube, i: usize, dimension: Dimension, value: f64, index: f64, stream: &mut Stream) -> f64 {
    let (u, other) = (stream.fraction(), stream.fraction());
    if let Dimension::Category(len) = dimension {
        // One of the others.
        let step = 1.0 + libm::floor(other * (len - 1) as f64);
        let place = value + step / len as f64;
        return if place < 1.0 { place } else { place - 1.0 };
    }
    let power = index + 1.0;
    let change = if u < 0.5 {
        libm::pow(2.0 * u + (1.0 - 2.0 * u) * libm::pow(1.0 - value, power), 1.0 / power) - 1.0
    } else {
        1.0 - libm::pow(2.0 * (1.0 - u) + (2.0 * u - 1.0) * libm::pow(value, power), 1.0 / power)
    };
    let place = (value + change).clamp(0.0, 1.0);
    match cube.cell(i, value) {
        // A change too small to leave the cell becomes a step to its neighbour.
        Some((left, right)) if left <= place && place <= right => {
            let width = right - left;
            let beyond = if (u < 0.5 && left > 0.0) || right >= 1.0 {
                left - 0.01 * width
            } else {
                right + 0.01 * width
            };
            beyond.clamp(0.0, 1.0)
        }
        _ => place,
    }
}
