//! What `nanod` reads and decides before any app runs.
//!
//! - `text`: TOML and JSON with comments, with the place of every value; sizes and durations; errors that suggest.
//! - `manifest`: what an app's folder says about it.
//! - `routes`: which app a request is for.
//!
//! No V8, no socket, no output: everything here is a function from what was read to a value or to findings.

#![forbid(unsafe_code)]

pub mod manifest;
pub mod routes;
pub mod text;
