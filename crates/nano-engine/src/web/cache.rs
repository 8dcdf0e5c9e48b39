//! The Cache API: what an app keeps is with its host; here is what goes there and comes back.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use nano_base::cache::{Entry, Query, answer, keep};
use nano_base::http::{Headers, ResponseHead};
use nano_base::limits::CACHE_VARIANTS_MAX;

use super::ops::{byte_string, charge_if_long, integer, text};
use crate::engine::{bytes, exceptions, resources};
use crate::isolate::host::{Host, OpenCache};
use crate::isolate::state::State;

type Scope<'s, 'p> = v8::PinScope<'s, 'p>;
type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;
type Value<'s> = v8::Local<'s, v8::Value>;

/// A response on its way into a cache.
struct Putting {
    entry: Entry,
    body: RefCell<Option<Vec<u8>>>,
}

/// What `commit` answers.
const KEPT: i32 = 0;
const NO_ROOM: i32 = 1;
const DUPLICATE: i32 = 2;

/// The bits of a query's options.
const IGNORE_SEARCH: u32 = 1;
const IGNORE_VARY: u32 = 2;

/// `cache(command, ...)`: one function, because each costs every isolate. A cache is what `open` gave, or null for the default one.
pub(super) fn cache<'s>(scope: &mut Scope<'s, '_>, args: Args<'s>, rv: Return<'s>) {
    match integer(scope, &args, 0) {
        0 => find(scope, &args, rv),
        1 => begin(scope, &args, rv),
        2 => append(scope, &args, rv),
        3 => commit(scope, &args, rv),
        4 => delete(scope, &args, rv),
        5 => list(scope, &args, rv),
        6 => open(scope, &args, rv),
        7 => names(scope, rv),
        8 => forget(scope, &args, rv),
        _ => {}
    }
}

/// The time that JavaScript sees, in milliseconds since 1970.
fn now_ms(host: &dyn Host) -> u64 {
    (host.time_origin_ms() + host.now_ms()) as u64
}

/// The number of the cache in an argument.
fn number(scope: &Scope, args: &Args, index: i32) -> u64 {
    resources::get::<OpenCache>(scope, args.get(index)).map_or(0, |open| open.cache)
}

/// `url, headers, options` from `index` on.
fn query(scope: &mut Scope, args: &Args, index: i32) -> Option<Query> {
    let options = integer(scope, args, index + 2);
    Some(Query {
        headers: Headers::from_flat(byte_string(scope, args.get(index + 1))?),
        url: text(scope, args, index),
        ignore_search: options & IGNORE_SEARCH != 0,
        ignore_vary: options & IGNORE_VARY != 0,
    })
}

/// `(0, cache, url, headers, options)`: `[status, statusText, headers, bytes or null, notes]`, or undefined; of the default cache, the notes are
/// the URL that it was put at.
fn find<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let (cache, Some(query)) = (number(scope, args, 1), query(scope, args, 2)) else { return };
    let Some((entry, now_ms)) = State::host(scope).and_then(|host| Some((host.cache_find(cache, &query)?, now_ms(host)))) else { return };
    let mut values = Vec::new();
    if response(scope, &entry, &query.headers, now_ms, &mut values) {
        rv.set(v8::Array::new_with_elements(scope, &values).into());
    }
}

/// Five values of what an entry answers a request with these headers; false with an exception pending.
fn response<'s>(scope: &mut Scope<'s, '_>, entry: &Entry, request: &Headers, now_ms: u64, values: &mut Vec<Value<'s>>) -> bool {
    let answer = answer(entry, request, now_ms);
    let part = answer.body.zip(entry.body.as_ref()).map(|(range, body)| body[range].to_vec());
    let body = match part {
        None => v8::null(scope).into(),
        Some(bytes) => match bytes::to_array(scope, bytes) {
            Some(array) => array.into(),
            None => {
                exceptions::throw_range_error(scope, "the app's memory outside the heap is used up (limit external_bytes)");
                return false;
            }
        },
    };
    values.push(v8::Integer::new(scope, i32::from(answer.head.status)).into());
    values.push(string(scope, &answer.head.status_text));
    values.push(latin1(scope, answer.head.headers.as_flat()));
    values.push(body);
    values.push(string(scope, if entry.named { &entry.response_notes } else { &entry.url }));
    true
}

