//! Pictures as lists of shapes.

use crate::ink::Ink;

/// A place: to the right and down, in points of 1/96 inch.
pub(crate) type At = (f64, f64);

/// Which part of a text is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// Something drawn. Later ones lie above earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Straight lines from place to place.
    Line {
        /// Places.
        points: Vec<At>,
        /// Colour.
        ink: Ink,
        /// Width.
        width: f64,
        /// 0 is invisible, 1 hides what is below.
        opacity: f64,
    },
    /// What straight lines enclose.
    Area {
        /// Corners.
        points: Vec<At>,
        /// Colour.
        ink: Ink,
        /// 0 is invisible, 1 hides what is below.
        opacity: f64,
    },
    /// A rectangle.
    Bar {
        /// Left upper corner.
        from: At,
        /// Right lower corner.
        to: At,
        /// Colour.
        ink: Ink,
        /// 0 is invisible, 1 hides what is below.
        opacity: f64,
    },
    /// A disc.
    Dot {
        /// Its middle.
        at: At,
        /// Half its width.
        radius: f64,
        /// Colour.
        ink: Ink,
        /// 0 is invisible, 1 hides what is below.
        opacity: f64,
    },
    /// One line of text, its middle at the height of its place.
    Text {
        /// Where.
        at: At,
        /// What.
        text: String,
        /// Colour.
        ink: Ink,
        /// Height of a line.
        size: f64,
        /// Heavier.
        bold: bool,
        /// Which part is at the place.
        anchor: Anchor,
    },
}

/// Shapes on a ground of some size.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Picture {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// What is drawn.
    pub shapes: Vec<Shape>,
}

impl Picture {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            shapes: Vec::new(),
        }
    }

    pub(crate) fn line(&mut self, points: Vec<At>, ink: Ink, width: f64) {
        self.faint_line(points, ink, width, 1.0);
    }

    pub(crate) fn faint_line(&mut self, points: Vec<At>, ink: Ink, width: f64, opacity: f64) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line {
                points,
                ink,
                width,
                opacity,
            });
        }
    }

    pub(crate) fn area(&mut self, points: Vec<At>, ink: Ink, opacity: f64) {
        if points.len() > 2 {
            self.shapes.push(Shape::Area { points, ink, opacity });
        }
    }

    pub(crate) fn bar(&mut self, from: At, to: At, ink: Ink, opacity: f64) {
        self.shapes.push(Shape::Bar {
            from: (from.0.min(to.0), from.1.min(to.1)),
            to: (from.0.max(to.0), from.1.max(to.1)),
            ink,
            opacity,
        });
    }

    pub(crate) fn dot(&mut self, at: At, radius: f64, ink: Ink, opacity: f64) {
        self.shapes.push(Shape::Dot {
            at,
            radius,
            ink,
            opacity,
        });
    }

    pub(crate) fn text(&mut self, at: At, text: impl Into<String>, anchor: Anchor, ink: Ink) {
        self.words(at, text, anchor, ink, SIZE, false);
    }

    pub(crate) fn words(&mut self, at: At, text: impl Into<String>, anchor: Anchor, ink: Ink, size: f64, bold: bool) {
        let text = text.into();
        if !text.is_empty() {
            self.shapes.push(Shape::Text {
                at,
                text,
                ink,
                size,
                bold,
                anchor,
            });
        }
    }

    /// Adds another picture's shapes, moved.
    pub(crate) fn place(&mut self, picture: &Self, by: At) {
        self.shapes.extend(picture.shapes.iter().map(|shape| shape.moved(by)));
    }

    /// All texts, in the order in which they are drawn.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.shapes.iter().filter_map(|shape| match shape {
            Shape::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Height of text on axes.
pub(crate) const SIZE: f64 = 12.0;

/// How wide a text is, about: half its height for each letter. Texts are placed by this, never clipped.
pub(crate) fn width_of(text: &str, size: f64) -> f64 {
    let wide = |c: char| match c {
        'i' | 'l' | 'j' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | 'I' => 0.29,
        'm' | 'w' | 'M' | 'W' | '%' => 0.86,
        'A'..='Z' => 0.68,
        _ => 0.58,
    };
    text.chars().map(wide).sum::<f64>() * size
}

/// A text of at most so many letters.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{head}\u{2026}")
}

impl Shape {
    fn moved(&self, (dx, dy): At) -> Self {
        let place = |(x, y): &At| (x + dx, y + dy);
        let mut shape = self.clone();
        match &mut shape {
            Self::Line { points, .. } | Self::Area { points, .. } => points.iter_mut().for_each(|p| *p = place(p)),
            Self::Bar { from, to, .. } => (*from, *to) = (place(from), place(to)),
            Self::Dot { at, .. } | Self::Text { at, .. } => *at = place(at),
        }
        shape
    }
}
