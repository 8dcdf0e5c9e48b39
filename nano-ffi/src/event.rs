//! Events: what happened, in 64 bytes.

use std::ffi::c_void;

use nano_core::cbor::{self, CborLimits};
use nano_core::{Account, Error, Event, LogLevel, Payload, Result, Status, Value, limits};

use crate::error::nano_error;
use crate::guard;
use crate::open;
use crate::response::{nano_account, nano_response};
use crate::status::nano_status;
use crate::types::nano_bytes;

/// The id of a request or invocation; never 0, never given twice.
pub type nano_request = u64;
/// The id of an app's call to the host; never 0, never given twice, never that of a request.
pub type nano_call = u64;

/// Nothing; what an event becomes when it is released.
pub const NANO_EVENT_NONE: u32 = 0;
/// A response: as.response. With NANO_FLAG_END it has its whole body, otherwise CHUNK events and END follow.
pub const NANO_EVENT_RESPONSE: u32 = 1;
/// A piece of a response's body: as.chunk. Give its length back with nano_response_credit.
pub const NANO_EVENT_CHUNK: u32 = 2;
/// A response that came in pieces is complete.
pub const NANO_EVENT_END: u32 = 3;
/// The request or invocation failed: as.error. Also in the middle of a body.
pub const NANO_EVENT_ERROR: u32 = 4;
/// There is room again in the body that nano_request_write or nano_call_write said NANO_AGAIN for.
pub const NANO_EVENT_WRITABLE: u32 = 5;
/// What an invocation returned: as.value, CBOR.
pub const NANO_EVENT_RESULT: u32 = 6;
/// An app calls you; id is a nano_call. Look with nano_call_request; answer once with nano_call_respond, nano_call_return
/// or nano_call_fail, when you like.
pub const NANO_EVENT_CALL: u32 = 7;
/// A piece of the body of an app's call: as.chunk, empty at its end. Give its length back with nano_call_credit.
pub const NANO_EVENT_CALL_CHUNK: u32 = 8;
/// Nobody waits for the answer to this call any more.
pub const NANO_EVENT_CALL_CANCELED: u32 = 9;
/// An app said something on its console: as.log. Only if asked for by NANO_EVENTS_LOG.
pub const NANO_EVENT_LOG: u32 = 10;
/// An app changed its state: as.app. Only if asked for by NANO_EVENTS_APP.
pub const NANO_EVENT_APP: u32 = 11;

/// An app has given back an object of yours, once: id is your number, as.release says whose it was. For each time you gave an
/// object there is exactly one such event: when the app's garbage is collected, and at the latest when its instance ends.
pub const NANO_EVENT_RELEASE: u32 = 12;

/// A version of an app has ended; user_data is what you gave with it. It makes no more calls, holds no more objects of yours, and this is the
/// last event that is about it: free what you keep for it. There is exactly one for each nano_app_load and nano_app_reload with user_data: when
/// a later version serves, or the app is unloaded or its runtime closed, and what the version has begun has ended; or, if it was not loaded,
/// whatever the status was, when nothing of it is left. Only where an argument was NULL, the size of the struct wrong or the process a fork,
/// nothing has begun, and nothing ends. After nano_poll or nano_wait has said NANO_E_SHUTDOWN there is none any more: what has had none by then
/// is yours again, as is what you give after that.
pub const NANO_EVENT_VERSION_END: u32 = 13;

/// The last event of its id: free what you keep for it.
pub const NANO_FLAG_END: u32 = 1;

/// console.debug.
pub const NANO_LOG_DEBUG: u32 = 0;
/// console.log and console.info.
pub const NANO_LOG_INFO: u32 = 1;
/// console.warn.
pub const NANO_LOG_WARN: u32 = 2;
/// console.error and uncaught exceptions.
pub const NANO_LOG_ERROR: u32 = 3;

