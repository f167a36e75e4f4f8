//! Settings and where they come from: flag, then `ASSAY_*` variable, then `assay.toml` in the project, then the user's
//! `config.toml`, then the checked-in `defaults.toml`.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

#[cfg(feature = "cluster")]
use assay_coordinator::server::Limits as ServerLimits;
use assay_core::job::explain_toml;
#[cfg(feature = "cluster")]
use assay_store::{Depot, DepotAddress};
use serde::Deserialize;

#[cfg(feature = "cluster")]
use crate::args::{Bytes, LimitArgs, PlaceArgs};
use crate::args::{GlobalArgs, Limits, MemoryLimit, OutputFormat, ThreadCount};
use crate::audience::Audience;
use crate::failure::Failure;
use crate::interrupt;
use crate::machine;

/// Name of the project's file, looked for in the current folder and those above it.
const PROJECT_FILE: &str = "assay.toml";
/// The user's file below the configuration folder.
const USER_FILE: &str = "assay/config.toml";

/// Keys of a settings file.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    home: Option<PathBuf>,
    threads: Option<ThreadCount>,
    memory: Option<MemoryLimit>,
    output: Option<OutputFormat>,
    /// What the processes of a cluster share.
    #[cfg(feature = "cluster")]
    depot: Option<String>,
    #[cfg(not(feature = "cluster"))]
    #[serde(rename = "depot")]
    _depot: Option<serde::de::IgnoredAny>,
    #[cfg(feature = "cluster")]
    #[serde(rename = "cache-size")]
    cache_size: Option<Bytes>,
    #[cfg(not(feature = "cluster"))]
    #[serde(rename = "cache-size")]
    _cache_size: Option<serde::de::IgnoredAny>,
    /// Of a coordinator.
    #[cfg(feature = "cluster")]
    limits: Option<LimitArgs>,
    #[cfg(not(feature = "cluster"))]
    #[serde(rename = "limits")]
    _limits: Option<serde::de::IgnoredAny>,
}

/// Who says what a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An option of the command.
    Flag,
    /// The variable of this name.
    Variable(String),
    /// A settings file.
    File(PathBuf),
    /// Nobody.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting as `assay config show` prints it.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) value: Option<String>,
    pub(crate) origin: Origin,
}

/// Everything a command knows besides its own arguments.
#[derive(Debug)]
pub(crate) struct Settings {
    /// When the process began.
    pub(crate) started: Instant,
    /// Where data and results live.
    pub(crate) home: PathBuf,
    /// Form of the output, if anybody has a wish.
    pub(crate) output: Option<OutputFormat>,
    /// How much is said on stderr.
    pub(crate) verbose: u8,
    /// Who hears of progress and warnings, where that is not a terminal.
    pub(crate) audience: Option<Arc<dyn Audience>>,
    threads: ThreadCount,
    memory: MemoryLimit,
    #[cfg(feature = "cluster")]
    limits: LimitArgs,
    /// As flags or variables say.
    given: (Option<PathBuf>, Option<OutputFormat>),
    /// What files say, the nearest first; the defaults are last.
    layers: Vec<(Origin, Layer)>,
    /// Files that were looked for, whether or not they are there.
    files: Vec<PathBuf>,
}

impl Settings {
    /// Variables that stand for the settings below.
    pub(crate) const VARIABLES: [&str; 4] = ["ASSAY_HOME", "ASSAY_OUTPUT", "ASSAY_THREADS", "ASSAY_MEMORY"];

