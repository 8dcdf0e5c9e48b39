//! What the Cache API of all apps keeps: shared by all shards of a runtime, each app seeing only its own.
//!
//! Each app has a quota; all together have another. Where one is reached, the least recently used goes: first the app's own, then
//! anybody's. One lock is everybody's, so nobody holds it for longer than a few entries take ([`CACHE_STEP_ENTRIES`]): who looks at many
//! does so page by page, headers are compared outside, and what is dropped is dropped outside.

mod app;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use nano_base::cache::{Entry, Query};
use nano_base::limits::CACHE_STEP_ENTRIES;

use crate::wait::lock;
use app::Walk;
use state::{Gone, Room, State};

/// What an entry costs besides its content, and a cache besides its name: the places in tables.
const OVERHEAD_BYTES: usize = 512;
/// The cache that every app has, and no name leads to.
pub(crate) const DEFAULT: u64 = 0;

/// The caches of one runtime.
#[derive(Debug)]
pub(crate) struct CacheStore {
    state: Mutex<State>,
    bytes_max: usize,
}

/// A cache that an app has opened: one that is deleted stays until nobody has it open any more.
#[derive(Debug)]
pub(crate) struct Opened {
    store: Arc<CacheStore>,
    app: u64,
    pub cache: u64,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.store.close(self.app, self.cache);
    }
}

