//! The command line as its users meet it: real processes on small data of their own.

mod bad_input;
mod funding;
mod interruption;
mod journey;
mod settings;
mod support;
