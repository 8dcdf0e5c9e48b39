//! The caches of one app, and what is in each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use nano_base::cache::{Entry, Query};
use nano_base::limits::{CACHE_STEP_ENTRIES, CACHE_VARIANTS_MAX};

#[derive(Debug, Default)]
pub(super) struct AppCaches {
    /// By their numbers, which is the order in which they were made.
    pub caches: BTreeMap<u64, Cache>,
    pub names: HashMap<Arc<[u16]>, u64>,
    /// Which cache's oldest entry was used when.
    pub order: BTreeMap<u64, u64>,
    /// Where the app is in the order of all.
    pub ranked: Option<u64>,
    pub bytes: usize,
    /// What of them the caches themselves take up, which nothing pushes out.
    pub fixed_bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Cache {
    /// None for the default one, and for one that is deleted and still open.
    pub name: Option<Arc<[u16]>>,
    /// How many have it open.
    pub opened: usize,
    /// What it takes up itself, and its entries.
    pub bytes: usize,
    pub entry_bytes: usize,
    /// By their places, which is the order in which they were put.
    pub entries: BTreeMap<u64, Slot>,
    pub urls: BTreeSet<(Arc<str>, u64)>,
    /// Which entry was used when: its place.
    pub order: BTreeMap<u64, u64>,
    /// Where the cache is in the order of its app's.
    pub ranked: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub entry: Arc<Entry>,
    pub bytes: usize,
    pub tick: u64,
}

/// A walk through what a request asks for, whatever its headers say, or through all there was when it began.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    query: Option<&'a Query>,
    /// The last place there was then.
    until: Option<u64>,
    next: Next,
}

#[derive(Debug)]
enum Next {
    First,
    After(u64),
    AfterUrl(Arc<str>, u64),
    Nothing,
}

impl<'a> Walk<'a> {
    pub(super) fn new(query: Option<&'a Query>) -> Self {
        Self { query, until: None, next: Next::First }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.next, Next::Nothing)
    }

    /// There is nothing more to see.
    pub(super) fn end(&mut self) -> Vec<(u64, Arc<Entry>)> {
        self.next = Next::Nothing;
        Vec::new()
    }
}

impl Cache {
    /// The next entries of a walk. `last` is the last place there is.
    pub(super) fn page(&self, walk: &mut Walk<'_>, last: u64) -> Vec<(u64, Arc<Entry>)> {
        let until = *walk.until.get_or_insert(last);
        match (walk.query, std::mem::replace(&mut walk.next, Next::Nothing)) {
            (_, Next::Nothing) => Vec::new(),
            (None, next) => {
                let after = if let Next::After(place) = next { Bound::Excluded(place) } else { Bound::Unbounded };
                let entries = self.entries.range((after, Bound::Unbounded)).take_while(|(place, _)| **place <= until);
                let page: Vec<_> = entries.take(CACHE_STEP_ENTRIES).map(|(place, slot)| (*place, slot.entry.clone())).collect();
                if page.len() == CACHE_STEP_ENTRIES {
                    walk.next = page.last().map_or(Next::Nothing, |(place, _)| Next::After(*place));
                }
                page
            }
            (Some(query), Next::First) if !query.ignore_search => self.at_url(&query.url),
            (Some(query), Next::AfterUrl(url, place)) => {
                let queries = format!("{}?", query.path());
                let urls = self.urls.range((Bound::Excluded((url, place)), Bound::Unbounded));
                let urls: Vec<_> = urls.take_while(|(url, _)| url.starts_with(&queries)).take(CACHE_STEP_ENTRIES).collect();
                if urls.len() == CACHE_STEP_ENTRIES {
                    walk.next = urls.last().map_or(Next::Nothing, |(url, place)| Next::AfterUrl(url.clone(), *place));
                }
                self.entries_at(urls.into_iter().map(|(_, place)| *place).filter(|place| *place <= until))
            }
            (Some(query), _) => {
                // What has no query, then whatever has one: no place is zero.
                walk.next = Next::AfterUrl(format!("{}?", query.path()).into(), 0);
                self.at_url(query.path())
            }
        }
    }

    /// The entries of a URL, in the order in which they were put.
    pub(super) fn at_url(&self, url: &str) -> Vec<(u64, Arc<Entry>)> {
        self.entries_at(self.places_at(url))
    }

    fn entries_at(&self, places: impl Iterator<Item = u64>) -> Vec<(u64, Arc<Entry>)> {
        places.filter_map(|place| Some((place, self.entries.get(&place)?.entry.clone()))).collect()
    }

    fn places_at(&self, url: &str) -> impl Iterator<Item = u64> {
        let url: Arc<str> = url.into();
        self.urls.range((url.clone(), 0)..=(url, u64::MAX)).map(|(_, place)| *place)
    }

    /// The entry that has to go before one more is kept at its URL: a request is compared with all of them.
    pub(super) fn too_many(&self, url: &str) -> Option<u64> {
        let places: Vec<u64> = self.places_at(url).collect();
        (places.len() >= CACHE_VARIANTS_MAX).then(|| places.first().copied()).flatten()
    }
}
