//! Which members of a population survive, by loss or by crowding.

use std::cmp::Ordering;

use crate::search::{Outcome, Told, crowding, pareto};

/// A member of the population and how it stands in a tournament.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) told: Told,
    /// The number of its front; with one objective, its place.
    rank: usize,
    /// How much room it has for itself.
    room: f64,
}

impl Member {
    pub(super) fn new(told: Told, rank: usize, room: f64) -> Self {
        Self { told, rank, room }
    }

    /// Whether it wins a tournament; of equal ones the first does.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.rank.cmp(&other.rank).then(other.room.total_cmp(&self.room)).is_le()
    }
}

/// The `count` with the least loss, feasible ones first; of equal ones those that came first.
pub(super) fn best(mut all: Vec<Told>, count: usize) -> Vec<Member> {
    all.sort_by(|a, b| pareto::compare(&a.outcome, &b.outcome).unwrap_or(Ordering::Equal));
    all.truncate(count);
    let place = |(rank, told)| Member::new(told, rank, 0.0);
    all.into_iter().enumerate().map(place).collect()
}

/// The first fronts, as far as they fit into `count`, and of the next one what remains when the most crowded is removed again and
/// again.
pub(super) fn least_crowded(all: Vec<Told>, count: usize) -> Vec<Member> {
    let outcomes: Vec<&Outcome> = all.iter().map(|told| &told.outcome).collect();
    let mut places: Vec<Option<(usize, f64)>> = vec![None; all.len()];
    let mut left = count;
    for (rank, front) in pareto::fronts(&outcomes).into_iter().enumerate() {
        if left == 0 {
            break;
        }
        let losses: Vec<Option<&[f64]>> = front.iter().map(|index| outcomes[*index].losses.as_deref()).collect();
        let kept = crowding::thin(&losses, left);
        left -= kept.len();
        for (member, room) in kept {
            places[front[member]] = Some((rank, room));
        }
    }
    let placed = all.into_iter().zip(places);
    placed
        .filter_map(|(told, place)| place.map(|(rank, room)| Member::new(told, rank, room)))
        .collect()
}
