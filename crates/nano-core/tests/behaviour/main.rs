//! What an embedder sees: apps, requests, limits, streams, calls, through the Rust face.

mod calls;
mod hostobjects;
mod limits;
mod platform;
mod requests;
mod sequences;
mod services;
mod storage;
#[path = "../support/mod.rs"]
mod support;
mod types;
