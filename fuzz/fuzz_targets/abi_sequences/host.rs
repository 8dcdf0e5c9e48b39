//! The host of one program: a runtime, handles, what it was told; and what must hold when the program is over.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use nano::*;

use crate::apps::{self, NAMES};
use crate::calls;
use crate::ledger::{Kind, Ledger};
use crate::program::Program;

/// Calls of a program at most: what it started must be over in time.
const CALLS_MAX: usize = 96;
/// How long something may take that must come.
const PATIENCE: Duration = Duration::from_secs(8);

/// A handle of an app, freed when nobody uses it any more, as the header asks.
pub struct AppHandle(Option<Box<nano_app>>);

impl AppHandle {
    pub fn get(&self) -> Option<&nano_app> {
        self.0.as_deref()
    }
}

impl Drop for AppHandle {
    fn drop(&mut self) {
        nano_app_free(self.0.take());
    }
}

/// A runtime, and all that its host remembers.
pub struct Host {
    pub runtime: Box<nano_runtime>,
    pub apps: Mutex<[Option<Arc<AppHandle>>; NAMES.len()]>,
    pub ledger: Mutex<Ledger>,
    /// Events kept for later.
    pub held: Mutex<Vec<Held>>,
    pub serial: AtomicUsize,
    /// Whether the runtime lives for this program alone, which may then end it.
    pub own: bool,
    /// Whether its clock stands until it is moved.
    pub manual: bool,
}

/// An event is a value that may be released on any thread.
pub struct Held(pub nano_event);

// SAFETY: what an event points to is the library's, which lets it be released anywhere.
unsafe impl Send for Held {}

/// Buffers handed over and given back, in the whole process.
pub static HANDED: AtomicUsize = AtomicUsize::new(0);
pub static RELEASED: AtomicUsize = AtomicUsize::new(0);

/// Plays one program, and checks what it left.
pub fn play(input: &[u8]) {
    // The runtime that lives on: making one costs more than a short program.
    static KEPT: OnceLock<Mutex<Option<Host>>> = OnceLock::new();
    let kept = KEPT.get_or_init(|| Mutex::new(Some(Host::new(2, 0, false))));
    let mut program = Program::new(input);
    let choice = program.byte();
    let own = choice & 7 == 7;
    let mut kept = lock(kept);
    let flags = if own && choice & 64 != 0 { NANO_RUNTIME_MANUAL_CLOCK } else { 0 };
    let host = if own { Host::new(1 + u32::from(choice >> 3 & 1), flags, true) } else { kept.take().expect("it was put back") };
    if choice & 16 == 0 {
        host.run(program);
    } else {
        let (first, second) = program.split();
        std::thread::scope(|scope| {
            scope.spawn(|| host.run(second));
            host.run(first);
        });
    }
    if own {
        host.end(choice & 32 != 0);
    } else {
        *kept = Some(host.settle());
    }
    assert_eq!(HANDED.load(Ordering::SeqCst), RELEASED.load(Ordering::SeqCst), "buffers handed over, and released");
}

impl Host {
    fn new(threads: u32, flags: u32, own: bool) -> Self {
        let events = NANO_EVENTS_LOG | NANO_EVENTS_APP;
        let size = size_of::<nano_runtime_options>();
        let (apps, instances, requests, log_events, pool) = (3, 8, 40, 16, 1);
        let options = nano_runtime_options {
            size,
            threads,
            apps,
            instances,
            requests,
            log_events,
            pool,
            events,
            flags,
            clock_unix_ms: 0,
            cache_bytes: 0,
            roots: nano_bytes { ptr: std::ptr::null(), len: 0 },
        };
        let mut runtime = MaybeUninit::uninit();
        // SAFETY: a valid struct.
        check(unsafe { nano_runtime_new(&options, Some(&mut runtime), None) }, NANO_OK);
        // SAFETY: it was made.
        let runtime = unsafe { runtime.assume_init() }.expect("a runtime");
        let (apps, ledger, held) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { runtime, apps, ledger, held, serial: AtomicUsize::new(1), own, manual: flags != 0 }
    }

    fn run(&self, mut program: Program) {
        let mut calls = 0;
        while !program.is_over() && calls < CALLS_MAX {
            calls::make(self, &mut program);
            calls += 1;
        }
    }

    /// An app's handle, if there is one in this place.
    pub fn app(&self, place: usize) -> Option<Arc<AppHandle>> {
        lock(&self.apps)[place].clone()
    }

    /// Keeps a handle in a place; what was there before is freed.
    pub fn keep(&self, place: usize, app: Option<Box<nano_app>>) {
        let before = lock(&self.apps)[place].replace(Arc::new(AppHandle(app)));
        drop(before);
    }

