//! The one place where errors become text on stderr and an exit code.

use std::fmt;
use std::io;
use std::panic::PanicHookInfo;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use anstream::eprintln;
use assay_coordinator::CoordinatorError;
use assay_core::job::JobError;
use assay_core::{Domain, Explain};
use assay_data::DataError;
use assay_optimizer::OptimizerError;
use assay_queue::QueueError;
use assay_report::ReportError;
use assay_store::StoreError;
use assay_strategies::sweep::SweepError;
use assay_strategies::{JobFault, StrategyError};
use assay_worker::WorkerError;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue};
use owo_colors::OwoColorize;

use crate::args::Arguments;

/// Where defects are reported.
const ISSUES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");
/// Threads of this name run trials: a panic there fails its trial, which the result says, and is nothing to print.
pub(crate) const TRIAL_THREAD: &str = "trials";
/// Exit code of a run that finished although some of its trials failed.
pub(crate) const SOME_TRIALS_FAILED: u8 = 5;
/// Exit code after Ctrl-C: 128 + SIGINT, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// What a command returns: the exit code of something that went as asked, or why it did not.
pub(crate) type Outcome = Result<u8, Failure>;

/// An error on its way to the user.
#[derive(Debug)]
pub struct Failure {
    message: String,
    places: Vec<String>,
    hint: Option<String>,
    code: u8,
    /// The reader of stdout went away, which is its good right: nothing is printed.
    quiet: bool,
}

impl Failure {
    /// What happened, in lower case and without a full stop.
    pub(crate) fn new(domain: Domain, message: impl Into<String>) -> Self {
        Self {
            message: without_error_numbers(message.into()),
            places: Vec::new(),
            hint: None,
            code: domain.exit_code(),
            quiet: false,
        }
    }

    /// Something malformed was asked for.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Domain::Usage, message)
    }

    /// The thing named does not exist.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Domain::NotFound, message)
    }

    /// Bad data, a full disk, or another fault outside of the program.
    pub(crate) fn external(message: impl Into<String>) -> Self {
        Self::new(Domain::External, message)
    }

    /// A defect of the program.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Domain::Internal, message).hint(report_hint())
    }

    /// A file that cannot be read or written.
    pub(crate) fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        let message = format!("cannot {action} {}: {error}", path.display());
        match error.kind() {
            io::ErrorKind::NotFound => Self::not_found(message).hint("check the path"),
            io::ErrorKind::PermissionDenied => Self::new(Domain::NotAllowed, message).hint("check the permissions"),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::external(message).hint("the disk is full: free some space and run the same command again")
            }
            io::ErrorKind::IsADirectory => Self::external(message).hint("that is a folder: give the path of a file"),
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                Self::external(message).hint("something else of that name is there: choose another path")
            }
            _ => Self::external(message).hint("check the path and the disk, then run the same command again"),
        }
    }

    /// Adds where it happened.
    pub(crate) fn at(mut self, place: impl fmt::Display) -> Self {
        self.places.push(place.to_string());
        self
    }

    /// Says what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Where it happened, the innermost first.
    pub fn places(&self) -> &[String] {
        &self.places
    }

    /// The exit code that a command would end with.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Prints itself and becomes the exit code.
    pub(crate) fn report(self) -> ExitCode {
        if self.quiet {
            return ExitCode::SUCCESS;
        }
        eprintln!("{} {}", "error:".red().bold(), self.message);
        for place in &self.places {
            eprintln!("  at {place}");
        }
        if let Some(hint) = &self.hint {
            eprintln!("{} {hint}", "hint:".cyan().bold());
        }
        ExitCode::from(self.code)
    }
}

impl Failure {
    /// Nothing was looked for that could be missing: the place for something new is no good.
    fn not_creatable(self) -> Self {
        let external = Self {
            code: Domain::External.exit_code(),
            ..self
        };
        external.hint("choose a folder that can be made and written; --home names the one for data and results")
    }

    /// From an error of a library.
    fn explained(error: &impl Explain) -> Self {
        let failure = Self::new(error.domain(), error.to_string());
        match (error.hint(), error.domain()) {
            (Some(hint), _) => failure.hint(hint),
            (None, Domain::Internal) => failure.hint(report_hint()),
            (None, _) if error.retryable() => failure.hint("run the same command again"),
            (None, _) => failure,
        }
    }
}

macro_rules! from_explained {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::explained(&error)
            }
        }
    )*};
}
from_explained!(
    JobError,
    JobFault,
    StrategyError,
    SweepError,
    OptimizerError,
    CoordinatorError,
    assay_coordinator::schedule::ScheduleError,
    QueueError,
    ReportError,
    WorkerError
);

#[cfg(feature = "cluster")]
from_explained!(
    assay_coordinator::server::AccessError,
    assay_coordinator::server::ServerError,
    assay_proto::ClientError,
    assay_queue::AddressError,
);

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let failure = Self::explained(&error);
        match error {
            DataError::Io { action: "create", .. } => failure.not_creatable(),
            _ => failure,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Self::explained(&error);
        match error {
            StoreError::Io { action: "create", .. } => failure.not_creatable(),
            _ => failure,
        }
    }
}

