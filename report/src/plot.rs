//! A place to draw in, with axes: from values to places.

use assay_core::metrics::Unit;

use crate::human;
use crate::ink::Ink;
use crate::shape::{Anchor, At, Picture, SIZE, width_of};
use crate::ticks;

/// How values lie on an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

impl Scale {
    /// Evenly from `low` to `high`.
    pub(crate) fn new(low: f64, high: f64) -> Self {
        if low < high && (high - low).is_finite() {
            return Self { low, high, log: false };
        }
        // Nothing, or a single value: it lies in the middle, between marks that can be read.
        let middle = if low.is_finite() { low } else { 0.0 };
        let half = if middle == 0.0 { 1.0 } else { middle.abs() * 0.05 };
        Self {
            low: middle - half,
            high: middle + half,
            log: false,
        }
    }

    /// Evenly in the logarithm, if there is one.
    pub(crate) fn logarithmic(low: f64, high: f64) -> Self {
        let scale = Self::new(low, high);
        Self {
            log: scale.low > 0.0,
            ..scale
        }
    }

    /// Around all finite values, with some air above and below.
    pub(crate) fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|x| x.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        let scale = Self::new(low, high);
        let air = (scale.high - scale.low) * 0.05;
        Self {
            low: scale.low - air,
            high: scale.high + air,
            log: false,
        }
    }

    /// The same from or to a value, if it does not go there.
    pub(crate) fn including(self, value: f64) -> Self {
        Self {
            low: self.low.min(value),
            high: self.high.max(value),
            ..self
        }
    }

    pub(crate) fn ends(self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// 0 at its beginning, 1 at its end.
    pub(crate) fn share(self, value: f64) -> f64 {
        if self.log {
            let (low, high) = (libm::log(self.low), libm::log(self.high));
            (libm::log(value.max(1e-300)) - low) / (high - low)
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// Round values on it with their texts.
    pub(crate) fn marks(self, unit: Unit, wanted: usize) -> Vec<(f64, String)> {
        let powers = if self.log {
            ticks::powers(self.low, self.high, wanted)
        } else {
            Vec::new()
        };
        let mut values = if powers.len() > 2 {
            powers
        } else {
            ticks::round_numbers(self.low, self.high, wanted)
        };
        if unit == Unit::Count {
            values.retain(|x| x.fract() == 0.0);
        }
        let values = if values.len() < 2 { vec![self.low, self.high] } else { values };
        let step = values.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        let text = |x: f64| match unit {
            // Marks of different sizes have no common number of decimals.
            Unit::Plain if self.log => human::number(x),
            _ => ticks::label(x, unit, step),
        };
        values.into_iter().map(|x| (x, text(x))).collect()
    }
}

/// A rectangle of a picture in which values have places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plot {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

impl Plot {
    pub(crate) fn at(&self, x: f64, y: f64) -> At {
        (self.x_at(x), self.y_at(y))
    }

    pub(crate) fn x_at(&self, x: f64) -> f64 {
        self.left + (self.right - self.left) * self.x.share(x).clamp(-0.2, 1.2)
    }

    pub(crate) fn y_at(&self, y: f64) -> f64 {
        self.bottom + (self.top - self.bottom) * self.y.share(y).clamp(-0.2, 1.2)
    }

    fn marks_y(&self, unit: Unit) -> Vec<(f64, String)> {
        let wanted = ((self.bottom - self.top) / 44.0).max(2.0) as usize;
        self.y.marks(unit, wanted)
    }

    /// The same beginning farther to the right where the texts of [`Plot::grid_y`] need that.
    pub(crate) fn fitted(self, unit: Unit) -> Self {
        let widest = self
            .marks_y(unit)
            .iter()
            .map(|mark| width_of(&mark.1, SIZE))
            .fold(0.0, f64::max);
        Self {
            left: self.left.max(widest + 16.0),
            ..self
        }
    }

    /// Lines across at round values, with their texts to the left.
    pub(crate) fn grid_y(&self, picture: &mut Picture, unit: Unit) {
        for (value, text) in self.marks_y(unit) {
            let y = self.y_at(value);
            picture.line(vec![(self.left, y), (self.right, y)], Ink::Grid, 1.0);
            picture.text((self.left - 8.0, y), text, Anchor::End, Ink::Muted);
        }
    }

    /// Marks below at round values.
    pub(crate) fn grid_x(&self, picture: &mut Picture, unit: Unit) {
        let wanted = ((self.right - self.left) / 70.0).max(4.0) as usize;
        let marks = self
            .x
            .marks(unit, wanted)
            .into_iter()
            .map(|(value, text)| (self.x_at(value), text));
        self.marks_below(picture, marks);
    }

    /// Marks below a line on which bars lie side by side.
    pub(crate) fn moments_x(&self, picture: &mut Picture, times: &[i64]) {
        let most = ((self.right - self.left) / 95.0).max(2.0) as usize;
        let marks = ticks::moments(times, most).into_iter();
        self.marks_below(picture, marks.map(|(index, text)| (self.x_at(index as f64), text)));
    }

    /// Dashed upright lines where bars side by side are far apart in time.
    pub(crate) fn gaps_x(&self, picture: &mut Picture, times: &[i64]) {
        const DASH: f64 = 5.0;
        for (index, _) in ticks::gaps(times, ticks::GAPS) {
            let x = self.x_at(index as f64 - 0.5);
            let mut y = self.top;
            while y < self.bottom {
                let end = (y + DASH).min(self.bottom);
                picture.line(vec![(x, y), (x, end)], Ink::Other, 1.0);
                y += 2.0 * DASH;
            }
        }
    }

    pub(crate) fn marks_below(&self, picture: &mut Picture, marks: impl Iterator<Item = (f64, String)>) {
        picture.line(vec![(self.left, self.bottom), (self.right, self.bottom)], Ink::Axis, 1.0);
        let mut free = f64::NEG_INFINITY;
        for (x, text) in marks {
            let half = width_of(&text, SIZE) / 2.0;
            let outside = x > self.right + 1.0 || x < self.left - 1.0 || x + half > picture.width;
            if x - half < free || outside {
                continue;
            }
            picture.line(vec![(x, self.bottom), (x, self.bottom + 4.0)], Ink::Axis, 1.0);
            picture.text((x, self.bottom + 14.0), text, Anchor::Middle, Ink::Muted);
            free = x + half + 8.0;
        }
    }

    /// A line across at a value, if it is in sight.
    pub(crate) fn level(&self, picture: &mut Picture, value: f64, ink: Ink) {
        let (low, high) = self.y.ends();
        if value >= low && value <= high {
            let y = self.y_at(value);
            picture.line(vec![(self.left, y), (self.right, y)], ink, 1.0);
        }
    }

    /// A line through values of which some may be undefined: there it has a gap.
    pub(crate) fn curve(&self, picture: &mut Picture, points: impl IntoIterator<Item = (f64, f64)>, ink: Ink, width: f64) {
        let mut run = Vec::new();
        for (x, y) in points {
            if y.is_finite() {
                run.push(self.at(x, y));
            } else {
                picture.line(std::mem::take(&mut run), ink, width);
            }
        }
        picture.line(run, ink, width);
    }

    /// What lies between a line and a level.
    pub(crate) fn filled(&self, picture: &mut Picture, points: &[(f64, f64)], level: f64, ink: Ink, opacity: f64) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return;
        };
        let mut corners = vec![self.at(first.0, level)];
        corners.extend(points.iter().map(|(x, y)| self.at(*x, *y)));
        corners.push(self.at(last.0, level));
        picture.area(corners, ink, opacity);
    }

    /// What the horizontal axis is, below its marks.
    pub(crate) fn name_x(&self, picture: &mut Picture, text: &str) {
        let middle = f64::midpoint(self.left, self.right);
        picture.text((middle, self.bottom + 32.0), text, Anchor::Middle, Ink::Muted);
    }
}

