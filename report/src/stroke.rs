//! Which pixels a line covers.
//!
//! The raster backend of plotters joins the segments of a wide line in points without a limit, so that a needle in the data is drawn
//! many times as high as it is. Here joins and ends are round: nothing is farther from the line than half its width.

use crate::shape::At;

/// A row of pixels, and the pixels from the first up to but not including the second.
pub(crate) type Run = (i32, i32, i32);

/// The pixels whose middle is within `half` of a line through `points`, each once, in a place of `width` by `height` pixels.
pub(crate) fn runs(points: &[At], half: f64, (width, height): (i32, i32)) -> Vec<Run> {
    let half = half.max(0.5);
    let mut runs = Vec::new();
    for pair in points.windows(2) {
        segment(pair[0], pair[1], half, (width, height), &mut runs);
    }
    runs.sort_unstable();
    // What overlaps becomes one: a faint line is as faint where it crosses itself.
    let mut merged: Vec<Run> = Vec::with_capacity(runs.len());
    for run in runs {
        match merged.last_mut() {
            Some(last) if last.0 == run.0 && run.1 <= last.2 => last.2 = last.2.max(run.2),
            _ => merged.push(run),
        }
    }
    merged
}

/// The same of one segment: a rectangle with a half disc at each end.
fn segment(a: At, b: At, half: f64, (width, height): (i32, i32), runs: &mut Vec<Run>) {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = libm::hypot(dx, dy);
    let aside = if length > 0.0 {
        (-dy / length * half, dx / length * half)
    } else {
        (0.0, 0.0)
    };
    let corners = [
        (a.0 + aside.0, a.1 + aside.1),
        (b.0 + aside.0, b.1 + aside.1),
        (b.0 - aside.0, b.1 - aside.1),
        (a.0 - aside.0, a.1 - aside.1),
    ];
    let top = libm::ceil(a.1.min(b.1) - half - 0.5).max(0.0) as i32;
    let bottom = libm::floor(a.1.max(b.1) + half - 0.5).min(f64::from(height - 1)) as i32;
    for row in top..=bottom {
        let y = f64::from(row) + 0.5;
        let (mut from, mut to) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut reach = |x: f64| (from, to) = (from.min(x), to.max(x));
        for end in [a, b] {
            let rest = half * half - (y - end.1) * (y - end.1);
            if rest >= 0.0 {
                reach(end.0 - rest.sqrt());
                reach(end.0 + rest.sqrt());
            }
        }
        for i in 0..4 {
            let (p, q) = (corners[i], corners[(i + 1) % 4]);
            if (p.1 <= y) != (q.1 <= y) {
                reach(p.0 + (q.0 - p.0) * (y - p.1) / (q.1 - p.1));
            }
        }
        let first = libm::ceil(from - 0.5).max(0.0) as i32;
        let end = (libm::floor(to - 0.5) + 1.0).min(f64::from(width)) as i32;
        if first < end {
            runs.push((row, first, end));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How far a place is from a segment.
    fn distance(at: At, (a, b): (At, At)) -> f64 {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let square = dx * dx + dy * dy;
        let share = if square > 0.0 {
            (((at.0 - a.0) * dx + (at.1 - a.1) * dy) / square).clamp(0.0, 1.0)
        } else {
            0.0
        };
        libm::hypot(at.0 - a.0 - share * dx, at.1 - a.1 - share * dy)
    }

    proptest! {
        #[test]
        fn a_pixel_is_covered_if_and_only_if_it_is_near_the_line(
            points in prop::collection::vec((-5.0f64..45.0, -5.0f64..35.0), 2..6),
            half in 0.5f64..6.0,
        ) {
            let found = runs(&points, half, (40, 30));
            for y in 0..30 {
                for x in 0..40 {
                    let at = (f64::from(x) + 0.5, f64::from(y) + 0.5);
                    let near = points.windows(2).map(|pair| distance(at, (pair[0], pair[1]))).fold(f64::INFINITY, f64::min);
                    let times = found.iter().filter(|(row, from, to)| *row == y && *from <= x && x < *to).count();
                    prop_assert!(times <= 1, "{x}, {y} is covered {times} times");
                    prop_assert!((near - half).abs() < 1e-9 || (times == 1) == (near < half), "{x}, {y} at {near}");
                }
            }
        }
    }
}
