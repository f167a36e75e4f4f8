//! A page as one image: what the HTML has, drawn.

use crate::error::ReportError;
use crate::ink::{self, Ink};
use crate::page::{Block, GAP, Group, HALF, Page, Table, Tone, WIDTH};
use crate::paint::{self, Raster};
use crate::shape::{Anchor, Picture, SIZE, shortened, width_of};

/// Around everything.
const MARGIN: f64 = 32.0;
const WHOLE: f64 = WIDTH + 2.0 * MARGIN;
/// Rows of an image.
const MOST_ROWS: u64 = 60_000;
/// Rows of a table that are drawn.
const MOST_LINES: usize = 25;
const ROW: f64 = 20.0;
/// Letters of a cell, and of one in a table of few columns.
const LETTERS: usize = 40;
const PROSE: usize = 100;
const FEW: usize = 4;
/// Between two columns at least.
const NEAREST: f64 = 9.0;

/// The page as an SVG that is light or dark as its reader's screen is.
pub fn svg(page: &Page) -> Result<String, ReportError> {
    let strips = strips(page);
    let mut sheet = Picture::new(WHOLE, strips.iter().map(|strip| strip.height).sum());
    sheet.bar((0.0, 0.0), (sheet.width, sheet.height), Ink::Surface, 1.0);
    let mut y = 0.0;
    for strip in &strips {
        sheet.place(strip, (0.0, y));
        y += strip.height;
    }
    let drawn = paint::svg(&sheet)?;
    let style = format!(
        "<style>text{{font-family:Inter,system-ui,sans-serif}}polyline{{stroke-linejoin:round;stroke-linecap:round}}@media screen and (prefers-color-scheme: dark){{{}}}</style>",
        ink::dark_rules()
    );
    let end = drawn.find('>').map_or(0, |at| at + 1);
    let (head, body) = drawn.split_at(end);
    let small = |points: f64| points.round() as u64;
    let size = format!("width=\"{}\" height=\"{}\" viewBox", small(sheet.width), small(sheet.height));
    let head = match head.find("viewBox") {
        Some(at) => format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" {size}{}",
            &head[at + "viewBox".len()..]
        )
        .replacen(" xmlns=\"http://www.w3.org/2000/svg\">", ">", 1),
        None => head.to_owned(),
    };
    Ok(format!("{head}{style}{body}"))
}

