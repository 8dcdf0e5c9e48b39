//! The native half of the npm package `nano-isolates`: the core's face with Node's types, and nothing that waits for JavaScript.
//!
//! What people use is the JavaScript half beside it (`lib`). What is more than a number or a text crosses as CBOR: a batch of events, the
//! arguments of a call and its result are one crossing each. No thread of NANO's ever runs JavaScript of the host's: it rings, by one
//! thread-safe function per runtime, and the thread that made the runtime takes what has come.

#![cfg_attr(test, allow(dead_code, reason = "what registers functions with Node is left out of a test build"))]

mod app;
mod calls;
mod error;
mod events;
mod listener;
mod options;
mod register;
mod runtime;
mod task;
mod url;
mod values;

use napi_derive::napi;

/// The version of V8 that runs apps; not Node's own.
#[napi(catch_unwind)]
pub fn v8_version() -> String {
    nano_core::v8_version().to_string()
}

/// CPU time of the calling thread, in microseconds.
#[napi(catch_unwind)]
pub fn thread_cpu_us() -> f64 {
    nano_core::sys::thread::cpu_ns() as f64 / 1_000.0
}