    /// Puts the layers together. Flags and variables are one by now: the argument parser reads both.
    pub(crate) fn load(global: &GlobalArgs, started: Instant) -> Result<Self, Failure> {
        let mut layers = Vec::new();
        let mut files = Vec::new();
        let folder = std::env::current_dir().map_err(|error| Failure::io("find", Path::new("."), &error))?;
        for path in folder.ancestors().map(|folder| folder.join(PROJECT_FILE)) {
            if let Some(layer) = read_layer(&path)? {
                layers.push((Origin::File(path.clone()), layer));
                files.push(path);
                break;
            }
        }
        if files.is_empty() {
            files.push(folder.join(PROJECT_FILE));
        }
        if let Some(path) = user_folder().map(|folder| folder.join(USER_FILE)) {
            layers.extend(read_layer(&path)?.map(|layer| (Origin::File(path.clone()), layer)));
            files.push(path);
        }
        let defaults = parse_layer(include_str!("defaults.toml"), Path::new("defaults.toml"))?;
        layers.push((Origin::Default, defaults));

        let none = || Failure::internal("defaults.toml leaves a setting out");
        let home = global.home.clone().or_else(|| first(&layers, |layer| layer.home.clone()));
        Ok(Self {
            started,
            home: home.ok_or_else(none)?,
            output: global.output.or_else(|| first(&layers, |layer| layer.output)),
            verbose: global.verbose,
            audience: None,
            threads: first(&layers, |layer| layer.threads).ok_or_else(none)?,
            memory: first(&layers, |layer| layer.memory).ok_or_else(none)?,
            #[cfg(feature = "cluster")]
            limits: layers
                .iter()
                .filter_map(|(_, layer)| layer.limits)
                .fold(LimitArgs::default(), LimitArgs::or),
            given: (global.home.clone(), global.output),
            layers,
            files,
        })
    }

    /// Every setting with its value and where that comes from.
    pub(crate) fn described(&self, limits: Limits) -> Vec<Described> {
        let origin = |given: bool, variable: &str, in_layer: &dyn Fn(&Layer) -> bool| {
            let set = std::env::var_os(variable).is_some_and(|value| !value.is_empty());
            match self.layers.iter().find(|(_, layer)| in_layer(layer)) {
                // A flag beside a variable of the same setting: the flag counts, and cannot be told from it here but by its value.
                _ if given && set && self.same_as_variable(variable, limits) => Origin::Variable(variable.to_owned()),
                _ if given => Origin::Flag,
                Some((origin, _)) => origin.clone(),
                None => Origin::Default,
            }
        };
        let [home, output, threads, memory] = Self::VARIABLES;
        let count = self.threads(limits);
        let threads_text = match limits.threads.unwrap_or(self.threads) {
            ThreadCount::All => format!("all ({count} here)"),
            ThreadCount::Count(_) => count.to_string(),
        };
        let bytes = crate::output::human::bytes(self.memory(limits));
        let memory_text = match limits.memory.unwrap_or(self.memory) {
            MemoryLimit::Half => format!("half ({bytes} here)"),
            MemoryLimit::Bytes(_) => bytes,
        };
        vec![
            Described {
                name: "home",
                value: Some(self.home.display().to_string()),
                origin: origin(self.given.0.is_some(), home, &|layer| layer.home.is_some()),
            },
            Described {
                name: "output",
                value: Some(self.format().name().to_owned()),
                origin: origin(self.given.1.is_some(), output, &|layer| layer.output.is_some()),
            },
            Described {
                name: "threads",
                value: Some(threads_text),
                origin: origin(limits.threads.is_some(), threads, &|layer| layer.threads.is_some()),
            },
            Described {
                name: "memory",
                value: Some(memory_text),
                origin: origin(limits.memory.is_some(), memory, &|layer| layer.memory.is_some()),
            },
        ]
    }

    /// Whether a variable says what is given.
    fn same_as_variable(&self, variable: &str, limits: Limits) -> bool {
        let Ok(text) = std::env::var(variable) else { return false };
        match variable {
            "ASSAY_HOME" => self.given.0.as_deref() == Some(Path::new(&text)),
            "ASSAY_OUTPUT" => self.given.1.is_some_and(|format| format.name() == text),
            "ASSAY_THREADS" => text.parse().ok() == limits.threads,
            _ => text.parse().ok() == limits.memory,
        }
    }

    /// Settings files that were looked for.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Threads that compute.
    pub(crate) fn threads(&self, limits: Limits) -> usize {
        match limits.threads.unwrap_or(self.threads) {
            ThreadCount::All => thread::available_parallelism().map_or(1, usize::from),
            ThreadCount::Count(count) => count.get(),
        }
    }

    /// Bytes of memory that a run stays under.
    pub(crate) fn memory(&self, limits: Limits) -> u64 {
        match limits.memory.unwrap_or(self.memory) {
            MemoryLimit::Half => machine::memory_limit().bytes / 2,
            MemoryLimit::Bytes(bytes) => bytes,
        }
    }

