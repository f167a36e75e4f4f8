//! Who is told of progress where there is no terminal.

use std::fmt;

/// Who hears what a terminal would show.
pub trait Audience: Send + Sync + fmt::Debug {
    /// So many trials of so many are done; `note` are a few words beside it.
    fn progress(&self, done: u64, total: u64, note: &str);
    /// Something that the user should know although all goes on.
    fn warn(&self, text: &str);
    /// Whether the user asked to stop. Looked after about ten times a second, on the thread of the call.
    fn interrupted(&self) -> bool;
}
