//! WTF-8: UTF-8 in which half of a surrogate pair may stand alone, as three bytes. What UTF-16 can say, and nothing else.

/// The bytes of UTF-16 code units.
pub(super) fn encode(units: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(units.len());
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(char) => bytes.extend(char.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(half) => {
                let half = half.unpaired_surrogate();
                bytes.extend([0xed, 0x80 | (half >> 6 & 0x3f) as u8, 0x80 | (half & 0x3f) as u8]);
            }
        }
    }
    bytes
}

/// The UTF-16 code units of bytes; `None` if they are no WTF-8, or say as two halves what is one character.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Vec<u16>> {
    let mut units: Vec<u16> = Vec::with_capacity(bytes.len());
    loop {
        let (text, rest) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).ok()?, rest)
            }
        };
        units.extend(text.encode_utf16());
        let [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, after @ ..] = rest else {
            return rest.is_empty().then_some(units);
        };
        let half = 0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f);
        let follows_a_high = text.is_empty() && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit));
        if half >= 0xdc00 && follows_a_high {
            return None;
        }
        units.push(half);
        bytes = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_comes_back_alone_and_in_company() {
        for unit in 0..=u16::MAX {
            for units in [vec![unit], vec![0x61, unit, 0x20ac], vec![unit, 0xd83d], vec![0xd83d, 0xde00, unit]] {
                assert_eq!(decode(&encode(&units)), Some(units));
            }
        }
    }

    #[test]
    fn what_is_no_wtf_8_is_refused() {
        let wrong: [&[u8]; 6] = [b"\x80", b"a\xed\xa0", b"\xed\xa0a", b"\xff", b"\xc0\x80", b"\xed\xa0\xbd\xed\xb8\x80"];
        for bytes in wrong {
            assert_eq!(decode(bytes), None, "{bytes:x?}");
        }
        // Halves in the other order are no character.
        assert_eq!(decode(b"\xed\xb8\x80\xed\xa0\xbd"), Some(vec![0xde00, 0xd83d]));
    }
}