    /// The depot of a process of a cluster: its own, or the home.
    #[cfg(feature = "cluster")]
    pub(crate) fn depot(&self, places: &PlaceArgs) -> Result<Depot, Failure> {
        let written = || first(&self.layers, |layer| layer.depot.clone());
        let address = match (&places.depot, written()) {
            (Some(address), _) => address.clone(),
            (None, Some(text)) => text.parse()?,
            (None, None) => DepotAddress::Folder(self.home.clone()),
        };
        let limit = places.cache_size.or_else(|| first(&self.layers, |layer| layer.cache_size));
        let limit = limit.ok_or_else(|| Failure::internal("defaults.toml leaves a setting out"))?;
        Ok(Depot::open(&address, &self.home, limit.0)?)
    }

    /// What users of a coordinator may ask for at most.
    #[cfg(feature = "cluster")]
    pub(crate) fn server_limits(&self, args: LimitArgs) -> Result<ServerLimits, Failure> {
        let limits = args.or(self.limits).complete();
        limits.ok_or_else(|| Failure::internal("defaults.toml leaves a limit out"))
    }

    /// From now on a wish to stop is what [`Settings::interrupted`] tells of.
    pub(crate) fn listen(&self) -> Result<(), Failure> {
        // An embedder has its own way of hearing Ctrl-C.
        if self.audience.is_some() {
            Ok(())
        } else {
            interrupt::listen()
        }
    }

    /// Whether the user asked to stop.
    pub(crate) fn interrupted(&self) -> bool {
        match &self.audience {
            Some(audience) => audience.interrupted(),
            None => interrupt::requested(),
        }
    }

    /// Says something that the user should know although all goes on.
    pub(crate) fn warn(&self, text: &str) {
        match &self.audience {
            Some(audience) => audience.warn(text),
            None => anstream::eprintln!("warning: {text}"),
        }
    }

    /// Tells on stderr, with -v, what was reached and when.
    pub(crate) fn log(&self, text: impl FnOnce() -> String) {
        if self.verbose > 0 {
            anstream::eprintln!("[{:8.3} s] {}", self.started.elapsed().as_secs_f64(), text());
        }
    }

    /// The form wished for, or that of people.
    pub(crate) fn format(&self) -> OutputFormat {
        self.output.unwrap_or(OutputFormat::Table)
    }
}

fn first<T>(layers: &[(Origin, Layer)], get: impl Fn(&Layer) -> Option<T>) -> Option<T> {
    layers.iter().find_map(|(_, layer)| get(layer))
}

fn user_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))
}

fn read_layer(path: &Path) -> Result<Option<Layer>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(Failure::io("read", path, &error)),
    };
    parse_layer(&text, path).map(Some)
}

/// A relative home in a file is relative to that file.
fn parse_layer(text: &str, path: &Path) -> Result<Layer, Failure> {
    let mut layer: Layer =
        toml::from_str(text).map_err(|error| Failure::from(explain_toml(&error, text)).at(path.display()))?;
    if let (Some(home), Some(folder)) = (&layer.home, path.parent()) {
        layer.home = Some(folder.join(home));
    }
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_in_a_file_is_relative_to_that_file() {
        let layer = parse_layer("home = \"data\"\nthreads = 3", Path::new("/project/assay.toml")).unwrap();
        assert_eq!(layer.home, Some(PathBuf::from("/project/data")));
        assert!(matches!(layer.threads, Some(ThreadCount::Count(n)) if n.get() == 3));
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_name() {
        let failure = parse_layer("homme = \"x\"", Path::new("assay.toml")).unwrap_err();
        let text = format!("{failure:?}");
        assert!(text.contains("did you mean `home`?") && text.contains("assay.toml"), "{text}");
    }

    #[test]
    fn the_defaults_are_complete() {
        let layer = parse_layer(include_str!("defaults.toml"), Path::new("defaults.toml")).unwrap();
        assert!(layer.home.is_some() && layer.threads.is_some() && layer.memory.is_some());
        #[cfg(feature = "cluster")]
        assert!(layer.limits.and_then(LimitArgs::complete).is_some());
    }
}
