//! Upright lines at values, with names that no other line crosses.

use crate::ink::Ink;
use crate::plot::Plot;
use crate::shape::{Anchor, Picture, SIZE, width_of};

/// Between a line and its name.
const GAP: f64 = 6.0;

/// A value to be marked.
pub(crate) struct Level {
    pub(crate) value: f64,
    pub(crate) name: String,
    pub(crate) ink: Ink,
}

/// A line for each level from its row down, its name beside the upper end. `rows` are heights of names, from above; there are at least
/// as many as levels.
pub(crate) fn levels(picture: &mut Picture, plot: &Plot, rows: &[f64], levels: &[Level]) {
    let places: Vec<(f64, f64)> = levels
        .iter()
        .map(|level| (plot.x_at(level.value), width_of(&level.name, SIZE) + GAP))
        .collect();
    let found = arrange(&places, (0.0, picture.width));
    for (level, (row, _)) in levels.iter().zip(&found) {
        let x = plot.x_at(level.value);
        picture.line(vec![(x, rows[*row]), (x, plot.bottom)], level.ink, 1.6);
    }
    for (i, level) in levels.iter().enumerate() {
        let (row, left) = found[i];
        let (x, y) = (places[i].0, rows[row]);
        if crossing(&places, &found, i) > 0 {
            // Nowhere was room: what crosses is hidden behind the name.
            let (from, to) = span(places[i], left);
            let half = SIZE / 2.0 + 1.0;
            picture.bar((from + 2.0, y - half), (to - 2.0, y + half), Ink::Surface, 1.0);
        }
        let (at, anchor) = if left {
            (x - GAP, Anchor::End)
        } else {
            (x + GAP, Anchor::Start)
        };
        picture.text((at, y), level.name.as_str(), anchor, level.ink);
    }
}

/// Where a name begins and ends.
fn span((x, width): (f64, f64), left: bool) -> (f64, f64) {
    if left { (x - width, x) } else { (x, x + width) }
}

/// How many lines cross a name: those that begin in rows above its own.
fn crossing(places: &[(f64, f64)], choice: &[(usize, bool)], name: usize) -> usize {
    let (row, left) = choice[name];
    let (from, to) = span(places[name], left);
    let others = places.iter().zip(choice);
    others
        .filter(|((x, _), (above, _))| *above < row && *x > from - 3.0 && *x < to + 3.0)
        .count()
}

/// For each place and width of a name its row and whether it stands to the left: such that the least is crossed, inside `ends`.
fn arrange(places: &[(f64, f64)], ends: (f64, f64)) -> Vec<(usize, bool)> {
    let middle = f64::midpoint(ends.0, ends.1);
    let mut best: Option<(u32, Vec<(usize, bool)>)> = None;
    for rows in orders(places.len()) {
        for sides in 0..1u32 << places.len() {
            let choice: Vec<(usize, bool)> = (0..places.len()).map(|i| (rows[i], sides >> i & 1 == 1)).collect();
            let cost = (0..places.len()).map(|i| {
                let (from, to) = span(places[i], choice[i].1);
                let outside = u32::from(from < ends.0 || to > ends.1) * 1_000;
                // Where nothing is in the way names point to the middle, where there is most room.
                outside + 50 * crossing(places, &choice, i) as u32 + u32::from(choice[i].1 != (places[i].0 > middle))
            });
            let cost = cost.sum();
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, choice));
            }
        }
    }
    best.map(|found| found.1).unwrap_or_default()
}

/// All orders of so few things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 0..count {
        let longer = all.into_iter().flat_map(|order: Vec<usize>| {
            let rest: Vec<usize> = (0..count).filter(|i| !order.contains(i)).collect();
            rest.into_iter().map(move |i| [order.as_slice(), &[i]].concat())
        });
        all = longer.collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_point_to_the_middle_where_nothing_is_in_the_way() {
        assert_eq!(orders(3).len(), 6);
        assert_eq!(
            arrange(&[(100.0, 80.0), (400.0, 80.0)], (0.0, 500.0)),
            [(0, false), (1, true)]
        );
    }

    proptest! {
        /// Wherever the lines are, no name leaves the picture, each has a row, and of two none is crossed.
        #[test]
        fn names_stay_inside_and_two_are_never_crossed(xs in prop::collection::vec(16.0f64..452.0, 1..4)) {
            let places: Vec<(f64, f64)> = xs.iter().map(|x| (*x, 150.0)).collect();
            let found = arrange(&places, (0.0, 468.0));
            let rows: BTreeSet<usize> = found.iter().map(|place| place.0).collect();
            prop_assert_eq!(rows.len(), places.len());
            let mut crossed = 0;
            for i in 0..places.len() {
                let (from, to) = span(places[i], found[i].1);
                prop_assert!(from >= 0.0 && to <= 468.0, "{places:?} {found:?}");
                let apart = places.iter().enumerate().all(|(j, place)| i == j || (place.0 - places[i].0).abs() > 3.0);
                crossed += if apart { crossing(&places, &found, i) } else { 0 };
            }
            prop_assert!(crossed <= places.len().saturating_sub(2), "{places:?} {found:?}");
        }
    }
}
