//! Progress on stderr: a line that moves on a terminal, nothing elsewhere.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::audience::Audience;
use crate::output::human;

/// Redraws a second.
const REDRAWS: u8 = 8;

/// A line that shows how far something is. Without a terminal it is silent.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Who is told instead, and what was said last.
    audience: Option<(Arc<dyn Audience>, Mutex<String>)>,
}

impl Progress {
    /// `unit` names what is counted. Draws nothing before the first report.
    pub(crate) fn new(unit: &str, total: u64) -> Self {
        Self::heard(None, unit, total)
    }

    /// The same; with an audience nothing is drawn, it is told.
    pub(crate) fn heard(audience: Option<Arc<dyn Audience>>, unit: &str, total: u64) -> Self {
        let template = "{bar:30.cyan/dim} {percent:>3} %  {human_pos} of {human_len} UNIT  {rate}  ETA {eta}  {msg}";
        let template = template.replace("UNIT", unit);
        let target = match audience {
            Some(_) => ProgressDrawTarget::hidden(),
            None => ProgressDrawTarget::stderr_with_hz(REDRAWS),
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(&template) {
            let rate = |state: &ProgressState, text: &mut dyn Write| {
                // A terminal that cannot be written to is no reason to stop.
                let _ = write!(text, "{}/s", human::count(state.per_sec() as i64));
            };
            bar.set_style(style.with_key("rate", rate));
        }
        let audience = audience.map(|audience| (audience, Mutex::default()));
        Self { bar, audience }
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
        if let Some((audience, said)) = &self.audience {
            let said = said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            audience.progress(done, self.bar.length().unwrap_or_default(), &said);
        }
    }

    /// A few words behind the numbers.
    pub(crate) fn say(&self, message: String) {
        if let Some((_, said)) = &self.audience {
            said.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .clone_from(&message);
        }
        self.bar.set_message(message);
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