fn string<'s>(scope: &Scope<'s, '_>, text: &str) -> Value<'s> {
    v8::String::new(scope, text).map_or_else(|| v8::undefined(scope).into(), Into::into)
}

fn latin1<'s>(scope: &Scope<'s, '_>, bytes: &[u8]) -> Value<'s> {
    v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal).map_or_else(|| v8::undefined(scope).into(), Into::into)
}

/// `(1, cache, url, fragment, request headers, request notes, status, statusText, headers, notes, hasBody)`: what is to be filled with the
/// body; undefined if the response is not to be kept.
fn begin<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let named = resources::get::<OpenCache>(scope, args.get(1)).is_some();
    let Some(headers) = byte_string(scope, args.get(8)).map(Headers::from_flat) else { return };
    let Some(request) = byte_string(scope, args.get(4)).map(Headers::from_flat) else { return };
    let head = ResponseHead { status: integer(scope, args, 6) as u16, status_text: text(scope, args, 7), headers };
    let Some(now_ms) = State::host(scope).map(now_ms) else { return };
    let Some(kept) = keep(&head, named, now_ms) else { return };
    let entry = Entry {
        url: text(scope, args, 2).into(),
        fragment: text(scope, args, 3).into(),
        request,
        request_notes: text(scope, args, 5).into(),
        head: ResponseHead { headers: kept.headers, ..head },
        response_notes: text(scope, args, 9).into(),
        body: None,
        named,
        stored_ms: now_ms,
        age_ms: kept.age_ms,
        expires_ms: now_ms.saturating_add(kept.fresh_ms),
    };
    let bytes = entry.bytes();
    let body = RefCell::new(args.get(10).is_true().then(Vec::new));
    if let Some(object) = resources::create(scope, Rc::new(Putting { entry, body }), bytes) {
        rv.set(object.into());
    }
}

/// `(2, putting, bytes)`: more of the body; false once it is more than the app may keep.
fn append<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let Some(putting) = resources::get::<Putting>(scope, args.get(1)) else { return };
    let Some(max) = State::host(scope).map(Host::cache_bytes_max) else { return };
    let mut slot = putting.body.borrow_mut();
    let Some(body) = slot.as_mut() else { return };
    let chunk = bytes::from_value(args.get(2)).unwrap_or_default();
    let len = body.len() + chunk.len();
    let fixed = putting.entry.bytes();
    let fits = len + fixed <= max;
    if fits && len > body.capacity() {
        let capacity = len.max(body.capacity() + body.capacity() / 2);
        if !resources::recharge(scope, args.get(1), fixed + capacity) {
            exceptions::throw_range_error(scope, "the app's memory outside the heap is used up (limit external_bytes)");
            return;
        }
        let more = capacity - body.len();
        body.reserve_exact(more);
    }
    if fits {
        body.extend_from_slice(&chunk);
    }
    rv.set_bool(fits);
}

/// `(3, cache, putting, ...)`: their bodies are complete. All are kept, or none.
fn commit<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let cache = number(scope, args, 1);
    let mut entries = Vec::new();
    for index in 2..args.length() {
        let Some(putting) = resources::get::<Putting>(scope, args.get(index)) else { continue };
        resources::release(scope, args.get(index));
        let Some(putting) = Rc::into_inner(putting) else { continue };
        let body = putting.body.into_inner().map(|mut body| {
            body.shrink_to_fit();
            Arc::new(body)
        });
        entries.push(Entry { body, ..putting.entry });
    }
    let answer = match conflict(&entries) {
        KEPT if State::host(scope).is_some_and(|host| host.cache_put(cache, entries)) => KEPT,
        KEPT => NO_ROOM,
        answer => answer,
    };
    rv.set_int32(answer);
}

