//! Shapes onto the backends of plotters.

use std::sync::Once;

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, RGBAColor, RGBColor, ShapeStyle, TextStyle, register_font};

use crate::error::ReportError;
use crate::ink::Ink;
use crate::shape::{Anchor, At, Picture, Shape};
use crate::stroke::runs;

/// Backends have whole pixels: so many of them to a point of a picture.
const FINE: f64 = 4.0;
/// The family of the fonts below; readers with better ones use those, see the style sheet.
const FAMILY: &str = "sans-serif";
/// plotters takes the height of a line for the size of a font.
const LINE: f64 = 1.24;

/// Makes the fonts known to the library, which measures texts by them and needs them for bitmaps.
fn fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // They are part of the program, and a test draws with them.
        let _ = register_font(FAMILY, FontStyle::Normal, include_bytes!("../fonts/Inter-Regular.otf"));
        let _ = register_font(FAMILY, FontStyle::Bold, include_bytes!("../fonts/Inter-SemiBold.otf"));
    });
}

/// A picture as an SVG element in light colours, as wide as the place it is put into.
pub(crate) fn svg(picture: &Picture) -> Result<String, ReportError> {
    fonts();
    let mut text = String::new();
    let size = (pixels(picture.width), pixels(picture.height));
    let mut backend = SVGBackend::with_string(&mut text, size);
    for shape in &picture.shapes {
        paint(&mut backend, shape, false)?;
    }
    backend.present().map_err(drawing)?;
    drop(backend);
    Ok(text)
}

/// Red, green and blue of each pixel, rows of `width` pixels.
pub(crate) struct Raster {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
}

/// A picture in pixels, two to a point, in light or dark colours. It is drawn twice as fine and averaged.
pub(crate) fn raster(picture: &Picture, dark: bool) -> Result<Raster, ReportError> {
    fonts();
    let (width, height) = (
        pixels(picture.width) as usize / 4 * 4,
        pixels(picture.height) as usize / 4 * 4,
    );
    let mut fine = vec![0; width * height * 3];
    let ground = rgb(Ink::Surface, dark);
    for pixel in fine.chunks_exact_mut(3) {
        pixel.copy_from_slice(&[ground.0, ground.1, ground.2]);
    }
    {
        let mut backend = BitMapBackend::with_buffer(&mut fine, (width as u32, height as u32));
        for shape in &picture.shapes {
            match shape {
                Shape::Line {
                    points,
                    ink,
                    width,
                    opacity,
                } => stroke(&mut backend, points, width * FINE, fill(*ink, *opacity, dark))?,
                _ => paint(&mut backend, shape, dark)?,
            }
        }
        backend.present().map_err(drawing)?;
    }
    let (half_width, half_height) = (width / 2, height / 2);
    let mut pixels = Vec::with_capacity(half_width * half_height * 3);
    for y in 0..half_height {
        for x in 0..half_width {
            for channel in 0..3 {
                let at = |dx: usize, dy: usize| u16::from(fine[((2 * y + dy) * width + 2 * x + dx) * 3 + channel]);
                pixels.push(((at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1) + 2) / 4) as u8);
            }
        }
    }
    Ok(Raster {
        width: half_width,
        height: half_height,
        pixels,
    })
}

fn pixels(points: f64) -> u32 {
    (points * FINE) as u32
}

fn rgb(ink: Ink, dark: bool) -> RGBColor {
    let (light, night) = ink.colours();
    let colour = if dark { night } else { light };
    RGBColor((colour >> 16) as u8, (colour >> 8) as u8, colour as u8)
}

fn drawing(error: impl std::fmt::Display) -> ReportError {
    ReportError::Drawing(error.to_string())
}

fn fill(ink: Ink, opacity: f64, dark: bool) -> RGBAColor {
    let RGBColor(r, g, b) = rgb(ink, dark);
    RGBAColor(r, g, b, opacity)
}

/// A line pixel by pixel: see [`crate::stroke`].
fn stroke(backend: &mut BitMapBackend<'_>, points: &[At], width: f64, colour: RGBAColor) -> Result<(), ReportError> {
    let fine: Vec<At> = points.iter().map(|(x, y)| (x * FINE, y * FINE)).collect();
    let (across, down) = backend.get_size();
    let colour = plotters::style::Color::to_backend_color(&colour);
    for (row, from, to) in runs(&fine, width / 2.0, (across as i32, down as i32)) {
        for x in from..to {
            backend.draw_pixel((x, row), colour).map_err(drawing)?;
        }
    }
    Ok(())
}

