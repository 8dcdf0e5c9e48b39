//! Bytes, headers and buffers as they cross the line.

use std::ffi::c_void;

use nano_core::{Headers, Result};

use crate::guard::invalid;

/// Bytes that belong to somebody else: borrowed for the call when you pass them, the library's when you receive them.
/// No NUL is needed at the end; {NULL, 0} is empty. nano_str("text") makes one of a C string.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_bytes {
    /// The first byte; NULL if len is 0.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
}

/// One header of a request or a response. Names arrive in lower case.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_header {
    /// The name, a token of HTTP.
    pub name: nano_bytes,
    /// The value, without line breaks and NUL.
    pub value: nano_bytes,
}

/// One variable of an app's env.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_variable {
    /// Its name in env.
    pub name: nano_bytes,
    /// Its text.
    pub value: nano_bytes,
}

/// Bytes that you may hand over. With release NULL they are borrowed and copied like any nano_bytes. Otherwise they belong
/// to the library from the moment of the call, and release(ctx) runs exactly once, possibly on a thread of NANO's and
/// possibly before the call returns: also if the call fails, unless the struct they are in is NULL or its size is wrong.
/// It must not call NANO.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_owned {
    /// The first byte; NULL if len is 0.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
    /// Called once when the bytes are no longer needed, or NULL.
    pub release: Option<extern "C" fn(ctx: *mut c_void)>,
    /// What release is called with.
    pub ctx: *mut c_void,
}

/// Where a list begins; NULL for none, for some languages bear no pointer that leads nowhere.
pub(crate) fn start_of<T>(list: &[T]) -> *const T {
    if list.is_empty() { std::ptr::null() } else { list.as_ptr() }
}

impl nano_bytes {
    /// Nothing.
    pub(crate) const EMPTY: Self = Self { ptr: std::ptr::null(), len: 0 };

    /// A view of `bytes`, for as long as they live.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        if bytes.is_empty() { Self::EMPTY } else { Self { ptr: bytes.as_ptr(), len: bytes.len() } }
    }

    /// The bytes.
    ///
    /// # Safety
    ///
    /// `ptr` must point to `len` bytes that stay as they are for `'a`.
    pub(crate) unsafe fn slice<'a>(self, name: &str) -> Result<&'a [u8]> {
        // SAFETY: the same promise; bytes are never misaligned.
        unsafe { array(self.ptr, self.len, name) }
    }

    /// The bytes as text.
    ///
    /// # Safety
    ///
    /// As for [`nano_bytes::slice`].
    pub(crate) unsafe fn text<'a>(self, name: &str) -> Result<&'a str> {
        // SAFETY: the same promise.
        let bytes = unsafe { self.slice(name) }?;
        std::str::from_utf8(bytes).map_err(|error| invalid(format!("{name} is not UTF-8 (byte {})", error.valid_up_to())))
    }
}

/// An array of the caller's; NULL is fine if it is empty.
///
/// # Safety
///
/// `ptr` must point to `count` values that stay as they are for `'a`.
pub(crate) unsafe fn array<'a, T>(ptr: *const T, count: usize, name: &str) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    if ptr.is_null() {
        return Err(invalid(format!("{name} is NULL but has a length of {count}")));
    }
    if !ptr.is_aligned() {
        return Err(invalid(format!("{name} is misaligned")));
    }
    if count.checked_mul(size_of::<T>()).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(invalid(format!("{name} has a length of {count}, more than there is memory")));
    }
    // SAFETY: the caller's promise, and the checks above: not NULL, aligned, no larger than an object can be.
    Ok(unsafe { std::slice::from_raw_parts(ptr, count) })
}

/// The caller's headers, copied and checked.
///
/// # Safety
///
/// As for [`array`], and for the bytes of every header.
pub(crate) unsafe fn headers(ptr: *const nano_header, count: usize) -> Result<Headers> {
    let mut headers = Headers::new();
    // SAFETY: the caller's promise.
    for (index, header) in unsafe { array(ptr, count, "headers") }?.iter().enumerate() {
        // SAFETY: the caller's promise.
        let (name, value) = unsafe { (header.name.slice("a header's name")?, header.value.slice("a header's value")?) };
        if !headers.push(name, value) {
            let name = String::from_utf8_lossy(&name[..name.len().min(64)]);
            return Err(invalid(format!("header {index} (\"{name}\") has a name that is no token, or a value with a line break or NUL")));
        }
    }
    Ok(headers)
}

/// Views of headers, for as long as `headers` lives and is not changed.
pub(crate) fn header_views(headers: &Headers) -> Vec<nano_header> {
    headers.iter().map(|(name, value)| nano_header { name: nano_bytes::of(name), value: nano_bytes::of(value) }).collect()
}

/// Bytes that were handed over: releases them when it is dropped, which is on every way out of a call.
pub(crate) struct Handed(nano_owned);

impl Handed {
    /// Takes charge of the release.
    pub(crate) fn new(owned: nano_owned) -> Self {
        Self(owned)
    }

    /// Whether there are no bytes.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// A copy of the bytes.
    ///
    /// # Safety
    ///
    /// As for [`nano_bytes::slice`], until the release.
    pub(crate) unsafe fn copy(&self, name: &str) -> Result<Vec<u8>> {
        // SAFETY: the same promise; the release has not run, since `self` is there.
        Ok(unsafe { array(self.0.ptr, self.0.len, name) }?.to_vec())
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        if let Some(release) = self.0.release.take() {
            release(self.0.ctx);
        }
    }
}