/// Whether one of what is put together would replace another: https://w3c.github.io/ServiceWorker/#batch-cache-operations-algorithm
fn conflict(entries: &[Entry]) -> i32 {
    let mut by_url: HashMap<&str, Vec<&Entry>> = HashMap::new();
    for entry in entries {
        let others = by_url.entry(&entry.url).or_default();
        let query = entry.query();
        if others.iter().any(|other| query.matches_headers(other) || other.query().matches_headers(entry)) {
            return DUPLICATE;
        }
        others.push(entry);
        // Every one is compared with every other.
        if others.len() > CACHE_VARIANTS_MAX {
            return NO_ROOM;
        }
    }
    KEPT
}

/// `(4, cache, url, headers, options)`: whether there was anything to delete.
fn delete<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let (cache, Some(query)) = (number(scope, args, 1), query(scope, args, 2)) else { return };
    rv.set_bool(State::host(scope).is_some_and(|host| host.cache_delete(cache, &query)));
}

/// `(5, cache, keys, url or undefined, headers, options)`: of each entry that answers the request, or each there is, `url, headers, notes`
/// of its request if `keys` says so, and otherwise what `find` gives.
fn list<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let cache = number(scope, args, 1);
    let query = if args.get(3).is_undefined() {
        None
    } else {
        let Some(query) = query(scope, args, 3) else { return };
        Some(query)
    };
    let listed = State::host(scope).map(|host| (host.cache_list(cache, query.as_ref()), now_ms(host)));
    let Some((entries, now_ms)) = listed else { return };
    let mut values = Vec::new();
    for entry in entries {
        if args.get(2).is_true() {
            values.push(string(scope, &format!("{}{}", entry.url, entry.fragment)));
            values.push(latin1(scope, entry.request.as_flat()));
            values.push(string(scope, &entry.request_notes));
        } else if !response(scope, &entry, &Headers::new(), now_ms, &mut values) {
            return;
        }
    }
    rv.set(v8::Array::new_with_elements(scope, &values).into());
}

/// A name of a cache: any sequence of code units.
fn name(scope: &mut Scope, args: &Args, index: i32) -> Option<Vec<u16>> {
    let Ok(string) = v8::Local::<v8::String>::try_from(args.get(index)) else { return Some(Vec::new()) };
    let length = string.length();
    let _charge = charge_if_long(scope, length * size_of::<u16>())?;
    let mut units = vec![0; length];
    string.write_v2(scope, 0, &mut units, v8::WriteFlags::empty());
    Some(units)
}

/// `(6, name, create)`: the cache, or undefined if there is none, or no room for it.
fn open<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let Some(name) = name(scope, args, 1) else { return };
    let Some(opened) = State::host(scope).and_then(|host| host.cache_open(&name, args.get(2).is_true())) else { return };
    if let Some(object) = resources::create(scope, Rc::new(opened), size_of::<OpenCache>()) {
        rv.set(object.into());
    }
}

/// `(7)`: the names of all caches, in the order in which they were made.
fn names<'s>(scope: &mut Scope<'s, '_>, mut rv: Return<'s>) {
    let names = State::host(scope).map(Host::cache_names).unwrap_or_default();
    let names: Vec<Value> =
        names.iter().filter_map(|name| v8::String::new_from_two_byte(scope, name, v8::NewStringType::Normal)).map(Into::into).collect();
    rv.set(v8::Array::new_with_elements(scope, &names).into());
}

/// `(8, name)`: deletes a cache; whether there was one.
fn forget<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let Some(name) = name(scope, args, 1) else { return };
    rv.set_bool(State::host(scope).is_some_and(|host| host.cache_forget(&name)));
}
