//! The points that were told, sorted along each dimension once and for all: a proposal among a thousand of them sorts nothing anew.

use crate::search::Told;

/// Per dimension the numbers of points, by their coordinate and then by number.
#[derive(Debug)]
pub(super) struct Sorted(Vec<Vec<usize>>);

impl Sorted {
    pub(super) fn new(dimensions: usize) -> Self {
        Self(vec![Vec::new(); dimensions])
    }

    /// Takes in those of all that were told which are new.
    pub(super) fn insert(&mut self, told: &[Told]) {
        for (dimension, order) in self.0.iter_mut().enumerate() {
            extend(order, told.len(), |point| told[point].unit[dimension]);
        }
    }

    /// The order of those that are wanted, numbered among themselves.
    pub(super) fn of(&self, wanted: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let count = self.0.first().map_or(0, Vec::len);
        let mut next = 0;
        let places: Vec<Option<usize>> = (0..count)
            .map(|point| {
                wanted(point).then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        let among = |order: &Vec<usize>| order.iter().filter_map(|point| places[*point]).collect();
        self.0.iter().map(among).collect()
    }
}

/// The orders of the first points made into those of all points.
pub(super) fn with_rest(mut orders: Vec<Vec<usize>>, points: &[&[f64]]) -> Vec<Vec<usize>> {
    for (dimension, order) in orders.iter_mut().enumerate() {
        extend(order, points.len(), |point| points[point][dimension]);
    }
    orders
}

/// Adds the points up to `count` to an order, each behind its equals.
fn extend(order: &mut Vec<usize>, count: usize, coordinate: impl Fn(usize) -> f64) {
    for point in order.len()..count {
        let own = coordinate(point);
        let place = order.partition_point(|other| coordinate(*other).total_cmp(&own).is_le());
        order.insert(place, point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Outcome;

    #[test]
    fn an_order_grows_and_is_that_of_those_who_are_wanted() {
        let told = |x: f64| Told {
            unit: [x].into(),
            outcome: Outcome {
                losses: None,
                violation: 0.0,
            },
        };
        let mut all: Vec<Told> = [0.5, 0.25, 0.5, 0.75].map(told).into();
        let mut sorted = Sorted::new(1);
        sorted.insert(&all);
        assert_eq!(sorted.of(|_| true), [[1, 0, 2, 3]]);
        all.extend([0.125, 0.5].map(told));
        sorted.insert(&all);
        assert_eq!(sorted.of(|_| true), [[4, 1, 0, 2, 5, 3]]);
        // Points 1, 3 and 5 are then 0, 1 and 2.
        let odd = sorted.of(|point| point % 2 == 1);
        assert_eq!(odd, [[0, 2, 1]]);
        assert_eq!(with_rest(odd, &[&[0.25], &[0.75], &[0.5], &[0.6]]), [[0, 2, 3, 1]]);
    }
}
