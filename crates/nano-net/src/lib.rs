//! The network of NANO's shards: everything that has a socket, on the one mio poll of a shard's thread.
//!
//! It must never block, start a thread of its own for a socket, or know V8, apps and requests: whoever uses it gives it traits to
//! answer to. Apart from [`reactor`], whose types stay on their thread, nothing here is shared between shards.

#![forbid(unsafe_code)]

pub mod connect;
pub mod dial;
pub mod failure;
pub mod http;
pub mod names;
mod outbox;
pub mod policy;
pub mod reactor;
mod share;
pub mod socket;
pub mod stream;
pub mod tls;
pub mod websocket;
