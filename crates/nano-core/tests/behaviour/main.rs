//! What an embedder sees: apps, requests, limits, streams, calls, through the Rust face.

mod calls;
mod compression;
mod forms;
mod limits;
mod messaging;
mod platform;
mod requests;
mod sequences;
#[path = "../support/mod.rs"]
mod support;
