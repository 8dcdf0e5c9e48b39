//! Header compression (RFC 7541).

mod decode;
mod encode;
mod huffman;
mod table;

pub use decode::{Decoder, Fields, Unread};
pub use encode::{begin, field};
