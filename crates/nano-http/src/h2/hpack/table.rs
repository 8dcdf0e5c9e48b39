//! The tables that header fields are looked up in: the static one of RFC 7541, Appendix A, and what a connection adds to it.

use std::collections::VecDeque;

/// Fields by their number, from 1.
pub(super) const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// What a field counts beyond its bytes.
pub(super) const FIELD_EXTRA: usize = 32;

/// The fields that the other side has added: the newest first, the oldest gone when there are too many bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Dynamic {
    /// Name and value as one, and where the value begins.
    fields: VecDeque<(Box<[u8]>, usize)>,
    bytes: usize,
    max: usize,
}

impl Dynamic {
    pub(super) fn new(max: usize) -> Self {
        Self { max, ..Self::default() }
    }

    /// A field by its number, static or not.
    pub(super) fn get(&self, index: usize) -> Option<(&[u8], &[u8])> {
        if let Some((name, value)) = STATIC.get(index.checked_sub(1)?) {
            return Some((name.as_bytes(), value.as_bytes()));
        }
        let (field, name_len) = self.fields.get(index - 1 - STATIC.len())?;
        Some(field.split_at(*name_len))
    }

    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        let bytes = name.len() + value.len() + FIELD_EXTRA;
        self.shrink(self.max.saturating_sub(bytes));
        if bytes <= self.max {
            self.fields.push_front(([name, value].concat().into_boxed_slice(), name.len()));
            self.bytes += bytes;
        }
    }

    pub(super) fn resize(&mut self, max: usize) {
        self.max = max;
        self.shrink(max);
    }

    fn shrink(&mut self, max: usize) {
        while self.bytes > max {
            let Some((field, _)) = self.fields.pop_back() else { break };
            self.bytes -= field.len() + FIELD_EXTRA;
        }
    }
}
