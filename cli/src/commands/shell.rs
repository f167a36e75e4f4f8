//! `assay completions` and `assay man`: what makes the program at home in a shell.

use std::fs;
use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::env::Shells;

use crate::COMPLETE;
use crate::args::{Arguments, CompletionsArgs, ManArgs};
use crate::failure::{Failure, Outcome};
use crate::output::stdout;

/// Prints what a shell has to read once: it asks this program for candidates from then on.
pub(super) fn completions(args: &CompletionsArgs) -> Outcome {
    let shells = Shells::builtins();
    let shell = shells
        .completer(&args.shell)
        .ok_or_else(|| Failure::internal(format!("no completions for {}", args.shell)))?;
    let mut out = stdout();
    shell.write_registration(COMPLETE, "assay", "assay", "assay", &mut out)?;
    out.flush()?;
    Ok(0)
}

/// Writes manual pages.
pub(super) fn man(args: &ManArgs) -> Outcome {
    let command = Arguments::command();
    let Some(folder) = &args.folder else {
        let mut out = stdout();
        // Commands of commands are below their own names, each a page of its own in a folder.
        let mut pages = Vec::new();
        render(&command, &mut pages)?;
        out.write_all(&pages)?;
        out.flush()?;
        return Ok(0);
    };
    let failed = |error: io::Error| Failure::io("write", folder, &error);
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(command, folder).map_err(failed)?;
    let mut out = stdout();
    writeln!(out, "{}: try `man {}/assay.1`", folder.display(), folder.display())?;
    out.flush()?;
    Ok(0)
}

fn render(command: &clap::Command, pages: &mut Vec<u8>) -> io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(pages)
}
