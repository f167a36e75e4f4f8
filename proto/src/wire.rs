//! The types of gRPC, generated from the `.proto` files.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::large_enum_variant,
    clippy::pedantic,
    reason = "generated; the `.proto` files are their documentation"
)]

tonic::include_proto!("assay.v1");

/// All methods, as `package.Service/Method`.
pub const METHODS: &[&str] = include!(concat!(env!("OUT_DIR"), "/methods.rs"));

/// The `.proto` files as a descriptor set, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
