//! The Cache API: what an app keeps is with its host; here is what goes there and comes back.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use nano_base::cache::{Entry, answer, keep};
use nano_base::http::{Headers, ResponseHead};

use super::ops::{byte_string, integer, text};
use crate::engine::{bytes, exceptions, resources};
use crate::isolate::host::Host;
use crate::isolate::state::State;

type Scope<'s, 'p> = v8::PinScope<'s, 'p>;
type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;

/// A response on its way into a cache.
struct Putting {
    cache: String,
    url: String,
    entry: Entry,
    body: RefCell<Option<Vec<u8>>>,
}

/// `cache(command, ...)`: one function, because each costs every isolate.
pub(super) fn cache<'s>(scope: &mut Scope<'s, '_>, args: Args<'s>, rv: Return<'s>) {
    match integer(scope, &args, 0) {
        0 => find(scope, &args, rv),
        1 => begin(scope, &args, rv),
        2 => append(scope, &args, rv),
        3 => commit(scope, &args),
        4 => delete(scope, &args, rv),
        _ => {}
    }
}

/// The time that JavaScript sees, in milliseconds since 1970.
fn now_ms(host: &dyn Host) -> u64 {
    (host.time_origin_ms() + host.now_ms()) as u64
}

/// `(0, cache, url, request headers)`: `[status, statusText, headers, bytes or null]`, or undefined.
fn find<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let (cache, url) = (text(scope, args, 1), text(scope, args, 2));
    let request = Headers::from_flat(byte_string(scope, args.get(3)));
    let Some((entry, now_ms)) = State::host(scope).and_then(|host| Some((host.cache_find(&cache, &url)?, now_ms(host)))) else { return };
    let answer = answer(&entry, &request, now_ms);
    let part = answer.body.zip(entry.body.as_ref()).map(|(range, body)| body[range].to_vec());
    let body = match part {
        None => v8::null(scope).into(),
        Some(bytes) => {
            let Some(budget) = State::of(scope).map(|state| state.budget.clone()) else { return };
            if budget.used().saturating_add(bytes.len()) > budget.max() {
                scope.low_memory_notification();
            }
            match bytes::to_array(scope, &budget, bytes) {
                Some(array) => array.into(),
                None => {
                    exceptions::throw_range_error(scope, "the app's memory outside the heap is used up (limit external_bytes)");
                    return;
                }
            }
        }
    };
    let status = v8::Integer::new(scope, i32::from(answer.head.status));
    let Some(status_text) = v8::String::new(scope, &answer.head.status_text) else { return };
    let Some(headers) = v8::String::new_from_one_byte(scope, answer.head.headers.as_flat(), v8::NewStringType::Normal) else { return };
    rv.set(v8::Array::new_with_elements(scope, &[status.into(), status_text.into(), headers.into(), body]).into());
}

/// `(1, cache, url, status, statusText, headers, hasBody)`: what is to be filled with the body; undefined if the response is not to be kept.
fn begin<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let (cache, url) = (text(scope, args, 1), text(scope, args, 2));
    let head = ResponseHead {
        status: integer(scope, args, 3) as u16,
        status_text: text(scope, args, 4),
        headers: Headers::from_flat(byte_string(scope, args.get(5))),
    };
    let Some(now_ms) = State::host(scope).map(now_ms) else { return };
    let Some(kept) = keep(&head, now_ms) else { return };
    let head = ResponseHead { headers: kept.headers, ..head };
    let entry = Entry { head, body: None, stored_ms: now_ms, age_ms: kept.age_ms, expires_ms: now_ms + kept.fresh_ms };
    let bytes = entry.bytes() + cache.len() + url.len();
    let body = RefCell::new(args.get(6).is_true().then(Vec::new));
    if let Some(object) = resources::create(scope, Rc::new(Putting { cache, url, entry, body }), bytes) {
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
    let fixed = putting.entry.bytes() + putting.cache.len() + putting.url.len();
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

/// `(3, putting)`: the body is complete.
fn commit<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>) {
    let Some(putting) = resources::get::<Putting>(scope, args.get(1)) else { return };
    resources::release(scope, args.get(1));
    let Some(putting) = Rc::into_inner(putting) else { return };
    let body = putting.body.into_inner().map(|mut body| {
        body.shrink_to_fit();
        Arc::new(body)
    });
    if let Some(host) = State::host(scope) {
        host.cache_put(&putting.cache, &putting.url, Entry { body, ..putting.entry });
    }
}

/// `(4, cache, url)`: whether there was anything to delete.
fn delete<'s>(scope: &mut Scope<'s, '_>, args: &Args<'s>, mut rv: Return<'s>) {
    let (cache, url) = (text(scope, args, 1), text(scope, args, 2));
    rv.set_bool(State::host(scope).is_some_and(|host| host.cache_delete(&cache, &url)));
}
