//! How full the 4 GiB are that all heaps of a process share (pointer compression), to the byte and at any moment.
//!
//! Each app keeps to its own limit, but together their limits are far more than there is. V8 does not say how much is used and
//! takes its own end for granted: whoever asks for the last page, the largest app or the smallest, is out of memory. So what
//! its allocator of regions takes and frees is counted (the linker's `--wrap`: once for each 256 KiB page of a heap), and an app
//! that makes its heap grow while the mark is passed is stopped; beyond the mark there is room for it to get there.

use std::arch::global_asm;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

use nano_base::limits::CAGE_BYTES_MAX;

use crate::isolate::state::State;

/// The region allocator of the cage; there are others, for code.
static CAGE: AtomicUsize = AtomicUsize::new(0);
static USED: AtomicUsize = AtomicUsize::new(0);
static MARK: AtomicUsize = AtomicUsize::new(CAGE_BYTES_MAX);

/// No other region is as large: code has 512 MiB at most.
const CAGE_BYTES_MIN: usize = 2 << 30;
/// `v8::base::RegionAllocator::kAllocationFailure`.
const FAILED: usize = usize::MAX;

// Not there in a program that is linked without `--wrap`, which never calls what refers to them.
global_asm!(
    ".weak __real__ZN2v84base15RegionAllocatorC1Emmm",
    ".weak __real__ZN2v84base15RegionAllocator14AllocateRegionEmNS1_18AllocationStrategyE",
    ".weak __real__ZN2v84base15RegionAllocator21AllocateAlignedRegionEmm",
    ".weak __real__ZN2v84base15RegionAllocator16AllocateRegionAtEmmNS1_11RegionStateE",
    ".weak __real__ZN2v84base15RegionAllocator13TryGrowRegionEmm",
    ".weak __real__ZN2v84base15RegionAllocator10TrimRegionEmm",
);

unsafe extern "C" {
    #[link_name = "__real__ZN2v84base15RegionAllocatorC1Emmm"]
    fn real_new(this: *mut c_void, start: usize, bytes: usize, page_bytes: usize);
    #[link_name = "__real__ZN2v84base15RegionAllocator14AllocateRegionEmNS1_18AllocationStrategyE"]
    fn real_allocate(this: *mut c_void, bytes: usize, strategy: i32) -> usize;
    #[link_name = "__real__ZN2v84base15RegionAllocator21AllocateAlignedRegionEmm"]
    fn real_allocate_aligned(this: *mut c_void, bytes: usize, alignment: usize) -> usize;
    #[link_name = "__real__ZN2v84base15RegionAllocator16AllocateRegionAtEmmNS1_11RegionStateE"]
    fn real_allocate_at(this: *mut c_void, address: usize, bytes: usize, state: i32) -> bool;
    #[link_name = "__real__ZN2v84base15RegionAllocator13TryGrowRegionEmm"]
    fn real_grow(this: *mut c_void, address: usize, bytes: usize) -> bool;
    #[link_name = "__real__ZN2v84base15RegionAllocator10TrimRegionEmm"]
    fn real_trim(this: *mut c_void, address: usize, bytes: usize) -> usize;
    #[link_name = "_ZN2v84base15RegionAllocator11CheckRegionEm"]
    fn region_bytes(this: *mut c_void, address: usize) -> usize;
}

/// Bytes that all heaps of the process hold together.
pub fn used_bytes() -> usize {
    USED.load(Ordering::Relaxed)
}

/// The most that they may.
pub fn max_bytes() -> usize {
    MARK.load(Ordering::Relaxed)
}

/// Chooses the mark, and makes the linker keep the wrapped functions.
pub(super) fn install(heaps_bytes: usize) {
    if heaps_bytes != 0 {
        MARK.store(heaps_bytes.min(CAGE_BYTES_MAX), Ordering::Relaxed);
    }
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocatorC1Emmm as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocator14AllocateRegionEmNS1_18AllocationStrategyE as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocator21AllocateAlignedRegionEmm as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocator16AllocateRegionAtEmmNS1_11RegionStateE as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocator13TryGrowRegionEmm as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocator10TrimRegionEmm as *const () as usize);
}

fn is_cage(this: *mut c_void) -> bool {
    this as usize == CAGE.load(Ordering::Relaxed)
}

/// A heap has grown. The instance whose turn it is on this thread is stopped if there is no room for that: V8 is
/// single-threaded, so it is the one that grew.
fn grown(bytes: usize) {
    if USED.fetch_add(bytes, Ordering::Relaxed) + bytes > max_bytes()
        && let Some(state) = State::current()
    {
        state.cage_full.set(true);
        state.handle.terminate_execution();
    }
}

/// Stands in for the constructor of `v8::base::RegionAllocator`.
///
/// # Safety
/// As the function it stands in for; so below.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v84base15RegionAllocatorC1Emmm(this: *mut c_void, start: usize, bytes: usize, page_bytes: usize) {
    if bytes >= CAGE_BYTES_MIN {
        let _ = CAGE.compare_exchange(0, this as usize, Ordering::Relaxed, Ordering::Relaxed);
    }
    // SAFETY: the caller's arguments; this function is only called where the linker made the reference V8's own function.
    unsafe { real_new(this, start, bytes, page_bytes) };
}

/// Stands in for `RegionAllocator::AllocateRegion`.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v84base15RegionAllocator14AllocateRegionEmNS1_18AllocationStrategyE(
    this: *mut c_void,
    bytes: usize,
    strategy: i32,
) -> usize {
    // SAFETY: the caller's arguments.
    let address = unsafe { real_allocate(this, bytes, strategy) };
    if address != FAILED && is_cage(this) {
        grown(bytes);
    }
    address
}

/// Stands in for `RegionAllocator::AllocateAlignedRegion`.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v84base15RegionAllocator21AllocateAlignedRegionEmm(
    this: *mut c_void,
    bytes: usize,
    alignment: usize,
) -> usize {
    // SAFETY: the caller's arguments.
    let address = unsafe { real_allocate_aligned(this, bytes, alignment) };
    if address != FAILED && is_cage(this) {
        grown(bytes);
    }
    address
}

/// Stands in for `RegionAllocator::AllocateRegionAt`.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v84base15RegionAllocator16AllocateRegionAtEmmNS1_11RegionStateE(
    this: *mut c_void,
    address: usize,
    bytes: usize,
    state: i32,
) -> bool {
    // SAFETY: the caller's arguments.
    let allocated = unsafe { real_allocate_at(this, address, bytes, state) };
    if allocated && is_cage(this) {
        grown(bytes);
    }
    allocated
}

/// Stands in for `RegionAllocator::TryGrowRegion`.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v84base15RegionAllocator13TryGrowRegionEmm(this: *mut c_void, address: usize, bytes: usize) -> bool {
    // SAFETY: the caller's arguments.
    let before = unsafe { region_bytes(this, address) };
    // SAFETY: as above.
    let has_grown = unsafe { real_grow(this, address, bytes) };
    if has_grown && is_cage(this) {
        grown(bytes.saturating_sub(before));
    }
    has_grown
}

/// Stands in for `RegionAllocator::TrimRegion`, which also frees; it answers with how much that was.
///
/// # Safety
/// As above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v84base15RegionAllocator10TrimRegionEmm(this: *mut c_void, address: usize, bytes: usize) -> usize {
    // SAFETY: the caller's arguments.
    let freed = unsafe { real_trim(this, address, bytes) };
    if is_cage(this) {
        USED.fetch_sub(freed, Ordering::Relaxed);
    }
    freed
}
