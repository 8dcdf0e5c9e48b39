//! Names whose addresses are known for a while, each app's for itself: what one has asked must not show in how fast another is answered.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;

use nano_base::limits::{NAMES_KEPT_MAX, NAMES_KEPT_OF_APP_MAX};

use super::NameError;

/// What is known of a name.
pub(super) type Known = Result<Rc<[IpAddr]>, NameError>;

/// How long addresses are believed. The system does not tell how long their servers would have them believed.
const FOUND_MS: u64 = 30_000;
/// How long it is believed that there are none.
const MISSING_MS: u64 = 5_000;

/// A bounded memory of names.
#[derive(Debug, Default)]
pub(super) struct Cache {
    apps: HashMap<u64, Names>,
    len: usize,
}

#[derive(Debug, Default)]
struct Names {
    known: HashMap<Box<str>, (u64, Known)>,
    /// The oldest first.
    order: VecDeque<Box<str>>,
}

impl Cache {
    pub(super) fn find(&self, app: u64, name: &str, now_ms: u64) -> Option<Known> {
        let (until_ms, known) = self.apps.get(&app)?.known.get(name)?;
        (now_ms < *until_ms).then(|| known.clone())
    }

    /// Keeps an answer, if there is room or something of the app's own can go for it.
    pub(super) fn keep(&mut self, app: u64, name: &str, known: &Known, now_ms: u64) {
        self.remove(app, name);
        if self.len >= NAMES_KEPT_MAX {
            self.sweep(now_ms);
        }
        let names = self.apps.entry(app).or_default();
        let full = self.len >= NAMES_KEPT_MAX;
        if full || names.order.len() >= NAMES_KEPT_OF_APP_MAX {
            match names.order.pop_front() {
                Some(oldest) => {
                    names.known.remove(&oldest);
                    self.len -= 1;
                }
                None => {
                    self.apps.remove(&app);
                    return;
                }
            }
        }
        let until_ms = now_ms + if known.is_ok() { FOUND_MS } else { MISSING_MS };
        names.known.insert(name.into(), (until_ms, known.clone()));
        names.order.push_back(name.into());
        self.len += 1;
    }

    /// Forgets all that an app has asked.
    pub(super) fn forget(&mut self, app: u64) {
        self.len -= self.apps.remove(&app).map_or(0, |names| names.order.len());
    }

    fn remove(&mut self, app: u64, name: &str) {
        let Some(names) = self.apps.get_mut(&app) else { return };
        if names.known.remove(name).is_some() {
            names.order.retain(|kept| **kept != *name);
            self.len -= 1;
        }
    }

    fn sweep(&mut self, now_ms: u64) {
        self.len = 0;
        for names in self.apps.values_mut() {
            names.known.retain(|_, (until_ms, _)| now_ms < *until_ms);
            let known = &names.known;
            names.order.retain(|name| known.contains_key(name));
            self.len += names.order.len();
        }
        self.apps.retain(|_, names| !names.order.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Known {
        Ok([IpAddr::from([8, 8, 8, 8])].into())
    }

    #[test]
    fn answers_are_believed_for_a_while_and_only_by_their_app() {
        let mut cache = Cache::default();
        cache.keep(1, "a.b", &found(), 1_000);
        cache.keep(1, "no.b", &Err(NameError::TimedOut), 1_000);
        assert_eq!(cache.find(1, "a.b", 30_999), Some(found()));
        assert_eq!(cache.find(1, "a.b", 31_000), None);
        assert_eq!(cache.find(2, "a.b", 1_000), None);
        assert!(cache.find(1, "no.b", 5_999).is_some());
        assert_eq!(cache.find(1, "no.b", 6_000), None);
        cache.forget(1);
        assert_eq!((cache.find(1, "a.b", 1_000), cache.len), (None, 0));
    }

    #[test]
    fn an_app_pushes_out_its_own_names_only() {
        let mut cache = Cache::default();
        cache.keep(1, "kept", &found(), 0);
        for n in 0..NAMES_KEPT_OF_APP_MAX + 5 {
            cache.keep(2, &format!("n{n}"), &found(), 0);
            cache.keep(2, "again", &found(), 0);
        }
        assert!(cache.find(1, "kept", 0).is_some() && cache.find(2, "again", 0).is_some());
        assert_eq!((cache.find(2, "n0", 0), cache.len), (None, NAMES_KEPT_OF_APP_MAX + 1));
        // So many apps that there is room for no more: what is old makes room, what is not does not.
        for app in 10.. {
            if cache.len == NAMES_KEPT_MAX {
                break;
            }
            cache.keep(app, "x", &found(), 0);
        }
        cache.keep(3, "late", &found(), 0);
        assert_eq!((cache.find(3, "late", 0), cache.len), (None, NAMES_KEPT_MAX));
        cache.keep(3, "late", &found(), 40_000);
        assert_eq!((cache.find(3, "late", 40_000), cache.len), (Some(found()), 1));
    }
}
