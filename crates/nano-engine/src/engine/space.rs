//! Address space that V8 asks the kernel for with each isolate: it reserves 1.75 GB for four tables of pointers (three calls each, by
//! three more given back), and takes the access from the holes of its read-only pages again, which all isolates share.
//!
//! The linker's `--wrap` puts these functions in the place of V8's. The tables' reservations are cut from larger ones and used again;
//! what is a hole stays one. A twentieth of a start is saved, and the kernel has fewer mappings to keep.

use std::arch::global_asm;
use std::collections::BTreeSet;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard};

use nano_base::limits::TABLES_RESERVED_AT_ONCE;
use nano_base::sys::memory;

use super::caches::is_recording;

/// What V8's tables reserve: of pointers to the host's memory and to its garbage collector's, and of functions' code.
const TABLE_BYTES: [usize; 2] = [512 << 20, 256 << 20];
/// How they want their addresses aligned.
const TABLE_ALIGNMENT: usize = 16 << 10;

/// Holes are of this size, each at a multiple of it, among the first pages of V8's cage: as many as there are bits.
const HOLE_BYTES: usize = 64 << 10;
static HOLES: AtomicU64 = AtomicU64::new(0);
/// The cage, once a hole was seen in it.
static CAGE: AtomicUsize = AtomicUsize::new(0);
const CAGE_BYTES: usize = 4 << 30;

/// `std::optional<v8::base::AddressSpaceReservation>`.
#[repr(C)]
pub struct Reservation {
    address: usize,
    bytes: usize,
    is_there: bool,
}

// Not there in a program that is linked without `--wrap`, which never calls what refers to them.
global_asm!(
    ".weak __real__ZN2v84base2OS13DecommitPagesEPvm",
    ".weak __real__ZN2v84base2OS27FreeAddressSpaceReservationENS0_23AddressSpaceReservationE",
    ".weak __real__ZN2v84base2OS29CreateAddressSpaceReservationEPvmmNS1_16MemoryPermissionENSt4__Cr8optionalINS_18SharedMemoryHandleEEE",
);

unsafe extern "C" {
    #[link_name = "__real__ZN2v84base2OS13DecommitPagesEPvm"]
    fn real_decommit(address: *mut c_void, bytes: usize) -> bool;
    #[link_name = "__real__ZN2v84base2OS27FreeAddressSpaceReservationENS0_23AddressSpaceReservationE"]
    fn real_free(address: usize, bytes: usize);
    #[link_name = "__real__ZN2v84base2OS29CreateAddressSpaceReservationEPvmmNS1_16MemoryPermissionENSt4__Cr8optionalINS_18SharedMemoryHandleEEE"]
    fn real_reserve(hint: *mut c_void, bytes: usize, alignment: usize, access: i32, shared: u64) -> Reservation;
}

/// Reservations of one size.
struct Tables {
    free: Vec<usize>,
    taken: BTreeSet<usize>,
}

static TABLES: [Mutex<Tables>; TABLE_BYTES.len()] =
    [const { Mutex::new(Tables { free: Vec::new(), taken: BTreeSet::new() }) }; TABLE_BYTES.len()];

/// A process that may not have much address space reserves no more than it needs.
static AT_ONCE: LazyLock<usize> = LazyLock::new(|| if memory::address_space_limit().is_some() { 1 } else { TABLES_RESERVED_AT_ONCE });

/// Makes the linker keep the wrapped functions.
pub(super) fn install() {
    std::hint::black_box(__wrap__ZN2v84base2OS13DecommitPagesEPvm as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base2OS27FreeAddressSpaceReservationENS0_23AddressSpaceReservationE as *const () as usize);
    std::hint::black_box(
        __wrap__ZN2v84base2OS29CreateAddressSpaceReservationEPvmmNS1_16MemoryPermissionENSt4__Cr8optionalINS_18SharedMemoryHandleEEE
            as *const () as usize,
    );
}

/// The reservations of a size, if it is one of the tables'.
fn tables(bytes: usize) -> Option<MutexGuard<'static, Tables>> {
    let index = TABLE_BYTES.iter().position(|of| *of == bytes)?;
    Some(TABLES[index].lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

impl Tables {
    fn take(&mut self, bytes: usize) -> Option<usize> {
        if self.free.is_empty() {
            let start = memory::reserve(bytes * *AT_ONCE, TABLE_ALIGNMENT)?;
            self.free.extend((0..*AT_ONCE).rev().map(|n| start + n * bytes));
        }
        let address = self.free.pop()?;
        self.taken.insert(address);
        Some(address)
    }
}

/// Stands in for `v8::base::OS::CreateAddressSpaceReservation`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v84base2OS29CreateAddressSpaceReservationEPvmmNS1_16MemoryPermissionENSt4__Cr8optionalINS_18SharedMemoryHandleEEE(
    hint: *mut c_void,
    bytes: usize,
    alignment: usize,
    access: i32,
    shared: u64,
) -> Reservation {
    if is_recording()
        && hint.is_null()
        && alignment == TABLE_ALIGNMENT
        && let Some(mut tables) = tables(bytes)
        && let Some(address) = tables.take(bytes)
    {
        return Reservation { address, bytes, is_there: true };
    }
    // SAFETY: the caller's arguments; this function is only called where the linker made the reference V8's own function.
    unsafe { real_reserve(hint, bytes, alignment, access, shared) }
}

/// Stands in for `v8::base::OS::FreeAddressSpaceReservation`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v84base2OS27FreeAddressSpaceReservationENS0_23AddressSpaceReservationE(address: usize, bytes: usize) {
    if let Some(mut tables) = tables(bytes)
        && tables.taken.remove(&address)
    {
        // SAFETY: the range was reserved here and its table is gone.
        if unsafe { memory::reserve_again(address, bytes) } {
            tables.free.push(address);
            return;
        }
    }
    // SAFETY: the caller's arguments.
    unsafe { real_free(address, bytes) };
}

/// The bit of a hole of the read-only pages, if this is one. While an isolate is made, V8 takes the access from nothing else.
fn hole(address: usize, bytes: usize) -> Option<u64> {
    let (cage, page) = (address - address % CAGE_BYTES, address % CAGE_BYTES / HOLE_BYTES);
    if bytes != HOLE_BYTES || page >= u64::BITS as usize || !is_recording() {
        return None;
    }
    let known = CAGE.compare_exchange(0, cage, Ordering::Relaxed, Ordering::Relaxed).unwrap_or_else(|known| known);
    (known == 0 || known == cage).then_some(1 << page)
}

/// Stands in for `v8::base::OS::DecommitPages`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v84base2OS13DecommitPagesEPvm(address: *mut c_void, bytes: usize) -> bool {
    let hole = hole(address as usize, bytes).unwrap_or(0);
    if HOLES.load(Ordering::Relaxed) & hole != 0 {
        return true;
    }
    // SAFETY: the caller's arguments.
    let is_done = unsafe { real_decommit(address, bytes) };
    if is_done {
        HOLES.fetch_or(hole, Ordering::Relaxed);
    }
    is_done
}
