//! How crowded a front is, and how it is thinned out.

/// How much room each member of a front has for itself: with two objectives the crowding distance, with more the product of the
/// squared distances to as many nearest neighbours as there are objectives. Objectives are scaled by their range. The first of those
/// that are best in an objective has unlimited room, with two objectives the worst too; members without losses have none.
///
/// Sources: Deb et al. 2002 (NSGA-II); S. Kukkonen, K. Deb, "A fast and effective method for pruning of non-dominated solutions in
/// many-objective problems", 2006.
pub fn room(front: &[Option<&[f64]>]) -> Vec<f64> {
    match front.iter().flatten().next().map(|losses| losses.len()) {
        None => vec![0.0; front.len()],
        Some(2) => crowding_distance(front),
        Some(_) => Neighbours::new(front).rooms,
    }
}

/// Removes the most crowded member, again and again, until `count` are left; of equally crowded ones the last. Returns the indices
/// of those that are left, ascending, and their room.
///
/// Source of the one by one: S. Kukkonen, K. Deb, "Improved pruning of non-dominated solutions based on crowding distance for
/// bi-objective optimization problems", 2006.
pub fn thin(front: &[Option<&[f64]>], count: usize) -> Vec<(usize, f64)> {
    let mut left: Vec<usize> = (0..front.len()).collect();
    if front.iter().flatten().next().is_some_and(|losses| losses.len() > 2) {
        let mut neighbours = Neighbours::new(front);
        while left.len() > count {
            let gone = left.remove(most_crowded(left.iter().map(|i| neighbours.rooms[*i])));
            neighbours.remove(gone, &left);
        }
        return left.into_iter().map(|i| (i, neighbours.rooms[i])).collect();
    }
    loop {
        let rooms = room(&left.iter().map(|i| front[*i]).collect::<Vec<_>>());
        if left.len() <= count {
            return left.into_iter().zip(rooms).collect();
        }
        left.remove(most_crowded(rooms.iter().copied()));
    }
}

fn most_crowded(rooms: impl Iterator<Item = f64>) -> usize {
    let least = |best: (usize, f64), next: (usize, f64)| if next.1 <= best.1 { next } else { best };
    rooms.enumerate().fold((0, f64::INFINITY), least).0
}

fn members<'a>(front: &[Option<&'a [f64]>]) -> Vec<(usize, &'a [f64])> {
    front
        .iter()
        .enumerate()
        .filter_map(|(i, losses)| Some((i, (*losses)?)))
        .collect()
}

/// The inverse of a range, 0 if there is none.
fn scale(range: f64) -> f64 {
    if range > 0.0 && range.is_finite() { 1.0 / range } else { 0.0 }
}

fn crowding_distance(front: &[Option<&[f64]>]) -> Vec<f64> {
    let mut rooms = vec![0.0; front.len()];
    let mut order = members(front);
    for j in 0..2 {
        order.sort_by(|a, b| a.1[j].total_cmp(&b.1[j]));
        let (first, last) = (order[0], order[order.len() - 1]);
        let scale = scale(last.1[j] - first.1[j]);
        for three in order.windows(3) {
            rooms[three[1].0] += (three[2].1[j] - three[0].1[j]) * scale;
        }
        rooms[first.0] = f64::INFINITY;
        rooms[last.0] = f64::INFINITY;
    }
    rooms
}

/// The nearest neighbours of each member, kept up to date while members go.
struct Neighbours<'a> {
    losses: Vec<Option<&'a [f64]>>,
    scales: Vec<f64>,
    /// Per member, the nearest with their squared distances, nearest first.
    nearest: Vec<Vec<(f64, usize)>>,
    rooms: Vec<f64>,
}

impl<'a> Neighbours<'a> {
    fn new(front: &[Option<&'a [f64]>]) -> Self {
        let members = members(front);
        let objectives = members.first().map_or(0, |(_, losses)| losses.len());
        let mut rooms = vec![0.0; front.len()];
        let mut scales = Vec::with_capacity(objectives);
        for j in 0..objectives {
            let values = members.iter().map(|(_, losses)| losses[j]);
            let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
            let least = values.fold(f64::INFINITY, f64::min);
            scales.push(scale(most - least));
            // It is never removed while others can be, so that ranges stay what they are.
            for extreme in [least, most] {
                if let Some((i, _)) = members.iter().find(|(_, losses)| losses[j] == extreme) {
                    rooms[*i] = f64::INFINITY;
                }
            }
        }
        let mut found = Self {
            losses: front.to_vec(),
            scales,
            nearest: vec![Vec::new(); front.len()],
            rooms,
        };
        let all: Vec<usize> = members.iter().map(|(i, _)| *i).collect();
        for i in &all {
            found.look_around(*i, &all);
        }
        found
    }

    /// Finds the nearest neighbours of a member among those left.
    fn look_around(&mut self, i: usize, left: &[usize]) {
        let Some(place) = self.losses[i] else {
            return;
        };
        let squares = |other: &[f64]| -> f64 {
            let scaled = place.iter().zip(other).zip(&self.scales).map(|((x, y), s)| (x - y) * s);
            scaled.map(|d| d * d).sum()
        };
        let others = left.iter().filter(|other| **other != i);
        let mut nearest: Vec<(f64, usize)> = others
            .filter_map(|other| Some((squares(self.losses[*other]?), *other)))
            .collect();
        let by_distance = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        let count = self.scales.len();
        if nearest.len() > count {
            nearest.select_nth_unstable_by(count, by_distance);
            nearest.truncate(count);
        }
        nearest.sort_by(by_distance);
        if self.rooms[i].is_finite() {
            self.rooms[i] = nearest.iter().map(|(distance, _)| distance).product();
        }
        self.nearest[i] = nearest;
    }

    fn remove(&mut self, gone: usize, left: &[usize]) {
        for i in left {
            if self.nearest[*i].iter().any(|(_, other)| *other == gone) {
                self.look_around(*i, left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_crowd_goes_first() {
        let points = [[0.0, 10.0], [4.0, 6.0], [5.0, 5.0], [5.5, 4.5], [10.0, 0.0]];
        let front: Vec<Option<&[f64]>> = points.iter().map(|point| Some(&point[..])).collect();
        let kept = thin(&front, 4);
        assert_eq!(kept.iter().map(|(i, _)| *i).collect::<Vec<_>>(), [0, 1, 3, 4]);
        assert_eq!(kept[0].1, f64::INFINITY);
        // Between (0, 10) and (5.5, 4.5): 0.55 of both ranges.
        assert!((kept[1].1 - 1.1).abs() < 1e-12);
        assert_eq!(thin(&front, 9).len(), 5);
    }

    #[test]
    fn neighbours_that_are_kept_up_to_date_are_those_found_anew() {
        let mut state = 1u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64
        };
        let points: Vec<[f64; 3]> = (0..40).map(|_| [draw(), draw(), draw()]).collect();
        let mut front: Vec<Option<&[f64]>> = points.iter().map(|point| Some(&point[..])).collect();
        front.insert(7, None);
        let thinned = thin(&front, 12);
        let mut left: Vec<usize> = (0..front.len()).collect();
        while left.len() > 12 {
            let rooms = room(&left.iter().map(|i| front[*i]).collect::<Vec<_>>());
            left.remove(most_crowded(rooms.iter().copied()));
        }
        assert_eq!(thinned.iter().map(|(i, _)| *i).collect::<Vec<_>>(), left);
        assert!(!left.contains(&7));
    }
}
