//! What tests ask of pictures.

use crate::page::{Figure, Page};
use crate::shape::{Picture, Shape};

/// The picture of a name, which the page must have once.
#[track_caller]
pub(crate) fn figure<'a>(page: &'a Page, name: &str) -> &'a Figure {
    let mut found = page.figures().filter(|figure| figure.name == name);
    let first = found.next().unwrap_or_else(|| panic!("the page has no picture `{name}`"));
    assert!(found.next().is_none(), "the page has `{name}` twice");
    first
}

/// That everything lies on its ground, is a number, and that there is something to see besides axes.
#[track_caller]
pub(crate) fn well_drawn(picture: &Picture, name: &str) {
    let inside = |(x, y): &(f64, f64)| {
        assert!(x.is_finite() && y.is_finite(), "{name}: a place that is none");
        assert!(
            (-60.0..=picture.width + 60.0).contains(x),
            "{name}: x = {x} of {}",
            picture.width
        );
        assert!(
            (-40.0..=picture.height + 40.0).contains(y),
            "{name}: y = {y} of {}",
            picture.height
        );
    };
    for shape in &picture.shapes {
        match shape {
            Shape::Line { points, .. } | Shape::Area { points, .. } => points.iter().for_each(inside),
            Shape::Bar { from, to, .. } => [from, to].into_iter().for_each(inside),
            Shape::Dot { at, .. } | Shape::Text { at, .. } => inside(at),
        }
    }
    assert!(picture.shapes.len() > 10, "{name} has {} shapes", picture.shapes.len());
    assert!(picture.texts().count() >= 4, "{name} has too few words");
}
