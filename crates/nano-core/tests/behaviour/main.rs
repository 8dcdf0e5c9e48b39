//! What an embedder sees: apps, requests, limits, streams, calls, through the Rust face.

mod accounts;
mod cache;
mod caches_named;
mod calls;
mod compression;
mod conformance;
mod crypto;
mod fetching;
mod forms;
mod hostobjects;
mod limits;
mod listening;
mod losses;
mod memory;
mod messaging;
mod modules;
mod network;
mod node;
mod node_url;
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
