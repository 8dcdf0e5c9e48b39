//! What is behind the lock: apps, their caches, and in which order they were used. Nothing here takes longer than a few entries do.
//!
//! The order has three levels: of all apps by their oldest entry, of an app's caches by theirs, of a cache's entries. So a cache or an app
//! goes in one step, whatever is in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use nano_base::cache::Entry;
use nano_base::limits::CACHE_STEP_ENTRIES;

use super::DEFAULT;
use super::app::{AppCaches, Cache, Slot, Walk};

#[derive(Debug, Default)]
pub(super) struct State {
    pub apps: HashMap<u64, AppCaches>,
    /// Which app's oldest entry was used when: the first is the least recently used of all.
    pub order: BTreeMap<u64, u64>,
    pub bytes: usize,
    /// The last moment, place or cache that was given a number: none is given twice.
    tick: u64,
}

/// What goes: it is dropped when nobody waits for that.
#[derive(Debug, Default)]
pub(super) struct Gone {
    pub entries: Vec<Arc<Entry>>,
    pub caches: Vec<Cache>,
    apps: Vec<AppCaches>,
}

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Made,
    /// Not yet: something has gone, and more has to.
    Less,
    /// There never is.
    None,
}

impl State {
    fn next_tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    pub(super) fn app(&self, app: u64) -> Option<&AppCaches> {
        self.apps.get(&app)
    }

    fn cache(&self, app: u64, cache: u64) -> Option<&Cache> {
        self.apps.get(&app)?.caches.get(&cache)
    }

    /// Whether something can be put into a cache.
    pub(super) fn is_known(&self, app: u64, cache: u64) -> bool {
        cache == DEFAULT || self.cache(app, cache).is_some()
    }

    /// What an app's caches themselves take up.
    pub(super) fn fixed_bytes(&self, app: u64) -> usize {
        self.apps.get(&app).map_or(0, |own| own.fixed_bytes)
    }

    pub(super) fn open_existing(&mut self, app: u64, name: &[u16]) -> Option<u64> {
        let own = self.apps.get_mut(&app)?;
        let cache = *own.names.get(name)?;
        own.caches.get_mut(&cache)?.opened += 1;
        Some(cache)
    }

    pub(super) fn create(&mut self, app: u64, name: Arc<[u16]>, bytes: usize) -> u64 {
        let cache = self.next_tick();
        self.bytes += bytes;
        let own = self.apps.entry(app).or_default();
        own.bytes += bytes;
        own.fixed_bytes += bytes;
        own.names.insert(name.clone(), cache);
        own.caches.insert(cache, Cache { name: Some(name), opened: 1, bytes, ..Cache::default() });
        cache
    }

    pub(super) fn delete_cache(&mut self, app: u64, name: &[u16], gone: &mut Gone) -> bool {
        let Some(own) = self.apps.get_mut(&app) else { return false };
        let Some(cache) = own.names.remove(name) else { return false };
        if let Some(cache) = own.caches.get_mut(&cache) {
            cache.name = None;
        }
        self.tidy(app, cache, gone);
        true
    }

    pub(super) fn close(&mut self, app: u64, cache: u64, gone: &mut Gone) {
        let Some(own) = self.apps.get_mut(&app).and_then(|own| own.caches.get_mut(&cache)) else { return };
        own.opened -= 1;
        self.tidy(app, cache, gone);
    }

    pub(super) fn forget(&mut self, app: u64, gone: &mut Gone) {
        if let Some(own) = self.apps.remove(&app) {
            self.bytes -= own.bytes;
            if let Some(ranked) = own.ranked {
                self.order.remove(&ranked);
            }
            gone.apps.push(own);
        }
    }

    /// The entries of one URL: no more than it may have variants.
    pub(super) fn at_url(&self, app: u64, cache: u64, url: &str) -> Vec<(u64, Arc<Entry>)> {
        self.cache(app, cache).map_or_else(Vec::new, |cache| cache.at_url(url))
    }

    /// The next entries of a walk.
    pub(super) fn page(&self, app: u64, cache: u64, walk: &mut Walk<'_>) -> Vec<(u64, Arc<Entry>)> {
        match self.cache(app, cache) {
            Some(cache) => cache.page(walk, self.tick),
            None => walk.end(),
        }
    }

    /// Drops the least recently used, some at a time, until there is room.
    pub(super) fn make_room(&mut self, app: u64, bytes: usize, app_bytes_max: usize, bytes_max: usize, gone: &mut Gone) -> Room {
        // What never fits pushes nothing out.
        if bytes + self.fixed_bytes(app) > app_bytes_max {
            return Room::None;
        }
        for _ in 0..CACHE_STEP_ENTRIES {
            let is_full = self.apps.get(&app).is_some_and(|own| own.bytes + bytes > app_bytes_max);
            let oldest = if is_full {
                Some(app)
            } else if self.bytes + bytes > bytes_max {
                self.order.first_key_value().map(|(_, app)| *app)
            } else {
                return Room::Made;
            };
            if !oldest.is_some_and(|app| self.remove_oldest_of(app, gone)) {
                return Room::None;
            }
        }
        Room::Less
    }

