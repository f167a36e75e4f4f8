//! Where a point promises most.

use super::acquisition::Acquisition;
use crate::search::descent;
use crate::search::stream::Stream;
use crate::search::tried::Known;
use crate::search::{Cube, Dimension, Unit};

/// How long is searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Points looked at all over the cube, and as many around the best ones.
    pub(super) candidates: usize,
    /// How many of them are improved.
    pub(super) starts: usize,
    /// Evaluations in each descent.
    pub(super) steps: usize,
}

/// The new point that promises most among those looked at; nothing if there is none.
pub(super) fn maximize(
    acquisition: &Acquisition<'_>,
    cube: &Cube,
    known: &Known<'_>,
    around: &[&[f64]],
    effort: Effort,
    stream: &mut Stream,
) -> Option<Unit> {
    let mut candidates: Vec<(f64, Unit)> = Vec::with_capacity(2 * effort.candidates);
    let consider = |unit: Unit, candidates: &mut Vec<(f64, Unit)>| {
        if known.lacks(&unit) && cube.admits(&unit) {
            candidates.push((acquisition.at(&unit), unit));
        }
    };
    for unit in known.spread_many(effort.candidates, stream) {
        consider(unit, &mut candidates);
    }
    for i in 0..effort.candidates {
        let Some(centre) = around.get(i % around.len().max(1)) else {
            break;
        };
        consider(near(cube, centre, stream), &mut candidates);
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut best: Option<(f64, Unit)> = candidates.first().cloned();
    for (_, start) in candidates.iter().take(effort.starts) {
        let (value, unit) = climb(acquisition, cube, known, start, effort.steps);
        if best.as_ref().is_none_or(|(highest, _)| value > *highest) {
            best = Some((value, unit));
        }
    }
    best.map(|(_, unit)| unit)
}

/// A neighbour of a point, at a distance that may be anything from far to very near, in some of the dimensions.
fn near(cube: &Cube, centre: &[f64], stream: &mut Stream) -> Unit {
    let scale = libm::pow(10.0, -0.5 - 4.0 * stream.fraction());
    let some = stream.index(centre.len());
    let all = stream.fraction() < 0.5;
    let unit: Vec<f64> = centre
        .iter()
        .enumerate()
        .map(|(dimension, u)| {
            if dimension != some && !all && stream.fraction() < 0.7 {
                return *u;
            }
            match cube.cell(dimension, *u) {
                None => (u + scale * stream.normal()).clamp(0.0, 1.0),
                Some(_) if matches!(cube.dimensions()[dimension], Dimension::Category(_)) => stream.fraction(),
                // At least a cell away, where the next one begins.
                Some((left, right)) => {
                    let by = scale * stream.normal();
                    let by = if by < 0.0 { by - (right - left) } else { by + (right - left) };
                    (u + by).clamp(0.0, 1.0)
                }
            }
        })
        .collect();
    cube.centre(&unit)
}

/// Ascends from a point: along the gradient where dimensions are real, cell by cell where they are not.
fn climb(acquisition: &Acquisition<'_>, cube: &Cube, known: &Known<'_>, start: &[f64], steps: usize) -> (f64, Unit) {
    let real: Vec<usize> = (0..start.len())
        .filter(|d| cube.dimensions()[*d] == Dimension::Real)
        .collect();
    let mut place: Unit = start.into();
    let mut value = acquisition.at(&place);
    for _ in 0..ROUNDS {
        let before = value;
        if !real.is_empty() {
            let first: Vec<f64> = real.iter().map(|d| place[*d]).collect();
            let mut whole = place.to_vec();
            let mut all = vec![0.0; place.len()];
            let (found, _) = descent::minimize(&first, 0.01, steps, |units, slope| {
                real.iter().zip(units).for_each(|(d, u)| whole[*d] = *u);
                let value = acquisition.with_slope(&whole, &mut all);
                real.iter().zip(slope).for_each(|(d, slope)| *slope = -all[*d]);
                -value
            });
            let mut target = place.to_vec();
            real.iter().zip(found).for_each(|(d, u)| target[*d] = u);
            let target = cube.repair(&target, &place);
            let reached = acquisition.at(&target);
            if reached > value && known.lacks(&target) {
                (place, value) = (target, reached);
            }
        }
        if real.len() == place.len() {
            break;
        }
        for dimension in 0..place.len() {
            for unit in moves(cube, &place, dimension) {
                if known.lacks(&unit) && cube.admits(&unit) {
                    let reached = acquisition.at(&unit);
                    if reached > value {
                        (place, value) = (unit, reached);
                    }
                }
            }
        }
        if value <= before {
            break;
        }
    }
    (value, place)
}

/// Most rounds of gradient and cells.
const ROUNDS: usize = 3;
/// Most texts that are tried one after the other.
const TEXTS: u64 = 16;

/// Points that differ in a discrete dimension: every text, or 1, 2, 4, ... cells to both sides.
fn moves(cube: &Cube, place: &[f64], dimension: usize) -> Vec<Unit> {
    let with = |u: f64| {
        let mut unit = place.to_vec();
        unit[dimension] = u;
        cube.centre(&unit)
    };
    let u = place[dimension];
    match (cube.dimensions()[dimension], cube.cell(dimension, u)) {
        (Dimension::Category(cells), _) => {
            let tried = cells.min(TEXTS);
            (0..tried).map(|i| with((i as f64 + 0.5) / tried as f64)).collect()
        }
        (_, Some((left, right))) => {
            // Just into the cell beyond, which on a logarithmic scale is not less than half as wide as this one.
            let width = right - left;
            let distances = std::iter::successors(Some(1.0), |cells| Some(2.0 * cells)).map(|cells| (cells - 0.7) * width);
            let both = distances.take_while(|by| *by < 1.0).flat_map(|by| [left - by, right + by]);
            both.filter(|u| (0.0..1.0).contains(u)).map(with).collect()
        }
        _ => Vec::new(),
    }
}
