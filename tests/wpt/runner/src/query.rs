//! Query strings as the programs of WPT's server see them: bytes, not text.

/// Names and values in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(Vec<u8>, Vec<u8>)>);

impl Query {
    /// Reads what stands behind the question mark.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(pairs.collect())
    }

    /// The first value of that name.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(other, _)| other == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// The first value of that name, one character per byte.
    pub fn text(&self, name: &str) -> Option<String> {
        self.first(name).map(|value| value.iter().map(|byte| char::from(*byte)).collect())
    }

    /// The first value of that name, if it is a number.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.text(name)?.parse().ok()
    }

    /// Whether there is one of that name.
    pub fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// As Python's `urlencode` has it: the first value of each name.
    pub fn encode(&self) -> String {
        let mut names: Vec<&[u8]> = Vec::new();
        let mut out = String::new();
        for (name, value) in &self.0 {
            if names.contains(&name.as_slice()) {
                continue;
            }
            names.push(name);
            let mark = if out.is_empty() { "" } else { "&" };
            out.push_str(&format!("{mark}{}={}", quote(name), quote(value)));
        }
        out
    }
}

fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match (bytes[at], code.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    out
}

fn quote(bytes: &[u8]) -> String {
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    text.bytes().fold(String::new(), |out, byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out + &char::from(byte).to_string(),
        b' ' => out + "+",
        byte => out + &format!("%{byte:02X}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bytes() {
        let query = Query::parse("a=1&b=%e2+x&&a=2&c");
        assert_eq!(query.number("a"), Some(1));
        assert_eq!(query.first("b"), Some(b"\xe2 x".as_slice()));
        assert!(query.has("c") && !query.has("d"));
        assert_eq!(query.encode(), "a=1&b=%C3%A2+x&c=");
    }
}