fn paint<B: DrawingBackend>(backend: &mut B, shape: &Shape, dark: bool) -> Result<(), ReportError> {
    let place = |at: &At| ((at.0 * FINE).round() as i32, (at.1 * FINE).round() as i32);
    let colour = |ink: Ink, opacity: f64| fill(ink, opacity, dark);
    match shape {
        Shape::Line {
            points,
            ink,
            width,
            opacity,
        } => {
            let style = ShapeStyle {
                color: colour(*ink, *opacity),
                filled: false,
                stroke_width: (width * FINE).round().max(1.0) as u32,
            };
            backend.draw_path(points.iter().map(place), &style).map_err(drawing)
        }
        Shape::Area { points, ink, opacity } => backend
            .fill_polygon(points.iter().map(place), &colour(*ink, *opacity))
            .map_err(drawing),
        Shape::Bar { from, to, ink, opacity } => backend
            .draw_rect(place(from), place(to), &colour(*ink, *opacity), true)
            .map_err(drawing),
        Shape::Dot {
            at,
            radius,
            ink,
            opacity,
        } => backend
            .draw_circle(
                place(at),
                (radius * FINE).round().max(1.0) as u32,
                &colour(*ink, *opacity),
                true,
            )
            .map_err(drawing),
        Shape::Text {
            at,
            text,
            ink,
            size,
            bold,
            anchor,
        } => {
            let weight = if *bold { FontStyle::Bold } else { FontStyle::Normal };
            let horizontal = match anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            };
            let style = TextStyle {
                font: FontDesc::new(FontFamily::SansSerif, size * LINE * FINE, weight),
                color: plotters::style::Color::to_backend_color(&colour(*ink, 1.0)),
                pos: Pos::new(horizontal, VPos::Center),
            };
            backend.draw_text(text, &style, place(at)).map_err(drawing)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Picture {
        let mut picture = Picture::new(100.0, 40.0);
        picture.bar((10.0, 10.0), (30.0, 30.0), Ink::Main, 1.0);
        picture.line(vec![(0.0, 0.0), (100.0, 40.0)], Ink::Bad, 1.5);
        picture.text((60.0, 20.0), "a < b & \"c\"", Anchor::Start, Ink::Text);
        picture
    }

    #[test]
    fn texts_are_escaped_and_colours_are_those_of_the_light_scheme() {
        let svg = svg(&sample()).unwrap();
        assert!(svg.contains("a &lt; b &amp; &quot;c&quot;"), "{svg}");
        assert!(svg.contains("#0B63CE") && svg.contains("#CF222E"), "{svg}");
    }

    /// Needles are where a line turns by nearly half a circle; joins that run to a point would reach far beyond them.
    #[test]
    fn nothing_is_painted_beyond_the_data_and_the_stroke() {
        let mut picture = Picture::new(200.0, 100.0);
        let needle = |i: i32| (f64::from(i) * 0.25, if i % 2 == 0 { 40.0 } else { 60.0 });
        let (width, opacity) = (1.8, 0.5);
        picture.faint_line((80..720).map(needle).collect(), Ink::Bad, width, opacity);
        let raster = raster(&picture, false).unwrap();
        let ground = rgb(Ink::Surface, false);
        let (mut strongest, mut painted) = (255, 0);
        for (i, pixel) in raster.pixels.chunks_exact(3).enumerate() {
            if pixel == [ground.0, ground.1, ground.2] {
                continue;
            }
            let (x, y) = ((i % raster.width) as f64 / 2.0, (i / raster.width) as f64 / 2.0);
            assert!((39.0 - 0.5..=61.0).contains(&y), "a pixel at {x}, {y}");
            assert!((19.0 - 0.5..=181.0).contains(&x), "a pixel at {x}, {y}");
            painted += 1;
            strongest = strongest.min(pixel[1]);
        }
        assert!(painted > 320 * 40, "the line is there");
        // Where a line crosses itself it is as faint as everywhere.
        let RGBColor(_, full, _) = rgb(Ink::Bad, false);
        let faint = 255.0 - (255.0 - f64::from(full)) * opacity;
        assert!((f64::from(strongest) - faint).abs() < 3.0, "{strongest} instead of {faint}");
    }

    #[test]
    fn a_raster_has_the_colours_and_the_letters() {
        for dark in [false, true] {
            let raster = raster(&sample(), dark).unwrap();
            assert_eq!((raster.width, raster.height, raster.pixels.len()), (200, 80, 200 * 80 * 3));
            let pixel = |x: usize, y: usize| &raster.pixels[(y * 200 + x) * 3..][..3];
            let RGBColor(r, g, b) = rgb(Ink::Main, dark);
            assert_eq!(pixel(26, 50), [r, g, b]);
            let RGBColor(r, g, b) = rgb(Ink::Surface, dark);
            let letters = (120..190).flat_map(|x| (30..50).map(move |y| (x, y)));
            assert!(letters.filter(|(x, y)| pixel(*x, *y) != [r, g, b]).count() > 100);
        }
    }
}
