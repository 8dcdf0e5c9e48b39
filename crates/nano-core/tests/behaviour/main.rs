//! What an embedder sees: apps, requests, limits, streams, calls, through the Rust face.

mod calls;
mod limits;
mod modules;
mod node;
mod platform;
mod requests;
mod sequences;
#[path = "../support/mod.rs"]
mod support;