/// What an app said on its console. Only the library makes these; fields may be added at the end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_log {
    /// NANO_LOG_...
    pub level: u32,
    /// Zero.
    pub reserved: u32,
    /// Lines of this app that were dropped before this one, because they were more than its limit.
    pub dropped: u64,
    /// The app's name; empty where the runtime itself has something to say.
    pub app: nano_bytes,
    /// The text.
    pub text: nano_bytes,
}

/// An app's change of state. Only the library makes these; fields may be added at the end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_app_change {
    /// The app's name.
    pub app: nano_bytes,
    /// "loaded", "started", "evicted", "condemned", "reloaded", "unloaded", "quarantined"; there may be more.
    pub state: nano_bytes,
    /// Why, where there is a reason.
    pub reason: nano_bytes,
}

/// An object that is not held any more. Only the library makes these; fields may be added at the end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_release {
    /// The app's name.
    pub app: nano_bytes,
    /// The object's class.
    pub binding: nano_bytes,
}

/// What an event carries; its type says which.
#[repr(C)]
#[derive(Clone, Copy)]
pub union nano_event_as {
    /// Of RESPONSE. To keep it, take the pointer, set this to NULL, and free it with nano_response_free.
    pub response: *mut nano_response,
    /// Of ERROR. To keep it, take the pointer, set this to NULL, and free it with nano_error_free.
    pub error: *mut nano_error,
    /// Of CHUNK and CALL_CHUNK. To keep it, keep the event.
    pub chunk: nano_bytes,
    /// Of RESULT, in CBOR. To keep it, keep the event.
    pub value: nano_bytes,
    /// Of LOG.
    pub log: *const nano_log,
    /// Of APP.
    pub app: *const nano_app_change,
    /// Of RELEASE.
    pub release: *const nano_release,
    /// Room for what later versions bring.
    pub reserved: [u64; 4],
}

/// Something that happened. Types you do not know are to be skipped; debug builds of the library deliver one such event
/// first of all. An event is a value: you may move its 64 bytes elsewhere, and release it there, once, whenever you like.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nano_event {
    /// NANO_EVENT_...
    pub r#type: u32,
    /// NANO_FLAG_...
    pub flags: u32,
    /// The request, invocation or call it belongs to; your number of the object for RELEASE; 0 for LOG, APP and VERSION_END.
    pub id: u64,
    /// What you gave with the request, or for VERSION_END with the version; NULL for calls, RELEASE, LOG and APP.
    pub user_data: *mut c_void,
    /// What it carries.
    pub r#as: nano_event_as,
    /// The library's.
    pub owner: *mut c_void,
}

/// The type of the event that debug builds inject: one that no host knows.
pub(crate) const EVENT_FROM_THE_FUTURE: u32 = 0x7FFF_FFFF;

/// What an event keeps alive besides a response or an error.
#[expect(dead_code, reason = "bytes and texts are there for the pointers into them")]
enum Owner {
    Bytes(Vec<u8>),
    Account(Account),
    Result(Vec<u8>, Account),
    Log(nano_log, [String; 2]),
    App(nano_app_change, [String; 2]),
    Release(nano_release, [String; 2]),
}

/// What the request used so far, of a RESPONSE, END, ERROR or RESULT event: all of it if the event is the last one.
/// NANO_E_NOT_FOUND for other events, and if you took the payload: then ask nano_response_account or nano_error_account.
/// account begins with NANO_ACCOUNT_INIT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_event_account(event: Option<&nano_event>, account: *mut nano_account) -> nano_status {
    guard::status(|| {
        // SAFETY: the event is one that the library filled and the caller has not released.
        let used = unsafe { guard::handle(event, "event")?.account() };
        let used = used.ok_or_else(|| Error::new(Status::NotFound, "the event carries no account"))?;
        // SAFETY: the caller's struct has as many bytes as its size says.
        unsafe { open::write(account, &nano_account::of(used)) }?;
        Ok(Status::Ok)
    })
}

/// Frees what is left in count events, in any order and on any thread, and makes them NANO_EVENT_NONE, which may be
/// released again. A response or an error whose pointer you set to NULL is yours and stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_event_release(events: *mut nano_event, count: usize) {
    guard::free(Released { events, count });
}