    /// What a version of an app is given that is about to be loaded.
    pub fn begin_version(&self) -> *mut c_void {
        let user_data = self.serial.fetch_add(1, Ordering::Relaxed);
        lock(&self.ledger).begin_version(user_data);
        user_data as *mut c_void
    }

    /// The call that was to load it has returned.
    pub fn has_begun_version(&self, user_data: *mut c_void) {
        lock(&self.ledger).has_begun_version(user_data as usize);
    }

    /// Takes events and hears what they say; how many there were.
    pub fn poll(&self, capacity: usize, wait_ms: Option<i32>) -> usize {
        let mut events = [const { MaybeUninit::<nano_event>::uninit() }; 32];
        let capacity = capacity.clamp(1, events.len());
        let mut count = MaybeUninit::uninit();
        // Held over the poll, so that two threads hear in the order in which they took.
        let mut ledger = lock(&self.ledger);
        let into = events.as_mut_ptr().cast();
        // SAFETY: there is room for so many.
        let status = unsafe {
            match wait_ms {
                Some(wait_ms) => nano_wait(Some(&self.runtime), into, capacity, wait_ms, Some(&mut count)),
                None => nano_poll(Some(&self.runtime), into, capacity, Some(&mut count)),
            }
        };
        // SAFETY: it is set whatever the status.
        let count = unsafe { count.assume_init() };
        let expected = match (wait_ms, count) {
            (Some(_), 0) => status == NANO_TIMEOUT || status == NANO_E_SHUTDOWN,
            (None, 0) => status == NANO_OK || status == NANO_E_SHUTDOWN,
            _ => status == NANO_OK,
        };
        assert!(expected && count <= capacity, "status {status}, {count} events of {capacity}, waited for {wait_ms:?}");
        ledger.look(status);
        for event in &mut events[..count] {
            // SAFETY: so many were filled.
            let event = unsafe { event.assume_init_mut() };
            ledger.hear(event);
            look(event);
            if event.id % 5 == 3 && lock(&self.held).len() < 64 {
                lock(&self.held).push(Held(*event));
            } else {
                // SAFETY: an event of the library's, released once.
                unsafe { nano_event_release(event, 1) };
            }
        }
        count
    }

    /// Releases the events that were kept.
    pub fn release_held(&self) {
        for mut held in std::mem::take(&mut *lock(&self.held)) {
            // SAFETY: an event of the library's, moved and released once.
            unsafe { nano_event_release(&mut held.0, 1) };
        }
    }

    pub fn counters(&self) -> nano_runtime_counters {
        // SAFETY: integers only.
        let mut counters: nano_runtime_counters = unsafe { std::mem::zeroed() };
        counters.size = size_of::<nano_runtime_counters>();
        // SAFETY: a struct that has as many bytes as it says.
        check(unsafe { nano_runtime_stats(Some(&self.runtime), &mut counters) }, NANO_OK);
        counters
    }

    /// Ends what the program left in a runtime that lives on, which must then be as it was, and of use to the next.
    fn settle(self) -> Self {
        check(nano_runtime_set_doorbell(Some(&self.runtime), None, null_mut()), NANO_OK);
        self.unload_all();
        self.answer_canary();
        self.unload_all();
        while self.poll(32, None) > 0 {}
        self.release_held();
        lock(&self.ledger).settle();
        let began = Instant::now();
        loop {
            let counters = self.counters();
            assert_eq!((counters.apps, counters.in_flight), (0, 0), "{counters:?}");
            // Those of lost threads are counted for ever: nothing in these programs may cost one.
            if counters.instances == 0 {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "instances of unloaded apps are still there: {counters:?}");
            std::thread::yield_now();
        }
        while self.poll(32, None) > 0 {}
        self.release_held();
        lock(&self.ledger).settle_instances();
        *lock(&self.ledger) = Ledger::default();
        self
    }

