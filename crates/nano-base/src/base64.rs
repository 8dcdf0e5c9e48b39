//! Base64, and as the web decodes it: <https://infra.spec.whatwg.org/#forgiving-base64-decode>

/// The bytes that `data` stands for; `None` where the standard says failure.
pub fn forgiving_decode(mut data: Vec<u8>) -> Option<Vec<u8>> {
    data.retain(|byte| !matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' '));
    if data.len().is_multiple_of(4) {
        for _ in 0..2 {
            if data.last() == Some(&b'=') {
                data.pop();
            }
        }
    }
    if data.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(data.len() / 4 * 3 + 2);
    for chunk in data.chunks(4) {
        let mut word = 0_u32;
        for byte in chunk {
            word = word << 6 | u32::from(digit(*byte)?);
        }
        word <<= 6 * (4 - chunk.len());
        let bytes = word.to_be_bytes();
        out.extend_from_slice(&bytes[1..chunk.len()]);
    }
    Some(out)
}

/// `data` as text, padded.
pub fn encode(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let word = chunk.iter().chain([0, 0].iter()).take(3).fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        for place in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_to_the_same() {
        assert_eq!(["", "a", "ab", "abc", "abcd"].map(|text| encode(text.as_bytes())), ["", "YQ==", "YWI=", "YWJj", "YWJjZA=="]);
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(forgiving_decode(encode(&bytes).into_bytes()), Some(bytes));
    }

    #[test]
    fn padding_and_spaces_are_forgiven_and_nothing_else_is() {
        let decode = |text: &str| forgiving_decode(text.as_bytes().to_vec());
        assert_eq!(decode("aGk="), Some(b"hi".to_vec()));
        assert_eq!(decode(" a\tG\nk"), Some(b"hi".to_vec()));
        assert_eq!(decode("YQ"), Some(b"a".to_vec()));
        assert_eq!(decode(""), Some(Vec::new()));
        for wrong in ["a", "YQ=", "aGk==", "aG=k", "a=bc", "a-_k", "===="] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
