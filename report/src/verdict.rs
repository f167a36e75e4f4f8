//! What the best of a search is worth, as a page or as the beginning of one.

use assay_core::metrics::Unit;

use crate::decimate::spread;
use crate::human;
use crate::ink::Ink;
use crate::levels::{Level, levels};
use crate::page::{Block, Figure, Group, HALF, Page, Table, Tone};
use crate::plot::{Plot, Scale};
use crate::shape::{Anchor, Picture};

/// A verdict as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct VerdictReport {
    /// The grade.
    pub grade: String,
    /// How it sounds.
    pub tone: Tone,
    /// What it says, in a sentence.
    pub sentence: String,
    /// Why not better; of the best grade, why.
    pub reasons: Vec<String>,
    /// The figures that decide: name, value, meaning.
    pub figures: Vec<[String; 3]>,
    /// What luck alone shows.
    pub luck: Option<LuckCurve>,
    /// The paths of a cross-validation.
    pub paths: Option<Paths>,
    /// What is left at multiples of the costs: names of columns, then rows.
    pub costs: Table,
    /// Names and values by subject.
    pub subjects: Vec<Group>,
    /// What the reader should know besides.
    pub notes: Vec<String>,
}

/// How good the best of as many trials without skill looks, beside the best one.
#[derive(Debug, Clone, PartialEq)]
pub struct LuckCurve {
    /// How many trials.
    pub trials: u64,
    /// Annual Sharpe ratios, ascending, and how likely the best without skill is about there.
    pub density: Vec<(f64, f64)>,
    /// What the best without skill is expected to show, these trials being as alike as they are: by so much it is deflated.
    pub expected: f64,
    /// The best trial as seen.
    pub seen: f64,
    /// The same without the market's share in its returns.
    pub beyond_market: Option<f64>,
}

/// Annual Sharpe ratios of the paths of a combinatorial cross-validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Paths {
    /// Ascending.
    pub sharpe: Vec<f64>,
    /// Of the best trial, over all data.
    pub in_sample: Option<f64>,
}

/// Names of pictures that a verdict may have.
pub const VERDICT_PICTURES: [&str; 2] = ["luck", "paths"];
const HIGH: f64 = 280.0;
/// Paths that are drawn.
const BARS: usize = 200;
/// Names of levels that are nearer to each other stand in rows.
const ROWS: [f64; 3] = [16.0, 34.0, 52.0];

/// The verdict alone.
pub fn verdict_page(verdict: &VerdictReport, title: &str, subtitle: &str, footer: &str) -> Page {
    Page {
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        facts: Vec::new(),
        blocks: blocks(verdict, true),
        footer: footer.to_owned(),
    }
}

