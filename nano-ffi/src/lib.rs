//! NANO: an embeddable, multi-tenant JavaScript host.
//!
//! Link one library, and your server runs thousands of Workers-style apps inside its own process, each in an isolate of
//! its own that can hang, leak or die without taking another one, or you, along.
//!
//! CONCEPTS
//!
//! A runtime is a set of threads of NANO's own and one queue of events. An app is JavaScript with a name, variables and
//! limits. You dispatch requests to apps; everything that comes of them arrives as events in the queue: responses, body
//! chunks, ends, errors, and the calls that apps make to you.
//!
//! Guarantees:
//!
//!  1. After nano_dispatch or nano_invoke says NANO_OK exactly one terminal event arrives for that id (it has
//!     NANO_FLAG_END): also on cancel, limit, reload, kill, unload, drain, close and a defect inside NANO.
//!  2. Everything passed in is borrowed for the call only and copied, except a nano_owned with a release function, whose
//!     release runs exactly once, also when the call fails.
//!  3. Everything in an event belongs to the library until nano_event_release, or until the _free that the event names.
//!  4. Only these block: nano_runtime_new, _drain, _close, _free; nano_app_load, _reload, _kill, _unload;
//!     nano_fetch, nano_invoke_wait and nano_wait.
//!  5. Every function may be called from any thread; a pointer to const means: also at the same time. The queue has one
//!     consumer at a time; a second one gets NANO_E_BUSY.
//!  6. A stale or foreign id is NANO_E_NOT_FOUND, a NULL handle or out-parameter NANO_E_INVALID; never undefined behaviour.
//!  7. In a child after fork every function with a status returns NANO_E_FORKED and every _free does nothing. Make
//!     runtimes after the fork, or fork and exec.
//!  8. NANO installs no signal handler and calls no code of yours but the doorbell and the release of a nano_owned.
//!  9. The library stays loaded after dlclose; V8 starts once per process and is never torn down.
//!
//! Ownership: what a function returns through a pointer to a pointer is yours until its _free. Every _free takes NULL.
//! An accessor's result lives as long as what it was taken from. A const void * or nano_bytes that you receive is never
//! yours to free.
//!
//! Text and bytes are nano_bytes: pointer and length, no NUL needed; {NULL, 0} is empty. Text is UTF-8.
//!
//! Options are structs whose first field is their size: begin with NANO_..._INIT, set what you need. Zero is the default
//! of every number. A library that is older than your header refuses fields it does not know with NANO_E_TOO_NEW,
//! unless they are zero. Structs that the library fills begin the same way.
//!
//! Errors are values: a nano_status (0 success, above 0 a condition, below 0 an error), and where a sentence helps, a
//! last parameter nano_error **, which may be NULL. There is no thread-local last error.
//!
//! Lifecycle: nano_runtime_new, nano_app_load, then dispatch and poll. To stop: nano_runtime_drain (or _close), poll until
//! the count is zero, nano_app_free, nano_runtime_free. A handle must not be in use by another thread when it is freed.
//!
//! The smallest program is examples/c/hello.c; a server with its own event loop is examples/c/server.c.
#![allow(non_camel_case_types, reason = "these are the names of nano.h")]
#![allow(clippy::missing_safety_doc, reason = "the block above is the safety section of every function")]

// The chapters of nano.h, in their order.
mod status;
mod types;

mod binding;
mod options;
mod process;
mod runtime;

mod app;
mod dispatch;
mod invoke;

mod event;
mod queue;
mod response;

mod queues;

mod call;
mod error;
mod listener;

// What stands behind them.
mod bell;
mod body;
mod guard;
mod open;

#[cfg(test)]
mod tests;

pub use app::*;
pub use binding::*;
pub use call::*;
pub use dispatch::*;
pub use error::*;
pub use event::*;
pub use invoke::*;
pub use listener::*;
pub use options::*;
pub use process::*;
pub use queue::*;
pub use queues::*;
pub use response::*;
pub use runtime::*;
pub use status::*;
pub use types::*;
