//! Commands of clusters: the processes, and what users and operators ask.

mod control;
mod coordinator;
mod key;
mod look;
mod metrics;
mod push;
mod schedule;
mod schedule_view;
mod submit;
mod worker;

pub(super) use control::{cancel, pause, resume};
pub(super) use coordinator::run as coordinator;
pub(super) use key::run as key;
pub(super) use look::{logs, queue, workers};
pub(super) use metrics::run as metrics;
pub(super) use push::{list as list_datasets, push};
pub(super) use schedule::run as schedule;
pub(crate) use submit::send;
pub(super) use submit::{run_there, submit, watch};
pub(super) use worker::run as worker;
