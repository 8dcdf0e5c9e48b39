//! What an embedder sees: apps, requests, limits, streams, calls, through the Rust face.

mod calls;
mod compression;
mod forms;
mod hostobjects;
mod limits;
mod messaging;
mod platform;
mod requests;
mod sequences;
mod services;
mod storage;
#[path = "../support/mod.rs"]
mod support;
mod types;
