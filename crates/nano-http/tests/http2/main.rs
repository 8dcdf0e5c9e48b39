//! HTTP/2: each rule that a peer can break is a vector. Every vector is given whole, cut in two at every byte, and byte by byte.

mod attacks;
mod client;
mod peer;
mod requests;
mod server;
