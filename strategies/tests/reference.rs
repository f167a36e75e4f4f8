//! `docs/language.md` says what the code says. `UPDATE_DOCS=1 cargo nextest run --release -p assay-strategies reference` writes it anew.

use std::fmt::Write;
use std::path::Path;

use assay_lang::functions::{Group, needs_quotes};
use assay_lang::{FUNCTIONS, SERIES};
use assay_strategies::explain_expression;

const END: &str = "<!-- end -->";

/// The page with the part behind the mark `name` replaced.
fn renewed(page: &str, name: &str, part: &str) -> String {
    let begin = format!("<!-- generated: {name} -->\n");
    let (head, rest) = page.split_once(&begin).expect("the page marks where its tables begin");
    let (_, tail) = rest.split_once(END).expect("the page marks where its tables end");
    format!("{head}{begin}{part}{END}{tail}")
}

fn series() -> String {
    let mut out = String::from("\n| series | meaning |\n|---|---|\n");
    for (name, about) in SERIES {
        let quotes = if needs_quotes(name) { " (bars from quotes only)" } else { "" };
        let _ = writeln!(out, "| `{name}` | {about}{quotes} |");
    }
    out.push('\n');
    out
}

fn functions() -> String {
    let mut groups: Vec<Group> = Vec::new();
    for function in FUNCTIONS.iter() {
        if !groups.contains(&function.group) {
            groups.push(function.group);
        }
    }
    let mut out = String::new();
    for group in groups {
        let _ = write!(
            out,
            "\n### {}\n\n| function | gives | meaning | formula | of the example | first value |\n|---|---|---|---|---|---|\n",
            group.title()
        );
        for function in FUNCTIONS.iter().filter(|function| function.group == group) {
            let example = function.example();
            let explained = explain_expression(&example).unwrap_or_else(|error| panic!("{example}: {error}"));
            let gives = if explained.condition { "condition" } else { "number" };
            let also = function
                .selected_as
                .map(|(family, output)| format!("; also `{family}(...).{output}`"))
                .unwrap_or_default();
            let reads = if function.reads.is_empty() {
                String::new()
            } else {
                format!("; reads {}", function.reads.join(", "))
            };
            let formula = function.definition().map(|text| format!("`{text}`")).unwrap_or_default();
            let source = match function.source {
                "" => String::new(),
                source => format!("; source: {source}"),
            };
            let bar = explained.warmup + 1;
            let _ = writeln!(
                out,
                "| `{function}` | {gives} | {}{also}{reads}{source} | {formula} | `{example}` | bar {bar} |",
                function.doc
            );
        }
    }
    out.push('\n');
    out
}

#[test]
fn the_page_of_the_language_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/language.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let wanted = renewed(&renewed(&page, "series", &series()), "functions", &functions());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    assert!(
        page == wanted,
        "docs/language.md is not what lang/src says: run the tests once with UPDATE_DOCS=1 and review the difference"
    );
}