/// The page as a PNG, two pixels to a point.
pub fn png(page: &Page, dark: bool) -> Result<Vec<u8>, ReportError> {
    let strips = strips(page);
    let rows = strips.iter().map(|strip| (strip.height * 2.0).ceil() as u64 + 2).sum();
    if rows > MOST_ROWS {
        return Err(ReportError::TooHigh {
            height: rows,
            most: MOST_ROWS,
        });
    }
    // Strip by strip, so that only one is ever held in its finest form.
    let rasters = strips.iter().map(|strip| paint::raster(strip, dark));
    let rasters = rasters.collect::<Result<Vec<Raster>, ReportError>>()?;
    let height: usize = rasters.iter().map(|raster| raster.height).sum();
    let width = rasters.first().map_or(1, |raster| raster.width);
    let mut bytes = Vec::new();
    let failed = |error: png::EncodingError| ReportError::Drawing(error.to_string());
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height.max(1) as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let pixels: Vec<u8> = rasters.into_iter().flat_map(|raster| raster.pixels).collect();
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// The page cut across: each strip is as wide as the sheet.
fn strips(page: &Page) -> Vec<Picture> {
    let mut strips = vec![header(page)];
    let mut left: Option<Picture> = None;
    for block in &page.blocks {
        if let Block::Figure(figure) = block
            && figure.half
        {
            let drawn = captioned(&figure.title, &figure.note, &figure.picture, HALF);
            match left.take() {
                None => left = Some(drawn),
                Some(first) => {
                    let mut strip = Picture::new(WHOLE, first.height.max(drawn.height));
                    strip.place(&first, (MARGIN, 0.0));
                    strip.place(&drawn, (MARGIN + HALF + GAP, 0.0));
                    strips.push(strip);
                }
            }
            continue;
        }
        strips.extend(left.take().map(|first| indented(&first)));
        strips.push(indented(&match block {
            Block::Heading(text) => words(text, 18.0, true, Ink::Text, 44.0),
            Block::Note(text) => words(text, 13.0, false, Ink::Muted, 28.0),
            Block::Callout(tone, text) => callout(*tone, &words(text, 14.0, false, Ink::Text, 40.0)),
            Block::Judgement {
                tone,
                word,
                text,
                reasons,
            } => judgement(*tone, word, text, reasons),
            Block::Figure(figure) => captioned(&figure.title, &figure.note, &figure.picture, WIDTH),
            Block::Table(content) => table(content),
            Block::Groups(content) => groups(content),
        }));
    }
    strips.extend(left.take().map(|first| indented(&first)));
    strips.push(indented(&words(&page.footer, 11.0, false, Ink::Muted, 48.0)));
    // Pixels are whole, and so are the heights of strips.
    for strip in &mut strips {
        strip.height = strip.height.ceil();
    }
    strips
}

fn indented(picture: &Picture) -> Picture {
    let mut strip = Picture::new(WHOLE, picture.height);
    strip.place(picture, (MARGIN, 0.0));
    strip
}

fn header(page: &Page) -> Picture {
    let mut strip = Picture::new(WHOLE, 76.0);
    let title = shortened(&page.title, 70);
    strip.words((MARGIN, 38.0), title, Anchor::Start, Ink::Text, 24.0, true);
    let mut y = 64.0;
    for line in wrapped(&page.subtitle, 14.0, WIDTH) {
        strip.words((MARGIN, y), line, Anchor::Start, Ink::Muted, 14.0, false);
        y += 20.0;
    }
    let (mut x, mut row) = (MARGIN, y + 12.0);
    for (name, value) in &page.facts {
        let value = shortened(value, 60);
        let width = width_of(name, 12.0).max(width_of(&value, 14.0)) + 28.0;
        if x + width > WHOLE - MARGIN && x > MARGIN {
            (x, row) = (MARGIN, row + 48.0);
        }
        strip.text((x, row), name.as_str(), Anchor::Start, Ink::Muted);
        strip.words((x, row + 18.0), value, Anchor::Start, Ink::Text, 14.0, false);
        x += width;
    }
    strip.height = if page.facts.is_empty() { y + 8.0 } else { row + 48.0 };
    strip
}

fn words(text: &str, size: f64, bold: bool, ink: Ink, height: f64) -> Picture {
    let lines = wrapped(text, size, WIDTH - 20.0);
    let mut picture = Picture::new(WIDTH, height + size * 1.5 * lines.len().saturating_sub(1) as f64);
    for (i, line) in lines.into_iter().enumerate() {
        picture.words(
            (0.0, height / 2.0 + size * 1.5 * i as f64),
            line,
            Anchor::Start,
            ink,
            size,
            bold,
        );
    }
    picture
}

fn ink_of(tone: Tone) -> Ink {
    match tone {
        Tone::Good => Ink::Good,
        Tone::Plain => Ink::Main,
        Tone::Bad => Ink::Bad,
    }
}

fn callout(tone: Tone, inner: &Picture) -> Picture {
    let ink = ink_of(tone);
    let mut picture = Picture::new(WIDTH, inner.height + 12.0);
    picture.bar((0.0, 4.0), (WIDTH, inner.height + 4.0), ink, 0.1);
    picture.bar((0.0, 4.0), (4.0, inner.height + 4.0), ink, 1.0);
    picture.place(inner, (18.0, 4.0));
    picture
}

fn judgement(tone: Tone, word: &str, text: &str, reasons: &[String]) -> Picture {
    let mut parts = vec![
        words(word, 22.0, true, ink_of(tone), 40.0),
        words(text, 14.0, false, Ink::Text, 28.0),
    ];
    let reasons = reasons.iter().map(|reason| format!("\u{2022} {reason}"));
    parts.extend(reasons.map(|reason| words(&reason, 14.0, false, Ink::Text, 24.0)));
    let mut inner = Picture::new(WIDTH, 0.0);
    for part in &parts {
        inner.place(part, (0.0, inner.height));
        inner.height += part.height;
    }
    inner.height += 8.0;
    callout(tone, &inner)
}

/// Lines no wider than `width`, broken between words.
fn wrapped(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a first line");
        if !line.is_empty() && width_of(line, size) + width_of(word, size) > width - 8.0 {
            lines.push(word.to_owned());
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines
}

fn captioned(title: &str, note: &str, picture: &Picture, width: f64) -> Picture {
    let mut whole = Picture::new(width, 0.0);
    let most = (width / 7.6) as usize;
    whole.words((0.0, 16.0), shortened(title, most), Anchor::Start, Ink::Text, 15.0, true);
    let mut y = 38.0;
    for line in wrapped(note, 12.5, width) {
        whole.words((0.0, y), line, Anchor::Start, Ink::Muted, 12.5, false);
        y += 18.0;
    }
    whole.place(picture, (0.0, y));
    whole.height = y + picture.height + 26.0;
    whole
}

fn table(table: &Table) -> Picture {
    let rows = &table.rows[..table.rows.len().min(MOST_LINES)];
    let mut picture = Picture::new(WIDTH, 0.0);
    picture.words((0.0, 16.0), table.title.as_str(), Anchor::Start, Ink::Text, 15.0, true);
    let letters = if table.columns.len() > FEW { LETTERS } else { PROSE };
    let heads: Vec<Vec<String>> = table.columns.iter().map(|column| lines_of(&column.0)).collect();
    let widths: Vec<f64> = (0..table.columns.len())
        .map(|i| {
            let cells = rows.iter().filter_map(|row| row.get(i));
            cells
                .chain(&heads[i])
                .map(|text| width_of(&shortened(text, letters), SIZE))
                .fold(0.0, f64::max)
        })
        .collect();
    // As many columns as there is room for; of the others it is said that they are missing.
    let mut room = WIDTH;
    let shown = widths.iter().take_while(|width| {
        room -= **width;
        let fits = room >= -1.0;
        room -= NEAREST;
        fits
    });
    let shown = shown.count();
    let total: f64 = widths[..shown].iter().sum();
    let gap = ((WIDTH - total) / shown.saturating_sub(1).max(1) as f64).clamp(NEAREST, 28.0);
    let mut draw = |cells: &mut dyn Iterator<Item = &str>, y: f64, ink: Ink| {
        let mut x = 0.0;
        for ((text, width), (_, right)) in cells.zip(&widths[..shown]).zip(&table.columns) {
            let (at, anchor) = if *right {
                (x + width, Anchor::End)
            } else {
                (x, Anchor::Start)
            };
            picture.text((at, y), shortened(text, letters), anchor, ink);
            x += width + gap;
        }
    };
    let high = heads.iter().map(Vec::len).max().unwrap_or(1);
    let mut y = 44.0;
    for line in 0..high {
        // Names stand on the rule below them.
        let part = |head: &'_ Vec<String>| {
            (line + head.len())
                .checked_sub(high)
                .map(|i| head[i].clone())
                .unwrap_or_default()
        };
        let parts: Vec<String> = heads.iter().map(part).collect();
        y += if line > 0 { 15.0 } else { 0.0 };
        draw(&mut parts.iter().map(String::as_str), y, Ink::Muted);
    }
    let mut rules = vec![y];
    for row in rows {
        y += ROW;
        draw(&mut row.iter().map(String::as_str), y, Ink::Text);
        rules.push(y);
    }
    for rule in rules {
        let y = rule + ROW / 2.0;
        picture.line(vec![(0.0, y), (WIDTH, y)], Ink::Grid, 1.0);
    }
    let missing: Vec<&str> = table.columns[shown..].iter().map(|column| column.0.as_str()).collect();
    let mut notes = Vec::new();
    if rows.len() < table.rows.len() {
        let more = crate::human::counted((table.rows.len() - rows.len()) as u64, "row");
        notes.push(format!("and {more} more"));
    }
    if !missing.is_empty() {
        notes.push(format!("no room for {}", missing.join(", ")));
    }
    for line in notes.iter().flat_map(|note| wrapped(note, SIZE, WIDTH)) {
        y += ROW;
        picture.text((0.0, y), line, Anchor::Start, Ink::Muted);
    }
    picture.height = y + 32.0;
    picture
}

/// A name in lines, broken at underscores where it is long.
fn lines_of(name: &str) -> Vec<String> {
    const LONG: usize = 9;
    let mut lines = vec![String::new()];
    for part in name.split_inclusive('_') {
        let line = lines.last_mut().expect("there is a first line");
        if !line.is_empty() && line.len() + part.len() > LONG {
            lines.push(part.to_owned());
        } else {
            line.push_str(part);
        }
    }
    lines
}

fn groups(groups: &[Group]) -> Picture {
    const ACROSS: usize = 3;
    let width = (WIDTH - GAP * 2.0) / ACROSS as f64;
    let mut picture = Picture::new(WIDTH, 0.0);
    let mut y = 0.0;
    for band in groups.chunks(ACROSS) {
        for (i, group) in band.iter().enumerate() {
            let x = i as f64 * (width + GAP);
            picture.words((x, y + 14.0), group.title.as_str(), Anchor::Start, Ink::Text, 13.0, true);
            for (line, (name, value)) in group.lines.iter().enumerate() {
                let at = y + 38.0 + line as f64 * ROW;
                picture.text((x, at), shortened(name, 30), Anchor::Start, Ink::Muted);
                picture.text((x + width, at), shortened(value, 26), Anchor::End, Ink::Text);
                picture.line(vec![(x, at + ROW / 2.0), (x + width, at + ROW / 2.0)], Ink::Grid, 1.0);
            }
        }
        let lines = band.iter().map(|group| group.lines.len()).max().unwrap_or(0);
        y += 48.0 + lines as f64 * ROW;
    }
    picture.height = y + 8.0;
    picture
}
