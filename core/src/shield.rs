//! A wall around libraries that panic on input they should refuse.
//!
//! Readers of file formats index and allocate by what a damaged file says. Behind a shield such a panic is a value, with a text for
//! the user, and the hook that prints panics can ask whether there is a shield.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Leaves the shield however the work ends.
struct Inside;

impl Inside {
    fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Does work on this thread; a panic becomes its text. What the work was changing must not be used afterwards.
///
/// # Errors
/// The text of the panic.
pub fn shielded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let inside = Inside::enter();
    let done = catch_unwind(AssertUnwindSafe(work));
    drop(inside);
    done.map_err(|payload| text_of(payload.as_ref()))
}

/// Whether a panic on this thread, at this moment, will become a value.
pub fn is_shielded() -> bool {
    DEPTH.get() > 0
}

/// What a panic says.
pub fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_text_and_shields_nest() {
        let inner = || {
            assert!(is_shielded());
            let text = shielded(|| -> u32 { panic!("no {}", "way") });
            assert!(is_shielded(), "the outer shield still holds");
            text
        };
        assert_eq!(shielded(inner), Ok(Err("no way".to_owned())));
        assert!(!is_shielded());
        assert_eq!(shielded(|| 1), Ok(1));
        assert_eq!(shielded(|| -> u32 { panic!("plain") }), Err("plain".to_owned()));
    }
}
