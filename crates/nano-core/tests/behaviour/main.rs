//! What an embedder sees: apps, requests, limits, streams, calls, through the Rust face.

mod cache;
mod calls;
mod limits;
mod platform;
mod requests;
mod rewriter;
mod sequences;
#[path = "../support/mod.rs"]
mod support;
mod urlpattern;
