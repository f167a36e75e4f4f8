//! `assay init`: a project that runs at once.

use std::fs;
use std::io::Write;
use std::path::Path;

use assay_data::{Catalog, GenerateRequest};

use super::demo;
use crate::args::InitArgs;
use crate::failure::{Failure, Outcome};
use crate::output::{human, stdout, write_file};

/// What a project begins with.
const FILES: [(&str, &str); 5] = [
    ("README.md", include_str!("README.md")),
    ("assay.toml", include_str!("assay.toml")),
    ("job.toml", include_str!("job.toml")),
    ("strategy.toml", include_str!("strategy.toml")),
    (".gitignore", include_str!("gitignore")),
];
/// Where the project's settings have its home.
const HOME: &str = "assay-data";

pub(super) fn run(args: &InitArgs) -> Outcome {
    let folder = args.folder.as_path();
    // All or nothing: a file that is there is its owner's.
    if let Some((name, _)) = FILES.iter().find(|(name, _)| folder.join(name).exists()) {
        let message = format!("{} is there already", folder.join(name).display());
        return Err(Failure::usage(message).hint("choose another folder: assay init DIR"));
    }
    fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder, &error))?;
    let mut out = stdout();
    for (name, text) in FILES {
        write_file(&folder.join(name), text.as_bytes())?;
        writeln!(out, "{}", folder.join(name).display())?;
    }
    if !args.no_data {
        let home = folder.join(HOME);
        let rows = demo::ensure_ticks(&Catalog::open(&home)?, &GenerateRequest::demo(demo::SEED))?;
        let rows = human::count(rows as i64);
        writeln!(out, "{}: {rows} generated quotes of DEMO", home.display())?;
    }
    let enter = if folder == Path::new(".") {
        String::new()
    } else {
        format!("cd {} && ", quoted(&folder.display().to_string()))
    };
    writeln!(out, "\nnext: {enter}assay run job.toml")?;
    out.flush()?;
    Ok(0)
}

/// A path as a shell reads it: in quotes where it holds anything but plain characters.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '~' | '+' | ',' | '@' | '\\' | ':');
    if path.chars().all(plain) && !path.starts_with('-') {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', "'\\''"))
}
