//! `assay config show`: every setting, its value, and who says so.

use std::path::Path;

use anstream::eprintln;
use clap::{Arg, CommandFactory};

use crate::args::{Arguments, ConfigCommand, ConfigShowArgs, OutputFormat};
use crate::failure::Outcome;
use crate::output::{Cell, Kind, Rows, print_rows};
use crate::settings::{Origin, Settings};

pub(super) fn run(command: &ConfigCommand, settings: &Settings) -> Outcome {
    match command {
        ConfigCommand::Show(args) => show(args, settings),
    }
}

fn show(args: &ConfigShowArgs, settings: &Settings) -> Outcome {
    let mut columns = vec![("setting", Kind::Text), ("value", Kind::Text)];
    if args.origin {
        columns.push(("origin", Kind::Text));
    }
    let mut rows = Rows::new(columns);
    let mut push = |name: &str, value: Option<String>, origin: &str| {
        let mut row = vec![Cell::from(name), value.map_or(Cell::Null, Cell::Text)];
        if args.origin {
            row.push(origin.into());
        }
        rows.push(row);
    };
    for setting in settings.described(args.limits) {
        push(setting.name, setting.value, &setting.origin.to_string());
    }
    for (name, variable, default) in variables() {
        match std::env::var(&variable) {
            Ok(value) => push(
                &name,
                Some(without_secrets(&variable, &value)),
                &Origin::Variable(variable).to_string(),
            ),
            Err(_) => push(&name, default, &Origin::Default.to_string()),
        }
    }
    print_rows(&rows, settings.format())?;
    if args.origin && settings.format() == OutputFormat::Table {
        for path in settings.files() {
            let state = if path.exists() { "read" } else { "absent" };
            eprintln!("{state}: {}", shown(path));
        }
    }
    Ok(0)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Options of commands that can be given by a variable, besides those that the settings have: name, variable, and default. In the
/// order of the commands; an option of several is listed once.
fn variables() -> Vec<(String, String, Option<String>)> {
    let mut found: Vec<(String, String, Option<String>)> = Vec::new();
    let mut open = vec![Arguments::command()];
    while let Some(command) = open.pop() {
        for arg in command.get_arguments() {
            let Some(variable) = arg.get_env().map(|name| name.to_string_lossy().into_owned()) else {
                continue;
            };
            let of_settings = Settings::VARIABLES.contains(&variable.as_str());
            if !of_settings && found.iter().all(|known| known.1 != variable) {
                found.push((name_of(arg), variable, default_of(arg)));
            }
        }
        open.extend(command.get_subcommands().cloned());
    }
    // No option: what is typed on a command line can be read by everybody on the machine.
    #[cfg(feature = "cluster")]
    found.push(("key".to_owned(), "ASSAY_KEY".to_owned(), None));
    found.sort();
    found
}

fn name_of(arg: &Arg) -> String {
    arg.get_long().unwrap_or(arg.get_id().as_str()).to_owned()
}

fn default_of(arg: &Arg) -> Option<String> {
    let values: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// A value that may be shown: of keys only that there is one, of addresses everything but the password.
fn without_secrets(variable: &str, value: &str) -> String {
    const SECRET: [&str; 4] = ["KEY", "SECRET", "PASSWORD", "TOKEN"];
    let last = variable.rsplit('_').next().unwrap_or(variable);
    if SECRET.contains(&last) {
        return "(set, not shown)".to_owned();
    }
    let masked = |address: &str| {
        let Some((scheme, rest)) = address.split_once("://") else {
            return address.to_owned();
        };
        let end = rest.find('/').unwrap_or(rest.len());
        match rest[..end].rfind('@') {
            Some(at) => match rest[..at].split_once(':') {
                Some((user, _)) => format!("{scheme}://{user}:***{}", &rest[at..]),
                None => address.to_owned(),
            },
            None => address.to_owned(),
        }
    };
    value.split(',').map(masked).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(without_secrets("ASSAY_KEY", "abc"), "(set, not shown)");
        let address = "postgres://me:pa@ss@host:5432/db?x=1";
        assert_eq!(
            without_secrets("ASSAY_DATABASE", address),
            "postgres://me:***@host:5432/db?x=1"
        );
        assert_eq!(
            without_secrets("ASSAY_CLUSTER", "http://a:1,http://b:2"),
            "http://a:1,http://b:2"
        );
    }

    #[test]
    fn every_variable_is_listed_once() {
        let mut names: Vec<String> = variables().into_iter().map(|variable| variable.1).collect();
        assert!(names.iter().all(|name| name.starts_with("ASSAY_")), "{names:?}");
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
        for name in Settings::VARIABLES {
            assert!(!names.iter().any(|other| other == name));
        }
    }
}
