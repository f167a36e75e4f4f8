//! A worker that has no room takes no tasks for a while, so that others get them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// The first pause; each one after another trouble is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST: Duration = Duration::from_secs(30);

/// Whether a worker pauses.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    until: watch::Sender<Option<Instant>>,
    /// How long the last one was.
    last: Mutex<Option<Duration>>,
}

/// Hears of pauses as they begin.
#[derive(Debug)]
pub(crate) struct Pauses(watch::Receiver<Option<Instant>>);

impl Pause {
    /// Begins a pause, and says how long it is. One that is on already is not made longer.
    pub(crate) fn begin(&self) -> Duration {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_on() {
            return last.unwrap_or(FIRST);
        }
        let pause = longer(*last);
        *last = Some(pause);
        self.until.send_replace(Some(Instant::now() + pause));
        pause
    }

    /// All is well again.
    pub(crate) fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether there is a pause now.
    pub(crate) fn is_on(&self) -> bool {
        self.until.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Hears of those that begin from now on.
    pub(crate) fn follow(&self) -> Pauses {
        Pauses(self.until.subscribe())
    }
}

/// How long a pause after that one is.
fn longer(last: Option<Duration>) -> Duration {
    last.map_or(FIRST, |last| (last * 2).min(LONGEST))
}

impl Pauses {
    /// The end of the next pause that begins.
    pub(crate) async fn next(&mut self) -> Instant {
        loop {
            if self.0.changed().await.is_err() {
                return std::future::pending().await;
            }
            if let Some(until) = *self.0.borrow_and_update() {
                return until;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pauses_grow_while_the_trouble_lasts() {
        let pause = Pause::default();
        let mut pauses = pause.follow();
        assert!(!pause.is_on());
        assert_eq!(pause.begin(), FIRST);
        assert!(pause.is_on());
        assert_eq!(pause.begin(), FIRST, "the second task that finds no room changes nothing");
        let until = pauses.next().await;
        assert!(until <= Instant::now() + FIRST);
        // The trouble comes back after the pause.
        pause.until.send_replace(None);
        assert_eq!(pause.begin(), FIRST * 2);
        pause.until.send_replace(None);
        pause.forget();
        assert_eq!(pause.begin(), FIRST);
        let lengths = std::iter::successors(Some(FIRST), |last| Some(longer(Some(*last))));
        assert_eq!(lengths.take(20).last(), Some(LONGEST));
    }
}
