//! What an embedder sees: apps, requests, limits, streams, calls, through the Rust face.

mod accounts;
mod calls;
mod compression;
mod crypto;
mod fetching;
mod forms;
mod limits;
mod memory;
mod messaging;
mod passing;
mod platform;
mod requests;
mod sequences;
mod shapes;
#[path = "../support/mod.rs"]
mod support;
mod tampering;
