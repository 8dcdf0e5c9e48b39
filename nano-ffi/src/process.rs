//! The process: versions, and how V8 starts.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use nano_core::Status;

use crate::error::nano_error;
use crate::guard;
use crate::open;
use crate::options::nano_init_options;
use crate::status::nano_status;

/// The version of this header: it changes incompatibly with the first number.
pub const NANO_VERSION_MAJOR: u32 = 0;
/// The second number.
pub const NANO_VERSION_MINOR: u32 = 1;
/// The third number.
pub const NANO_VERSION_PATCH: u32 = 0;
/// The version of the binary interface; compare it with nano_abi_version().
pub const NANO_ABI_VERSION: u32 = 1;

/// The library's version, such as "nano/0.1.0 v8/15.2.27 abi/1". Static, NUL-terminated.
#[unsafe(no_mangle)]
pub extern "C" fn nano_version() -> *const c_char {
    static VERSION: OnceLock<CString> = OnceLock::new();
    let version = VERSION.get_or_init(|| {
        let text = format!("nano/{} v8/{} abi/{NANO_ABI_VERSION}", env!("CARGO_PKG_VERSION"), nano_core::v8_version());
        CString::new(text).unwrap_or_default()
    });
    version.as_ptr()
}

/// The binary interface that the library speaks: unequal to NANO_ABI_VERSION, it is not the library of this header.
#[unsafe(no_mangle)]
pub extern "C" fn nano_abi_version() -> u32 {
    NANO_ABI_VERSION
}

/// Starts V8 with other than the default options. Optional, once per process, before the first runtime; again with the
/// same options it is NANO_OK, with others NANO_E_ALREADY. NANO_E_ADDRESS_SPACE if the process may not reserve what V8
/// needs. options may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_init(
    options: *const nano_init_options,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        let options = if options.is_null() {
            nano_core::ProcessOptions::default()
        } else {
            // SAFETY: the caller's struct has as many bytes as its size says, and its pointers are valid for the call.
            unsafe { open::read(options)?.to_core()? }
        };
        nano_core::init(&options)?;
        Ok(Status::Ok)
    })
}