    /// Makes an entry the most recently used.
    pub(super) fn touch(&mut self, app: u64, cache: u64, place: u64) {
        let tick = self.next_tick();
        let Some(own) = self.apps.get_mut(&app).and_then(|own| own.caches.get_mut(&cache)) else { return };
        let Some(slot) = own.entries.get_mut(&place) else { return };
        own.order.remove(&std::mem::replace(&mut slot.tick, tick));
        own.order.insert(tick, place);
        self.rank(app, cache);
    }

    /// Keeps an entry; if there are too many at its URL, the first of them goes.
    pub(super) fn put(&mut self, app: u64, cache: u64, entry: Arc<Entry>, bytes: usize, gone: &mut Gone) {
        if let Some(place) = self.cache(app, cache).and_then(|own| own.too_many(&entry.url)) {
            self.remove(app, cache, place, gone);
        }
        let tick = self.next_tick();
        let own = self.apps.entry(app).or_default();
        own.bytes += bytes;
        let found = own.caches.entry(cache).or_default();
        found.entry_bytes += bytes;
        found.order.insert(tick, tick);
        found.urls.insert((entry.url.clone(), tick));
        found.entries.insert(tick, Slot { entry, bytes, tick });
        self.bytes += bytes;
        self.rank(app, cache);
    }

    pub(super) fn remove(&mut self, app: u64, cache: u64, place: u64, gone: &mut Gone) {
        let Some(own) = self.apps.get_mut(&app) else { return };
        let Some(found) = own.caches.get_mut(&cache) else { return };
        let Some(slot) = found.entries.remove(&place) else { return };
        found.urls.remove(&(slot.entry.url.clone(), place));
        found.order.remove(&slot.tick);
        found.entry_bytes -= slot.bytes;
        own.bytes -= slot.bytes;
        self.bytes -= slot.bytes;
        gone.entries.push(slot.entry);
        self.rank(app, cache);
    }

    /// Whether there was one.
    fn remove_oldest_of(&mut self, app: u64, gone: &mut Gone) -> bool {
        let oldest = || {
            let own = self.apps.get(&app)?;
            let cache = *own.order.first_key_value()?.1;
            Some((cache, *own.caches.get(&cache)?.order.first_key_value()?.1))
        };
        let Some((cache, place)) = oldest() else { return false };
        self.remove(app, cache, place, gone);
        self.tidy(app, cache, gone);
        true
    }

    /// Puts a cache and its app to where their oldest entries belong.
    fn rank(&mut self, app: u64, cache: u64) {
        let Some(own) = self.apps.get_mut(&app) else { return };
        if let Some(found) = own.caches.get_mut(&cache) {
            let oldest = found.order.first_key_value().map(|(tick, _)| *tick);
            place(&mut own.order, cache, &mut found.ranked, oldest);
        }
        let oldest = own.order.first_key_value().map(|(tick, _)| *tick);
        place(&mut self.order, app, &mut own.ranked, oldest);
    }

    /// Removes a cache that nothing leads to any more, and an app that has none.
    pub(super) fn tidy(&mut self, app: u64, cache: u64, gone: &mut Gone) {
        let Some(own) = self.apps.get_mut(&app) else { return };
        let is_needed = |found: &Cache| match cache {
            DEFAULT => !found.entries.is_empty(),
            _ => found.name.is_some() || found.opened > 0,
        };
        if own.caches.get(&cache).is_some_and(|found| !is_needed(found))
            && let Some(found) = own.caches.remove(&cache)
        {
            own.bytes -= found.bytes + found.entry_bytes;
            own.fixed_bytes -= found.bytes;
            self.bytes -= found.bytes + found.entry_bytes;
            if let Some(ranked) = found.ranked {
                own.order.remove(&ranked);
            }
            gone.caches.push(found);
            self.rank(app, cache);
        }
        if self.apps.get(&app).is_some_and(|own| own.caches.is_empty()) {
            self.forget(app, gone);
        }
    }
}

/// Moves something in an order from one place to another.
fn place(order: &mut BTreeMap<u64, u64>, what: u64, ranked: &mut Option<u64>, oldest: Option<u64>) {
    if *ranked == oldest {
        return;
    }
    if let Some(before) = std::mem::replace(ranked, oldest) {
        order.remove(&before);
    }
    if let Some(oldest) = oldest {
        order.insert(oldest, what);
    }
}
