//! Which kept responses a request asks for: https://w3c.github.io/ServiceWorker/#request-matches-cached-item-algorithm

use super::{Entry, list};
use crate::http::Headers;

/// A request that asks, and what of it does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Its URL, without the fragment.
    pub url: String,
    /// Its headers, for Vary.
    pub headers: Headers,
    /// The part of URLs behind the question mark makes no difference.
    pub ignore_search: bool,
    /// What responses vary by makes no difference.
    pub ignore_vary: bool,
}

impl Query {
    /// The URL up to its query.
    pub fn path(&self) -> &str {
        self.url.split_once('?').map_or(&self.url, |(path, _)| path)
    }

    /// Whether an entry whose URL fits is what the request asks for.
    pub fn matches_headers(&self, entry: &Entry) -> bool {
        if self.ignore_vary {
            return true;
        }
        let fields = entry.head.headers.iter().filter(|(name, _)| *name == b"vary").flat_map(|(_, value)| list(value));
        fields
            .map(<[u8]>::to_ascii_lowercase)
            .all(|field| field != b"*" && combined(&entry.request, &field) == combined(&self.headers, &field))
    }
}

/// All values of a header as one: https://fetch.spec.whatwg.org/#concept-header-list-get
fn combined(headers: &Headers, name: &[u8]) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> = headers.iter().filter(|(other, _)| *other == name).map(|(_, value)| value).collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ResponseHead;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            assert!(headers.push(name.as_bytes(), value.as_bytes()));
        }
        headers
    }

    fn matches(vary: &[(&str, &str)], kept: &[(&str, &str)], asked: &[(&str, &str)]) -> bool {
        let head = ResponseHead { headers: headers(vary), ..ResponseHead::default() };
        let entry = Entry { request: headers(kept), head, ..Entry::default() };
        Query { headers: headers(asked), ..Query::default() }.matches_headers(&entry)
    }

    #[test]
    fn what_a_response_varies_by_must_be_the_same() {
        let (one, two) = (("x-a", "1"), ("x-a", "2"));
        assert!(matches(&[], &[one], &[two]));
        assert!(matches(&[("vary", "X-A")], &[one], &[one, ("x-b", "3")]));
        assert!(!matches(&[("vary", "x-b, X-A")], &[one], &[two]));
        assert!(!matches(&[("vary", "x-b"), ("vary", "x-a")], &[one], &[]));
        assert!(!matches(&[("vary", "x-a")], &[], &[one]));
        assert!(matches(&[("vary", "x-a")], &[one, two], &[("x-a", "1, 2")]));
        assert!(!matches(&[("vary", "x-a")], &[one, two], &[two, one]));
        assert!(!matches(&[("vary", "*")], &[one], &[one]));
    }

    #[test]
    fn a_path_ends_at_the_question_mark() {
        let query = |url: &str| Query { url: url.into(), ..Query::default() };
        assert_eq!(query("http://a/b?c?d").path(), "http://a/b");
        assert_eq!(query("http://a/b").path(), "http://a/b");
    }
}
