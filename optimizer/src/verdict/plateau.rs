//! Whether a point stands on a plateau or on a spike.

use assay_core::space::{Domain, Point, Space};

/// How the neighbours of a point do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plateau {
    /// How many there are.
    pub neighbours: usize,
    /// Median of their scores; one without a score counts as 0.
    pub median: f64,
    /// The same as a share of the point's own score; `None` unless that is positive.
    pub share: Option<f64>,
}

/// The neighbours of `best` among all points that were tried, and their scores (the larger, the better).
///
/// Each axis is measured in steps from one tried value to the next; where an axis has more values than the points would give all axes
/// alike, its steps are that much shorter. Neighbours are all points within one step along every axis, at least two an axis: for a grid
/// the cells around the point, for points strewn at random the nearest. Points of another choice are no neighbours. `None` without any.
pub fn plateau(space: &Space, points: &[Point], scores: &[Option<f64>], best: usize) -> Option<Plateau> {
    let axes: Vec<(usize, Vec<f64>, f64)> = (0..space.params.len())
        .filter(|at| !matches!(space.params[*at].domain, Domain::Choice(_) | Domain::Fixed(_)))
        .map(|at| {
            let mut values: Vec<f64> = points.iter().map(|point| point.0[at]).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            (at, values, 1.0)
        })
        .filter(|(_, values, _)| values.len() > 1)
        .collect();
    if axes.is_empty() {
        return None;
    }
    let even = libm::pow(points.len() as f64, 1.0 / axes.len() as f64).max(2.0);
    let axes: Vec<_> = axes
        .into_iter()
        .map(|(at, values, _)| {
            let step = (even / values.len() as f64).min(1.0);
            (at, values, step)
        })
        .collect();
    let place =
        |at: usize, values: &[f64], step: f64, point: &Point| values.partition_point(|x| *x < point.0[at]) as f64 * step;
    let centre: Vec<f64> = axes
        .iter()
        .map(|(at, values, step)| place(*at, values, *step, &points[best]))
        .collect();
    let chosen = |point: &Point| {
        let params = space.params.iter().enumerate();
        let mut choices = params.filter(|(_, p)| matches!(p.domain, Domain::Choice(_)));
        choices.all(|(at, _)| point.0[at] == points[best].0[at])
    };
    let mut near: Vec<(f64, usize)> = Vec::new();
    for (i, point) in points.iter().enumerate() {
        if i == best || !chosen(point) {
            continue;
        }
        let apart = axes
            .iter()
            .zip(&centre)
            .map(|((at, values, step), own)| (place(*at, values, *step, point) - own).abs());
        near.push((apart.fold(0.0, f64::max), i));
    }
    near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let within = near.partition_point(|(apart, _)| *apart <= 1.0 + 1e-9);
    near.truncate(within.max(2 * axes.len()));
    let mut around: Vec<f64> = near.iter().map(|(_, i)| scores[*i].unwrap_or(0.0)).collect();
    around.sort_by(f64::total_cmp);
    let (low, high) = (around.get(around.len().checked_sub(1)? / 2)?, around[around.len() / 2]);
    let median = f64::midpoint(*low, high);
    let own = scores[best].filter(|own| *own > 0.0);
    Some(Plateau {
        neighbours: around.len(),
        median,
        share: own.map(|own| median / own),
    })
}

#[cfg(test)]
mod tests {
    use assay_core::space::Parameter;

    use super::*;

    fn space(names: &[(&str, Domain)]) -> Space {
        let params = names.iter().map(|(name, domain)| Parameter {
            name: (*name).to_owned(),
            domain: domain.clone(),
            default: None,
        });
        Space {
            params: params.collect(),
            condition: None,
            ..Space::default()
        }
    }

    fn int() -> Domain {
        Domain::Int {
            low: 0,
            high: 9,
            step: 1,
            log: false,
        }
    }

    #[test]
    fn a_grid_has_the_cells_around() {
        let space = space(&[("a", int()), ("b", int())]);
        let points: Vec<Point> = (0..100)
            .map(|i| Point(Box::from([f64::from(i / 10), f64::from(i % 10)])))
            .collect();
        let hill = |point: &Point| Some(2.0 - ((point.0[0] - 4.0).abs() + (point.0[1] - 4.0).abs()) / 10.0);
        let scores: Vec<_> = points.iter().map(hill).collect();
        let found = plateau(&space, &points, &scores, 44).unwrap();
        assert_eq!(found.neighbours, 8);
        assert!((found.share.unwrap() - 0.925).abs() < 1e-12, "{found:?}");
        let mut spike = vec![Some(0.1); 100];
        spike[44] = Some(2.0);
        assert!((plateau(&space, &points, &spike, 44).unwrap().share.unwrap() - 0.05).abs() < 1e-12);
        let corner = plateau(&space, &points, &scores, 0).unwrap();
        assert_eq!(corner.neighbours, 4, "three cells, and at least two an axis");
        spike[44] = Some(-1.0);
        assert_eq!(plateau(&space, &points, &spike, 44).unwrap().share, None);
    }

    #[test]
    fn other_choices_and_lonely_points_are_no_neighbours() {
        let modes = Domain::Choice(vec!["x".to_owned(), "y".to_owned()]);
        let space = space(&[("a", int()), ("mode", modes)]);
        let points: Vec<Point> = (0..20)
            .map(|i| Point(Box::from([f64::from(i / 2), f64::from(i % 2)])))
            .collect();
        let scores: Vec<_> = (0..20).map(|i| Some(if i % 2 == 0 { 1.0 } else { -5.0 })).collect();
        let found = plateau(&space, &points, &scores, 8).unwrap();
        assert_eq!((found.neighbours, found.share), (2, Some(1.0)));
        assert_eq!(plateau(&space, &points[..1], &scores[..1], 0), None);
    }
}
