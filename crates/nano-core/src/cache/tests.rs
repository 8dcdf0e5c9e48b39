//! That the books are right, and what goes when.

use nano_base::http::ResponseHead;
use nano_base::limits::CACHE_VARIANTS_MAX;

use super::state::Room;
use super::*;

const MAX: usize = 100_000;

fn entry(url: &str, len: usize, expires_ms: u64) -> Entry {
    let head = ResponseHead { status: 200, ..ResponseHead::default() };
    Entry { url: url.into(), head, body: Some(Arc::new(vec![b'x'; len])), expires_ms, ..Entry::default() }
}

fn query(url: &str) -> Query {
    Query { url: url.into(), ..Query::default() }
}

fn has(store: &CacheStore, app: u64, url: &str) -> bool {
    store.find(app, DEFAULT, &query(url), 0).is_some()
}

fn put(store: &CacheStore, app: u64, url: &str, len: usize) -> bool {
    store.put(app, MAX, DEFAULT, vec![entry(url, len, 10)])
}

/// An entry of a named cache that varies by a header.
fn variant(url: &str, value: &str) -> Entry {
    let mut entry = Entry { named: true, ..entry(url, 10, u64::MAX) };
    assert!(entry.request.push(b"x-a", value.as_bytes()) && entry.head.headers.push(b"vary", b"x-a"));
    entry
}