/// Names of lines with a stroke of their colour, in one row from `at` on; where the row ends.
pub(crate) fn legend(picture: &mut Picture, at: At, entries: &[(&str, Ink)]) -> f64 {
    let mut x = at.0;
    for (text, ink) in entries {
        picture.bar((x, at.1 - 1.5), (x + 16.0, at.1 + 1.5), *ink, 1.0);
        picture.text((x + 22.0, at.1), *text, Anchor::Start, Ink::Muted);
        x += 22.0 + width_of(text, SIZE) + 18.0;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_places_and_odd_ranges_do_not_break_them() {
        let plot = Plot {
            left: 50.0,
            top: 10.0,
            right: 250.0,
            bottom: 110.0,
            x: Scale::new(0.0, 10.0),
            y: Scale::logarithmic(1.0, 100.0),
        };
        assert_eq!(plot.at(5.0, 10.0), (150.0, 60.0));
        for scale in [
            Scale::new(f64::NAN, 3.0),
            Scale::new(2.0, 2.0),
            Scale::around([]),
            Scale::around([f64::NAN, 0.0]),
            Scale::logarithmic(-1.0, 5.0),
            Scale::new(f64::INFINITY, f64::NEG_INFINITY),
        ] {
            let (low, high) = scale.ends();
            assert!(low < high && scale.share(low).is_finite(), "{scale:?}");
            assert!(!scale.marks(Unit::Plain, 4).is_empty());
        }
    }

    #[test]
    fn a_curve_has_gaps_where_it_is_undefined() {
        let mut picture = Picture::new(10.0, 10.0);
        let plot = Plot {
            left: 0.0,
            top: 0.0,
            right: 10.0,
            bottom: 10.0,
            x: Scale::new(0.0, 6.0),
            y: Scale::new(0.0, 1.0),
        };
        let values = [0.0, 1.0, f64::NAN, 1.0, 0.5, 0.2];
        plot.curve(
            &mut picture,
            (0..6).map(|i| (f64::from(i), values[i as usize])),
            Ink::Main,
            1.0,
        );
        assert_eq!(picture.shapes.len(), 2);
    }
}
