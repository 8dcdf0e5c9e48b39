//! What the Cache API keeps, and by which rules: how long a response may be kept, and how a kept one answers a request with
//! conditions. Where it is kept is somebody else's.
//!
//! The rules are those of HTTP (RFC 9111, RFC 9110) for a shared cache, as Cloudflare Workers' Cache API documents its part of them.

mod answer;
mod keep;

use std::sync::Arc;

pub use answer::{Answer, answer};
pub use keep::{Kept, keep};

use crate::http::ResponseHead;

/// A response that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its head, without what must not be kept.
    pub head: ResponseHead,
    /// Its body, if it has one; shared, so that a hit copies it only where it is going.
    pub body: Option<Arc<Vec<u8>>>,
    /// When it was put here, in milliseconds since 1970.
    pub stored_ms: u64,
    /// How old it was then.
    pub age_ms: u64,
    /// When it stops being fresh.
    pub expires_ms: u64,
}

impl Entry {
    /// What it takes up, apart from its key.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.head.headers.bytes() + self.head.status_text.len() + self.body.as_ref().map_or(0, |body| body.len())
    }

    /// Whether it may still be used.
    pub fn is_fresh(&self, now_ms: u64) -> bool {
        now_ms < self.expires_ms
    }
}

/// The values of a header that is a list, each without the blanks around it.
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    value
        .split(move |byte| {
            if *byte == b'"' {
                quoted = !quoted;
            }
            *byte == b',' && !quoted
        })
        .map(<[u8]>::trim_ascii)
        .filter(|item| !item.is_empty())
}

/// A number of seconds; one that is too large is as good as for ever.
fn seconds(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))).min(1 << 31))
}
