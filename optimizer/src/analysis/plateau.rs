//! Whether a point stands on a plateau or on a spike.

use std::collections::BinaryHeap;

use super::{Scored, category};
use crate::search::Dimension;

/// Neighbours that are looked at.
pub const NEIGHBOURS: usize = 12;

/// What it takes to compare points with their neighbours.
#[derive(Debug)]
pub struct Plateaus<'a> {
    scored: &'a Scored,
    sorted: Vec<f64>,
}

/// A neighbour: the farther, the larger; ties go to the point that came first.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Near {
    distance: f64,
    index: usize,
}

impl Eq for Near {}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.distance.total_cmp(&other.distance).then(self.index.cmp(&other.index))
    }
}

impl<'a> Plateaus<'a> {
    /// Of these points.
    pub fn new(scored: &'a Scored) -> Self {
        let mut sorted = scored.scores.clone();
        sorted.sort_by(f64::total_cmp);
        Self { scored, sorted }
    }

    /// How the neighbours of a point do: the median, over its [`NEIGHBOURS`] nearest points, of the share of all points that each is better
    /// than (ties count half). Near 1 the point stands on a plateau: its neighbours are among the best, too. About 0.5 is a spike among
    /// ordinary points. `None` where there are fewer than two other points.
    ///
    /// Distance is the largest difference of a coordinate of the cube; another text of a category is half of the cube away. The point
    /// itself, and others at its very place, are no neighbours.
    pub fn score(&self, unit: &[f64]) -> Option<f64> {
        let mut nearest: BinaryHeap<Near> = BinaryHeap::new();
        for index in 0..self.scored.len() {
            let most = match nearest.peek() {
                Some(worst) if nearest.len() == NEIGHBOURS => worst.distance,
                _ => f64::INFINITY,
            };
            let distance = self.distance(unit, index, most);
            // What is as far away as the farthest came later, and stays out.
            if distance <= 0.0 || distance >= most {
                continue;
            }
            if nearest.len() == NEIGHBOURS {
                nearest.pop();
            }
            nearest.push(Near { distance, index });
        }
        let mut shares: Vec<f64> = nearest
            .iter()
            .map(|near| self.better_than(self.scored.scores[near.index]))
            .collect();
        if shares.len() < 2 {
            return None;
        }
        shares.sort_by(f64::total_cmp);
        Some(f64::midpoint(shares[(shares.len() - 1) / 2], shares[shares.len() / 2]))
    }

    /// The distance to a point; more than `most` may be less than it is.
    fn distance(&self, unit: &[f64], index: usize, most: f64) -> f64 {
        let mut distance = 0.0f64;
        for ((u, column), dimension) in unit.iter().zip(&self.scored.units).zip(&self.scored.dimensions) {
            let other = column[index];
            let apart = match dimension {
                Dimension::Category(len) if category(*u, *len) == category(other, *len) => 0.0,
                Dimension::Category(_) => 0.5,
                _ => (u - other).abs(),
            };
            distance = distance.max(apart);
            if distance >= most {
                break;
            }
        }
        distance
    }

    fn better_than(&self, score: f64) -> f64 {
        let below = self.sorted.partition_point(|other| *other < score);
        let up_to = self.sorted.partition_point(|other| *other <= score);
        f64::midpoint(below as f64, up_to as f64) / self.sorted.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid with a broad hill and a single spike that is higher than it.
    fn grid() -> Scored {
        let mut scored = Scored::new(&[Dimension::Ordered(40), Dimension::Ordered(40)]);
        for i in 0..40u32 {
            for j in 0..40u32 {
                let (x, y) = ((f64::from(i) + 0.5) / 40.0, (f64::from(j) + 0.5) / 40.0);
                let hill = 1.0 - ((x - 0.7).abs() + (y - 0.7).abs());
                let score = if (i, j) == (5, 5) { 9.0 } else { hill };
                scored.push(&[x, y], score);
            }
        }
        scored
    }

    #[test]
    fn a_hill_is_a_plateau_and_a_needle_is_not() {
        let scored = grid();
        let plateaus = Plateaus::new(&scored);
        let hill = plateaus.score(&[28.5 / 40.0, 28.5 / 40.0]).unwrap();
        let needle = plateaus.score(&[5.5 / 40.0, 5.5 / 40.0]).unwrap();
        assert!(hill > 0.97, "{hill}");
        assert!(needle < 0.2, "{needle}");
    }

    #[test]
    fn other_categories_are_far_away_and_too_few_points_say_nothing() {
        let mut scored = Scored::new(&[Dimension::Category(2), Dimension::Real]);
        for i in 0..40u32 {
            let u = f64::from(i % 20) / 20.0;
            let text = if i < 20 { 0.25 } else { 0.75 };
            scored.push(&[text, u], f64::from(u8::from(i < 20)));
        }
        let plateaus = Plateaus::new(&scored);
        assert!(plateaus.score(&[0.25, 0.5]).unwrap() > 0.7);
        assert!(plateaus.score(&[0.75, 0.5]).unwrap() < 0.3);
        let mut lonely = Scored::new(&[Dimension::Real]);
        lonely.push(&[0.5], 1.0);
        assert_eq!(Plateaus::new(&lonely).score(&[0.5]), None);
    }
}