fn check(store: &CacheStore) {
    let state = lock(&store.state);
    let mut bytes = 0;
    let mut ticks = Vec::new();
    for (app, own) in &state.apps {
        let entries: usize = own.caches.values().map(|cache| cache.entries.len()).sum();
        let used: usize = own.caches.values().flat_map(|cache| cache.entries.values()).map(|slot| slot.bytes).sum();
        assert_eq!(own.fixed_bytes, own.caches.values().map(|cache| cache.bytes).sum::<usize>());
        assert_eq!(own.bytes, used + own.fixed_bytes);
        assert_eq!(own.caches.values().map(|cache| cache.order.len()).sum::<usize>(), entries);
        assert_eq!(own.names.len(), own.caches.values().filter(|cache| cache.name.is_some()).count());
        assert!(!own.caches.is_empty());
        let mut oldest = Vec::new();
        for (id, cache) in &own.caches {
            assert_eq!(cache.entry_bytes, cache.entries.values().map(|slot| slot.bytes).sum::<usize>());
            assert!(cache.order.iter().all(|(tick, place)| cache.entries[place].tick == *tick));
            assert_eq!(cache.ranked, cache.order.first_key_value().map(|(tick, _)| *tick));
            oldest.extend(cache.ranked.map(|tick| (tick, *id)));
        }
        oldest.sort_unstable();
        assert_eq!(oldest, own.order.iter().map(|(tick, cache)| (*tick, *cache)).collect::<Vec<_>>());
        assert_eq!(own.ranked, oldest.first().map(|(tick, _)| *tick));
        ticks.extend(own.ranked.map(|tick| (tick, *app)));
        for cache in own.caches.values() {
            let urls: Vec<_> = cache.urls.iter().map(|(url, place)| (*place, url.clone())).collect();
            assert_eq!(urls.len(), cache.entries.len());
            assert!(urls.iter().all(|(place, url)| cache.entries[place].entry.url == *url));
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
    assert!(!store.delete(2, DEFAULT, &query("u"), 0));
    assert!(has(&store, 1, "u"));
    assert!(store.delete(1, DEFAULT, &query("u"), 0));
    assert!(!has(&store, 1, "u"));
    check(&store);
}

#[test]
fn what_is_no_longer_fresh_is_gone() {
    let store = CacheStore::new(MAX);
    assert!(put(&store, 1, "u", 10));
    assert!(store.find(1, DEFAULT, &query("u"), 9).is_some());
    assert!(store.find(1, DEFAULT, &query("u"), 10).is_none());
    assert!(lock(&store.state).apps.is_empty());
    assert!(put(&store, 1, "u", 10));
    assert!(!store.delete(1, DEFAULT, &query("u"), 10));
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
fn a_deleted_cache_stays_with_those_who_have_it_open() {
    let store = Arc::new(CacheStore::new(MAX));
    let name = [b'n'.into(), 0xd800];
    let (one, again) = (store.open(1, MAX, &name).expect("room"), store.open(1, MAX, &name).expect("room"));
    assert_eq!(one.cache, again.cache);
    assert!(store.put(1, MAX, one.cache, vec![entry("u", 10, 10)]));
    assert_eq!(store.names(1), [Arc::from(name)]);
    assert!(store.delete_cache(1, &name) && !store.delete_cache(1, &name));
    assert!(store.open_existing(1, &name).is_none());
    let new = store.open(1, MAX, &name).expect("room");
    assert!(store.find(1, new.cache, &query("u"), 0).is_none());
    drop(one);
    assert!(store.find(1, again.cache, &query("u"), 0).is_some());
    check(&store);
    drop(again);
    check(&store);
    assert!(store.delete_cache(1, &name));
    drop(new);
    assert!(lock(&store.state).apps.is_empty());
    check(&store);
}

#[test]
fn requests_match_by_query_and_vary_in_the_order_of_what_was_put() {
    let store = Arc::new(CacheStore::new(MAX));
    let cache = store.open(1, MAX, &[]).expect("room").cache;
    let opened = store.open_existing(1, &[]);
    for (url, value) in [("a?z", "1"), ("a", "1"), ("a", "2"), ("ab", "1"), ("a?b", "1"), ("a", "1")] {
        assert!(store.put(1, MAX, cache, vec![variant(url, value)]));
    }
    let urls = |query: Option<&Query>| store.list(1, cache, query, 0).iter().map(|entry| entry.url.to_string()).collect::<Vec<_>>();
    assert_eq!(urls(None), ["a?z", "a", "ab", "a?b", "a"]);
    assert_eq!(urls(Some(&query("a"))), Vec::<String>::new());
    assert_eq!(urls(Some(&Query { ignore_vary: true, ..query("a") })), ["a", "a"]);
    assert_eq!(urls(Some(&Query { ignore_vary: true, ignore_search: true, ..query("a?q") })), ["a?z", "a", "a?b", "a"]);
    assert!(store.delete(1, cache, &Query { headers: variant("", "1").request, ..query("a") }, 0));
    assert_eq!(urls(None), ["a?z", "a", "ab", "a?b"]);
    check(&store);
    drop(opened);
}

#[test]
fn one_url_has_a_limited_number_of_variants() {
    let store = Arc::new(CacheStore::new(10 * MAX));
    let opened = store.open(1, 10 * MAX, &[]).expect("room");
    for value in 0..CACHE_VARIANTS_MAX + 1 {
        assert!(store.put(1, 10 * MAX, opened.cache, vec![variant("a", &value.to_string())]));
    }
    let asked = |value: &str| store.find(1, opened.cache, &Query { headers: variant("", value).request, ..query("a") }, 0).is_some();
    assert_eq!((asked("0"), asked("1")), (false, true));
    check(&store);
}

#[test]
fn nobody_holds_the_lock_for_longer_than_a_few_entries_take() {
    const MANY: usize = 5 * CACHE_STEP_ENTRIES + 7;
    let store = Arc::new(CacheStore::new(usize::MAX));
    let cache = store.open(1, usize::MAX, &[]).expect("room").cache;
    let opened = store.open_existing(1, &[]);
    for n in 0..MANY {
        assert!(store.put(1, usize::MAX, cache, vec![entry(&format!("a?{n}"), 10, 5 + 5 * (n as u64 % 2))]));
    }
    assert!(store.put(1, usize::MAX, DEFAULT, vec![entry("b", 10, 10)]));
    // Who looks at all of them does so page by page, and sees what there was at the beginning.
    let all = Query { ignore_search: true, ..query("a") };
    for query in [None, Some(&all)] {
        let (mut walk, mut seen, mut pages) = (Walk::new(query), 0, 0);
        while !walk.is_over() {
            let page = lock(&store.state).page(1, cache, &mut walk);
            assert!(page.len() <= CACHE_STEP_ENTRIES);
            (seen, pages) = (seen + page.len(), pages + 1);
            assert!(store.put(1, usize::MAX, cache, vec![entry(&format!("z{pages}"), 10, 5)]));
        }
        assert!(pages > 5);
        assert_eq!(seen, MANY);
        assert_eq!(store.list(1, cache, query, 0).len(), MANY + if query.is_none() { pages } else { 0 });
        for page in 1..=pages {
            assert!(store.delete(1, cache, &self::query(&format!("z{page}")), 0));
        }
    }
    // Half of them are no longer fresh.
    assert_eq!(store.list(1, cache, Some(&all), 5).len(), MANY / 2);
    check(&store);
    // Room is made some at a time.
    let held = lock(&store.state).bytes;
    let mut steps = 0;
    loop {
        let mut gone = Gone::default();
        let room = lock(&store.state).make_room(1, held, held + OVERHEAD_BYTES, usize::MAX, &mut gone);
        assert!(gone.entries.len() <= CACHE_STEP_ENTRIES);
        steps += 1;
        if room != Room::Less {
            break assert_eq!((room, steps), (Room::Made, MANY / 2 / CACHE_STEP_ENTRIES + 1));
        }
    }
    // A cache goes in one piece, with all that is in it.
    for n in 0..MANY {
        assert!(store.put(1, usize::MAX, cache, vec![entry(&n.to_string(), 10, 10)]));
    }
    drop(opened);
    let mut gone = Gone::default();
    let mut state = lock(&store.state);
    assert!(state.delete_cache(1, &[], &mut gone));
    drop(state);
    assert_eq!((gone.entries.len(), gone.caches.len()), (0, 1));
    assert_eq!(gone.caches[0].entries.len(), MANY);
    check(&store);
}

#[test]
fn what_is_put_together_is_kept_together_or_not_at_all() {
    let store = CacheStore::new(MAX);
    assert!(put(&store, 1, "a", 40_000));
    let both = |len| vec![entry("a", len, 10), entry("b", len, 10)];
    assert!(!store.put(1, MAX, DEFAULT, both(60_000)));
    assert!(has(&store, 1, "a") && !has(&store, 1, "b"));
    assert!(store.put(1, MAX, DEFAULT, both(45_000)));
    assert!(has(&store, 1, "a") && has(&store, 1, "b"));
    check(&store);
}

#[test]
fn names_count_too() {
    let store = Arc::new(CacheStore::new(MAX));
    let names: Vec<Vec<u16>> = (0..9_u16).map(|first| vec![first; 5_000]).collect();
    let opened: Vec<_> = names.iter().map(|name| store.open(1, MAX, name)).collect();
    assert!(opened.iter().all(Option::is_some));
    assert!(store.open(1, MAX, &[9; 5_000]).is_none());
    assert!(!put(&store, 1, "a", 20_000));
    store.forget(1);
    drop(opened);
    check(&store);
}

#[test]
fn the_books_are_right_whatever_happens() {
    let store = Arc::new(CacheStore::new(MAX));
    let mut open = Vec::new();
    let mut random = 1_u64;
    for _ in 0..20_000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (app, url, len) = (random % 4, format!("u{}", random / 4 % 20), (random / 80 % 30_000) as usize);
        let name = [(random / 80 % 3) as u16];
        let cache =
            open.last().filter(|opened: &&Opened| opened.app == app && !random.is_multiple_of(3)).map_or(DEFAULT, |opened| opened.cache);
        match random / 7 % 14 {
            0 => store.forget(app),
            1 | 2 => drop(store.delete(app, cache, &query(&url), random % 20)),
            3..=5 => drop(store.find(app, cache, &query(&url), random % 12)),
            6 => open.extend(store.open(app, 60_000, &name)),
            7 => drop(store.delete_cache(app, &name)),
            8 if !open.is_empty() => drop(open.swap_remove(random as usize % open.len())),
            _ => drop(store.put(app, 60_000, cache, vec![entry(&url, len, random % 20)])),
        }
    }
    check(&store);
    assert!(lock(&store.state).bytes <= MAX);
    drop(open);
    check(&store);
}
