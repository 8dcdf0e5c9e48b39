//! What `nanod` reads and decides before any app runs.
//!
//! - `text`: TOML and JSON with comments, with the place of every value; sizes and durations; errors that suggest.
//! - `deploy`: folders of apps: what is there, what has changed, when it is safe to deploy.
//! - `manifest`: what an app's folder says about it.
//! - `problem`: what clients are told when something goes wrong.
//! - `routes`: which app a request is for.
//! - `secrets`: values that must not be seen, `.dev.vars`.
//! - `types`: an app's `Env` for TypeScript.
//!
//! No V8, no socket, no output: everything here is a function from what was read to a value or to findings.

#![forbid(unsafe_code)]

pub mod deploy;
pub mod manifest;
pub mod problem;
pub mod routes;
pub mod secrets;
pub mod text;
pub mod types;
