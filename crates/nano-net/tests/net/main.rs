//! The network as its users see it: real sockets on loopback, a clock that is driven by hand, peers that do what a script says.

mod certificates;
mod connecting;
mod names;
mod shard;
