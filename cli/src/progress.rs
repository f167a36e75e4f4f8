//! Progress on stderr: a line that moves on a terminal, nothing elsewhere.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::output::human;

/// Redraws a second.
const REDRAWS: u8 = 8;

/// A line that shows how far something is. Without a terminal it is silent.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// `unit` names what is counted. Draws nothing before the first report.
    pub(crate) fn new(unit: &str, total: u64) -> Self {
        let template = "{bar:30.cyan/dim} {percent:>3} %  {human_pos} of {human_len} UNIT  {rate}  ETA {eta}  {msg}";
        let template = template.replace("UNIT", unit);
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(REDRAWS));
        if let Ok(style) = ProgressStyle::with_template(&template) {
            let rate = |state: &ProgressState, text: &mut dyn Write| {
                // A terminal that cannot be written to is no reason to stop.
                let _ = write!(text, "{}/s", human::count(state.per_sec() as i64));
            };
            bar.set_style(style.with_key("rate", rate));
        }
        Self { bar }
    }

    /// Work done by an earlier run: it counts as done, but not in the rate.
    pub(crate) fn begin_at(&self, done: u64) {
        self.bar.set_position(done);
        self.bar.reset_eta();
        self.bar.reset_elapsed();
    }

    /// How much there is, where that shows only on the way.
    pub(crate) fn of(&self, total: u64) {
        self.bar.set_length(total);
    }

    /// So much is done in all.
    pub(crate) fn at(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// A few words behind the numbers.
    pub(crate) fn say(&self, message: String) {
        self.bar.set_message(message);
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
