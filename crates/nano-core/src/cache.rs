//! What the Cache API of all apps keeps: shared by all shards of a runtime, each app seeing only its own.
//!
//! Each app has a quota; all together have another. Where one is reached, the least recently used goes: first the app's own, then
//! anybody's. Every operation takes the lock for a look-up and a change of order; what is dropped is dropped outside.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use nano_base::cache::Entry;

use crate::wait::lock;

/// The name of a cache and a URL.
type Key = Arc<(String, String)>;

/// What an entry costs besides its key and content: its places in four tables.
const OVERHEAD_BYTES: usize = 512;

/// The caches of one runtime.
#[derive(Debug)]
pub(crate) struct CacheStore {
    state: Mutex<State>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    apps: HashMap<u64, AppCache>,
    /// Which app used an entry when: the first is the least recently used of all.
    order: BTreeMap<u64, u64>,
    bytes: usize,
    tick: u64,
}

#[derive(Debug, Default)]
struct AppCache {
    entries: HashMap<Key, Slot>,
    order: BTreeMap<u64, Key>,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    entry: Arc<Entry>,
    bytes: usize,
    tick: u64,
}

impl CacheStore {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { state: Mutex::default(), bytes_max }
    }

    /// The entry of an app at a URL, if it is fresh.
    pub(crate) fn find(&self, app: u64, cache: &str, url: &str, now_ms: u64) -> Option<Arc<Entry>> {
        let key = Key::new((cache.into(), url.into()));
        let mut state = lock(&self.state);
        let slot = state.apps.get(&app)?.entries.get(&key)?;
        if slot.entry.is_fresh(now_ms) {
            let entry = slot.entry.clone();
            state.touch(app, &key);
            return Some(entry);
        }
        let stale = state.remove(app, &key);
        drop(state);
        drop(stale);
        None
    }

    /// Keeps an entry in place of what was there; false if it is more than the app, or all, may keep.
    pub(crate) fn put(&self, app: u64, app_bytes_max: usize, cache: &str, url: &str, entry: Entry) -> bool {
        let bytes = entry.bytes() + cache.len() + url.len() + OVERHEAD_BYTES;
        if bytes > app_bytes_max.min(self.bytes_max) {
            return false;
        }
        let key = Key::new((cache.into(), url.into()));
        let entry = Arc::new(entry);
        let mut gone = Vec::new();
        let mut state = lock(&self.state);
        gone.extend(state.remove(app, &key));
        while state.apps.get(&app).is_some_and(|own| own.bytes + bytes > app_bytes_max) {
            gone.extend(state.remove_oldest_of(app));
        }
        while state.bytes + bytes > self.bytes_max {
            let Some(oldest) = state.order.first_key_value().map(|(_, app)| *app) else { break };
            gone.extend(state.remove_oldest_of(oldest));
        }
        state.insert(app, key, entry, bytes);
        drop(state);
        drop(gone);
        true
    }

    /// Forgets one entry; whether there was one that is fresh.
    pub(crate) fn delete(&self, app: u64, cache: &str, url: &str, now_ms: u64) -> bool {
        let key = Key::new((cache.into(), url.into()));
        let removed = lock(&self.state).remove(app, &key);
        removed.is_some_and(|entry| entry.is_fresh(now_ms))
    }

    /// Forgets an app.
    pub(crate) fn forget(&self, app: u64) {
        let mut state = lock(&self.state);
        let gone = state.apps.remove(&app);
        if let Some(gone) = &gone {
            state.bytes -= gone.bytes;
            for tick in gone.order.keys() {
                state.order.remove(tick);
            }
        }
        drop(state);
        drop(gone);
    }
}

impl State {
    fn next_tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    /// Makes an entry the most recently used.
    fn touch(&mut self, app: u64, key: &Key) {
        let tick = self.next_tick();
        let Some(own) = self.apps.get_mut(&app) else { return };
        let Some(slot) = own.entries.get_mut(key) else { return };
        let before = std::mem::replace(&mut slot.tick, tick);
        if let Some(key) = own.order.remove(&before) {
            own.order.insert(tick, key);
        }
        self.order.remove(&before);
        self.order.insert(tick, app);
    }

    fn insert(&mut self, app: u64, key: Key, entry: Arc<Entry>, bytes: usize) {
        let tick = self.next_tick();
        let own = self.apps.entry(app).or_default();
        own.order.insert(tick, key.clone());
        own.entries.insert(key, Slot { entry, bytes, tick });
        own.bytes += bytes;
        self.order.insert(tick, app);
        self.bytes += bytes;
    }

    fn remove(&mut self, app: u64, key: &Key) -> Option<Arc<Entry>> {
        let own = self.apps.get_mut(&app)?;
        let slot = own.entries.remove(key)?;
        own.order.remove(&slot.tick);
        own.bytes -= slot.bytes;
        if own.entries.is_empty() {
            self.apps.remove(&app);
        }
        self.order.remove(&slot.tick);
        self.bytes -= slot.bytes;
        Some(slot.entry)
    }

