//! What an embedder sees: apps, requests, limits, streams, calls, through the Rust face.

mod accounts;
mod calls;
mod compression;
mod crypto;
mod forms;
mod hostobjects;
mod limits;
mod memory;
mod messaging;
mod passing;
mod platform;
mod requests;
mod sequences;
mod services;
mod shapes;
mod storage;
#[path = "../support/mod.rs"]
mod support;
mod tampering;
mod types;
