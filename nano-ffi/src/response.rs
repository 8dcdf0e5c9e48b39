//! Responses: status, headers, body, and what they cost.

use nano_core::{Account, ResponseHead, Status};

use crate::guard;
use crate::open::{self, Open};
use crate::status::nano_status;
use crate::types::{header_views, nano_bytes, nano_header, start_of};

/// A response: of nano_fetch, or of a RESPONSE event.
pub struct nano_response {
    head: ResponseHead,
    body: Vec<u8>,
    account: Account,
    /// Views of `head.headers`, whose bytes do not move and are never changed.
    headers: Vec<nano_header>,
}

/// What one request used. Begin with NANO_ACCOUNT_INIT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_account {
    /// sizeof(nano_account).
    pub size: usize,
    /// CPU time of its turns.
    pub cpu_us: u64,
    /// Time from acceptance to its end.
    pub wall_us: u64,
    /// The instance's heap at its end.
    pub heap_bytes: u64,
    /// The instance's memory outside the heap at its end.
    pub external_bytes: u64,
    /// Calls to the host.
    pub subrequests: u64,
    /// Body bytes received.
    pub bytes_in: u64,
    /// Body bytes sent.
    pub bytes_out: u64,
}

// SAFETY: integers only, without padding.
unsafe impl Open for nano_account {
    const NAME: &'static str = "nano_account";
}

impl nano_account {
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            size: size_of::<Self>(),
            cpu_us: account.cpu_us,
            wall_us: account.wall_us,
            heap_bytes: account.heap_bytes,
            external_bytes: account.external_bytes,
            subrequests: account.subrequests.into(),
            bytes_in: account.bytes_in,
            bytes_out: account.bytes_out,
        }
    }
}

impl nano_response {
    pub(crate) fn new(head: ResponseHead, body: Vec<u8>, account: Account) -> Self {
        let headers = header_views(&head.headers);
        Self { head, body, account, headers }
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }
}

/// The status code; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn nano_response_status(response: Option<&nano_response>) -> u16 {
    guard::read(response, 0, |response| response.head.status)
}

/// The reason phrase; often empty.
#[unsafe(no_mangle)]
pub extern "C" fn nano_response_status_text(response: Option<&nano_response>) -> nano_bytes {
    guard::read(response, nano_bytes::EMPTY, |response| nano_bytes::of(response.head.status_text.as_bytes()))
}

/// The headers in their order, names in lower case; how many is stored in count. NULL if there are none.
#[unsafe(no_mangle)]
pub extern "C" fn nano_response_headers(
    response: Option<&nano_response>,
    count: Option<&mut std::mem::MaybeUninit<usize>>,
) -> *const nano_header {
    let headers = guard::read(response, &[][..], |response| response.headers.as_slice());
    match count {
        Some(count) => {
            count.write(headers.len());
            start_of(headers)
        }
        None => std::ptr::null(),
    }
}

/// The value of the first header with this name, whatever its case; {NULL, 0} if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_response_header(response: Option<&nano_response>, name: nano_bytes) -> nano_bytes {
    guard::read(response, nano_bytes::EMPTY, |response| {
        // SAFETY: the caller lends the name for the call.
        let Ok(name) = (unsafe { name.slice("name") }) else { return nano_bytes::EMPTY };
        response.head.headers.value(&name.to_ascii_lowercase()).map_or(nano_bytes::EMPTY, nano_bytes::of)
    })
}

/// The whole body of a response that is complete: from nano_fetch, or of a RESPONSE event with NANO_FLAG_END. Empty for
/// one whose body follows in CHUNK events.
#[unsafe(no_mangle)]
pub extern "C" fn nano_response_body(response: Option<&nano_response>) -> nano_bytes {
    guard::read(response, nano_bytes::EMPTY, |response| nano_bytes::of(&response.body))
}

/// What the request used so far: all of it if the response is complete. account begins with NANO_ACCOUNT_INIT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_response_account(response: Option<&nano_response>, account: *mut nano_account) -> nano_status {
    guard::status(|| {
        let used = guard::handle(response, "response")?.account();
        // SAFETY: the caller's struct has as many bytes as its size says.
        unsafe { open::write(account, &nano_account::of(used)) }?;
        Ok(Status::Ok)
    })
}

/// Frees a response.
#[unsafe(no_mangle)]
pub extern "C" fn nano_response_free(response: Option<Box<nano_response>>) {
    guard::free(response);
}
