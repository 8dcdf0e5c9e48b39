//! The calls that a program can make, rightly and wrongly.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::atomic::Ordering;

use nano::*;

use crate::apps::{self, ARGUMENTS, EXPORTS, NAMES, PATHS, text};
use crate::env::{self, Env, FAILURES};
use crate::host::{AppHandle, HANDED, Host, check, known, lock, release};
use crate::ledger::Kind;
use crate::program::Program;

static ZEROS: [u8; 100_000] = [0; 100_000];
const SIZES: [usize; 6] = [0, 1, 1_000, 40_000, 65_536, 100_000];

/// Makes one call.
pub fn make(host: &Host, program: &mut Program) {
    let runtime = Some(&*host.runtime);
    match program.below(26) {
        0 => load(host, program),
        1..=4 => dispatch(host, program),
        5 => invoke(host, program),
        6 => wait_for_answer(host, program),
        7 => {
            let (id, size) = (lock(&host.ledger).id(program.byte()), program.pick(&SIZES));
            let mut accepted = MaybeUninit::uninit();
            // SAFETY: so many bytes are there.
            let status = known(unsafe { nano_request_write(runtime, id, zeros(size), Some(&mut accepted)) });
            // SAFETY: it is set whatever the status.
            assert_eq!(unsafe { accepted.assume_init() } == size, status == NANO_OK || size == 0);
        }
        8 => drop(known(nano_request_end(runtime, lock(&host.ledger).id(program.byte())))),
        // SAFETY: a valid text.
        9 => drop(known(unsafe { nano_request_abort(runtime, lock(&host.ledger).id(program.byte()), text("cut")) })),
        10 => drop(known(nano_request_cancel(runtime, lock(&host.ledger).id(program.byte())))),
        11 => {
            let (id, bytes) = (lock(&host.ledger).id(program.byte()), program.pick(&[0, 1, 40_000, 65_536, u32::MAX]));
            known(nano_response_credit(runtime, id, bytes));
        }
        12 => drop(host.poll(program.pick(&[1, 2, 32]), None)),
        13 => drop(host.poll(program.pick(&[1, 2, 32]), Some(program.pick(&[0, 1, 3])))),
        14..=16 => answer(host, program),
        17 => view(host, program),
        18 => reload(host, program),
        19 => {
            let (place, grace_ms) = (program.below(NAMES.len()), program.pick(&[0, 1, 5]));
            let app = host.app(place);
            host.waiting(|| known(nano_app_unload(app.as_deref().and_then(AppHandle::get), grace_ms, None)));
        }
        20 => {
            let place = program.below(NAMES.len());
            let kept = lock(&host.apps)[place].take();
            drop(kept);
        }
        21 => find(host, program),
        22 => look_around(host, program),
        23 => wrong(host, program),
        24 => {
            let app = host.app(program.below(NAMES.len()));
            let mut instances = MaybeUninit::new(u32::MAX);
            let status = host.waiting(|| known(nano_app_kill(app.as_deref().and_then(AppHandle::get), Some(&mut instances), None)));
            // SAFETY: it was set before.
            let instances = unsafe { instances.assume_init() };
            assert!(instances != u32::MAX && (status == NANO_OK || instances == 0));
        }
        _ => {
            let (ms, manual) = (program.pick(&[0, 1, 40, 1_000, u64::MAX]), host.manual);
            let good = manual && ms != u64::MAX;
            check(nano_runtime_advance(Some(&host.runtime), ms), if good { NANO_OK } else { NANO_E_INVALID });
        }
    }
}

