//! Which heap pages belong to which isolate, so that those it has never written can be given back to the system.
//!
//! V8 makes whole 256 KiB pages resident and uses a part of them. We stand in for the function by which it changes the
//! protection of memory (the linker's `--wrap`) and note who committed what. A page of zeros in an isolate that is not running
//! reads the same after it has been given back: the kernel supplies zeros again when it is touched. V8 runs
//! single-threaded, so nobody but the isolate's thread, which is here, can be writing to it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Mutex;

use nano_base::sys::memory::{self, Protection};

/// The size and alignment of V8's heap pages.
const PAGE_BYTES: usize = 256 << 10;

/// Heap pages by address, and the isolate that committed them.
static OWNERS: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());

thread_local! {
    /// The isolate this thread is in.
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// Says which isolate the calling thread enters; what it was in before.
pub(crate) fn enter(isolate: usize) -> usize {
    CURRENT.replace(isolate)
}

/// Makes the linker keep the wrapped function.
pub(super) fn install() {
    std::hint::black_box(__wrap__ZN2v84base2OS14SetPermissionsEPvmNS1_16MemoryPermissionE as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base2OS17TimeCurrentMillisEv as *const () as usize);
}

/// Gives the untouched parts of an isolate's pages back; how many bytes. The isolate must belong to the calling thread and
/// must not be running.
pub(crate) fn release_untouched(isolate: usize) -> usize {
    // Held throughout: a page that changes hands does so before or after, not in between.
    let owners = OWNERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut released = 0;
    for (&page, _) in owners.iter().filter(|(_, owner)| **owner == isolate) {
        // SAFETY: the page belongs to an isolate of this thread that is not running, so nobody writes to it meanwhile.
        released += unsafe { memory::discard_zeros(page, PAGE_BYTES) };
    }
    released
}

/// Forgets an isolate that has been disposed of.
pub(crate) fn forget(isolate: usize) {
    OWNERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).retain(|_, owner| *owner != isolate);
}

fn note(address: usize, size: usize, writable: bool) {
    let first = address.next_multiple_of(PAGE_BYTES);
    let end = (address + size) & !(PAGE_BYTES - 1);
    if size < PAGE_BYTES || first >= end {
        if !writable {
            // Part of a page has gone: it is not a whole page of anybody's any more.
            OWNERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).remove(&(address & !(PAGE_BYTES - 1)));
        }
        return;
    }
    let isolate = CURRENT.get();
    let mut owners = OWNERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for page in (first..end).step_by(PAGE_BYTES) {
        if writable && isolate != 0 && end - first <= LARGEST_NOTED {
            owners.insert(page, isolate);
        } else {
            owners.remove(&page);
        }
    }
}

/// Reservations larger than this are not heap pages.
const LARGEST_NOTED: usize = 64 << 20;

/// Stands in for `v8::base::OS::SetPermissions`: does what it does, and notes who asked.
#[unsafe(no_mangle)]
pub extern "C" fn __wrap__ZN2v84base2OS14SetPermissionsEPvmNS1_16MemoryPermissionE(address: *mut c_void, size: usize, access: i32) -> bool {
    let protection = match access {
        1 => Protection::Read,
        2 => Protection::ReadWrite,
        3 => Protection::ReadWriteExecute,
        4 => Protection::ReadExecute,
        _ => Protection::None,
    };
    note(address as usize, size, access == 2);
    // SAFETY: V8 asks this of memory that it has mapped itself.
    let changed = unsafe { memory::protect(address as usize, size, protection) };
    if changed && access == 0 {
        // SAFETY: inaccessible from here on, so its contents are gone for everybody.
        unsafe { memory::discard(address as usize, size) };
    }
    changed
}

thread_local! {
    /// The time that JavaScript sees on this thread; NaN: the real one.
    static FROZEN_MS: Cell<f64> = const { Cell::new(f64::NAN) };
}

/// Stops the clock that `Date` reads on the calling thread.
pub(crate) fn freeze_clock(unix_ms: f64) {
    FROZEN_MS.set(unix_ms);
}

/// Stands in for `v8::base::OS::TimeCurrentMillis`: within a turn, time stands still (no timing attacks, repeatable runs).
#[unsafe(no_mangle)]
pub extern "C" fn __wrap__ZN2v84base2OS17TimeCurrentMillisEv() -> f64 {
    let frozen = FROZEN_MS.get();
    if frozen.is_nan() { (nano_base::sys::time::realtime_ns() / 1_000_000) as f64 } else { frozen }
}
