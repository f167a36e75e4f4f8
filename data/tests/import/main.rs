//! Imports of small files made here: every format, every bad input.

#![allow(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

mod archives;
mod bad_files;
mod case;
mod lean;
mod parquet;
mod sources;
mod text;
mod text_layout;
mod unsaid;
