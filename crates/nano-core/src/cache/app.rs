//! The caches of one app, and what is in each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use nano_base::cache::{Entry, Query};
use nano_base::limits::CACHE_VARIANTS_MAX;

#[derive(Debug, Default)]
pub(super) struct AppCaches {
    /// By their numbers, which is the order in which they were made.
    pub caches: BTreeMap<u64, Cache>,
    pub names: HashMap<Arc<[u16]>, u64>,
    /// Which entry was used when: its cache and its place there.
    pub order: BTreeMap<u64, (u64, u64)>,
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
    pub bytes: usize,
    /// By their places, which is the order in which they were put.
    pub entries: BTreeMap<u64, Slot>,
    pub urls: BTreeSet<(Arc<str>, u64)>,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub entry: Arc<Entry>,
    pub bytes: usize,
    pub tick: u64,
}

impl Cache {
    /// The entries that a request asks for, or all, in the order in which they were put.
    pub(super) fn matching(&self, query: Option<&Query>) -> Vec<(u64, Arc<Entry>)> {
        let Some(query) = query else {
            return self.entries.iter().map(|(place, slot)| (*place, slot.entry.clone())).collect();
        };
        let mut places = if query.ignore_search { self.at_path(query.path()) } else { self.at_url(&query.url) };
        places.sort_unstable();
        let entries = places.into_iter().filter_map(|place| Some((place, self.entries.get(&place)?.entry.clone())));
        entries.filter(|(_, entry)| query.matches_headers(entry)).collect()
    }

    fn at_url(&self, url: &str) -> Vec<u64> {
        let url: Arc<str> = url.into();
        self.urls.range((url.clone(), 0)..=(url, u64::MAX)).map(|(_, place)| *place).collect()
    }

    /// Whatever their queries.
    fn at_path(&self, path: &str) -> Vec<u64> {
        let queries = format!("{path}?");
        let from: Arc<str> = queries.as_str().into();
        let with = self.urls.range((from, 0)..).take_while(|(url, _)| url.starts_with(&queries)).map(|(_, place)| *place);
        self.at_url(path).into_iter().chain(with).collect()
    }

    /// The entry that has to go before one more is kept at its URL: a request is compared with all of them.
    pub(super) fn too_many(&self, url: &str) -> Option<u64> {
        let places = self.at_url(url);
        (places.len() >= CACHE_VARIANTS_MAX).then(|| places.first().copied()).flatten()
    }
}
