//! Header blocks as they are read.

use nano_base::limits::H2_LIST_TIMES_MAX;

use super::huffman;
use super::table::{Dynamic, FIELD_EXTRA};

/// Why a block has not been read to its end: nothing after it can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is not HPACK.
    Malformed,
    /// It becomes many times what is taken of one.
    TooLong,
}

/// Reads the blocks of one connection, in their order.
#[derive(Clone, Debug)]
pub struct Decoder {
    table: Dynamic,
    /// What the table may be made to hold.
    max: usize,
}

/// Where fields go.
pub trait Fields {
    /// Takes a field.
    fn take(&mut self, name: &[u8], value: &[u8]);
}

impl Decoder {
    /// A decoder whose table holds so many bytes at most.
    pub fn new(max: usize) -> Self {
        Self { table: Dynamic::new(max), max }
    }

    /// Reads a block; how much its fields count, each with 32 bytes added. `fields` has those that come before `list_bytes_max`.
    pub fn decode(&mut self, mut block: &[u8], list_bytes_max: usize, fields: &mut impl Fields) -> Result<usize, Unread> {
        let (mut total, mut resizable) = (0_usize, true);
        let (mut name_room, mut value_room) = (Vec::new(), Vec::new());
        while let Some(first) = block.first().copied() {
            if total > list_bytes_max.saturating_mul(H2_LIST_TIMES_MAX) {
                return Err(Unread::TooLong);
            }
            if first & 0xe0 == 0x20 {
                let size = integer(&mut block, 5)?;
                // RFC 7541, 4.2: at the beginning of a block, and no more than was allowed.
                if !resizable || size > self.max {
                    return Err(Unread::Malformed);
                }
                self.table.resize(size);
                continue;
            }
            resizable = false;
            if first & 0x80 != 0 {
                let index = integer(&mut block, 7)?;
                let (name, value) = self.table.get(index).ok_or(Unread::Malformed)?;
                total = total.saturating_add(name.len() + value.len() + FIELD_EXTRA);
                if total <= list_bytes_max {
                    fields.take(name, value);
                }
                continue;
            }
            let is_indexed = first & 0x40 != 0;
            let index = integer(&mut block, if is_indexed { 6 } else { 4 })?;
            name_room.clear();
            if index == 0 {
                string(&mut block, &mut name_room)?;
            } else {
                name_room.extend_from_slice(self.table.get(index).ok_or(Unread::Malformed)?.0);
            }
            value_room.clear();
            string(&mut block, &mut value_room)?;
            total = total.saturating_add(name_room.len() + value_room.len() + FIELD_EXTRA);
            if total <= list_bytes_max {
                fields.take(&name_room, &value_room);
            }
            if is_indexed {
                self.table.insert(&name_room, &value_room);
            }
        }
        Ok(total)
    }
}

/// RFC 7541, 5.1. No length or index here is longer than four bytes.
fn integer(block: &mut &[u8], bits: u32) -> Result<usize, Unread> {
    let mask = (1_usize << bits) - 1;
    let (first, mut rest) = block.split_first().ok_or(Unread::Malformed)?;
    let mut value = usize::from(*first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let (byte, after) = rest.split_first().ok_or(Unread::Malformed)?;
            rest = after;
            if shift > 21 {
                return Err(Unread::Malformed);
            }
            value += usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    *block = rest;
    Ok(value)
}

fn string(block: &mut &[u8], into: &mut Vec<u8>) -> Result<(), Unread> {
    let is_huffman = block.first().ok_or(Unread::Malformed)? & 0x80 != 0;
    let length = integer(block, 7)?;
    let (bytes, rest) = block.split_at_checked(length).ok_or(Unread::Malformed)?;
    *block = rest;
    if !is_huffman {
        into.extend_from_slice(bytes);
    } else if !huffman::decode(bytes, into) {
        return Err(Unread::Malformed);
    }
    Ok(())
}
