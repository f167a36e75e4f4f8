//! Ctrl-C: the first one asks the run to stop, the second one ends the process.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::failure::{Failure, INTERRUPTED};

static SIGNALS: AtomicU32 = AtomicU32::new(0);

/// From now on Ctrl-C and termination are requests that [`requested`] tells of.
pub(crate) fn listen() -> Result<(), Failure> {
    let installed = ctrlc::set_handler(|| {
        if SIGNALS.fetch_add(1, Ordering::Relaxed) > 0 {
            // Nothing is half-written: files appear by renaming, the database by transactions.
            #[expect(clippy::exit, reason = "the user asked twice")]
            process::exit(i32::from(INTERRUPTED));
        }
    });
    match installed {
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(()),
        Err(error) => Err(Failure::internal(format!("cannot listen for Ctrl-C: {error}"))),
    }
}

/// Whether the user asked to stop.
pub(crate) fn requested() -> bool {
    SIGNALS.load(Ordering::Relaxed) > 0
}