/// Events that are released by being dropped, which a forked child does not do.
struct Released {
    events: *mut nano_event,
    count: usize,
}

impl Drop for Released {
    fn drop(&mut self) {
        if self.events.is_null() {
            return;
        }
        for index in 0..self.count {
            // SAFETY: the caller has `count` events there, filled by the library and moved at most.
            unsafe { (*self.events.add(index)).release() };
        }
    }
}

impl nano_event {
    /// An event that nobody knows.
    pub(crate) fn from_the_future() -> Self {
        Self::new(EVENT_FROM_THE_FUTURE, 0, std::ptr::null_mut())
    }

    /// The core's event, as C has it.
    pub(crate) fn from_core(event: Event) -> Self {
        let mut c = Self::new(NANO_EVENT_NONE, event.id, event.user_data as usize as *mut c_void);
        if event.payload.is_terminal() {
            c.flags = NANO_FLAG_END;
        }
        match event.payload {
            Payload::Response { head, body, account, .. } => {
                c.r#type = NANO_EVENT_RESPONSE;
                c.r#as.response = Box::into_raw(Box::new(nano_response::new(head, body, account)));
            }
            Payload::Chunk(bytes) => c.chunk(NANO_EVENT_CHUNK, bytes),
            Payload::End(account) => {
                c.r#type = NANO_EVENT_END;
                c.own(Owner::Account(account));
            }
            Payload::Error(error, account) => c.error(error, account),
            Payload::Writable => c.r#type = NANO_EVENT_WRITABLE,
            Payload::Result(value, account) => c.result(&value, account),
            Payload::Call => c.r#type = NANO_EVENT_CALL,
            Payload::CallChunk(bytes) => c.chunk(NANO_EVENT_CALL_CHUNK, bytes),
            Payload::CallCanceled => (c.r#type, c.flags) = (NANO_EVENT_CALL_CANCELED, NANO_FLAG_END),
            Payload::Log { app, level, text, dropped } => c.log([app, text], level, dropped),
            Payload::App { app, state, reason } => c.app([app, reason], state),
            Payload::Release { app, class } => c.release_of([app, class]),
            Payload::VersionEnd => c.r#type = NANO_EVENT_VERSION_END,
            // What this library has no name for yet is of an unknown type to the host as well.
            _ => c.r#type = EVENT_FROM_THE_FUTURE,
        }
        c
    }

    /// The event of an invocation that was waited for.
    pub(crate) fn of_result(value: &Value, account: Account) -> Result<Self> {
        let mut c = Self::new(NANO_EVENT_NONE, 0, std::ptr::null_mut());
        c.flags = NANO_FLAG_END;
        c.value(value, account)?;
        Ok(c)
    }

    /// An event that carries nothing.
    pub(crate) fn none() -> Self {
        Self::new(NANO_EVENT_NONE, 0, std::ptr::null_mut())
    }

    fn new(r#type: u32, id: u64, user_data: *mut c_void) -> Self {
        Self { r#type, flags: 0, id, user_data, r#as: nano_event_as { reserved: [0; 4] }, owner: std::ptr::null_mut() }
    }

    fn own(&mut self, owner: Owner) -> *const Owner {
        let owner = Box::into_raw(Box::new(owner));
        self.owner = owner.cast();
        owner
    }

    fn chunk(&mut self, r#type: u32, bytes: Vec<u8>) {
        self.r#type = r#type;
        self.r#as.chunk = nano_bytes::of(&bytes);
        self.own(Owner::Bytes(bytes));
    }

    fn error(&mut self, error: Error, account: Account) {
        self.r#type = NANO_EVENT_ERROR;
        self.r#as.error = Box::into_raw(Box::new(nano_error::new(error, Some(account))));
    }

    fn result(&mut self, value: &Value, account: Account) {
        // A value that is too large to cross ends the invocation as well as any other error.
        if let Err(error) = self.value(value, account) {
            self.error(error, account);
        }
    }

    fn value(&mut self, value: &Value, account: Account) -> Result<()> {
        let mut bytes = Vec::new();
        cbor::encode(value, &mut bytes, &cbor_limits())?;
        self.r#type = NANO_EVENT_RESULT;
        self.r#as.value = nano_bytes::of(&bytes);
        self.own(Owner::Result(bytes, account));
        Ok(())
    }

    fn log(&mut self, [app, text]: [String; 2], level: LogLevel, dropped: u64) {
        let (app_bytes, text_bytes) = (nano_bytes::of(app.as_bytes()), nano_bytes::of(text.as_bytes()));
        let record = nano_log { level: level_of(level), reserved: 0, dropped, app: app_bytes, text: text_bytes };
        let owner = self.own(Owner::Log(record, [app, text]));
        self.r#type = NANO_EVENT_LOG;
        // SAFETY: `own` has just made it.
        if let Owner::Log(record, _) = unsafe { &*owner } {
            self.r#as.log = record;
        }
    }

    fn app(&mut self, [app, reason]: [String; 2], state: &'static str) {
        let (app_bytes, reason_bytes) = (nano_bytes::of(app.as_bytes()), nano_bytes::of(reason.as_bytes()));
        let record = nano_app_change { app: app_bytes, state: nano_bytes::of(state.as_bytes()), reason: reason_bytes };
        let owner = self.own(Owner::App(record, [app, reason]));
        self.r#type = NANO_EVENT_APP;
        // SAFETY: `own` has just made it.
        if let Owner::App(record, _) = unsafe { &*owner } {
            self.r#as.app = record;
        }
    }

    fn release_of(&mut self, [app, class]: [String; 2]) {
        let record = nano_release { app: nano_bytes::of(app.as_bytes()), binding: nano_bytes::of(class.as_bytes()) };
        let owner = self.own(Owner::Release(record, [app, class]));
        self.r#type = NANO_EVENT_RELEASE;
        // SAFETY: `own` has just made it.
        if let Owner::Release(record, _) = unsafe { &*owner } {
            self.r#as.release = record;
        }
    }

    /// # Safety
    ///
    /// The library filled the event, and it has not been released.
    unsafe fn account(&self) -> Option<&Account> {
        // SAFETY: the type says which part of the union there is; its pointers are the library's or NULL.
        unsafe {
            match self.r#type {
                NANO_EVENT_RESPONSE => self.r#as.response.as_ref().map(nano_response::account),
                NANO_EVENT_ERROR => self.r#as.error.as_ref().and_then(nano_error::account),
                NANO_EVENT_END | NANO_EVENT_RESULT => match self.owner.cast::<Owner>().as_ref() {
                    Some(Owner::Account(account) | Owner::Result(_, account)) => Some(account),
                    _ => None,
                },
                _ => None,
            }
        }
    }

    /// # Safety
    ///
    /// The library filled the event; no copy of it has been released.
    unsafe fn release(&mut self) {
        let event = std::mem::replace(self, Self::none());
        // SAFETY: each pointer came from `Box::into_raw` of its type, and is NULL if it has been taken.
        unsafe {
            match event.r#type {
                NANO_EVENT_RESPONSE if !event.r#as.response.is_null() => drop(Box::from_raw(event.r#as.response)),
                NANO_EVENT_ERROR if !event.r#as.error.is_null() => drop(Box::from_raw(event.r#as.error)),
                _ => {}
            }
            if !event.owner.is_null() {
                drop(Box::from_raw(event.owner.cast::<Owner>()));
            }
        }
    }
}

fn level_of(level: LogLevel) -> u32 {
    match level {
        LogLevel::Debug => NANO_LOG_DEBUG,
        LogLevel::Info => NANO_LOG_INFO,
        LogLevel::Warn => NANO_LOG_WARN,
        LogLevel::Error => NANO_LOG_ERROR,
    }
}

/// What a value may cost that crosses between host and app.
pub(crate) fn cbor_limits() -> CborLimits {
    CborLimits { bytes_max: limits::CALL_BYTES_MAX, ..CborLimits::default() }
}