    fn remove_oldest_of(&mut self, app: u64) -> Option<Arc<Entry>> {
        let key = self.apps.get(&app)?.order.first_key_value()?.1.clone();
        self.remove(app, &key)
    }
}

#[cfg(test)]
mod tests {
    use nano_base::http::ResponseHead;

    use super::*;

    const MAX: usize = 100_000;

    fn entry(len: usize, expires_ms: u64) -> Entry {
        let head = ResponseHead { status: 200, ..ResponseHead::default() };
        Entry { head, body: Some(Arc::new(vec![b'x'; len])), stored_ms: 0, age_ms: 0, expires_ms }
    }

    fn has(store: &CacheStore, app: u64, url: &str) -> bool {
        store.find(app, "default", url, 0).is_some()
    }

    fn put(store: &CacheStore, app: u64, url: &str, len: usize) -> bool {
        store.put(app, MAX, "default", url, entry(len, 10))
    }

    fn check(store: &CacheStore) {
        let state = lock(&store.state);
        let mut bytes = 0;
        let mut ticks = Vec::new();
        for (app, own) in &state.apps {
            assert_eq!(own.bytes, own.entries.values().map(|slot| slot.bytes).sum::<usize>());
            assert_eq!(own.order.len(), own.entries.len());
            for (tick, key) in &own.order {
                assert_eq!(own.entries[key].tick, *tick);
                ticks.push((*tick, *app));
            }
            bytes += own.bytes;
        }
        ticks.sort_unstable();
        assert_eq!(ticks, state.order.iter().map(|(tick, app)| (*tick, *app)).collect::<Vec<_>>());
        assert_eq!(bytes, state.bytes);
    }

    #[test]
    fn an_app_sees_only_its_own() {
        let store = CacheStore::new(MAX);
        assert!(put(&store, 1, "u", 10));
        assert!(has(&store, 1, "u"));
        assert!(!has(&store, 2, "u"));
        assert!(store.find(1, "other", "u", 0).is_none());
        assert!(!store.delete(2, "default", "u", 0));
        assert!(has(&store, 1, "u"));
        assert!(store.delete(1, "default", "u", 0));
        assert!(!has(&store, 1, "u"));
        check(&store);
    }

    #[test]
    fn what_is_no_longer_fresh_is_gone() {
        let store = CacheStore::new(MAX);
        assert!(put(&store, 1, "u", 10));
        assert!(store.find(1, "default", "u", 9).is_some());
        assert!(store.find(1, "default", "u", 10).is_none());
        assert!(lock(&store.state).apps.is_empty());
        assert!(put(&store, 1, "u", 10));
        assert!(!store.delete(1, "default", "u", 10));
        check(&store);
    }

    #[test]
    fn at_its_quota_an_app_loses_what_it_used_least_recently() {
        let store = CacheStore::new(10 * MAX);
        for url in ["a", "b", "c"] {
            assert!(put(&store, 1, url, 30_000));
        }
        assert!(put(&store, 2, "a", 90_000));
        assert!(has(&store, 1, "a"));
        assert!(put(&store, 1, "d", 30_000));
        assert!(has(&store, 1, "a") && !has(&store, 1, "b") && has(&store, 1, "c") && has(&store, 1, "d") && has(&store, 2, "a"));
        assert!(!put(&store, 1, "e", MAX), "more than the quota");
        assert!(has(&store, 1, "a"));
        check(&store);
    }

    #[test]
    fn at_the_limit_of_all_the_least_recently_used_of_all_goes() {
        let store = CacheStore::new(MAX);
        assert!(put(&store, 1, "a", 40_000));
        assert!(put(&store, 2, "a", 40_000));
        assert!(has(&store, 1, "a"));
        assert!(put(&store, 3, "a", 40_000));
        assert!(has(&store, 1, "a") && !has(&store, 2, "a") && has(&store, 3, "a"));
        store.forget(1);
        store.forget(3);
        assert_eq!(lock(&store.state).bytes, 0);
        check(&store);
    }

    #[test]
    fn the_books_are_right_whatever_happens() {
        let store = CacheStore::new(MAX);
        let mut random = 1_u64;
        for _ in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let (app, url, len) = (random % 4, format!("u{}", random / 4 % 20), (random / 80 % 30_000) as usize);
            match random / 7 % 10 {
                0 => store.forget(app),
                1 | 2 => drop(store.delete(app, "default", &url, random % 20)),
                3..=5 => drop(store.find(app, "default", &url, random % 12)),
                _ => drop(store.put(app, 60_000, "default", &url, entry(len, random % 20))),
            }
        }
        check(&store);
        assert!(lock(&store.state).bytes <= MAX);
    }
}
