//! The Huffman code of RFC 7541, Appendix B. It is canonical: the lengths of the codes say the codes.

/// The length of each byte's code, and of the end's.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28,
    28, // 0
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, // 32
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, // 64
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, // 96
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23,
    24, // 128
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22,
    23, // 160
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
    27, // 192
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27,
    26, // 224
    30,
];

/// The longest code.
const LENGTH_MAX: usize = 30;

struct Code {
    /// Each symbol's code, its first bit in the highest place.
    codes: [u32; 257],
    /// Symbols in the order of their codes.
    order: [u16; 257],
    /// For each length: the first code that is longer, and where the length's symbols begin in `order`.
    ends: [u64; LENGTH_MAX + 1],
    starts: [u32; LENGTH_MAX + 1],
    firsts: [u16; LENGTH_MAX + 1],
}

const CODE: Code = {
    let mut code =
        Code { codes: [0; 257], order: [0; 257], ends: [0; LENGTH_MAX + 1], starts: [0; LENGTH_MAX + 1], firsts: [0; LENGTH_MAX + 1] };
    let (mut next, mut place, mut length) = (0_u64, 0, 1);
    while length <= LENGTH_MAX {
        code.starts[length] = next as u32;
        code.firsts[length] = place as u16;
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as usize == length {
                code.codes[symbol] = next as u32;
                code.order[place] = symbol as u16;
                next += 1 << (32 - length);
                place += 1;
            }
            symbol += 1;
        }
        code.ends[length] = next;
        length += 1;
    }
    // Every sequence of bits begins with one symbol's code.
    assert!(next == 1 << 32 && place == 257);
    code
};

static TABLE: Code = CODE;

const SHORTEST: usize = 5;
const END: u16 = 256;

/// Appends what `input` stands for; false if it stands for nothing: the end's code in it, or padding that is not the beginning of that.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) -> bool {
    let mut bytes = input.iter();
    // Bits that have not been used, the next one in the highest place.
    let (mut bits, mut count) = (0_u64, 0_usize);
    loop {
        while count <= 56 {
            let Some(byte) = bytes.next() else { break };
            bits |= u64::from(*byte) << (56 - count);
            count += 8;
        }
        let next = bits >> 32;
        let length = (SHORTEST..=LENGTH_MAX).find(|length| next < TABLE.ends[*length]);
        match length.filter(|length| *length <= count) {
            Some(length) => {
                let at = usize::from(TABLE.firsts[length]) + ((next - u64::from(TABLE.starts[length])) >> (32 - length)) as usize;
                let symbol = TABLE.order[at];
                if symbol == END {
                    return false;
                }
                out.push(symbol as u8);
                bits <<= length;
                count -= length;
            }
            // What is left is shorter than any code that it could be the beginning of.
            None => return count < 8 && bits == !(u64::MAX >> count),
        }
    }
}

/// How many bytes `input` would take.
pub(super) fn encoded_len(input: &[u8]) -> usize {
    input.iter().map(|byte| usize::from(LENGTHS[usize::from(*byte)])).sum::<usize>().div_ceil(8)
}

/// Appends the code of `input`.
pub(super) fn encode(input: &[u8], out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0_u64, 0);
    for byte in input {
        bits |= u64::from(TABLE.codes[usize::from(*byte)]) << 32 >> count;
        count += u32::from(LENGTHS[usize::from(*byte)]);
        while count >= 8 {
            out.push((bits >> 56) as u8);
            bits <<= 8;
            count -= 8;
        }
    }
    if count > 0 {
        out.push((bits >> 56) as u8 | 0xff >> count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back_and_the_examples_of_the_rfc_do() {
        for (text, code) in [
            (&b"www.example.com"[..], &[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff][..]),
            (b"no-cache", &[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]),
            (b"private", &[0xae, 0xc3, 0x77, 0x1a, 0x4b]),
        ] {
            let mut coded = Vec::new();
            encode(text, &mut coded);
            assert_eq!(coded, code);
            assert_eq!(coded.len(), encoded_len(text));
        }
        let all: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        for start in 0..all.len() {
            let (mut coded, mut text) = (Vec::new(), Vec::new());
            encode(&all[start..], &mut coded);
            assert!(decode(&coded, &mut text) && text == all[start..]);
        }
    }

    #[test]
    fn padding_is_the_beginning_of_the_end_and_less_than_a_byte() {
        for (code, is_good) in [
            (&[0x1f][..], true),
            (&[0x1e], false),
            (&[0x1f, 0xff], false),
            (&[0xff], false),
            (&[0xff, 0xff, 0xff, 0xff], false),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], false),
            (&[], true),
        ] {
            assert_eq!(decode(code, &mut Vec::new()), is_good, "{code:x?}");
        }
    }
}
