//! The network as its users see it: real sockets on loopback, a clock that is driven by hand, peers that do what a script says.

mod asker;
mod certificates;
mod connecting;
mod http;
mod http2;
mod memory;
mod names;
mod peer;
mod shard;
mod socket;
mod websocket;