impl CacheStore {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { state: Mutex::default(), bytes_max }
    }

    /// Does something with the lock held, and drops what goes by that when it is not held any more.
    fn with<T>(&self, act: impl FnOnce(&mut State, &mut Gone) -> T) -> T {
        let mut gone = Gone::default();
        let mut state = lock(&self.state);
        let result = act(&mut state, &mut gone);
        drop(state);
        drop(gone);
        result
    }

    /// Opens a cache by its name, which is made if there is none; none if there is no room for it.
    pub(crate) fn open(self: &Arc<Self>, app: u64, app_bytes_max: usize, name: &[u16]) -> Option<Opened> {
        let bytes = size_of_val(name) + OVERHEAD_BYTES;
        loop {
            let opened = self.with(|state, gone| {
                if let Some(cache) = state.open_existing(app, name) {
                    return Some(Ok(cache));
                }
                match state.make_room(app, bytes, app_bytes_max, self.bytes_max, gone) {
                    Room::Made => Some(Ok(state.create(app, name.into(), bytes))),
                    Room::None => Some(Err(())),
                    Room::Less => None,
                }
            });
            if let Some(opened) = opened {
                return Some(Opened { store: self.clone(), app, cache: opened.ok()? });
            }
        }
    }

    /// Opens a cache by its name, if there is one.
    pub(crate) fn open_existing(self: &Arc<Self>, app: u64, name: &[u16]) -> Option<Opened> {
        let cache = lock(&self.state).open_existing(app, name)?;
        Some(Opened { store: self.clone(), app, cache })
    }

    /// The names of an app's caches, in the order in which they were made.
    pub(crate) fn names(&self, app: u64) -> Vec<Arc<[u16]>> {
        let (mut names, mut next) = (Vec::new(), 0);
        loop {
            let state = lock(&self.state);
            let Some(own) = state.app(app) else { return names };
            let mut seen = 0;
            for (cache, own) in own.caches.range(next..).take(CACHE_STEP_ENTRIES) {
                (seen, next) = (seen + 1, cache + 1);
                names.extend(own.name.clone());
            }
            if seen < CACHE_STEP_ENTRIES {
                return names;
            }
        }
    }

    /// Deletes a cache by its name; whether there was one. Whoever has it open keeps it.
    pub(crate) fn delete_cache(&self, app: u64, name: &[u16]) -> bool {
        self.with(|state, gone| state.delete_cache(app, name, gone))
    }

    /// One who had a cache open has closed it.
    fn close(&self, app: u64, cache: u64) {
        self.with(|state, gone| state.close(app, cache, gone));
    }

    /// The first fresh entry that a request asks for.
    pub(crate) fn find(&self, app: u64, cache: u64, query: &Query, now_ms: u64) -> Option<Arc<Entry>> {
        let (place, entry) = self.matching(app, cache, Some(query), now_ms).into_iter().next()?;
        lock(&self.state).touch(app, cache, place);
        Some(entry)
    }

    /// All fresh entries that a request asks for, or all there are, in the order in which they were put.
    pub(crate) fn list(&self, app: u64, cache: u64, query: Option<&Query>, now_ms: u64) -> Vec<Arc<Entry>> {
        self.matching(app, cache, query, now_ms).into_iter().map(|(_, entry)| entry).collect()
    }

    /// Keeps entries, each in place of those that its request asks for; false, and none is kept, if together they are more than the
    /// app, or all, may keep.
    pub(crate) fn put(&self, app: u64, app_bytes_max: usize, cache: u64, entries: Vec<Entry>) -> bool {
        let sizes: Vec<usize> = entries.iter().map(|entry| entry.bytes() + OVERHEAD_BYTES).collect();
        let bytes: usize = sizes.iter().sum();
        let mut entries: Vec<(Arc<Entry>, usize)> = entries.into_iter().map(Arc::new).zip(sizes).collect();
        loop {
            // What is at the URLs now, and what of it goes. Headers can be long: they are compared without the lock.
            let at: Vec<Vec<(u64, Arc<Entry>)>> = {
                let state = lock(&self.state);
                entries.iter().map(|(entry, _)| state.at_url(app, cache, &entry.url)).collect()
            };
            let replaced: Vec<u64> = at
                .iter()
                .zip(&entries)
                .flat_map(|(at, (entry, _))| {
                    let query = entry.query();
                    at.iter().filter(move |(_, other)| query.matches_headers(other)).map(|(place, _)| *place)
                })
                .collect();
            let put = self.with(|state, gone| {
                if !state.is_known(app, cache) || bytes + state.fixed_bytes(app) > app_bytes_max.min(self.bytes_max) {
                    return Some(false);
                }
                let places = |at: &[(u64, Arc<Entry>)]| at.iter().map(|(place, _)| *place).collect::<Vec<_>>();
                if at.iter().zip(&entries).any(|(at, (entry, _))| places(at) != places(&state.at_url(app, cache, &entry.url))) {
                    // Somebody else was here.
                    return None;
                }
                for place in replaced {
                    state.remove(app, cache, place, gone);
                }
                let room = state.make_room(app, bytes, app_bytes_max, self.bytes_max, gone);
                if room == Room::Made {
                    for (entry, bytes) in std::mem::take(&mut entries) {
                        state.put(app, cache, entry, bytes, gone);
                    }
                }
                if room == Room::Less {
                    return None;
                }
                state.tidy(app, cache, gone);
                Some(room == Room::Made)
            });
            if let Some(put) = put {
                return put;
            }
        }
    }

    /// Forgets what a request asks for; whether there was anything fresh.
    pub(crate) fn delete(&self, app: u64, cache: u64, query: &Query, now_ms: u64) -> bool {
        let found = self.matching(app, cache, Some(query), now_ms);
        self.remove(app, cache, &found);
        !found.is_empty()
    }

    /// Forgets an app.
    pub(crate) fn forget(&self, app: u64) {
        self.with(|state, gone| state.forget(app, gone));
    }

    /// Where the fresh entries are that a request asks for, or all, in the order in which they were put. The others of these are removed.
    fn matching(&self, app: u64, cache: u64, query: Option<&Query>, now_ms: u64) -> Vec<(u64, Arc<Entry>)> {
        let mut found = Vec::new();
        let mut walk = Walk::new(query);
        while !walk.is_over() {
            let page = lock(&self.state).page(app, cache, &mut walk);
            let asked = page.into_iter().filter(|(_, entry)| query.is_none_or(|query| query.matches_headers(entry)));
            let (fresh, stale): (Vec<_>, Vec<_>) = asked.partition(|(_, entry)| entry.is_fresh(now_ms));
            self.remove(app, cache, &stale);
            found.extend(fresh);
        }
        found.sort_unstable_by_key(|(place, _)| *place);
        found
    }

    fn remove(&self, app: u64, cache: u64, places: &[(u64, Arc<Entry>)]) {
        for places in places.chunks(CACHE_STEP_ENTRIES) {
            self.with(|state, gone| {
                for (place, _) in places {
                    state.remove(app, cache, *place, gone);
                }
                state.tidy(app, cache, gone);
            });
        }
    }
}
