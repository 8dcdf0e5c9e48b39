//! Several processes that serve the same folder on the same sockets, so that one that dies takes only its own requests with it.
//!
//! A supervisor, which never runs JavaScript, binds the sockets and starts the workers: this program again, with the sockets, a socket
//! to talk by, and a board on which the worker notes what it runs. Whoever accepts is whoever has time: the sockets are the same for
//! all, so what waits to be accepted when a worker dies is accepted by another. `supervisor.rs` is the supervisor's life, `child.rs` one
//! worker as it sees it, `poison.rs` what it remembers of crashes, `worker.rs` the worker's own side.

mod child;
mod poison;
mod supervisor;
mod worker;

pub use supervisor::supervise;
pub use worker::{Order, Worker};

/// The word before the spec that a supervisor starts a worker with.
const WORD: &str = "__worker";
