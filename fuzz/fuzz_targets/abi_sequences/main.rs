//! Functions of nano.h in any order, as no sensible host calls them: what the header guarantees holds all the same.
//!
//! An input is a program: its first byte chooses the runtime, each further one a call, the bytes after it the call's
//! arguments. What must hold is in `ledger.rs`, and at the end of a program in `host.rs`.

#![no_main]

mod apps;
mod calls;
mod env;
mod host;
mod ledger;
mod program;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| host::play(input));