    /// Makes a call that blocks until an app has done something: time must go on meanwhile.
    pub fn waiting<T>(&self, call: impl FnOnce() -> T) -> T {
        if !self.manual {
            return call();
        }
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    check(nano_runtime_advance(Some(&self.runtime), 5), NANO_OK);
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            let result = call();
            done.store(true, Ordering::SeqCst);
            result
        })
    }

    /// Unloads whatever is loaded, and frees the handles.
    fn unload_all(&self) {
        for (place, name) in NAMES.iter().enumerate() {
            let mut app = MaybeUninit::uninit();
            // SAFETY: a valid name.
            let status = unsafe { nano_app_find(Some(&self.runtime), apps::text(name), Some(&mut app)) };
            // SAFETY: it is set whatever the status.
            let app = AppHandle(unsafe { app.assume_init() });
            if status == NANO_OK {
                let status = nano_app_unload(app.get(), 0, None);
                // On a busy machine a turn may run on for a while.
                assert!(status == NANO_OK || status == NANO_TIMEOUT, "status {status}");
                assert_eq!(calls::in_flight(&app), 0, "requests of {name}, which is unloaded");
            } else {
                check(status, NANO_E_NOT_FOUND);
            }
            let kept = lock(&self.apps)[place].take();
            drop(kept);
        }
    }

    /// A healthy app starts and answers, whatever came before.
    fn answer_canary(&self) {
        let began = Instant::now();
        let app = loop {
            let mut app = MaybeUninit::uninit();
            // SAFETY: a valid struct.
            let status = unsafe { nano_app_load(Some(&self.runtime), &apps::canary(), Some(&mut app), None) };
            // SAFETY: it is set whatever the status.
            let app = AppHandle(unsafe { app.assume_init() });
            if status == NANO_OK {
                break app;
            }
            // What was unloaded is disposed of when its thread has time.
            check(status, NANO_E_CAPACITY);
            assert!(began.elapsed() < PATIENCE, "there is no room for a healthy app: {:?}", self.counters());
            std::thread::yield_now();
        };
        let init = calls::request("/", NANO_BODY_NONE);
        let mut id = MaybeUninit::uninit();
        // SAFETY: a valid struct.
        check(unsafe { nano_dispatch(app.get(), &init, null_mut(), Some(&mut id), None) }, NANO_OK);
        // SAFETY: it was accepted.
        let id = unsafe { id.assume_init() };
        lock(&self.ledger).accept(id, Kind::Request, 0);
        while !lock(&self.ledger).has_ended(id) {
            assert!(began.elapsed() < PATIENCE, "a healthy app does not answer: {:?}", self.counters());
            self.poll(32, Some(100));
        }
    }

    /// Ends a runtime of the program's own.
    fn end(self, hear_all: bool) {
        if hear_all {
            check(nano_runtime_close(Some(&self.runtime)), NANO_OK);
            while self.poll(32, None) > 0 {}
            self.release_held();
            lock(&self.ledger).settle();
            let counters = self.counters();
            assert_eq!(counters.in_flight, 0, "{counters:?}");
            lock(&self.ledger).settle_instances();
        }
        let Self { runtime, apps, held, .. } = self;
        nano_runtime_free(Some(runtime));
        for mut held in held.into_inner().expect("no panic while it was held") {
            // SAFETY: an event may be released after its runtime.
            unsafe { nano_event_release(&mut held.0, 1) };
        }
        drop(apps);
    }
}

/// Reads what an event carries, as far as it can be read.
fn look(event: &nano_event) {
    // SAFETY: integers only.
    let mut account: nano_account = unsafe { std::mem::zeroed() };
    account.size = size_of::<nano_account>();
    // SAFETY: an event of the library's, and a struct that has as many bytes as it says.
    let status = unsafe { nano_event_account(Some(event), &mut account) };
    let carries = matches!(event.r#type, NANO_EVENT_RESPONSE | NANO_EVENT_END | NANO_EVENT_ERROR | NANO_EVENT_RESULT);
    check(status, if carries { NANO_OK } else { NANO_E_NOT_FOUND });
    match event.r#type {
        NANO_EVENT_RESPONSE => {
            // SAFETY: the type says which part of the union there is.
            let response = unsafe { event.r#as.response.as_ref() };
            assert!((200..=599).contains(&nano_response_status(response)));
            let body = nano_response_body(response);
            assert!(event.flags & NANO_FLAG_END != 0 || body.len == 0);
        }
        NANO_EVENT_ERROR => {
            // SAFETY: the type says which part of the union there is.
            let error = unsafe { event.r#as.error.as_ref() };
            let code = nano_error_code(error);
            known(code);
            assert!(code < 0 && nano_error_message(error).len > 0, "an error of status {code} and {} bytes", nano_error_message(error).len);
        }
        _ => {}
    }
}

/// A call must have ended like this.
#[track_caller]
pub fn check(status: nano_status, expected: nano_status) {
    assert_eq!(status, expected);
}

/// A call may end in any way that has a name, but not by a defect.
#[track_caller]
pub fn known(status: nano_status) -> nano_status {
    assert!((NANO_E_TOO_LARGE..=NANO_TIMEOUT).contains(&status) && status != NANO_E_PANIC, "status {status}");
    status
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a panic ends the process")
}

/// The release of a buffer that was handed over.
pub extern "C" fn release(_: *mut c_void) {
    RELEASED.fetch_add(1, Ordering::SeqCst);
}
