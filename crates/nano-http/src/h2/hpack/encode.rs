//! Header blocks as they are written: without a table of the connection's, so that nothing is kept and nothing of one message can be guessed
//! from the length of another.

use super::huffman;
use super::table::STATIC;

/// Says that the table will not be used, once, before the first block. Then there is nothing to say when the other side makes it smaller.
pub fn begin(out: &mut Vec<u8>) {
    out.push(0x20);
}

/// Appends a field. The name is in lower case.
pub fn field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let mut named = 0;
    for (at, (known, with)) in STATIC.iter().enumerate() {
        if known.as_bytes() == name {
            if with.as_bytes() == value {
                integer(at + 1, 7, 0x80, out);
                return;
            }
            if named == 0 {
                named = at + 1;
            }
        }
    }
    // Never to be put into a table, not by those in between either.
    let kind = if matches!(name, b"authorization" | b"proxy-authorization" | b"cookie" | b"set-cookie") { 0x10 } else { 0 };
    integer(named, 4, kind, out);
    if named == 0 {
        string(name, out);
    }
    string(value, out);
}

fn integer(value: usize, bits: u32, kind: u8, out: &mut Vec<u8>) {
    let mask = (1_usize << bits) - 1;
    if value < mask {
        out.push(kind | value as u8);
        return;
    }
    out.push(kind | mask as u8);
    let mut rest = value - mask;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn string(text: &[u8], out: &mut Vec<u8>) {
    let coded = huffman::encoded_len(text);
    if coded < text.len() {
        integer(coded, 7, 0x80, out);
        huffman::encode(text, out);
    } else {
        integer(text.len(), 7, 0, out);
        out.extend_from_slice(text);
    }
}
