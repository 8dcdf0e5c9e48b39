//! What an embedder sees: apps, requests, limits, streams, calls, through the Rust face.

mod accounts;
mod cache;
mod calls;
mod compression;
mod crypto;
mod fetching;
mod forms;
mod hostobjects;
mod limits;
mod listening;
mod memory;
mod messaging;
mod modules;
mod node;
mod passing;
mod platform;
mod requests;
mod rewriter;
mod sequences;
mod services;
mod shapes;
mod storage;
#[path = "../support/mod.rs"]
mod support;
mod tampering;
mod types;
mod urlpattern;
