//! What the Cache API keeps, and by which rules: how long a response may be kept, and how a kept one answers a request with
//! conditions. Where it is kept is somebody else's.
//!
//! The rules are those of HTTP (RFC 9111, RFC 9110) for a shared cache, as Cloudflare Workers' Cache API documents its part of them. A cache
//! that an app has named follows them where a response says something about it, and else the standard of service workers: what is put
//! stays, and comes back as it was.

mod answer;
mod keep;
mod query;

use std::sync::Arc;

pub use answer::{Answer, answer};
pub use keep::{Kept, keep};
pub use query::Query;

use crate::http::{Headers, ResponseHead};

/// A request and its response that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The request's URL, without the fragment.
    pub url: Arc<str>,
    /// What stood behind it, with its mark.
    pub fragment: Box<str>,
    /// The request's headers, if they matter.
    pub request: Headers,
    /// What the platform wants to know of the request besides.
    pub request_notes: Box<str>,
    /// The response's head, without what must not be kept.
    pub head: ResponseHead,
    /// What the platform wants to know of the response besides.
    pub response_notes: Box<str>,
    /// Its body, if it has one; shared, so that a hit copies it only where it is going.
    pub body: Option<Arc<Vec<u8>>>,
    /// Of a cache that the app has named.
    pub named: bool,
    /// When it was put here, in milliseconds since 1970.
    pub stored_ms: u64,
    /// How old it was then.
    pub age_ms: u64,
    /// When it stops being fresh.
    pub expires_ms: u64,
}

impl Entry {
    /// What it takes up.
    pub fn bytes(&self) -> usize {
        let request = self.url.len() + self.fragment.len() + self.request.bytes() + self.request_notes.len();
        let response = self.head.headers.bytes() + self.head.status_text.len() + self.response_notes.len();
        size_of::<Self>() + request + response + self.body.as_ref().map_or(0, |body| body.len())
    }

    /// The request that it answers. Only in a cache that the app has named may there be several for one URL.
    pub fn query(&self) -> Query {
        Query { url: (*self.url).into(), headers: self.request.clone(), ignore_search: false, ignore_vary: !self.named }
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
