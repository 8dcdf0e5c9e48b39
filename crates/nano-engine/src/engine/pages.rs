//! Memory that V8 takes for an app in whole pages, past the allocator of array buffers: wasm memories and resizable array
//! buffers. They reserve address space for all they may become and commit what they are; both are counted before they are had.
//!
//! V8 has no hook for it, but its backing stores take, commit and free such memory by three functions, which the linker's
//! `--wrap` puts these in the place of. Nothing else of an app's goes through them; memory of nobody is passed on untouched.

use std::arch::global_asm;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use nano_base::limits::{RESERVATIONS_MAPPINGS_PERCENT_MAX, RESERVATIONS_PER_INSTANCE_MAX, RESERVED_BYTES_MAX};
use nano_base::sys::memory;

use super::bytes::Budget;
use crate::isolate::state::{Refused, State};

/// `v8::PageAllocator::Permission`.
const NO_ACCESS: i32 = 0;
const READ_WRITE: i32 = 2;

/// `v8::PageAllocator::AllocationHint`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Hint {
    address: *mut c_void,
    may_grow: bool,
}

// Not there in a program that is linked without `--wrap`, which never calls what refers to them.
global_asm!(
    ".weak __real__ZN2v88internal13AllocatePagesEPNS_13PageAllocatorEmmNS1_10PermissionENS1_14AllocationHintE",
    ".weak __real__ZN2v88internal9FreePagesEPNS_13PageAllocatorEPvm",
    ".weak __real__ZN2v88internal14SetPermissionsEPNS_13PageAllocatorEPvmNS1_10PermissionE",
);

unsafe extern "C" {
    #[link_name = "__real__ZN2v88internal13AllocatePagesEPNS_13PageAllocatorEmmNS1_10PermissionENS1_14AllocationHintE"]
    fn real_allocate(allocator: *mut c_void, bytes: usize, alignment: usize, access: i32, hint: Hint) -> *mut c_void;
    #[link_name = "__real__ZN2v88internal9FreePagesEPNS_13PageAllocatorEPvm"]
    fn real_free(allocator: *mut c_void, address: *mut c_void, bytes: usize);
    #[link_name = "__real__ZN2v88internal14SetPermissionsEPNS_13PageAllocatorEPvmNS1_10PermissionE"]
    fn real_set_permissions(allocator: *mut c_void, address: *mut c_void, bytes: usize, access: i32) -> bool;
}

/// One wasm memory or resizable buffer.
struct Reservation {
    bytes: usize,
    committed: usize,
    budget: Arc<Budget>,
}

/// Those of the whole process, by address.
#[derive(Default)]
struct Reservations {
    by_address: BTreeMap<usize, Reservation>,
    bytes: usize,
}

static RESERVATIONS: Mutex<Reservations> = Mutex::new(Reservations { by_address: BTreeMap::new(), bytes: 0 });
/// How many there are: most processes have none, and need not look.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Each takes two mappings, one with access and one without. Admission leaves them this share.
static COUNT_MAX: LazyLock<usize> = LazyLock::new(|| memory::mappings_max() * RESERVATIONS_MAPPINGS_PERCENT_MAX / 100 / 2);
/// A process that may not have much address space gives apps half of what V8 leaves it.
static BYTES_MAX: LazyLock<usize> = LazyLock::new(|| {
    let limit = memory::address_space_limit().map_or(usize::MAX, |limit| limit as usize);
    RESERVED_BYTES_MAX.min(limit.saturating_sub(nano_base::limits::ADDRESS_SPACE_BYTES) / 2)
});

/// Makes the linker keep the wrapped functions.
pub(super) fn install() {
    std::hint::black_box(
        __wrap__ZN2v88internal13AllocatePagesEPNS_13PageAllocatorEmmNS1_10PermissionENS1_14AllocationHintE as *const () as usize,
    );
    std::hint::black_box(__wrap__ZN2v88internal9FreePagesEPNS_13PageAllocatorEPvm as *const () as usize);
    std::hint::black_box(__wrap__ZN2v88internal14SetPermissionsEPNS_13PageAllocatorEPvmNS1_10PermissionE as *const () as usize);
}

fn lock() -> MutexGuard<'static, Reservations> {
    RESERVATIONS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Notes how V8 fared, for what it does next: after a refusal it collects garbage, asks for more heap, and tries a last time.
