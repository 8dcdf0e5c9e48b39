//! The layout of everything that C sees, and the guarantees that need no runtime.

use std::ffi::{CStr, c_void};
use std::mem::{MaybeUninit, offset_of};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::*;

const _: () = {
    assert!(size_of::<nano_event>() == 64 && align_of::<nano_event>() == 8);
    assert!(offset_of!(nano_event, r#type) == 0 && offset_of!(nano_event, flags) == 4);
    assert!(offset_of!(nano_event, id) == 8 && offset_of!(nano_event, user_data) == 16);
    assert!(offset_of!(nano_event, r#as) == 24 && offset_of!(nano_event, owner) == 56);
    assert!(size_of::<nano_bytes>() == 16 && size_of::<nano_header>() == 32 && size_of::<nano_owned>() == 32);
    assert!(size_of::<nano_init_options>() == 40 && offset_of!(nano_init_options, heaps_bytes) == 32);
    assert!(size_of::<nano_runtime_options>() == 72 && offset_of!(nano_runtime_options, events) == 32);
    assert!(size_of::<nano_app_options>() == 352 && offset_of!(nano_app_options, heap_bytes) == 80);
    assert!(offset_of!(nano_app_options, cpu_ms) == 104 && offset_of!(nano_app_options, reserved) == 156);
    assert!(size_of::<nano_request_init>() == 96 && offset_of!(nano_request_init, body_kind) == 88);
    assert!(size_of::<nano_call_response>() == 80 && offset_of!(nano_call_response, body) == 48);
    assert!(size_of::<nano_call_view>() == 144 && offset_of!(nano_call_view, args) == 112);
    assert!(size_of::<nano_account>() == 64 && size_of::<nano_app_counters>() == 96 && size_of::<nano_runtime_counters>() == 128);
    assert!(size_of::<nano_binding>() == 104 && offset_of!(nano_binding, kind) == 16 && offset_of!(nano_binding, methods) == 56);
    assert!(offset_of!(nano_app_options, env_bindings) == 160 && offset_of!(nano_app_options, host_objects) == 196);
    assert!(offset_of!(nano_app_options, outbound) == 200 && offset_of!(nano_app_options, errand_cpu_ms) == 236);
    assert!(offset_of!(nano_app_options, cache_bytes) == 240 && offset_of!(nano_runtime_options, cache_bytes) == 48);
    assert!(offset_of!(nano_app_options, crons) == 288 && offset_of!(nano_app_options, tail_count) == 328);
    assert!(offset_of!(nano_app_options, user_data) == 344 && offset_of!(nano_call_view, user_data) == 136);
    assert!(size_of::<nano_consumer>() == 56 && offset_of!(nano_consumer, batch) == 32);
    assert!(size_of::<nano_release>() == 32 && offset_of!(nano_call_view, object) == 128);
    assert!(size_of::<nano_listen_options>() == 96 && offset_of!(nano_listen_options, certificates) == 64);
    assert!(size_of::<nano_certificate>() == 32 && offset_of!(nano_listen_options, connections) == 40);
    assert!(size_of::<nano_route>() == 40 && offset_of!(nano_route, app) == 32);
    assert!(size_of::<nano_queue_counters>() == 64 && offset_of!(nano_queue_counters, dropped) == 56);
    assert!(size_of::<nano_log>() == 48 && size_of::<nano_app_change>() == 48);
};

fn empty() -> nano_bytes {
    nano_bytes { ptr: std::ptr::null(), len: 0 }
}

extern "C" fn count(ctx: *mut c_void) {
    // SAFETY: every test passes a pointer to an `AtomicU32` that outlives the call.
    unsafe { &*ctx.cast::<AtomicU32>() }.fetch_add(1, Ordering::SeqCst);
}

fn request(released: &AtomicU32) -> nano_request_init {
    let ctx = std::ptr::from_ref(released).cast_mut().cast();
    nano_request_init {
        size: size_of::<nano_request_init>(),
        method: empty(),
        url: empty(),
        headers: std::ptr::null(),
        headers_count: 0,
        body: nano_owned { ptr: std::ptr::null(), len: 0, release: Some(count), ctx },
        body_kind: NANO_BODY_NONE,
        deadline_ms: 0,
    }
}

#[test]
fn a_handed_body_is_released_once_when_the_call_fails() {
    let released = AtomicU32::new(0);
    let mut id = MaybeUninit::uninit();
    let init = request(&released);
    // SAFETY: a valid struct, and NULL for the app.
    let status = unsafe { nano_dispatch(None, &init, std::ptr::null_mut(), Some(&mut id), None) };
    assert_eq!(status, NANO_E_INVALID);
    assert_eq!(released.load(Ordering::SeqCst), 1);
}

#[test]
fn a_handed_body_is_released_once_when_the_struct_is_too_new() {
    #[repr(C)]
    struct Newer {
        init: nano_request_init,
        more: u64,
    }
    let released = AtomicU32::new(0);
    let mut id = MaybeUninit::uninit();
    let mut newer = Newer { init: request(&released), more: 1 };
    newer.init.size = size_of::<Newer>();
    // SAFETY: the struct has as many bytes as it says.
    let status = unsafe { nano_dispatch(None, (&raw const newer).cast(), std::ptr::null_mut(), Some(&mut id), None) };
    assert_eq!(status, NANO_E_TOO_NEW);
    assert_eq!(released.load(Ordering::SeqCst), 1);
}

#[test]
fn the_versions_of_header_and_library_agree() {
    // SAFETY: a static, NUL-terminated text.
    let version = unsafe { CStr::from_ptr(nano_version()) }.to_str().unwrap();
    let header = format!("nano/{NANO_VERSION_MAJOR}.{NANO_VERSION_MINOR}.{NANO_VERSION_PATCH} v8/");
    assert!(version.starts_with(&header), "{version}");
    assert_eq!(nano_abi_version(), NANO_ABI_VERSION);
}

#[test]
fn events_are_released_once_and_what_was_taken_stays() {
    use nano_core::{Account, Error, Event, Payload, Status};
    let error = |id| Event { id, user_data: 7, payload: Payload::Error(Error::new(Status::Canceled, "gone"), Account::default()) };
    let chunk = Event { id: 3, user_data: 0, payload: Payload::Chunk(b"abc".to_vec()) };
    let mut events = [nano_event::from_core(error(1)), nano_event::from_core(error(2)), nano_event::from_core(chunk)];
    assert!(events[..2].iter().all(|event| event.flags == NANO_FLAG_END && event.user_data as usize == 7));
    // SAFETY: the types say which part of the union there is.
    let (kept, bytes) = unsafe { (events[1].r#as.error, events[2].r#as.chunk) };
    assert_eq!(bytes.len, 3);
    events[1].r#as.error = std::ptr::null_mut();
    // SAFETY: events of the library's, the first time whole, the second time empty.
    unsafe {
        nano_event_release(events.as_mut_ptr(), events.len());
        nano_event_release(events.as_mut_ptr(), events.len());
    }
    assert!(events.iter().all(|event| event.r#type == NANO_EVENT_NONE));
    // SAFETY: it was taken out of its event, so it is this test's.
    let kept = unsafe { Box::from_raw(kept) };
    assert_eq!(nano_error_code(Some(&kept)), NANO_E_CANCELED);
    nano_error_free(Some(kept));
}

#[test]
fn every_account_can_be_reached() {
    use nano_core::{Account, Error, Event, Payload, ResponseHead, Status, Value};
    let account = Account { cpu_us: 42, ..Account::default() };
    let head = ResponseHead { status: 200, ..ResponseHead::default() };
    for payload in [
        Payload::Response { head, body: Vec::new(), end: true, account },
        Payload::End(account),
        Payload::Error(Error::new(Status::Canceled, ""), account),
        Payload::Result(Value::Null, account),
    ] {
        let mut event = nano_event::from_core(Event { id: 1, user_data: 0, payload });
        let mut used = nano_account::of(&Account::default());
        // SAFETY: an event of the library's, and a struct that has as many bytes as it says.
        let status = unsafe { nano_event_account(Some(&event), &mut used) };
        assert_eq!((status, used.cpu_us, event.flags), (NANO_OK, 42, NANO_FLAG_END));
        // SAFETY: released once.
        unsafe { nano_event_release(&mut event, 1) };
    }
}
