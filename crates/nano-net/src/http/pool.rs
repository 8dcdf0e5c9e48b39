//! Connections that wait for another request of the same app to the same place, under the same policy.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use nano_base::http::Headers;
use nano_base::limits::{IDLE_MS, IDLE_MS_MAX, IDLE_OF_APP_MAX, IDLE_OF_ORIGIN_MAX, IDLE_OF_SHARD_MAX};

use super::conn::Conn;
use crate::connect::Full;
use crate::policy::{Host, Policy};

/// What a connection is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub app: u64,
    pub secure: bool,
    pub host: Host,
    pub port: u16,
    /// A policy that has changed might not allow the connection that is there.
    pub policy: Arc<Policy>,
}

/// Idle connections, the oldest first.
#[derive(Default)]
pub(super) struct Pool(VecDeque<Rc<Conn>>);

impl Pool {
    /// Takes the one that was used last.
    pub(super) fn take(&mut self, place: &Place) -> Option<Rc<Conn>> {
        let at = self.0.iter().rposition(|conn| conn.place == *place)?;
        self.0.remove(at)
    }

    /// Keeps one more; gives back those that must be closed for it.
    pub(super) fn put(&mut self, conn: Rc<Conn>) -> Vec<Rc<Conn>> {
        let place = conn.place.clone();
        self.0.push_back(conn);
        let same_origin =
            |other: &Place| (other.app, other.secure, other.port) == (place.app, place.secure, place.port) && other.host == place.host;
        let mut closed = self.shed(IDLE_OF_ORIGIN_MAX, same_origin);
        closed.extend(self.shed(IDLE_OF_APP_MAX, |other| other.app == place.app));
        closed.extend(self.shed(IDLE_OF_SHARD_MAX, |_| true));
        closed
    }

    /// Takes out a certain one; whether it was here.
    pub(super) fn remove(&mut self, conn: &Rc<Conn>) -> bool {
        let at = self.0.iter().position(|other| Rc::ptr_eq(other, conn));
        at.and_then(|at| self.0.remove(at)).is_some()
    }

    /// Takes out all of an app's.
    pub(super) fn forget(&mut self, app: u64) -> Vec<Rc<Conn>> {
        let (gone, kept) = std::mem::take(&mut self.0).into_iter().partition(|conn| conn.place.app == app);
        self.0 = kept;
        Vec::from_iter::<VecDeque<_>>(gone)
    }

    /// Takes out the oldest whose end makes room: an app's own if it has one, another's only if all together are too many.
    pub(super) fn oldest(&mut self, app: u64, full: Full) -> Option<Rc<Conn>> {
        let own = self.0.iter().position(|conn| conn.place.app == app);
        self.0.remove(own.or((full == Full::All).then_some(0))?)
    }

    fn shed(&mut self, max: usize, counts: impl Fn(&Place) -> bool) -> Vec<Rc<Conn>> {
        let count = self.0.iter().filter(|conn| counts(&conn.place)).count();
        let mut shed = Vec::new();
        for _ in max..count {
            let at = self.0.iter().position(|conn| counts(&conn.place));
            shed.extend(at.and_then(|at| self.0.remove(at)));
        }
        shed
    }
}

/// How long a connection is kept: as long as the server says it does, but for a second that the next request may take to get there. None if
/// that is nothing.
pub(super) fn idle_ms(headers: &Headers) -> Option<u64> {
    let hints = headers.iter().filter(|(name, _)| *name == b"keep-alive").flat_map(|(_, value)| value.split(|byte| *byte == b','));
    let seconds = hints.filter_map(|hint| std::str::from_utf8(hint).ok()?.trim().strip_prefix("timeout=")?.parse::<u64>().ok()).next();
    match seconds {
        None => Some(IDLE_MS),
        Some(seconds) => Some(seconds.saturating_mul(1_000).saturating_sub(1_000).min(IDLE_MS_MAX)).filter(|ms| *ms > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_say_how_long_it_keeps_a_connection() {
        for (value, expected) in [
            (None, Some(IDLE_MS)),
            (Some("timeout=5, max=100"), Some(4_000)),
            (Some("max=3,timeout=30"), Some(29_000)),
            (Some("timeout=99999999999999999"), Some(IDLE_MS_MAX)),
            (Some("timeout=1"), None),
            (Some("timeout=0"), None),
            (Some("timeout=x"), Some(IDLE_MS)),
        ] {
            let mut headers = Headers::new();
            if let Some(value) = value {
                assert!(headers.push(b"keep-alive", value.as_bytes()));
            }
            assert_eq!(idle_ms(&headers), expected, "{value:?}");
        }
    }
}
