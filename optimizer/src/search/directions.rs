//! Directions that are spread evenly over the objectives.

/// All vectors of `objectives` multiples of 1 / `partitions` that sum to 1, in lexicographic order.
///
/// Source: I. Das, J. E. Dennis, "Normal-boundary intersection", SIAM Journal on Optimization 8(3), 1998.
pub fn das_dennis(objectives: usize, partitions: usize) -> Vec<Box<[f64]>> {
    let mut found = Vec::new();
    if objectives > 0 && partitions > 0 {
        extend(
            &mut Vec::with_capacity(objectives),
            objectives,
            partitions,
            partitions,
            &mut found,
        );
    }
    found
}

fn extend(prefix: &mut Vec<usize>, objectives: usize, left: usize, partitions: usize, found: &mut Vec<Box<[f64]>>) {
    if prefix.len() + 1 == objectives {
        let shares = prefix.iter().chain([&left]).map(|n| *n as f64 / partitions as f64);
        found.push(shares.collect());
        return;
    }
    for n in 0..=left {
        prefix.push(n);
        extend(prefix, objectives, left - n, partitions, found);
        prefix.pop();
    }
}

/// About `wanted` directions, never more unless there are as many objectives: one layer while that has directions inside, and beyond
/// six objectives a second one, half as far from the middle.
///
/// Source of the layers: K. Deb, H. Jain, "An evolutionary many-objective optimization algorithm using reference-point-based
/// nondominated sorting approach, part I", 2014, V.
pub fn directions(objectives: usize, wanted: usize) -> Vec<Box<[f64]>> {
    let largest = (1..=wanted)
        .take_while(|p| count(objectives, *p) <= wanted)
        .last()
        .unwrap_or(1);
    let mut found = das_dennis(objectives, largest);
    if largest < objectives && objectives > 1 {
        let room = wanted.saturating_sub(found.len());
        let inner = (1..=largest).take_while(|p| count(objectives, *p) <= room).last();
        let halfway =
            |direction: &[f64]| -> Box<[f64]> { direction.iter().map(|x| 0.5 * x + 0.5 / objectives as f64).collect() };
        let inner: Vec<Box<[f64]>> = inner.map_or(Vec::new(), |p| {
            das_dennis(objectives, p).iter().map(|direction| halfway(direction)).collect()
        });
        found.extend(inner);
    }
    found
}

/// Binomial coefficient of `objectives + partitions - 1` over `partitions`, as far as it fits.
fn count(objectives: usize, partitions: usize) -> usize {
    if objectives <= 1 {
        return if partitions == 1 { 1 } else { usize::MAX };
    }
    (1..=partitions).fold(1usize, |n, k| n.saturating_mul(objectives + k - 1) / k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_the_formula_says() {
        for (objectives, partitions, expected) in [(3, 12, 91), (2, 99, 100), (5, 6, 210), (3, 1, 3), (1, 4, 1)] {
            let found = das_dennis(objectives, partitions);
            assert_eq!(found.len(), expected);
            assert!(found.iter().all(|d| (d.iter().sum::<f64>() - 1.0).abs() < 1e-12));
        }
        assert_eq!(directions(3, 100).len(), 91);
        assert_eq!(directions(1, 100).len(), 1);
        // Two layers of 120 and 36 directions.
        assert_eq!(directions(8, 160).len(), 156);
    }
}