/// The verdict as blocks, with everything that it rests on or with what decides.
pub(crate) fn blocks(verdict: &VerdictReport, whole: bool) -> Vec<Block> {
    let mut blocks = vec![Block::Judgement {
        tone: verdict.tone,
        word: capital(&verdict.grade),
        text: verdict.sentence.clone(),
        reasons: verdict.reasons.clone(),
    }];
    let mut figures = Table::new("", [("figure", false), ("value", true), ("what it says", false)]);
    for row in &verdict.figures {
        figures = figures.row(row.clone());
    }
    blocks.push(Block::Table(figures));
    // One alone takes the whole width.
    let half = verdict.luck.is_some() && verdict.paths.is_some();
    blocks.extend(verdict.luck.iter().map(|curve| Block::Figure(luck(curve, half))));
    blocks.extend(verdict.paths.iter().map(|found| Block::Figure(paths(found, half))));
    if !verdict.costs.rows.is_empty() {
        blocks.push(Block::Table(verdict.costs.clone()));
    }
    if whole && !verdict.subjects.is_empty() {
        blocks.push(Block::Groups(verdict.subjects.clone()));
    }
    blocks.extend(verdict.notes.iter().map(|note| Block::Note(note.clone())));
    blocks
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// What the best of so many trials without skill shows, and where the best one stands.
fn luck(curve: &LuckCurve, half: bool) -> Figure {
    let note = format!(
        "how good the best of {} looks if none has skill and none is like another, and how good this one does",
        human::counted(curve.trials, "trial")
    );
    sized("luck", "What luck explains", note, half, |width| luck_picture(curve, width))
}

/// Half as wide, or wide.
fn sized(name: &'static str, title: &str, note: String, half: bool, draw: impl Fn(f64) -> Picture) -> Figure {
    if half {
        Figure::new(name, title, note, draw(HALF))
    } else {
        Figure::wide(name, title, note, draw)
    }
}

fn luck_picture(curve: &LuckCurve, width: f64) -> Picture {
    let mut picture = Picture::new(width, HIGH);
    let marks = [Some(curve.seen), curve.beyond_market, Some(curve.expected)];
    let ends = curve.density.first().into_iter().chain(curve.density.last()).map(|end| end.0);
    let most = curve.density.iter().map(|point| point.1).fold(1e-9, f64::max);
    let plot = Plot {
        left: 16.0,
        top: 66.0,
        right: width - 16.0,
        bottom: HIGH - 46.0,
        x: Scale::around(ends.chain(marks.into_iter().flatten())),
        y: Scale::new(0.0, most * 1.05),
    };
    for (value, _) in plot.x.marks(Unit::Plain, 6) {
        let x = plot.x_at(value);
        picture.line(vec![(x, plot.top), (x, plot.bottom)], Ink::Grid, 1.0);
    }
    plot.filled(&mut picture, &curve.density, 0.0, Ink::Crowd, 0.6);
    plot.curve(&mut picture, curve.density.iter().copied(), Ink::Crowd, 1.6);
    plot.grid_x(&mut picture, Unit::Plain);
    plot.name_x(&mut picture, "annual Sharpe ratio");
    let level = |value: f64, name: &str, ink: Ink| Level {
        value,
        name: format!("{name} {}", human::grouped(value, 2)),
        ink,
    };
    let beyond = curve
        .beyond_market
        .map(|value| level(value, "without the market", Ink::Other));
    let marks = [level(curve.seen, "as seen", Ink::Mark)]
        .into_iter()
        .chain(beyond)
        .chain([level(curve.expected, "deflated by", Ink::Muted)]);
    levels(&mut picture, &plot, &ROWS, &marks.collect::<Vec<_>>());
    picture
}

/// A bar a path, the worst first.
fn paths(found: &Paths, half: bool) -> Figure {
    let note = format!(
        "annual Sharpe ratio on each of {}, every part of which was chosen on other data",
        human::counted(found.sharpe.len() as u64, "path")
    );
    sized("paths", "Cross-validation", note, half, |width| paths_picture(found, width))
}

fn paths_picture(found: &Paths, width: f64) -> Picture {
    let mut picture = Picture::new(width, HIGH);
    let count = found.sharpe.len();
    let plot = Plot {
        left: 52.0,
        top: 34.0,
        right: width - 14.0,
        bottom: HIGH - 46.0,
        x: Scale::new(0.0, count.clamp(1, BARS) as f64),
        y: Scale::around(found.sharpe.iter().copied().chain(found.in_sample)).including(0.0),
    };
    plot.grid_y(&mut picture, Unit::Plain);
    let zero = plot.y_at(0.0);
    for (place, at) in spread(count, BARS).into_iter().enumerate() {
        let value = found.sharpe[at];
        let ends = [place as f64, place as f64 + 1.0].map(|x| plot.x_at(x));
        let gap = ((ends[1] - ends[0]) * 0.12).min(4.0);
        let ink = if value > 0.0 { Ink::Good } else { Ink::Bad };
        picture.bar((ends[0] + gap, plot.y_at(value)), (ends[1] - gap, zero), ink, 1.0);
    }
    plot.level(&mut picture, 0.0, Ink::Axis);
    if let Some(value) = found.in_sample {
        let y = plot.y_at(value);
        picture.line(vec![(plot.left, y), (plot.right, y)], Ink::Mark, 1.4);
        let text = format!("the best trial, chosen on all data: {}", human::grouped(value, 2));
        picture.text((plot.right, 14.0), text, Anchor::End, Ink::Mark);
    }
    plot.name_x(&mut picture, "paths, the worst first");
    picture
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;
    use crate::testing::{figure, well_drawn};

    fn verdict() -> VerdictReport {
        let bell = |i: i32| {
            let x = f64::from(i) / 20.0;
            (x, libm::exp(-8.0 * (x - 1.5) * (x - 1.5)))
        };
        VerdictReport {
            grade: "fool's gold".to_owned(),
            tone: Tone::Bad,
            sentence: "Luck explains it.".to_owned(),
            reasons: vec!["<b>once in 3</b>".to_owned()],
            figures: vec![["luck".to_owned(), "0.3".to_owned(), "probability".to_owned()]],
            luck: Some(LuckCurve {
                trials: 1_000,
                density: (0..60).map(bell).collect(),
                expected: 1.5,
                seen: 2.4,
                beyond_market: Some(-0.2),
            }),
            paths: Some(Paths {
                sharpe: (0..5).map(|i| f64::from(i) / 2.0 - 1.0).collect(),
                in_sample: Some(2.4),
            }),
            costs: Table::new("At other costs", [("costs", false)]).row(["2 x".to_owned()]),
            subjects: vec![Group {
                title: "search".to_owned(),
                lines: vec![("points".to_owned(), "1,000".to_owned())],
            }],
            notes: vec!["a note".to_owned()],
        }
    }

    #[test]
    fn a_verdict_says_its_grade_first_and_draws_where_the_best_stands() {
        let page = verdict_page(&verdict(), "job", "best point", "");
        let Block::Judgement { word, reasons, .. } = &page.blocks[0] else {
            panic!("{:?}", page.blocks[0])
        };
        assert_eq!((word.as_str(), reasons.len()), ("Fool's gold", 1));
        for figure in page.figures() {
            well_drawn(&figure.picture, figure.name);
            assert!(VERDICT_PICTURES.contains(&figure.name) && figure.half, "{}", figure.name);
        }
        // The level of what was seen lies to the right of what luck expects, that without the market to the left.
        let levels = figure(&page, "luck").picture.shapes.iter().filter_map(|shape| match shape {
            Shape::Line { points, ink, .. } if points.len() == 2 && points[0].1 < 60.0 => Some((*ink, points[0].0)),
            _ => None,
        });
        let levels: Vec<(Ink, f64)> = levels.collect();
        let at = |ink| levels.iter().find(|level| level.0 == ink).map(|level| level.1).unwrap();
        assert!(
            at(Ink::Other) < at(Ink::Muted) && at(Ink::Muted) < at(Ink::Mark),
            "{levels:?}"
        );
        let bars = figure(&page, "paths").picture.shapes.iter().filter_map(|shape| match shape {
            Shape::Bar { ink, .. } => Some(*ink),
            _ => None,
        });
        assert_eq!(bars.filter(|ink| *ink == Ink::Good).count(), 2, "two of five paths gain");
        let html = crate::html(&page).unwrap();
        assert!(html.contains("&lt;b&gt;once") && html.contains("a note") && html.contains("1,000"));
    }

    #[test]
    fn what_is_missing_leaves_no_empty_place() {
        let mut little = verdict();
        (little.luck, little.paths, little.notes) = (None, None, Vec::new());
        (little.costs, little.subjects) = (Table::default(), Vec::new());
        assert_eq!(blocks(&little, true).len(), 2);
        let mut many = verdict();
        many.luck = None;
        many.paths.as_mut().unwrap().sharpe = (0..5_005).map(|i| f64::from(i) / 1_000.0).collect();
        let page = verdict_page(&many, "job", "", "");
        assert!(!figure(&page, "paths").half && figure(&page, "paths").picture.shapes.len() < 300);
        assert!(matches!(blocks(&verdict(), false).last(), Some(Block::Note(_))));
    }
}
