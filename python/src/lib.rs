//! The Python package: what Python hands over, checked and laid out, and the binding to [`assay_cli::embed`].
//!
//! The binding is behind the feature `python`, which maturin turns on: without it this crate is plain Rust, builds where there is no
//! Python, and its tests run with all others. Everything that people see of the package is in `assay/*.py`; the binding has one class.

mod bits;
mod frame;

#[cfg(feature = "python")]
mod module;

pub use bits::{PackError, unpack};
pub use frame::{FrameError, bars_of, length_of};
