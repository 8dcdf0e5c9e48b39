//! Every outcome that crosses a boundary: a stable number, a name, and an error that explains itself.

use std::fmt;

/// Defines the status codes once: number, name, and what a caller can do about it.
macro_rules! statuses {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// A stable outcome code: 0 is success, positive a condition, negative an error. Numbers are never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(i32)]
        #[non_exhaustive]
        pub enum Status { $($(#[$doc])* $variant = $number,)* }

        impl Status {
            /// Every status, in the order of the table.
            pub const ALL: &'static [Status] = &[$(Status::$variant,)*];

            /// The name used in `nano.h`, logs and metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Status::$variant => $name,)* }
            }

            /// The number that crosses the C ABI.
            pub const fn code(self) -> i32 { self as i32 }

            /// The status with this number, if there is one.
            pub const fn from_code(code: i32) -> Option<Status> {
                match code { $($number => Some(Status::$variant),)* _ => None }
            }
        }
    };
}

statuses! {
    /// It worked.
    Ok = 0, "NANO_OK";
    /// Not all of a piece of a body was accepted; `accepted` says how much. Offer the rest after a WRITABLE event.
    Again = 1, "NANO_AGAIN";
    /// The time given passed first.
    Timeout = 2, "NANO_TIMEOUT";
    /// An argument is wrong; the message says which.
    Invalid = -1, "NANO_E_INVALID";
    /// An option struct uses fields that this library does not know.
    TooNew = -2, "NANO_E_TOO_NEW";
    /// No such app, request or call (any more).
    NotFound = -3, "NANO_E_NOT_FOUND";
    /// Another thread is consuming this queue, or the name is taken.
    Busy = -4, "NANO_E_BUSY";
    /// The host or the client gave the request up.
    Canceled = -5, "NANO_E_CANCELED";
    /// The app used more CPU than one event may.
    CpuLimit = -6, "NANO_E_CPU_LIMIT";
    /// The app used more memory than it may.
    MemoryLimit = -7, "NANO_E_MEMORY_LIMIT";
    /// The event took longer than it may.
    WallLimit = -8, "NANO_E_WALL_LIMIT";
    /// The app threw; the message and stack are for the host's log, never for clients.
    Exception = -9, "NANO_E_EXCEPTION";
    /// The app's code does not compile or its imports do not resolve.
    Compile = -10, "NANO_E_COMPILE";
    /// Too much is waiting for this app or runtime already.
    Overloaded = -11, "NANO_E_OVERLOADED";
    /// A ceiling of the process is reached; the message names it.
    Capacity = -12, "NANO_E_CAPACITY";
    /// The runtime is being freed.
    Shutdown = -13, "NANO_E_SHUTDOWN";
    /// The app or the runtime takes no new work.
    Draining = -14, "NANO_E_DRAINING";
    /// This process is a fork of the one that started the runtime.
    Forked = -15, "NANO_E_FORKED";
    /// Already done with other options.
    Already = -16, "NANO_E_ALREADY";
    /// The process may not reserve the address space V8 needs.
    AddressSpace = -17, "NANO_E_ADDRESS_SPACE";
    /// A policy forbids it.
    Policy = -18, "NANO_E_POLICY";
    /// A file could not be read; the message names it.
    Io = -19, "NANO_E_IO";
    /// A defect inside NANO was contained; the runtime is still usable.
    Panic = -20, "NANO_E_PANIC";
    /// Not available in this build or on this platform.
    Unsupported = -21, "NANO_E_UNSUPPORTED";
    /// The shard that ran the request was given up because an app broke it; the request may have had effects.
    ShardLost = -22, "NANO_E_SHARD_LOST";
    /// A value or a body is larger than it may be.
    TooLarge = -23, "NANO_E_TOO_LARGE";
}

/// An error as a caller sees it: the code, one sentence of cause and remedy, and the app's stack where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The stable code.
    pub status: Status,
    /// What happened and what to do, in one or two sentences.
    pub message: String,
    /// The app's JavaScript stack; for the host's log only.
    pub stack: String,
    /// What sets it apart from other errors of its code, for a client of HTTP; zero for nothing.
    http_status: u16,
}

impl Error {
    /// An error without a JavaScript stack.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), stack: String::new(), http_status: 0 }
    }

    /// The same error, to be answered with this status of HTTP rather than with its code's own.
    #[must_use]
    pub const fn with_http_status(mut self, http_status: u16) -> Self {
        self.http_status = http_status;
        self
    }

    /// What an HTTP server answers its client with.
    pub const fn http_status(&self) -> u16 {
        if self.http_status != 0 {
            return self.http_status;
        }
        match self.status {
            Status::Invalid => 400,
            Status::TooLarge => 413,
            Status::Overloaded | Status::Capacity | Status::Draining | Status::Shutdown => 503,
            Status::Timeout | Status::WallLimit => 504,
            _ => 500,
        }
    }

    /// The same error with the app's stack.
    #[must_use]
    pub fn with_stack(mut self, stack: impl Into<String>) -> Self {
        self.stack = stack.into();
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status.name(), self.message)
    }
}

impl std::error::Error for Error {}

/// The result of everything that can fail.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_round_trip() {
        for (i, a) in Status::ALL.iter().enumerate() {
            assert_eq!(Status::from_code(a.code()), Some(*a));
            for b in &Status::ALL[i + 1..] {
                assert_ne!(a.code(), b.code());
                assert_ne!(a.name(), b.name());
            }
        }
        assert_eq!(Status::from_code(-9999), None);
    }
}
