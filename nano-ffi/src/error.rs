//! Errors: why something failed.

use nano_core::{Account, Error, Status};

use crate::guard;
use crate::open;
use crate::response::nano_account;
use crate::status::{NANO_OK, nano_status};
use crate::types::nano_bytes;

/// Why something failed: a status, a sentence, and the app's stack where it threw.
pub struct nano_error {
    error: Error,
    account: Option<Account>,
}

impl nano_error {
    pub(crate) fn new(error: Error, account: Option<Account>) -> Self {
        Self { error, account }
    }

    pub(crate) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    #[cfg(test)]
    pub(crate) fn message(&self) -> &str {
        &self.error.message
    }
}

/// The status; NANO_OK for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn nano_error_code(error: Option<&nano_error>) -> nano_status {
    guard::read(error, NANO_OK, |error| error.error.status.code())
}

/// The status with which an HTTP server answers its client: 413, 414 or 431 for NANO_E_TOO_LARGE, 503 for what may be tried
/// again, 504 for what took too long, 400 for a request that is wrong, 501 for an app's WebSocket that nobody carries, otherwise
/// 500. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn nano_error_http_status(error: Option<&nano_error>) -> u16 {
    guard::read(error, 0, |error| error.error.http_status())
}

/// What happened and what to do, in one or two sentences. For your log: an app's exception is quoted in it.
#[unsafe(no_mangle)]
pub extern "C" fn nano_error_message(error: Option<&nano_error>) -> nano_bytes {
    guard::read(error, nano_bytes::EMPTY, |error| nano_bytes::of(error.error.message.as_bytes()))
}

/// The app's JavaScript stack, empty if it has none to do with it. For your log, never for clients.
#[unsafe(no_mangle)]
pub extern "C" fn nano_error_stack(error: Option<&nano_error>) -> nano_bytes {
    guard::read(error, nano_bytes::EMPTY, |error| nano_bytes::of(error.error.stack.as_bytes()))
}

/// What the request that failed used; NANO_E_NOT_FOUND if the error ended no request. account begins with
/// NANO_ACCOUNT_INIT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_error_account(error: Option<&nano_error>, account: *mut nano_account) -> nano_status {
    guard::status(|| {
        let used = guard::handle(error, "error")?.account().ok_or_else(|| Error::new(Status::NotFound, "the error ended no request"))?;
        // SAFETY: the caller's struct has as many bytes as its size says.
        unsafe { open::write(account, &nano_account::of(used)) }?;
        Ok(Status::Ok)
    })
}

/// Frees an error.
#[unsafe(no_mangle)]
pub extern "C" fn nano_error_free(error: Option<Box<nano_error>>) {
    guard::free(error);
}
