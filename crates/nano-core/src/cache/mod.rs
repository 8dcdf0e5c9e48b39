//! What the Cache API of all apps keeps: shared by all shards of a runtime, each app seeing only its own.
//!
//! Each app has a quota; all together have another. Where one is reached, the least recently used goes: first the app's own, then
//! anybody's. Every operation takes the lock for a look-up and a change of order; what is dropped is dropped outside.

mod app;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use nano_base::cache::{Entry, Query};

use crate::wait::lock;
use app::{AppCaches, Cache, Slot};

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

#[derive(Debug, Default)]
struct State {
    apps: HashMap<u64, AppCaches>,
    /// Which app used an entry when: the first is the least recently used of all.
    order: BTreeMap<u64, u64>,
    bytes: usize,
    /// The last moment, place or cache that was given a number: none is given twice.
    tick: u64,
}

impl CacheStore {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { state: Mutex::default(), bytes_max }
    }

    /// Opens a cache by its name, which is made if there is none; none if there is no room for it.
    pub(crate) fn open(self: &Arc<Self>, app: u64, app_bytes_max: usize, name: &[u16]) -> Option<Opened> {
        let bytes = size_of_val(name) + OVERHEAD_BYTES;
        let mut gone = Vec::new();
        let mut state = lock(&self.state);
        let cache = match state.open_existing(app, name) {
            Some(cache) => cache,
            None if state.make_room(app, bytes, app_bytes_max, self.bytes_max, &mut gone) => state.create(app, name.into(), bytes),
            None => return None,
        };
        drop(state);
        drop(gone);
        Some(Opened { store: self.clone(), app, cache })
    }

    /// Opens a cache by its name, if there is one.
    pub(crate) fn open_existing(self: &Arc<Self>, app: u64, name: &[u16]) -> Option<Opened> {
        let cache = lock(&self.state).open_existing(app, name)?;
        Some(Opened { store: self.clone(), app, cache })
    }

    /// The names of an app's caches, in the order in which they were made.
    pub(crate) fn names(&self, app: u64) -> Vec<Arc<[u16]>> {
        let state = lock(&self.state);
        state.apps.get(&app).map_or_else(Vec::new, |own| own.caches.values().filter_map(|cache| cache.name.clone()).collect())
    }

    /// Deletes a cache by its name; whether there was one. Whoever has it open keeps it.
    pub(crate) fn delete_cache(&self, app: u64, name: &[u16]) -> bool {
        let mut gone = Vec::new();
        let mut state = lock(&self.state);
        let Some(own) = state.apps.get_mut(&app) else { return false };
        let Some(cache) = own.names.remove(name) else { return false };
        if let Some(cache) = own.caches.get_mut(&cache) {
            cache.name = None;
        }
        state.tidy(app, cache, &mut gone);
        drop(state);
        drop(gone);
        true
    }

    /// One who had a cache open has closed it.
    fn close(&self, app: u64, cache: u64) {
        let mut gone = Vec::new();
        let mut state = lock(&self.state);
        let Some(own) = state.apps.get_mut(&app).and_then(|own| own.caches.get_mut(&cache)) else { return };
        own.opened -= 1;
        state.tidy(app, cache, &mut gone);
        drop(state);
        drop(gone);
    }

    /// The first fresh entry that a request asks for.
    pub(crate) fn find(&self, app: u64, cache: u64, query: &Query, now_ms: u64) -> Option<Arc<Entry>> {
        let mut gone = Vec::new();
        let mut state = lock(&self.state);
        let found = state.matching(app, cache, Some(query), now_ms, &mut gone).into_iter().next();
        if let Some((place, _)) = &found {
            state.touch(app, cache, *place);
        }
        drop(state);
        drop(gone);
        found.map(|(_, entry)| entry)
    }

    /// All fresh entries that a request asks for, or all there are, in the order in which they were put.
    pub(crate) fn list(&self, app: u64, cache: u64, query: Option<&Query>, now_ms: u64) -> Vec<Arc<Entry>> {
        let mut gone = Vec::new();
        let found = lock(&self.state).matching(app, cache, query, now_ms, &mut gone);
        found.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Keeps entries, each in place of those that its request asks for; false, and none is kept, if together they are more than the
    /// app, or all, may keep.
    pub(crate) fn put(&self, app: u64, app_bytes_max: usize, cache: u64, entries: Vec<Entry>) -> bool {
        let sizes: Vec<usize> = entries.iter().map(|entry| entry.bytes() + OVERHEAD_BYTES).collect();
        let bytes: usize = sizes.iter().sum();
        let mut gone = Vec::new();
        let mut state = lock(&self.state);
        let fixed_bytes = state.apps.get(&app).map_or(0, |own| own.fixed_bytes);
        let known = cache == DEFAULT || state.apps.get(&app).is_some_and(|own| own.caches.contains_key(&cache));
        if !known || bytes + fixed_bytes > app_bytes_max.min(self.bytes_max) {
            return false;
        }
        for entry in &entries {
            // None is too old to be replaced.
            for (place, _) in state.matching(app, cache, Some(&entry.query()), 0, &mut gone) {
                gone.extend(state.remove(app, cache, place));
            }
        }
        let fits = state.make_room(app, bytes, app_bytes_max, self.bytes_max, &mut gone);
        for (entry, bytes) in entries.into_iter().zip(sizes).filter(|_| fits) {
            let oldest = state.apps.get(&app).and_then(|own| own.caches.get(&cache)).and_then(|own| own.too_many(&entry.url));
            if let Some(place) = oldest {
                gone.extend(state.remove(app, cache, place));
            }
            state.insert(app, cache, Arc::new(entry), bytes);
        }
        state.tidy(app, cache, &mut gone);
        drop(state);
        drop(gone);
        fits
    }

    /// Forgets what a request asks for; whether there was anything fresh.
    pub(crate) fn delete(&self, app: u64, cache: u64, query: &Query, now_ms: u64) -> bool {
        let mut gone = Vec::new();
        let mut state = lock(&self.state);
        let found = state.matching(app, cache, Some(query), now_ms, &mut gone);
        for (place, _) in &found {
            gone.extend(state.remove(app, cache, *place));
        }
        state.tidy(app, cache, &mut gone);
        drop(state);
        drop(gone);
        !found.is_empty()
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

    fn open_existing(&mut self, app: u64, name: &[u16]) -> Option<u64> {
        let own = self.apps.get_mut(&app)?;
        let cache = *own.names.get(name)?;
        own.caches.get_mut(&cache)?.opened += 1;
        Some(cache)
    }

    fn create(&mut self, app: u64, name: Arc<[u16]>, bytes: usize) -> u64 {
        let cache = self.next_tick();
        self.bytes += bytes;
        let own = self.apps.entry(app).or_default();
        own.bytes += bytes;
        own.fixed_bytes += bytes;
        own.names.insert(name.clone(), cache);
        own.caches.insert(cache, Cache { name: Some(name), opened: 1, bytes, ..Cache::default() });
        cache
    }

    /// Where the fresh entries are that a request asks for, or all. The others of these are removed.
    fn matching(&mut self, app: u64, cache: u64, query: Option<&Query>, now_ms: u64, gone: &mut Vec<Arc<Entry>>) -> Vec<(u64, Arc<Entry>)> {
        let Some(own) = self.apps.get(&app).and_then(|own| own.caches.get(&cache)) else { return Vec::new() };
        let (fresh, stale): (Vec<_>, Vec<_>) = own.matching(query).into_iter().partition(|(_, entry)| entry.is_fresh(now_ms));
        for (place, _) in &stale {
            gone.extend(self.remove(app, cache, *place));
        }
        if !stale.is_empty() {
            self.tidy(app, cache, gone);
        }
        fresh
    }

    /// Drops the least recently used until there is room; false if that is not enough.
    fn make_room(&mut self, app: u64, bytes: usize, app_bytes_max: usize, bytes_max: usize, gone: &mut Vec<Arc<Entry>>) -> bool {
        while self.apps.get(&app).is_some_and(|own| own.bytes + bytes > app_bytes_max) {
            let Some(entry) = self.remove_oldest_of(app) else { return false };
            gone.push(entry);
        }
        while self.bytes + bytes > bytes_max {
            let Some(entry) = self.order.first_key_value().map(|(_, app)| *app).and_then(|app| self.remove_oldest_of(app)) else {
                return false;
            };
            gone.push(entry);
        }
        bytes <= app_bytes_max
    }

    /// Makes an entry the most recently used.
    fn touch(&mut self, app: u64, cache: u64, place: u64) {
        let tick = self.next_tick();
        let Some(own) = self.apps.get_mut(&app) else { return };
        let Some(slot) = own.caches.get_mut(&cache).and_then(|cache| cache.entries.get_mut(&place)) else { return };
        let before = std::mem::replace(&mut slot.tick, tick);
        own.order.remove(&before);
        own.order.insert(tick, (cache, place));
        self.order.remove(&before);
        self.order.insert(tick, app);
    }

    fn insert(&mut self, app: u64, cache: u64, entry: Arc<Entry>, bytes: usize) {
        let tick = self.next_tick();
        let own = self.apps.entry(app).or_default();
        own.order.insert(tick, (cache, tick));
        own.bytes += bytes;
        let cache = own.caches.entry(cache).or_default();
        cache.urls.insert((entry.url.clone(), tick));
        cache.entries.insert(tick, Slot { entry, bytes, tick });
        self.order.insert(tick, app);
        self.bytes += bytes;
    }

    fn remove(&mut self, app: u64, cache: u64, place: u64) -> Option<Arc<Entry>> {
        let own = self.apps.get_mut(&app)?;
        let cache = own.caches.get_mut(&cache)?;
        let slot = cache.entries.remove(&place)?;
        cache.urls.remove(&(slot.entry.url.clone(), place));
        own.order.remove(&slot.tick);
        own.bytes -= slot.bytes;
        self.order.remove(&slot.tick);
        self.bytes -= slot.bytes;
        Some(slot.entry)
    }

    fn remove_oldest_of(&mut self, app: u64) -> Option<Arc<Entry>> {
        let (cache, place) = *self.apps.get(&app)?.order.first_key_value()?.1;
        let entry = self.remove(app, cache, place);
        self.tidy(app, cache, &mut Vec::new());
        entry
    }

    /// Removes a cache that nothing leads to any more, and an app that has none.
    fn tidy(&mut self, app: u64, cache: u64, gone: &mut Vec<Arc<Entry>>) {
        let Some(own) = self.apps.get(&app) else { return };
        let is_needed = |id: u64, cache: &Cache| match id {
            DEFAULT => !cache.entries.is_empty(),
            _ => cache.name.is_some() || cache.opened > 0,
        };
        if let Some(found) = own.caches.get(&cache).filter(|found| !is_needed(cache, found)) {
            let places: Vec<u64> = found.entries.keys().copied().collect();
            for place in places {
                gone.extend(self.remove(app, cache, place));
            }
            if let Some(own) = self.apps.get_mut(&app)
                && let Some(found) = own.caches.remove(&cache)
            {
                own.bytes -= found.bytes;
                own.fixed_bytes -= found.bytes;
                self.bytes -= found.bytes;
            }
        }
        if self.apps.get(&app).is_some_and(|own| own.caches.is_empty()) {
            self.apps.remove(&app);
        }
    }
}
