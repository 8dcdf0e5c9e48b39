//! Percent-encoding. https://url.spec.whatwg.org/#percent-encoded-bytes

/// What is encoded besides control characters and everything above `~`.
#[derive(Clone, Copy)]
pub(super) struct Set(&'static [u8]);

pub(super) const CONTROL: Set = Set(b"");
pub(super) const FRAGMENT: Set = Set(b" \"<>`");
pub(super) const QUERY: Set = Set(b" \"#<>");
pub(super) const SPECIAL_QUERY: Set = Set(b" \"#<>'");
pub(super) const PATH: Set = Set(b" \"#<>?^`{}");
pub(super) const USERINFO: Set = Set(b" \"#<>?^`{}/:;=@[\\]|");

/// Appends `text`, encoded.
pub(super) fn encode_into(out: &mut String, text: &str, set: Set) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut plain = 0;
    for (index, byte) in text.bytes().enumerate() {
        if (0x20..0x7f).contains(&byte) && !set.0.contains(&byte) {
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
pub(super) fn encode(text: &str, set: Set) -> String {
    let mut out = String::with_capacity(text.len());
    encode_into(&mut out, text, set);
    out
}

/// The bytes that `text` stands for. https://url.spec.whatwg.org/#percent-decode
pub(super) fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
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
    out
}
