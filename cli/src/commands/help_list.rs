//! The functions of the language as lines that fit a terminal.

use std::fmt::Write;

use assay_lang::Function;
use comfy_table::Table;

/// Where the second column begins.
const SECOND: usize = 28;
/// The width of what is no terminal.
const USUAL: usize = 80;
/// Narrower columns are no longer read.
const LEAST: usize = SECOND + 20;

/// Columns of the terminal, or what the variable `COLUMNS` says.
pub(super) fn width() -> usize {
    let terminal = Table::new().width().map(usize::from);
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.or_else(said).unwrap_or(USUAL).max(LEAST)
}

/// Functions under the titles of their groups, the outputs of one below each other.
pub(super) fn lines<'a>(functions: impl Iterator<Item = &'a Function>, width: usize) -> String {
    let mut out = String::new();
    let (mut group, mut family) = (None, None);
    for function in functions {
        if group != Some(function.group) {
            group = Some(function.group);
            let gap = if out.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}{}", function.group.title());
        }
        let signature = function.to_string();
        let Some((name, output)) = function.selected_as else {
            // `supertrend(...)` is the same as one of its outputs, and belongs to them.
            family = Some((function.name.as_str(), signature[function.name.len()..].to_owned()));
            entry(&mut out, 2, &signature, function.doc, width);
            continue;
        };
        let given = &signature[function.name.len()..];
        if family
            .as_ref()
            .is_none_or(|(known, parameters)| *known != name || parameters != given)
        {
            entry(&mut out, 2, &format!("{name}{given}"), "", width);
            family = Some((name, given.to_owned()));
        }
        entry(&mut out, 4, &format!(".{output}"), function.doc, width);
    }
    out
}

/// A term and what it means beside it, or below it where it is too long.
fn entry(out: &mut String, indent: usize, term: &str, meaning: &str, width: usize) {
    let mut terms = wrapped(term, width - indent - 4).into_iter();
    let mut first = format!("{:indent$}{}", "", terms.next().unwrap_or_default());
    for more in terms {
        let _ = writeln!(out, "{first}");
        first = format!("{:indent$}    {more}", "");
    }
    if first.chars().count() + 2 > SECOND && !meaning.is_empty() {
        let _ = writeln!(out, "{first}");
        first.clear();
    }
    for line in wrapped(meaning, width - SECOND) {
        let _ = writeln!(out, "{first:SECOND$}{line}");
        first.clear();
    }
    if !first.is_empty() {
        let _ = writeln!(out, "{first}");
    }
}

/// A text in lines of at most so many characters, if its words are no longer.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use assay_lang::FUNCTIONS;

    use super::*;

    #[test]
    fn every_function_fits_a_terminal() {
        for width in [80, 120] {
            let text = lines(FUNCTIONS.iter(), width);
            for line in text.lines() {
                assert!(line.chars().count() <= width && line == line.trim_end(), "{width}: `{line}`");
            }
            assert!(text.contains("\n  sma(x, n)  ") && text.contains("\n    .signal  "), "{text}");
        }
        let titles = lines(FUNCTIONS.iter(), 80);
        assert_eq!(titles.lines().filter(|line| *line == "Momentum").count(), 1);
        assert_eq!(titles.matches("\n  keltner(").count(), 1, "outputs stand together");
    }
}
