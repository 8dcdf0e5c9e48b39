//! HTTP/1.1, HTTP/2 and WebSocket as bytes in, bytes out, for servers and clients alike: no socket, no clock, no randomness, no V8.
//!
//! Whoever uses it owns the buffers and the connection. It never guesses: a message that two readers could take for two different ones is
//! refused, and the connection is to be closed.

#![forbid(unsafe_code)]

pub mod h1;
pub mod h2;
pub mod ws;