pub(super) fn note(has_room: bool) {
    if let Some(state) = State::current() {
        state.refusal.set(if has_room || state.refusal.get() == Refused::Finally { Refused::Not } else { Refused::Once });
    }
}

impl Reservations {
    /// Notes room for a reservation of an instance; whether there is any.
    fn admit(&mut self, budget: &Budget, bytes: usize) -> bool {
        let count = COUNT.load(Ordering::Relaxed);
        let room = count < *COUNT_MAX && self.bytes.checked_add(bytes).is_some_and(|sum| sum <= *BYTES_MAX);
        if room && budget.reserve(bytes, RESERVATIONS_PER_INSTANCE_MAX) {
            COUNT.store(count + 1, Ordering::Relaxed);
            self.bytes += bytes;
            return true;
        }
        false
    }

    /// Takes back what [`Reservations::admit`] noted.
    fn dismiss(&mut self, budget: &Budget, bytes: usize) {
        COUNT.fetch_sub(1, Ordering::Relaxed);
        self.bytes -= bytes;
        budget.unreserve();
    }

    /// The reservation that an address lies in, and how far.
    fn at(&mut self, address: usize) -> Option<(usize, &mut Reservation)> {
        let (start, reservation) = self.by_address.range_mut(..=address).next_back()?;
        let offset = address - start;
        (offset < reservation.bytes).then_some((offset, reservation))
    }
}

/// Stands in for `v8::internal::AllocatePages`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal13AllocatePagesEPNS_13PageAllocatorEmmNS1_10PermissionENS1_14AllocationHintE(
    allocator: *mut c_void,
    bytes: usize,
    alignment: usize,
    access: i32,
    hint: Hint,
) -> *mut c_void {
    // SAFETY: the caller's arguments; this function is only called where the linker made the reference V8's own function.
    let allocate = || unsafe { real_allocate(allocator, bytes, alignment, access, hint) };
    let Some(budget) = State::current().filter(|_| access == NO_ACCESS).map(|state| state.budget.clone()) else { return allocate() };
    if !lock().admit(&budget, bytes) {
        note(false);
        return std::ptr::null_mut();
    }
    let address = allocate();
    note(!address.is_null());
    let mut reservations = lock();
    if address.is_null() {
        reservations.dismiss(&budget, bytes);
    } else {
        reservations.by_address.insert(address as usize, Reservation { bytes, committed: 0, budget });
    }
    address
}

/// Stands in for `v8::internal::FreePages`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal9FreePagesEPNS_13PageAllocatorEPvm(
    allocator: *mut c_void,
    address: *mut c_void,
    bytes: usize,
) {
    // Before the pages are gone: another thread may be given the same address at once.
    if COUNT.load(Ordering::Relaxed) > 0 {
        let mut reservations = lock();
        if let Some(freed) = reservations.by_address.remove(&(address as usize)) {
            freed.budget.give(freed.committed);
            reservations.dismiss(&freed.budget, freed.bytes);
        }
    }
    // SAFETY: the caller's arguments.
    unsafe { real_free(allocator, address, bytes) };
}

/// Stands in for `v8::internal::SetPermissions`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal14SetPermissionsEPNS_13PageAllocatorEPvmNS1_10PermissionE(
    allocator: *mut c_void,
    address: *mut c_void,
    bytes: usize,
    access: i32,
) -> bool {
    // SAFETY: the caller's arguments.
    let set = || unsafe { real_set_permissions(allocator, address, bytes, access) };
    if COUNT.load(Ordering::Relaxed) == 0 {
        return set();
    }
    let mut reservations = lock();
    let Some((offset, reservation)) = reservations.at(address as usize) else {
        drop(reservations);
        return set();
    };
    // V8 commits from the start on, and gives back from some place to the end of what is committed.
    let before = reservation.committed;
    let after = match access {
        READ_WRITE => before.max(offset + bytes),
        NO_ACCESS => before.min(offset),
        _ => before,
    };
    if after > before && !reservation.budget.take(after - before) {
        note(false);
        return false;
    }
    note(true);
    let is_set = set();
    match (is_set, after > before) {
        (true, true) => reservation.committed = after,
        (false, true) => reservation.budget.give(after - before),
        (true, false) => {
            reservation.budget.give(before - after);
            reservation.committed = after;
        }
        (false, false) => {}
    }
    is_set
}
