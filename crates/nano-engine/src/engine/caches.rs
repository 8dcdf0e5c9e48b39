//! V8's fixed-size caches, which an isolate pays for in full before it has run anything: three stub caches (60 KiB each), the
//! caches from code addresses to code objects and to wasm code (64 and 48 KiB). An app that serves a few requests uses little of
//! them, so they are given to the kernel to fill: an entry of zeros never matches (no name and no map has the address 0) and is
//! not retired either (V8 checks that its map is not a small integer, which 0 is). It saves 300 KB, and of the stub caches also the
//! time: nobody writes them, neither the constructor (`memset`) nor `Initialize`.
//!
//! The linker's `--wrap` puts these functions in the place of V8's; a program linked without it has V8's own and pays.

use std::arch::global_asm;
use std::cell::RefCell;
use std::ffi::{c_int, c_void};

use nano_base::sys::memory;

/// A stub cache: 2,048 primary and 512 secondary entries of 24 bytes, then its isolate.
const STUB_CACHE_BYTES: usize = 61_448;
const STUB_CACHE_ENTRIES_BYTES: usize = (2_048 + 512) * 24;
/// Code objects by address, and wasm code by address: both begin as zeros and live as long as their isolate.
const ZEROED_BYTES: [usize; 2] = [65_544, 49_152];

// Not there in a program that is linked without `--wrap`, which never calls what refers to it.
global_asm!(".weak __real__Znwm", ".weak __real_memset");

unsafe extern "C" {
    fn __real__Znwm(size: usize) -> *mut c_void;
    fn __real_memset(memory: *mut c_void, byte: c_int, len: usize) -> *mut c_void;
}

thread_local! {
    /// Caches allocated since recording began on this thread, while an isolate is being made.
    static RECORDED: RefCell<Option<Vec<(usize, usize)>>> = const { RefCell::new(None) };
}

/// Makes the linker keep the wrapped functions.
pub(super) fn install() {
    std::hint::black_box(__wrap__ZN2v88internal9StubCache10InitializeEv as *const () as usize);
    std::hint::black_box(__wrap__ZN2v88internal9StubCache5ClearEv as *const () as usize);
    std::hint::black_box(__wrap__Znwm as *const () as usize);
    std::hint::black_box(__wrap_memset as *const () as usize);
}

/// Notes which caches are allocated on this thread from now on.
pub(crate) fn record() {
    RECORDED.with(|recorded| *recorded.borrow_mut() = Some(Vec::new()));
}

/// Gives back what those caches do not use. To be called when the isolate they belong to has been made and does not run.
pub(crate) fn release_recorded() {
    let recorded = RECORDED.with(|recorded| recorded.borrow_mut().take());
    for (address, bytes) in recorded.unwrap_or_default() {
        let first = address.next_multiple_of(memory::PAGE);
        let end = (address + bytes) & !(memory::PAGE - 1);
        if first < end {
            // SAFETY: whole pages inside one cache of an isolate of this thread, which is not running.
            unsafe { memory::discard_zeros(first, end - first) };
        }
    }
}

/// Whether an isolate is being made on this thread.
pub(super) fn is_recording() -> bool {
    RECORDED.with(|recorded| recorded.try_borrow().is_ok_and(|recorded| recorded.is_some()))
}

/// Stands in for `operator new(size_t)`: allocates as it does, and notes a cache.
///
/// # Safety
/// As `operator new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__Znwm(size: usize) -> *mut c_void {
    // SAFETY: this function is only called where the linker made this reference V8's own allocator.
    let allocated = unsafe { __real__Znwm(size) };
    if ZEROED_BYTES.contains(&size) {
        RECORDED.with(|recorded| {
            if let Ok(mut recorded) = recorded.try_borrow_mut()
                && let Some(recorded) = &mut *recorded
            {
                recorded.push((allocated as usize, size));
            }
        });
    }
    allocated
}

/// Stands in for `memset`: clears a stub cache that is being made without touching it.
///
/// # Safety
/// As `memset`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_memset(memory: *mut c_void, byte: c_int, len: usize) -> *mut c_void {
    let is_stub_cache = len == STUB_CACHE_ENTRIES_BYTES && byte == 0;
    if is_stub_cache && is_recording() {
        // SAFETY: while an isolate is being made, what this thread clears in this size is a stub cache in V8's own heap.
        unsafe { clear(memory as usize) };
        return memory;
    }
    // SAFETY: by the caller's contract; this function is only called where the linker made the reference the C library's.
    unsafe { __real_memset(memory, byte, len) }
}

/// Stands in for `StubCache::Initialize`.
///
/// # Safety
/// `cache` is a stub cache of an isolate that is being made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal9StubCache10InitializeEv(cache: *mut c_void) {
    // The constructor has cleared it just now.
    if !is_recording() {
        // SAFETY: by the caller's contract.
        unsafe { empty(cache) };
    }
}

/// Stands in for `StubCache::Clear`.
///
/// # Safety
/// `cache` is a stub cache, and the calling thread is its isolate's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal9StubCache5ClearEv(cache: *mut c_void) {
    // SAFETY: by the caller's contract.
    unsafe { empty(cache) };
}

/// Empties all entries of a stub cache.
unsafe fn empty(cache: *mut c_void) {
    const { assert!(STUB_CACHE_ENTRIES_BYTES + 8 == STUB_CACHE_BYTES) };
    // SAFETY: the entries are the first bytes of the cache, which belongs to the calling thread's isolate.
    unsafe { clear(cache as usize) };
}

/// Zeros the entries of a stub cache: whole pages by the kernel, the ends by hand.
unsafe fn clear(start: usize) {
    let end = start + STUB_CACHE_ENTRIES_BYTES;
    let first = start.next_multiple_of(memory::PAGE);
    let last = end & !(memory::PAGE - 1);
    // SAFETY: by the callers' contract the range is theirs, larger than two pages, anonymous and private.
    unsafe {
        std::ptr::write_bytes(start as *mut u8, 0, first - start);
        memory::discard(first, last - first);
        std::ptr::write_bytes(last as *mut u8, 0, end - last);
    }
}
