//! What a report consists of, before it is HTML or an image.

use crate::shape::Picture;

/// A report.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// The same in one sentence.
    pub subtitle: String,
    /// Names and values that say what was run.
    pub facts: Vec<(String, String)>,
    /// From top to bottom.
    pub blocks: Vec<Block>,
    /// Who made it of what.
    pub footer: String,
}

/// A part of a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Begins a section.
    Heading(String),
    /// A sentence, or a few.
    Note(String),
    /// A sentence that must not be missed.
    Callout(Tone, String),
    /// A judgement: a word, what it means, and why.
    Judgement {
        /// How it sounds.
        tone: Tone,
        /// The word.
        word: String,
        /// What it means, in a sentence.
        text: String,
        /// Why.
        reasons: Vec<String>,
    },
    /// A picture.
    Figure(Figure),
    /// Rows and columns.
    Table(Table),
    /// Names and values by subject.
    Groups(Vec<Group>),
}

/// How a callout sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Neither.
    Plain,
    /// A warning.
    Bad,
}

/// A picture and what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What `--only` calls it.
    pub name: &'static str,
    /// What it shows.
    pub title: String,
    /// How it is to be read.
    pub note: String,
    /// Takes half of the width.
    pub half: bool,
    /// The picture.
    pub picture: Picture,
    /// The same, laid out again for a screen on which the words of a wide one could not be read.
    pub narrow: Option<Picture>,
}

/// Rows and columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// What it holds.
    pub title: String,
    /// Names, and whether values stand to the right.
    pub columns: Vec<(String, bool)>,
    /// As they are shown.
    pub rows: Vec<Vec<String>>,
}

/// Names and values that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Their subject.
    pub title: String,
    /// Name and value.
    pub lines: Vec<(String, String)>,
}

/// Width of a page's pictures.
pub(crate) const WIDTH: f64 = 960.0;
/// Space between two pictures side by side.
pub(crate) const GAP: f64 = 24.0;
/// Width of a picture that takes half.
pub(crate) const HALF: f64 = (WIDTH - GAP) / 2.0;

impl Table {
    /// Without rows. Each column has a name and stands to the right or not.
    pub fn new<N: Into<String>>(title: impl Into<String>, columns: impl IntoIterator<Item = (N, bool)>) -> Self {
        Self {
            title: title.into(),
            columns: columns.into_iter().map(|(name, right)| (name.into(), right)).collect(),
            rows: Vec::new(),
        }
    }

    /// With one row more.
    #[must_use]
    pub fn row(mut self, cells: impl IntoIterator<Item = String>) -> Self {
        self.rows.push(cells.into_iter().collect());
        self
    }
}

impl Figure {
    pub(crate) fn new(name: &'static str, title: impl Into<String>, note: impl Into<String>, picture: Picture) -> Self {
        Self {
            name,
            title: title.into(),
            note: note.into(),
            half: picture.width <= HALF,
            picture,
            narrow: None,
        }
    }

    /// Over the whole width, or half as wide where there is no more; `draw` is asked for both.
    pub(crate) fn wide(
        name: &'static str,
        title: impl Into<String>,
        note: impl Into<String>,
        draw: impl Fn(f64) -> Picture,
    ) -> Self {
        Self {
            narrow: Some(draw(HALF)),
            ..Self::new(name, title, note, draw(WIDTH))
        }
    }
}

/// Parts of a note, of which some may be empty.
pub(crate) fn note<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let told: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    told.join("; ")
}

impl Page {
    /// Its pictures.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Figure(figure) => Some(figure),
            _ => None,
        })
    }

    /// The page with nothing but the pictures of a name; `None` if it has none.
    #[must_use]
    pub fn only(mut self, name: &str) -> Option<Self> {
        self.blocks
            .retain(|block| matches!(block, Block::Figure(figure) if figure.name == name));
        self.facts.clear();
        (!self.blocks.is_empty()).then_some(self)
    }
}
