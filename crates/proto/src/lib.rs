//! Messages, clients and servers generated from `proto/`, the descriptor set, and the table of
//! RPC options. No logic; builds for wasm32 without the `server` feature.

#![allow(
    clippy::all,
    clippy::allow_attributes,
    unreachable_pub,
    rust_2018_idioms,
    reason = "generated code"
)]

pub mod method;

mod packages {
    include!(concat!(env!("OUT_DIR"), "/packages.rs"));
}

pub use packages::google;
pub use packages::t11::*;

/// Every file of `proto/` with its imports and comments, as a serialized `FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
