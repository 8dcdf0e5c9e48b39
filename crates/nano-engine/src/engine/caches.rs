//! V8's fixed-size caches, which an isolate pays for in full before it has run anything: three stub caches (60 KiB each), the
//! caches from code addresses to code objects and to wasm code (64 and 48 KiB), and for each page of the heap the marks of a garbage
//! collection (8 KiB). An app that serves a few requests uses little of them, so they are given to the kernel to fill: an entry of
//! zeros never matches (no name and no map has the address 0) and is not retired either (V8 checks that its map is not a small
//! integer, which 0 is). It saves 340 KB, and of the stub caches and the marks also the time: nobody writes them, neither the
//! constructor (`memset`) nor `Initialize`.
//!
//! The linker's `--wrap` puts these functions in the place of V8's; a program linked without it has V8's own and pays.

use std::arch::global_asm;
use std::cell::Cell;
use std::ffi::{c_int, c_void};

use nano_base::sys::memory;

use super::native;

/// A stub cache: 2,048 primary and 512 secondary entries of 24 bytes, then its isolate.
const STUB_CACHE_BYTES: usize = 61_448;
const STUB_CACHE_ENTRIES_BYTES: usize = (2_048 + 512) * 24;
/// What a garbage collection notes of a page of the heap, a bit for each word and some counters.
const MARKS_BYTES: usize = 8_416;
/// Code objects by address, and wasm code by address: both begin as zeros and live as long as their isolate.
const ZEROED_BYTES: [usize; 2] = [65_544, 49_152];

// Not there in a program that is linked without `--wrap`, which never calls what refers to it.
global_asm!(".weak __real__Znwm", ".weak __real_memset");

unsafe extern "C" {
    fn __real__Znwm(size: usize) -> *mut c_void;
    fn __real_memset(memory: *mut c_void, byte: c_int, len: usize) -> *mut c_void;
}

/// What V8 has allocated since recording began on this thread, while an isolate is being made.
#[derive(Clone, Copy)]
struct Recording {
    is_on: bool,
    /// What has the size of a cache that begins as zeros: where, and how long. Two are caches.
    zeroed: [(usize, usize); 4],
}

const NOTHING: Recording = Recording { is_on: false, zeroed: [(0, 0); 4] };

thread_local! {
    // Without a destructor, which would have to be registered, for which the C library allocates: from V8's allocator, whose very
    // first allocation calls `memset`.
    static RECORDING: Cell<Recording> = const { Cell::new(NOTHING) };
}

/// Makes the linker keep the wrapped functions.
pub(super) fn install() {
    std::hint::black_box(__wrap__ZN2v88internal9StubCache10InitializeEv as *const () as usize);
    std::hint::black_box(__wrap__ZN2v88internal9StubCache5ClearEv as *const () as usize);
    std::hint::black_box(__wrap__Znwm as *const () as usize);
    std::hint::black_box(__wrap_memset as *const () as usize);
}

/// Notes what is allocated on this thread from now on.
pub(crate) fn record() {
    RECORDING.set(Recording { is_on: true, ..NOTHING });
}

/// Gives back what those caches do not use. To be called when the isolate they belong to has been made and does not run.
pub(crate) fn release_recorded() {
    for (address, bytes) in RECORDING.replace(NOTHING).zeroed {
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
    RECORDING.get().is_on
}

/// Stands in for `operator new(size_t)`: allocates as it does, and notes a cache.
///
/// # Safety
/// As `operator new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__Znwm(size: usize) -> *mut c_void {
    native::take_piece(size);
    // SAFETY: this function is only called where the linker made this reference V8's own allocator.
    let allocated = unsafe { __real__Znwm(size) };
    if ZEROED_BYTES.contains(&size) && is_recording() {
        let mut recording = RECORDING.get();
        if let Some(free) = recording.zeroed.iter_mut().find(|(_, bytes)| *bytes == 0) {
            *free = (allocated as usize, size);
        }
        RECORDING.set(recording);
    }
    allocated
}

/// Stands in for `memset`: clears what is being made without touching it.
///
/// # Safety
/// As `memset`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_memset(memory: *mut c_void, byte: c_int, len: usize) -> *mut c_void {
    if byte == 0 && matches!(len, STUB_CACHE_ENTRIES_BYTES | MARKS_BYTES) && is_recording() {
        // SAFETY: while an isolate is being made, what this thread clears in these sizes is from V8's own heap.
        unsafe { clear(memory as usize, len) };
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
    unsafe { clear(cache as usize, STUB_CACHE_ENTRIES_BYTES) };
}

/// Zeros a range that is longer than two pages: whole pages by the kernel, the ends by hand.
unsafe fn clear(start: usize, len: usize) {
    let end = start + len;
    let first = start.next_multiple_of(memory::PAGE);
    let last = end & !(memory::PAGE - 1);
    // SAFETY: by the callers' contract the range is theirs, anonymous and private; it holds a whole page.
    unsafe {
        std::ptr::write_bytes(start as *mut u8, 0, first - start);
        memory::discard(first, last - first);
        std::ptr::write_bytes(last as *mut u8, 0, end - last);
    }
}
