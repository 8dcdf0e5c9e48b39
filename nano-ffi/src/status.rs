//! Statuses: how every call ends.

use std::ffi::{CStr, c_char};

/// How a call ended: 0 success, above 0 a condition, below 0 an error. Numbers are never reused, and new ones may come.
pub type nano_status = i32;

/// It worked.
pub const NANO_OK: i32 = 0;
/// Not everything was accepted: go on after a WRITABLE event.
pub const NANO_AGAIN: i32 = 1;
/// The time given passed first.
pub const NANO_TIMEOUT: i32 = 2;
/// An argument is wrong; the message says which.
pub const NANO_E_INVALID: i32 = -1;
/// A struct uses fields or flags that this library does not know.
pub const NANO_E_TOO_NEW: i32 = -2;
/// No such app, request or call (any more).
pub const NANO_E_NOT_FOUND: i32 = -3;
/// Another thread is consuming this queue, or the name is taken.
pub const NANO_E_BUSY: i32 = -4;
/// The host or the client gave the request up.
pub const NANO_E_CANCELED: i32 = -5;
/// The app used more CPU than one event may.
pub const NANO_E_CPU_LIMIT: i32 = -6;
/// The app used more memory than it may.
pub const NANO_E_MEMORY_LIMIT: i32 = -7;
/// The event took longer than it may.
pub const NANO_E_WALL_LIMIT: i32 = -8;
/// The app threw; message and stack are for the host's log, never for clients.
pub const NANO_E_EXCEPTION: i32 = -9;
/// The app's code does not compile or its imports do not resolve.
pub const NANO_E_COMPILE: i32 = -10;
/// Too much is waiting for this app or runtime already.
pub const NANO_E_OVERLOADED: i32 = -11;
/// A ceiling of the process is reached; the message names it.
pub const NANO_E_CAPACITY: i32 = -12;
/// The runtime has been closed.
pub const NANO_E_SHUTDOWN: i32 = -13;
/// The app or the runtime takes no new work.
pub const NANO_E_DRAINING: i32 = -14;
/// This process is a fork of the one that started NANO.
pub const NANO_E_FORKED: i32 = -15;
/// Already done with other options.
pub const NANO_E_ALREADY: i32 = -16;
/// The process may not reserve the address space that V8 needs.
pub const NANO_E_ADDRESS_SPACE: i32 = -17;
/// A policy forbids it.
pub const NANO_E_POLICY: i32 = -18;
/// A file could not be read; the message names it.
pub const NANO_E_IO: i32 = -19;
/// A defect inside NANO was contained; the runtime is still usable.
pub const NANO_E_PANIC: i32 = -20;
/// Not available in this build or on this platform.
pub const NANO_E_UNSUPPORTED: i32 = -21;
/// The thread that ran the request was given up because an app broke it; the request may have had effects.
pub const NANO_E_SHARD_LOST: i32 = -22;
/// A value, a head or a body is larger than it may be; the message names the limit.
pub const NANO_E_TOO_LARGE: i32 = -23;

/// The name of a status, such as "NANO_E_CPU_LIMIT"; "NANO_E_UNKNOWN" for a number that is none. Static, NUL-terminated.
#[unsafe(no_mangle)]
pub extern "C" fn nano_status_name(status: nano_status) -> *const c_char {
    name(status).as_ptr()
}

fn name(status: nano_status) -> &'static CStr {
    NAMES.iter().find(|(code, _)| *code == status).map_or(c"NANO_E_UNKNOWN", |(_, name)| *name)
}

/// Names with the NUL that C wants; a test holds them against `nano_core::Status`.
const NAMES: &[(nano_status, &CStr)] = &[
    (NANO_OK, c"NANO_OK"),
    (NANO_AGAIN, c"NANO_AGAIN"),
    (NANO_TIMEOUT, c"NANO_TIMEOUT"),
    (NANO_E_INVALID, c"NANO_E_INVALID"),
    (NANO_E_TOO_NEW, c"NANO_E_TOO_NEW"),
    (NANO_E_NOT_FOUND, c"NANO_E_NOT_FOUND"),
    (NANO_E_BUSY, c"NANO_E_BUSY"),
    (NANO_E_CANCELED, c"NANO_E_CANCELED"),
    (NANO_E_CPU_LIMIT, c"NANO_E_CPU_LIMIT"),
    (NANO_E_MEMORY_LIMIT, c"NANO_E_MEMORY_LIMIT"),
    (NANO_E_WALL_LIMIT, c"NANO_E_WALL_LIMIT"),
    (NANO_E_EXCEPTION, c"NANO_E_EXCEPTION"),
    (NANO_E_COMPILE, c"NANO_E_COMPILE"),
    (NANO_E_OVERLOADED, c"NANO_E_OVERLOADED"),
    (NANO_E_CAPACITY, c"NANO_E_CAPACITY"),
    (NANO_E_SHUTDOWN, c"NANO_E_SHUTDOWN"),
    (NANO_E_DRAINING, c"NANO_E_DRAINING"),
    (NANO_E_FORKED, c"NANO_E_FORKED"),
    (NANO_E_ALREADY, c"NANO_E_ALREADY"),
    (NANO_E_ADDRESS_SPACE, c"NANO_E_ADDRESS_SPACE"),
    (NANO_E_POLICY, c"NANO_E_POLICY"),
    (NANO_E_IO, c"NANO_E_IO"),
    (NANO_E_PANIC, c"NANO_E_PANIC"),
    (NANO_E_UNSUPPORTED, c"NANO_E_UNSUPPORTED"),
    (NANO_E_SHARD_LOST, c"NANO_E_SHARD_LOST"),
    (NANO_E_TOO_LARGE, c"NANO_E_TOO_LARGE"),
];

#[cfg(test)]
mod tests {
    use nano_core::Status;

    use super::*;

    #[test]
    fn the_header_has_every_status_of_the_core_and_no_other() {
        let header: Vec<(i32, &str)> = NAMES.iter().map(|(code, name)| (*code, name.to_str().unwrap())).collect();
        let core: Vec<(i32, &str)> = Status::ALL.iter().map(|status| (status.code(), status.name())).collect();
        assert_eq!(header, core);
    }

    #[test]
    fn a_number_that_is_no_status_has_a_name_too() {
        assert_eq!(name(-9999), c"NANO_E_UNKNOWN");
        assert_eq!(name(NANO_E_TOO_LARGE), c"NANO_E_TOO_LARGE");
    }
}
