//! Percent-encoding. https://url.spec.whatwg.org/#percent-encoded-bytes

use std::borrow::Cow;

/// What is encoded besides control characters and everything above `~`.
pub(super) struct Set([bool; 256]);

pub(super) static CONTROL: Set = Set::of(b"");
pub(super) static FRAGMENT: Set = Set::of(b" \"<>`");
pub(super) static QUERY: Set = Set::of(b" \"#<>");
pub(super) static SPECIAL_QUERY: Set = Set::of(b" \"#<>'");
pub(super) static PATH: Set = Set::of(b" \"#<>?^`{}");
pub(super) static USERINFO: Set = Set::of(b" \"#<>?^`{}/:;=@[\\]|");

impl Set {
    const fn of(special: &[u8]) -> Self {
        let mut encoded = [true; 256];
        let mut byte = 0x20;
        while byte < 0x7f {
            encoded[byte] = false;
            byte += 1;
        }
        let mut index = 0;
        while index < special.len() {
            encoded[special[index] as usize] = true;
            index += 1;
        }
        Self(encoded)
    }

    /// Whether the byte is encoded.
    pub(super) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }
}

/// Appends `text`, encoded.
pub(super) fn encode_into(out: &mut String, text: &str, set: &Set) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut plain = 0;
    for (index, byte) in text.bytes().enumerate() {
        if !set.has(byte) {
            continue;
        }
        // Every byte of a character above U+007F is encoded, so the cuts are between characters.
        out.push_str(text.get(plain..index).unwrap_or_default());
        out.push('%');
        out.push(HEX[usize::from(byte >> 4)] as char);
        out.push(HEX[usize::from(byte & 15)] as char);
        plain = index + 1;
    }
    out.push_str(text.get(plain..).unwrap_or_default());
}

/// `text`, encoded.
pub(super) fn encode(text: &str, set: &Set) -> String {
    let mut out = String::with_capacity(text.len());
    encode_into(&mut out, text, set);
    out
}

/// The bytes that `text` stands for. https://url.spec.whatwg.org/#percent-decode
pub(super) fn decode(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if !bytes.contains(&b'%') {
        return Cow::Borrowed(bytes);
    }
    let digit = |index: usize| bytes.get(index).and_then(|byte| (*byte as char).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        match (bytes[index], digit(index + 1), digit(index + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                index += 3;
            }
            (byte, ..) => {
                out.push(byte);
                index += 1;
            }
        }
    }
    Cow::Owned(out)
}