fn load(host: &Host, program: &mut Program) {
    let place = program.below(NAMES.len());
    let env = Env::new(0);
    let mut options = apps::options(program, NAMES[place], &env);
    options.user_data = host.begin_version();
    let mut app = MaybeUninit::uninit();
    let mut error = MaybeUninit::uninit();
    // SAFETY: a valid struct.
    let status = host.waiting(|| known(unsafe { nano_app_load(Some(&host.runtime), &options, Some(&mut app), Some(&mut error)) }));
    host.has_begun_version(options.user_data);
    // SAFETY: both are set whatever the status.
    let (app, error) = unsafe { (app.assume_init(), error.assume_init()) };
    assert_eq!((app.is_some(), error.is_some()), (status == NANO_OK, status != NANO_OK));
    assert_eq!(nano_error_code(error.as_deref()), status);
    nano_error_free(error);
    if app.is_some() {
        host.keep(place, app);
    }
}

fn reload(host: &Host, program: &mut Program) {
    let app = host.app(program.below(NAMES.len()));
    let env = Env::new(0);
    let mut options = apps::options(program, "ignored", &env);
    let app = app.as_deref().and_then(AppHandle::get);
    if app.is_some() {
        options.user_data = host.begin_version();
    }
    // SAFETY: a valid struct.
    host.waiting(|| known(unsafe { nano_app_reload(app, &options, None) }));
    if app.is_some() {
        host.has_begun_version(options.user_data);
    }
}

fn find(host: &Host, program: &mut Program) {
    let (place, to) = (program.below(NAMES.len()), program.below(NAMES.len()));
    let mut app = MaybeUninit::uninit();
    // SAFETY: a valid name.
    let status = known(unsafe { nano_app_find(Some(&host.runtime), text(NAMES[place]), Some(&mut app)) });
    // SAFETY: it is set whatever the status.
    let app = unsafe { app.assume_init() };
    assert_eq!(app.is_some(), status == NANO_OK);
    if app.is_some() {
        host.keep(to, app);
    }
}

/// A request for a path.
pub fn request(path: &'static str, body_kind: u32) -> nano_request_init {
    // A URL per path, made once: the library copies it, but only as long as the call lasts.
    static URLS: std::sync::OnceLock<Vec<(&str, String)>> = std::sync::OnceLock::new();
    let urls = URLS.get_or_init(|| PATHS.iter().map(|path| (*path, format!("http://host{path}"))).collect());
    let url: &'static str = urls.iter().find(|(known, _)| *known == path).map_or("http://host/", |(_, url)| url);
    let body = nano_owned { ptr: null(), len: 0, release: None, ctx: null_mut() };
    let method = text(if body_kind == NANO_BODY_NONE { "GET" } else { "POST" });
    let size = size_of::<nano_request_init>();
    nano_request_init { size, method, url: text(url), headers: null(), headers_count: 0, body, body_kind, deadline_ms: 0 }
}

fn chosen_request(program: &mut Program) -> nano_request_init {
    let path = program.pick(&PATHS);
    let choice = program.byte();
    let mut init = request(path, u32::from(choice & 3));
    if init.body_kind == NANO_BODY_WHOLE {
        init.body = owned(SIZES[usize::from(choice >> 2 & 3)], choice & 16 != 0);
    }
    init.deadline_ms = if choice & 32 != 0 { 5 } else { 0 };
    init
}

fn dispatch(host: &Host, program: &mut Program) {
    let app = host.app(program.below(NAMES.len()));
    let init = chosen_request(program);
    let user_data = host.serial.fetch_add(1, Ordering::Relaxed);
    let mut id = MaybeUninit::uninit();
    let app = app.as_deref().and_then(AppHandle::get);
    // SAFETY: a valid struct; a pointer that nobody looks behind.
    let status = known(unsafe { nano_dispatch(app, &init, user_data as *mut c_void, Some(&mut id), None) });
    // SAFETY: it is set whatever the status.
    accepted(host, status, unsafe { id.assume_init() }, Kind::Request, user_data);
}

