//! A page as one HTML file.

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use crate::error::ReportError;
use crate::ink;
use crate::page::{Block, Figure, Group, Page, Table, Tone};
use crate::paint;

/// One file with everything in it: styles and pictures, no scripts, nothing from elsewhere. It is light or dark as its reader's
/// screen is, and light on paper.
pub fn html(page: &Page) -> Result<String, ReportError> {
    let style = format!(
        "{}@media screen and (prefers-color-scheme: dark){{{}}}",
        include_str!("style.css"),
        ink::dark_rules()
    );
    let blocks = page.blocks.iter().map(block).collect::<Result<Vec<Markup>, ReportError>>()?;
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) }
                style { (PreEscaped(style)) }
            }
            body {
                main {
                    header {
                        h1 { (page.title) }
                        @if !page.subtitle.is_empty() { p.subtitle { (page.subtitle) } }
                        @if !page.facts.is_empty() {
                            dl.facts { @for (name, value) in &page.facts { div { dt { (name) } dd { (value) } } } }
                        }
                    }
                    div.blocks { @for block in &blocks { (block) } }
                    @if !page.footer.is_empty() { footer { (page.footer) } }
                }
            }
        }
    };
    Ok(page.into_string())
}

fn block(block: &Block) -> Result<Markup, ReportError> {
    Ok(match block {
        Block::Heading(text) => markup! { h2 { (text) } },
        Block::Note(text) => markup! { p.note { (text) } },
        Block::Callout(tone, text) => markup! { p class=(class(*tone)) { (text) } },
        Block::Judgement {
            tone,
            word,
            text,
            reasons,
        } => markup! {
            div class=(class(*tone)) {
                strong.word { (word) }
                span { (text) }
                @if !reasons.is_empty() { ul { @for reason in reasons { li { (reason) } } } }
            }
        },
        Block::Figure(figure) => picture(figure)?,
        Block::Table(content) => table(content),
        Block::Groups(content) => groups(content),
    })
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "callout good",
        Tone::Plain => "callout",
        Tone::Bad => "callout bad",
    }
}

fn picture(figure: &Figure) -> Result<Markup, ReportError> {
    let svg = paint::svg(&figure.picture)?;
    let narrow = figure.narrow.as_ref().map(paint::svg).transpose()?;
    let label = format!("{}. {}", figure.title, figure.note);
    let class = if figure.half { "half" } else { "" };
    // One that is wide in its only layout is scrolled where there is no room.
    let shape = match (&narrow, figure.half) {
        (Some(_), _) => "picture whole",
        (None, true) => "picture",
        (None, false) => "picture long",
    };
    Ok(markup! {
        figure class=(class) id=(figure.name) {
            figcaption { strong { (figure.title) } @if !figure.note.is_empty() { span { (figure.note) } } }
            div class=(shape) role="img" aria-label=(label) { (PreEscaped(svg)) }
            @if let Some(narrow) = narrow {
                div.picture.narrow role="img" aria-label=(label) { (PreEscaped(narrow)) }
            }
        }
    })
}

fn table(table: &Table) -> Markup {
    /// Longer cells are prose, which goes on in the next line; so do those of few columns.
    const PROSE: usize = 48;
    const FEW: usize = 4;
    let few = table.columns.len() <= FEW;
    let class = |right: bool, cell: &str| {
        if right {
            "right"
        } else if few || cell.len() > PROSE {
            "text"
        } else {
            ""
        }
    };
    markup! {
        section.table {
            @if !table.title.is_empty() { h3 { (table.title) } }
            div.scroll {
                table {
                    thead { tr { @for (name, right) in &table.columns { th class=(class(*right, "")) scope="col" { (broken(name)) } } } }
                    tbody {
                        @for row in &table.rows {
                            tr { @for (cell, (_, right)) in row.iter().zip(&table.columns) { td class=(class(*right, cell)) { (cell) } } }
                        }
                    }
                }
            }
        }
    }
}

/// A name that may go on in the next line after each underscore.
fn broken(name: &str) -> Markup {
    let mut parts = name.split_inclusive('_');
    let first = parts.next().unwrap_or_default();
    markup! { (first) @for part in parts { wbr; (part) } }
}

fn groups(groups: &[Group]) -> Markup {
    markup! {
        section.groups {
            @for group in groups {
                div {
                    h3 { (group.title) }
                    dl { @for (name, value) in &group.lines { div { dt { (name) } dd { (value) } } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ink::Ink;
    use crate::shape::{Anchor, Picture};

    /// Names as an enemy would choose them.
    const HOSTILE: &str = "</title></style><script>alert(1)</script><img src=x onerror=\"alert(1)\">'&\u{202e}";

    #[test]
    fn no_name_becomes_markup_wherever_it_stands() {
        let hostile = || HOSTILE.to_owned();
        let mut picture = Picture::new(100.0, 50.0);
        picture.text((5.0, 5.0), HOSTILE, Anchor::Start, Ink::Text);
        let page = Page {
            title: hostile(),
            subtitle: hostile(),
            facts: vec![(hostile(), hostile())],
            blocks: vec![
                Block::Heading(hostile()),
                Block::Note(hostile()),
                Block::Callout(Tone::Bad, hostile()),
                Block::Judgement {
                    tone: Tone::Good,
                    word: hostile(),
                    text: hostile(),
                    reasons: vec![hostile()],
                },
                Block::Figure(Figure::new("figure", hostile(), hostile(), picture)),
                Block::Table(Table::new(hostile(), [(hostile(), true)]).row([hostile()])),
                Block::Groups(vec![Group {
                    title: hostile(),
                    lines: vec![(hostile(), hostile())],
                }]),
            ],
            footer: hostile(),
        };
        let text = html(&page).unwrap();
        for bad in ["<script", "<img", "alert(1)</", "onerror=\"", "</title></style>"] {
            assert!(!text.contains(bad), "{bad} in {text}");
        }
        // Everything once, but the title and the caption, which stand in two places.
        assert_eq!(text.matches("&lt;script&gt;alert(1)").count(), 23);
    }

    #[test]
    fn a_wide_picture_has_a_layout_for_narrow_screens_and_long_names_break() {
        let draw = |width: f64| {
            let mut picture = Picture::new(width, 50.0);
            picture.text((5.0, 5.0), format!("width {width}"), Anchor::Start, Ink::Text);
            picture
        };
        let table = Table::new("", [("total_return_out", true)]).row(["-".to_owned()]);
        let page = Page {
            blocks: vec![Block::Figure(Figure::wide("figure", "", "", draw)), Block::Table(table)],
            ..Page::default()
        };
        let text = html(&page).unwrap();
        assert!(text.contains("width 960") && text.contains("width 468"));
        assert_eq!([text.matches("<svg").count(), text.matches("<figure").count()], [2, 1]);
        assert!(text.contains("total_<wbr>return_<wbr>out"));
    }

    #[test]
    fn nothing_comes_from_elsewhere() {
        let text = html(&Page::default()).unwrap();
        for bad in ["http:", "https:", "url(", "@import", "<script", "<link"] {
            assert!(!text.contains(bad), "{bad}");
        }
        assert!(text.contains("prefers-color-scheme: dark"));
    }
}
