//! The types generated from the `.proto` files, private to this crate.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "generated; the .proto files are the documentation, and Row is read in its wire form"
)]

include!(concat!(env!("OUT_DIR"), "/millrace.v1.rs"));
