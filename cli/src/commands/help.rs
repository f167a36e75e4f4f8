//! `assay help`: on commands, and on the functions of the strategy language.

use std::io::Write;

use assay_core::nearest;
use assay_lang::functions::{find, outputs_of};
use assay_lang::{FUNCTIONS, Function};
use assay_strategies::explain_expression;
use clap::CommandFactory;
use serde_json::json;

use super::help_list::{lines, width, wrapped};
use super::help_topics::{self, Topic};
use crate::args::{Arguments, OutputFormat};
use crate::failure::{Failure, Outcome};
use crate::output::{Kind, Rows, print_json, print_rows, stdout};
use crate::settings::Settings;

pub(super) fn run(topics: &[String], settings: &Settings) -> Outcome {
    match topics {
        [first] if first == "fn" => list(|_| true, settings),
        [first, name] if first == "fn" => function(name, settings),
        path => command(path),
    }
}

/// What clap says of a command.
fn command(path: &[String]) -> Outcome {
    let mut command = Arguments::command();
    command.build();
    let mut place = &mut command;
    for name in path {
        let known: Vec<String> = place.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        let Some(found) = place.find_subcommand_mut(name) else {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let hint = format!("{}; `assay help fn {name}` looks for a function", nearest::hint(name, &known));
            return Err(Failure::usage(format!("there is no command `{name}`")).hint(hint));
        };
        place = found;
    }
    let text = place.render_long_help();
    let mut out = stdout();
    writeln!(out, "{}", text.ansi())?;
    out.flush()?;
    Ok(0)
}

/// One function, all outputs of one, or those that mention a word.
fn function(name: &str, settings: &Settings) -> Outcome {
    if let Some(found) = find(name) {
        return if settings.output == Some(OutputFormat::Json) {
            print_json(&to_json(found)?)?;
            Ok(0)
        } else {
            print(found)
        };
    }
    if let Some(topic) = help_topics::find(name) {
        return print_topic(topic, settings);
    }
    if let Some(about) = help_topics::series(name) {
        return print_series(name, &about, settings);
    }
    let family = |function: &Function| function.selected_as.is_some_and(|(family, _)| family == name);
    if !outputs_of(name).is_empty() {
        return list(family, settings);
    }
    let word = name.to_lowercase();
    let mentions = |function: &Function| {
        let text = format!("{} {} {}", function.name, function.doc, function.source).to_lowercase();
        text.contains(&word)
    };
    if FUNCTIONS.iter().any(mentions) {
        return list(mentions, settings);
    }
    let known = FUNCTIONS.iter().map(|function| function.name.as_str());
    Err(Failure::not_found(format!("there is no function `{name}`")).hint(help_topics::hint(name, known)))
}

fn print_topic(topic: &Topic, settings: &Settings) -> Outcome {
    let Topic {
        form, about, example, ..
    } = topic;
    if settings.output == Some(OutputFormat::Json) {
        print_json(&json!({ "signature": form, "about": about, "example": example }))?;
        return Ok(0);
    }
    let mut out = stdout();
    writeln!(out, "{form}\n")?;
    for line in wrapped(about, width() - 2) {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "\nexample   {example}")?;
    writeln!(out, "try       assay eval SYMBOL --bars 1h '{example}'")?;
    out.flush()?;
    Ok(0)
}

fn print_series(name: &str, about: &str, settings: &Settings) -> Outcome {
    if settings.output == Some(OutputFormat::Json) {
        print_json(&json!({ "name": name, "about": about }))?;
        return Ok(0);
    }
    let mut out = stdout();
    writeln!(out, "{name}\n\n  {about}\n")?;
    writeln!(out, "gives     a number a bar: a series, written without brackets")?;
    writeln!(out, "earlier   {name}[1] is that of the bar before")?;
    writeln!(out, "try       assay eval SYMBOL --bars 1h '{name}'")?;
    out.flush()?;
    Ok(0)
}

fn list(wanted: impl Fn(&Function) -> bool, settings: &Settings) -> Outcome {
    if settings.format() == OutputFormat::Table {
        let mut out = stdout();
        write!(
            out,
            "{}",
            lines(FUNCTIONS.iter().filter(|function| wanted(function)), width())
        )?;
        out.flush()?;
        return Ok(0);
    }
    let mut rows = Rows::new([("group", Kind::Text), ("function", Kind::Text), ("meaning", Kind::Text)]);
    for function in FUNCTIONS.iter().filter(|function| wanted(function)) {
        rows.push(vec![
            function.group.title().into(),
            function.to_string().into(),
            function.doc.into(),
        ]);
    }
    print_rows(&rows, settings.format())?;
    Ok(0)
}

fn print(function: &Function) -> Outcome {
    let example = function.example();
    let explained = explain_expression(&example)?;
    let mut out = stdout();
    let field = |out: &mut dyn Write, name: &str, text: &str| -> std::io::Result<()> {
        let mut name = name;
        for line in wrapped(text, width() - 10) {
            writeln!(out, "{name:<10}{line}")?;
            name = "";
        }
        Ok(())
    };
    writeln!(out, "{function}\n\n  {}\n", function.doc)?;
    writeln!(out, "group     {}", function.group.title())?;
    writeln!(
        out,
        "gives     {} a bar",
        if explained.condition { "a condition" } else { "a number" }
    )?;
    if let Some(text) = function.definition() {
        field(&mut out, "formula", text)?;
    }
    if !function.reads.is_empty() {
        writeln!(out, "reads     {}", function.reads.join(", "))?;
    }
    if let Some((family, output)) = function.selected_as {
        writeln!(
            out,
            "also      {family}(...).{output}; outputs {}",
            outputs_of(family).join(", ")
        )?;
    }
    if !function.source.is_empty() {
        field(&mut out, "source", function.source)?;
    }
    writeln!(out, "example   {example}")?;
    writeln!(
        out,
        "warm-up   {} bars before the first value of the example",
        explained.warmup
    )?;
    writeln!(out, "try       assay eval SYMBOL --bars 1h '{example}'")?;
    out.flush()?;
    Ok(0)
}

fn to_json(function: &Function) -> Result<serde_json::Value, Failure> {
    let example = function.example();
    let explained = explain_expression(&example)?;
    Ok(json!({
        "name": function.name,
        "signature": function.to_string(),
        "group": function.group.title(),
        "about": function.doc,
        "formula": function.definition(),
        "reads": function.reads,
        "source": function.source,
        "example": example,
        "condition": explained.condition,
        "warmup": explained.warmup,
    }))
}
