//! What requests and answers have in common: a body that is handed over, or follows in pieces.

use std::mem::MaybeUninit;

use nano_core::{Body, Result, Runtime, Status};

use crate::guard;
use crate::open::{self, Open, too_new};
use crate::options::{NANO_BODY_NONE, NANO_BODY_STREAM, NANO_BODY_UPGRADE, NANO_BODY_WHOLE, nano_call_response, nano_request_init};
use crate::runtime::nano_runtime;
use crate::status::nano_status;
use crate::types::{Handed, nano_bytes, nano_owned};

/// A struct of the caller's with a body in it.
pub(crate) trait Bearer: Open {
    /// The body's kind and its bytes.
    fn body(&self) -> (u32, nano_owned);
}

impl Bearer for nano_request_init {
    fn body(&self) -> (u32, nano_owned) {
        (self.body_kind, self.body)
    }
}

impl Bearer for nano_call_response {
    fn body(&self) -> (u32, nano_owned) {
        (self.body_kind, self.body)
    }
}

/// Such a struct as the caller describes it. From here on its body is released, whatever happens.
pub(crate) struct Given<T> {
    known: T,
    body: Handed,
    /// Whether the struct says nothing that this library does not know.
    checked: Result<()>,
}

impl<T: Bearer> Given<T> {
    /// # Safety
    ///
    /// `pointer` must be NULL or point to as many bytes as its size says.
    pub(crate) unsafe fn take(pointer: *const T) -> Result<Self> {
        // SAFETY: the caller's promise.
        unsafe {
            let known = open::read_known(pointer)?;
            Ok(Self { body: Handed::new(known.body().1), known, checked: open::check_tail(pointer) })
        }
    }

    /// The struct, and its body.
    ///
    /// # Safety
    ///
    /// The handed bytes must be valid.
    pub(crate) unsafe fn read(self) -> Result<(T, Body)> {
        self.checked?;
        // SAFETY: the caller's promise.
        let body = unsafe { body_of(self.known.body().0, &self.body) }?;
        Ok((self.known, body))
    }
}

/// # Safety
///
/// The handed bytes must be valid.
unsafe fn body_of(kind: u32, bytes: &Handed) -> Result<Body> {
    match kind {
        NANO_BODY_WHOLE => {
            // SAFETY: the caller's promise.
            Ok(Body::Whole(unsafe { bytes.copy("body") }?))
        }
        NANO_BODY_NONE | NANO_BODY_STREAM | NANO_BODY_UPGRADE if !bytes.is_empty() => {
            Err(guard::invalid("body has bytes, but body_kind is not NANO_BODY_WHOLE"))
        }
        NANO_BODY_NONE => Ok(Body::None),
        NANO_BODY_STREAM => Ok(Body::Stream),
        NANO_BODY_UPGRADE => Ok(Body::Upgrade),
        other => Err(too_new(format!("body_kind {other} is not one that this library knows"))),
    }
}

/// A piece of a body, for `write`; how much it took is stored in `accepted`.
///
/// # Safety
///
/// The bytes must be valid.
pub(crate) unsafe fn append(
    runtime: Option<&nano_runtime>,
    bytes: nano_bytes,
    accepted: Option<&mut MaybeUninit<usize>>,
    write: impl FnOnce(&Runtime, &[u8]) -> Result<usize>,
) -> nano_status {
    guard::status(|| {
        let accepted = guard::out(accepted, "accepted")?.write(0);
        // SAFETY: the caller's promise.
        let bytes = unsafe { bytes.slice("bytes") }?;
        *accepted = write(&guard::handle(runtime, "runtime")?.core, bytes)?;
        Ok(if *accepted < bytes.len() { Status::Again } else { Status::Ok })
    })
}

/// Something to do with a runtime that gives nothing back.
pub(crate) fn tell(runtime: Option<&nano_runtime>, act: impl FnOnce(&Runtime) -> Result<()>) -> nano_status {
    guard::status(|| {
        act(&guard::handle(runtime, "runtime")?.core)?;
        Ok(Status::Ok)
    })
}