/// Errors of writing to stdout.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let quiet = error.kind() == io::ErrorKind::BrokenPipe;
        Self {
            quiet,
            ..Self::external(format!("cannot write the output: {error}"))
        }
    }
}

/// What the operating system said, without its number for it: ` (os error 2)`.
fn without_error_numbers(mut message: String) -> String {
    const BEGIN: &str = " (os error ";
    let mut from = 0;
    while let Some(start) = message[from..].find(BEGIN).map(|at| from + at) {
        let number = start + BEGIN.len();
        let end = message[number..].find(|c: char| !c.is_ascii_digit()).map(|at| number + at);
        match end {
            Some(end) if end > number && message[end..].starts_with(')') => message.replace_range(start..=end, ""),
            _ => from = number,
        }
    }
    message
}

fn report_hint() -> String {
    format!("this is a defect of assay; please report it with the command you ran at {ISSUES}")
}

/// Prints what is wrong with a command line as the parser says it, with a hint where it would point to `--help`.
pub(crate) fn report_usage(mut error: clap::Error) {
    if let Some(failure) = wrong_variable(&error) {
        failure.report();
        return;
    }
    without_variables(&mut error);
    let text = error.render().ansi().to_string();
    for line in text.trim_end().lines() {
        if line.contains("For more information, try") {
            eprintln!("{} `assay help COMMAND` says what a command takes", "hint:".cyan().bold());
        } else {
            eprintln!("{line}");
        }
    }
}

/// A value that no flag gave but a variable, which the parser calls that of the flag.
fn wrong_variable(error: &clap::Error) -> Option<Failure> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg)?.split(' ').next()?;
    let value = text(ContextKind::InvalidValue)?;
    let (_, variable) = flags_of_variables().into_iter().find(|(known, _)| known == flag)?;
    if is_given(flag) || std::env::var(&variable).ok()? != value {
        return None;
    }
    let why = std::error::Error::source(error).map_or_else(String::new, |why| format!(": {why}"));
    let failure = Failure::usage(format!("the variable {variable} is `{value}`, which `{flag}` cannot be{why}"));
    Some(failure.hint(format!("correct it, or `unset {variable}`")))
}

/// Takes flags out of the usage line that only variables gave: nobody has to write them.
fn without_variables(error: &mut clap::Error) {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else {
        return;
    };
    let mut usage = usage.to_string();
    for (flag, _) in flags_of_variables().into_iter().filter(|(flag, _)| !is_given(flag)) {
        if let Some(start) = usage.find(&format!(" {flag} <"))
            && let Some(length) = usage[start..].find('>')
        {
            usage.replace_range(start..=start + length, "");
        }
    }
    error.insert(ContextKind::Usage, ContextValue::StyledStr(usage.into()));
}

/// Whether a flag is on the command line.
fn is_given(flag: &str) -> bool {
    std::env::args().any(|given| given.split('=').next() == Some(flag))
}

/// The flags that have variables, and these.
fn flags_of_variables() -> Vec<(String, String)> {
    fn add(command: &clap::Command, found: &mut Vec<(String, String)>) {
        for arg in command.get_arguments() {
            if let (Some(flag), Some(variable)) = (arg.get_long(), arg.get_env()) {
                found.push((format!("--{flag}"), variable.to_string_lossy().into_owned()));
            }
        }
        command.get_subcommands().for_each(|sub| add(sub, found));
    }
    let mut found = Vec::new();
    add(&Arguments::command(), &mut found);
    found.sort();
    found.dedup();
    found
}

/// Makes a panic one clean line instead of a backtrace.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        if thread::current().name() != Some(TRIAL_THREAD) && !assay_core::shield::is_shielded() {
            Failure::internal(panic_text(info)).report();
        }
    }));
}

fn panic_text(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    match info.location() {
        Some(place) => format!("internal error: {message} ({}:{})", place.file(), place.line()),
        None => format!("internal error: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_quiet_and_other_io_errors_are_not() {
        assert!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).quiet);
        let failure = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert!(!failure.quiet && failure.code == 1);
    }

    #[test]
    fn numbers_of_errors_are_left_out() {
        let failure = Failure::usage("cannot read x (os error 2): no (os error two) (os error 17)");
        assert_eq!(failure.message(), "cannot read x: no (os error two)");
    }

    #[test]
    fn errors_of_the_libraries_keep_their_hint_and_exit_code() {
        let error = assay_core::job::JobSpec::from_toml("name = 1").unwrap_err();
        let failure = Failure::from(error);
        assert_eq!(failure.code, 2);
        assert!(
            failure.message.contains("`name` is 1, expected a text"),
            "{}",
            failure.message
        );
    }
}
