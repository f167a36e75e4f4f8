//! How much of the space of objectives a set of points is better than.

use std::cmp::Ordering;

use crate::search::pareto::dominance;

/// The volume between points and a reference point that is worse than they are, exactly. All objectives are minimized; points that
/// are not better than the reference in every one add nothing.
///
/// Source: L. While, L. Bradstreet, L. Barone, "A fast way of calculating exact hypervolumes" (WFG), IEEE Transactions on
/// Evolutionary Computation 16(1), 2012, with its slicing in every dimension down to two.
pub fn hypervolume(points: &[&[f64]], reference: &[f64]) -> f64 {
    let inside = |point: &&&[f64]| point.iter().zip(reference).all(|(x, r)| x < r);
    let mut points: Vec<Vec<f64>> = points.iter().filter(inside).map(|point| point.to_vec()).collect();
    if reference.is_empty() {
        return 0.0;
    }
    volume(&mut points, reference)
}

fn volume(points: &mut [Vec<f64>], reference: &[f64]) -> f64 {
    let last = reference.len() - 1;
    // The worst in the last objective come first: what is limited to one of them is a slab of its height.
    points.sort_by(|a, b| b[last].total_cmp(&a[last]).then_with(|| compare(a, b)));
    match last {
        0 => points.last().map_or(0.0, |point| reference[0] - point[0]),
        1 => area(points, reference),
        _ => {
            let mut sum = 0.0;
            for (k, point) in points.iter().enumerate() {
                let limited =
                    |other: &Vec<f64>| -> Vec<f64> { other[..last].iter().zip(point).map(|(a, b)| a.max(*b)).collect() };
                let mut rest = undominated(points[k + 1..].iter().map(limited));
                let box_volume: f64 = point[..last].iter().zip(reference).map(|(x, r)| r - x).product();
                sum += (reference[last] - point[last]) * (box_volume - volume(&mut rest, &reference[..last]));
            }
            sum
        }
    }
}

/// In two dimensions, of points sorted by descending second coordinate.
fn area(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let (mut sum, mut left) = (0.0, reference[0]);
    for point in points.iter().rev() {
        if point[0] < left {
            sum += (left - point[0]) * (reference[1] - point[1]);
            left = point[0];
        }
    }
    sum
}

fn undominated(points: impl Iterator<Item = Vec<f64>>) -> Vec<Vec<f64>> {
    let mut kept: Vec<Vec<f64>> = Vec::new();
    for point in points {
        let beaten = |other: &Vec<f64>| matches!(dominance(other, &point), Some(Ordering::Less | Ordering::Equal));
        if !kept.iter().any(beaten) {
            kept.retain(|other| dominance(&point, other) != Some(Ordering::Less));
            kept.push(point);
        }
    }
    kept
}

fn compare(a: &[f64], b: &[f64]) -> Ordering {
    let pairs = a.iter().zip(b);
    pairs
        .map(|(x, y)| x.total_cmp(y))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(points: &[Vec<f64>], reference: &[f64]) -> f64 {
        hypervolume(&points.iter().map(Vec::as_slice).collect::<Vec<_>>(), reference)
    }

    #[test]
    fn boxes_are_counted_once() {
        let points = [vec![1.0, 3.0], vec![2.0, 2.0], vec![3.0, 1.0], vec![3.0, 3.0], vec![0.0, 4.0]];
        assert_eq!(of(&points, &[4.0, 4.0]), 6.0);
        assert_eq!(of(&points[..0], &[4.0, 4.0]), 0.0);
        assert_eq!(of(&[vec![0.5], vec![0.25]], &[1.0]), 0.75);
        let corners = [vec![0.0, 0.5, 0.5], vec![0.5, 0.0, 0.5], vec![0.5, 0.5, 0.0]];
        assert_eq!(of(&corners, &[1.0; 3]), 0.5);
        assert_eq!(of(&[vec![0.5; 4], vec![0.5; 4], vec![0.75; 4]], &[1.0; 4]), 0.0625);
    }

    proptest! {
        /// Against inclusion and exclusion over all subsets.
        #[test]
        fn it_is_the_volume_of_the_union(
            points in prop::collection::vec(prop::collection::vec(0u8..8, 4), 1..8),
            dimensions in 1usize..5,
        ) {
            let points: Vec<Vec<f64>> =
                points.iter().map(|p| p[..dimensions].iter().map(|x| f64::from(*x)).collect()).collect();
            let reference = vec![6.0; dimensions];
            let mut expected = 0.0;
            for subset in 1u32..1 << points.len() {
                let chosen = points.iter().enumerate().filter(|(i, _)| subset >> i & 1 == 1);
                let mut corner = vec![0.0f64; dimensions];
                for (_, point) in chosen {
                    corner.iter_mut().zip(point).for_each(|(c, x)| *c = c.max(*x));
                }
                let part: f64 = corner.iter().map(|c| (6.0 - c).max(0.0)).product();
                expected += if subset.count_ones() % 2 == 1 { part } else { -part };
            }
            prop_assert_eq!(of(&points, &reference), expected);
        }
    }
}
