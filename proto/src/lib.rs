//! What coordinator, workers and clients say to each other.
//!
//! [`protocol`] has the messages as plain types, whatever carries them.

pub mod protocol;

pub use protocol::{
    Answer, Call, Control, Grant, JobView, Link, LinkError, Question, QueueView, Report, Rows, TaskResult, WorkerView,
};
