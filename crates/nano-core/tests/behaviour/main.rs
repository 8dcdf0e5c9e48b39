//! What an embedder sees: apps, requests, limits, streams, calls, through the Rust face.

mod bombs;
mod calls;
mod limits;
mod requests;
mod sequences;
mod soak;
mod support;