fn invoke(host: &Host, program: &mut Program) {
    let app = host.app(program.below(NAMES.len()));
    let (export, args) = (text(program.pick(&EXPORTS)), bytes(program.pick(&ARGUMENTS)));
    let user_data = host.serial.fetch_add(1, Ordering::Relaxed);
    let mut id = MaybeUninit::uninit();
    let app = app.as_deref().and_then(AppHandle::get);
    // SAFETY: valid bytes; a pointer that nobody looks behind.
    let status = known(unsafe {
        match program.below(4) {
            0 => nano_app_schedule(app, export, 60_000, user_data as *mut c_void, Some(&mut id), None),
            _ => nano_invoke(app, export, args, user_data as *mut c_void, Some(&mut id), None),
        }
    });
    // SAFETY: it is set whatever the status.
    accepted(host, status, unsafe { id.assume_init() }, Kind::Invocation, user_data);
}

fn accepted(host: &Host, status: nano_status, id: u64, kind: Kind, user_data: usize) {
    assert_eq!(status == NANO_OK, id != 0, "status {status}, id {id:#x}");
    if status == NANO_OK {
        lock(&host.ledger).accept(id, kind, user_data);
    }
}

/// The calls that block until an app has answered.
fn wait_for_answer(host: &Host, program: &mut Program) {
    let app = host.app(program.below(NAMES.len()));
    let app = app.as_deref().and_then(AppHandle::get);
    if program.byte() & 1 == 0 {
        let init = chosen_request(program);
        let mut response = MaybeUninit::uninit();
        // SAFETY: a valid struct.
        let status = known(unsafe { nano_fetch(app, &init, 5, Some(&mut response), None) });
        // SAFETY: it is set whatever the status.
        let response = unsafe { response.assume_init() };
        assert_eq!(response.is_some(), status == NANO_OK);
        nano_response_free(response);
    } else {
        let mut result = MaybeUninit::uninit();
        let (export, args) = (text(program.pick(&EXPORTS)), bytes(program.pick(&ARGUMENTS)));
        // SAFETY: valid bytes.
        let status = known(unsafe { nano_invoke_wait(app, export, args, 5, Some(&mut result), None) });
        // SAFETY: it is set whatever the status.
        let mut result = unsafe { result.assume_init() };
        assert_eq!(result.r#type == NANO_EVENT_RESULT, status == NANO_OK);
        // SAFETY: an event of the library's.
        unsafe { nano_event_release(&mut result, 1) };
    }
}

/// Answers a call in one of the ways there are, whatever became of it.
fn answer(host: &Host, program: &mut Program) {
    let runtime = Some(&*host.runtime);
    let call = lock(&host.ledger).call(program.byte());
    match program.below(7) {
        0 | 1 => {
            let choice = program.byte();
            let body_kind = u32::from(choice & 3);
            let whole = body_kind == NANO_BODY_WHOLE;
            let response = nano_call_response {
                size: size_of::<nano_call_response>(),
                status: [200, 204, 404, 99][usize::from(choice >> 6)],
                body_kind,
                status_text: text("fine"),
                headers: null(),
                headers_count: 0,
                body: owned(if whole { SIZES[usize::from(choice >> 2 & 3)] } else { 0 }, choice & 16 != 0),
            };
            // SAFETY: a valid struct.
            known(unsafe { nano_call_respond(runtime, call, &response, None) });
        }
        2 => {
            let objects = env::answer(&host.runtime, call, program);
            lock(&host.ledger).give(objects);
        }
        3 => {
            let failure = program.pick(&FAILURES);
            known(match failure.split_once(": ") {
                // SAFETY: valid texts.
                Some((name, message)) => unsafe { nano_call_throw(runtime, call, text(name), text(message)) },
                // SAFETY: as above.
                None => unsafe { nano_call_fail(runtime, call, text(failure)) },
            });
        }
        4 => {
            let mut accepted = MaybeUninit::uninit();
            // SAFETY: so many bytes are there.
            known(unsafe { nano_call_write(runtime, call, zeros(program.pick(&SIZES)), Some(&mut accepted)) });
        }
        5 => drop(known(nano_call_end(runtime, call))),
        _ => drop(known(nano_call_credit(runtime, call, program.pick(&[0, 1, 65_536])))),
    }
}

fn view(host: &Host, program: &mut Program) {
    // Held until the view is looked at: another thread may hear of its version's end.
    let ledger = lock(&host.ledger);
    let call = ledger.call(program.byte());
    let mut view = MaybeUninit::uninit();
    let status = known(nano_call_request(Some(&host.runtime), call, Some(&mut view)));
    // SAFETY: it is set whatever the status.
    let view = unsafe { view.assume_init() };
    assert_eq!(view.is_null(), status != NANO_OK);
    // SAFETY: a view of the library's, or NULL.
    unsafe {
        if let Some(view) = view.as_ref() {
            env::look_at_call(view);
            ledger.version_calls(view.user_data as usize);
        }
        nano_call_view_free(view);
    }
}

fn look_around(host: &Host, program: &mut Program) {
    let runtime = Some(&*host.runtime);
    match program.below(7) {
        0 => drop(host.counters()),
        6 => queues(host),
        1 => {
            let mut metrics = MaybeUninit::uninit();
            check(nano_runtime_metrics(runtime, Some(&mut metrics)), NANO_OK);
            // SAFETY: it was made.
            let metrics = unsafe { metrics.assume_init() };
            assert!(nano_text_bytes(metrics.as_deref()).len > 0);
            nano_text_free(metrics);
        }
        2 => host.release_held(),
        3 => {
            extern "C" fn ring(_: *mut c_void) {}
            let doorbell = (program.byte() & 1 == 0).then_some(ring as extern "C" fn(*mut c_void));
            check(nano_runtime_set_doorbell(runtime, doorbell, null_mut()), NANO_OK);
        }
        // What only a runtime of the program's own survives.
        4 if host.own => {
            let grace_ms = program.pick(&[0, 1, 5]);
            host.waiting(|| known(nano_runtime_drain(runtime, grace_ms)));
        }
        5 if host.own => host.waiting(|| check(nano_runtime_close(runtime), NANO_OK)),
        _ => std::thread::yield_now(),
    }
}

/// What each queue holds; one may be gone before it is asked.
fn queues(host: &Host) {
    let runtime = Some(&*host.runtime);
    let (mut list, mut count) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    check(nano_runtime_queues(runtime, Some(&mut list)), NANO_OK);
    // SAFETY: it was made.
    let list = unsafe { list.assume_init() };
    let names = nano_queues_names(list.as_deref(), Some(&mut count));
    // SAFETY: it is set.
    let count = unsafe { count.assume_init() };
    assert_eq!(names.is_null(), count == 0);
    for index in 0..count {
        // SAFETY: integers only.
        let mut counters: nano_queue_counters = unsafe { std::mem::zeroed() };
        counters.size = size_of::<nano_queue_counters>();
        // SAFETY: so many names are there; a struct that has as many bytes as it says.
        let status = known(unsafe { nano_queue_stats(runtime, *names.add(index), &mut counters) });
        assert!(status == NANO_OK || status == NANO_E_NOT_FOUND);
    }
    nano_queues_free(list);
}

/// Calls that no host should make: NULL, sizes that were never set, flags and kinds that nobody knows.
fn wrong(host: &Host, program: &mut Program) {
    let runtime = Some(&*host.runtime);
    let app = host.app(program.below(NAMES.len()));
    let app = app.as_deref().and_then(AppHandle::get);
    let mut id = MaybeUninit::uninit();
    let mut count = MaybeUninit::uninit();
    let mut init = request("/", NANO_BODY_NONE);
    // SAFETY: NULL and wrong numbers are what these functions check for; every other pointer is valid.
    unsafe {
        match program.below(13) {
            0 => {
                init.size = program.pick(&[0, 1, 7, 5_000, usize::MAX]);
                check(nano_dispatch(app, &init, null_mut(), Some(&mut id), None), NANO_E_INVALID);
            }
            1 => check(nano_dispatch(app, null(), null_mut(), Some(&mut id), None), NANO_E_INVALID),
            2 => {
                init.body_kind = NANO_BODY_WHOLE;
                init.body = owned(1_000, true);
                check(nano_dispatch(app, &init, null_mut(), None, None), NANO_E_INVALID);
            }
            3 => {
                init.body = owned(1_000, true);
                check(nano_dispatch(app, &init, null_mut(), Some(&mut id), None), NANO_E_INVALID);
            }
            4 => {
                init.url = nano_bytes { ptr: null(), len: 9 };
                check(nano_dispatch(app, &init, null_mut(), Some(&mut id), None), NANO_E_INVALID);
            }
            5 => {
                // An older header's struct: what it does not have is zero, so there is no URL.
                init.size = 24;
                check(nano_dispatch(app, &init, null_mut(), Some(&mut id), None), NANO_E_INVALID);
            }
            6 => {
                init.method = bytes(&[0xff]);
                check(nano_dispatch(app, &init, null_mut(), Some(&mut id), None), NANO_E_INVALID);
            }
            7 => {
                let header = nano_header { name: text("a b"), value: text("c") };
                (init.headers, init.headers_count) = (&header, 1);
                check(nano_dispatch(app, &init, null_mut(), Some(&mut id), None), NANO_E_INVALID);
            }
            8 => check(nano_poll(runtime, null_mut(), 8, Some(&mut count)), NANO_E_INVALID),
            9 => check(nano_app_load(runtime, null(), None, None), NANO_E_INVALID),
            10 => {
                check(nano_request_cancel(None, 1), NANO_E_INVALID);
                check(nano_runtime_drain(None, 1), NANO_E_INVALID);
                check(nano_app_unload(None, 1, None), NANO_E_INVALID);
                check(nano_app_kill(None, None, None), NANO_E_INVALID);
                check(nano_runtime_queues(runtime, None), NANO_E_INVALID);
                check(nano_call_end(None, 1), NANO_E_INVALID);
                check(nano_call_request(runtime, 1, None), NANO_E_INVALID);
            }
            11 => {
                let env = Env::new(program.byte());
                let mut options = apps::canary();
                env.declare(&mut options);
                let mut app = MaybeUninit::uninit();
                let status = host.waiting(|| known(nano_app_load(Some(&host.runtime), &options, Some(&mut app), None)));
                // Where there is room, and the name is free, all that is left to say is that the env cannot be.
                assert!(!env.is_good || status != NANO_E_INVALID);
                assert!(env.is_good || status != NANO_OK);
                if let Some(app) = app.assume_init() {
                    host.keep(NAMES.len() - 1, Some(app));
                }
            }
            _ => {
                nano_app_free(None);
                nano_error_free(None);
                nano_response_free(None);
                nano_runtime_free(None);
                nano_text_free(None);
                nano_queues_free(None);
                nano_event_release(null_mut(), 3);
                nano_call_view_free(null_mut());
            }
        }
    }
}

/// What the app says is in flight.
pub fn in_flight(app: &AppHandle) -> u64 {
    // SAFETY: integers only.
    let mut counters: nano_app_counters = unsafe { std::mem::zeroed() };
    counters.size = size_of::<nano_app_counters>();
    // SAFETY: a struct that has as many bytes as it says.
    check(unsafe { nano_app_stats(app.get(), &mut counters) }, NANO_OK);
    counters.in_flight
}

pub fn bytes(bytes: &'static [u8]) -> nano_bytes {
    nano_bytes { ptr: bytes.as_ptr(), len: bytes.len() }
}

fn zeros(count: usize) -> nano_bytes {
    bytes(&ZEROS[..count])
}

/// Bytes that are lent, or handed over and counted.
fn owned(len: usize, hand_over: bool) -> nano_owned {
    if hand_over {
        HANDED.fetch_add(1, Ordering::SeqCst);
    }
    let release = hand_over.then_some(release as extern "C" fn(*mut c_void));
    nano_owned { ptr: ZEROS.as_ptr(), len, release, ctx: null_mut() }
}
