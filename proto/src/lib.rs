//! What coordinator, workers and clients say to each other.
//!
//! [`protocol`] has the messages as plain types, whatever carries them. With the feature `grpc`, `wire` has the types of gRPC, generated
//! from the `.proto` files, `convert` leads from one to the other, and `Remote` is the
//! way to a cluster: besides the coordinator's services no other code sees what is on the wire.

#[cfg(feature = "grpc")]
mod client;
#[cfg(feature = "grpc")]
pub mod convert;
pub mod protocol;
#[cfg(feature = "grpc")]
pub mod status;
#[cfg(feature = "grpc")]
pub mod wire;

#[cfg(feature = "grpc")]
pub use client::{ClientError, Remote, RemoteSettings, Watch};
pub use protocol::{
    Answer, Call, Control, DatasetInfo, Grant, HeldBackState, JobInfo, JobView, KeyInfo, Link, LinkError, PointOutcome,
    Question, QueueView, Recorded, ReplayOrder, Replayed, Report, Rows, ScheduleInfo, TaskResult, Work, WorkerView,
};
