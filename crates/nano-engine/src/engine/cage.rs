//! How full the two regions are that all isolates of a process share: the 4 GiB of heaps (pointer compression) and the 512 MiB of
//! machine code, to the byte and at any moment.
//!
//! Each app keeps to its own limit, but together their limits are far more than there is. V8 does not say how much is used and
//! takes its own end for granted: whoever asks for the last page, the largest app or the smallest, is out of memory; without a page
//! for code it collects garbage twice for every function that it would compile. So what its allocators of regions take and free is
//! counted (the linker's `--wrap`: once for each 256 KiB page), and an app that grows while a mark is passed is stopped; beyond the
//! mark there is room for it to get there.

use std::arch::global_asm;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

use nano_base::limits::{CAGE_BYTES_MAX, CODE_BYTES_MAX, CODE_PART_OF_HEAP, CODE_PART_OF_HEAPS, HEADROOM_BYTES, HEAPS_PIECE_PART};

use crate::isolate::state::State;

/// One of V8's allocators of regions, once it is known.
struct Region {
    allocator: AtomicUsize,
    used: AtomicUsize,
    mark: AtomicUsize,
}

impl Region {
    const fn new(mark: usize) -> Self {
        Self { allocator: AtomicUsize::new(0), used: AtomicUsize::new(0), mark: AtomicUsize::new(mark) }
    }

    /// The first one of its size is the one.
    fn found(&self, allocator: *mut c_void) {
        let _ = self.allocator.compare_exchange(0, allocator as usize, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn is(&self, allocator: *mut c_void) -> bool {
        allocator as usize == self.allocator.load(Ordering::Relaxed)
    }

    /// How full it is, and how full it may be.
    fn fill(&self) -> (usize, usize) {
        (self.used.load(Ordering::Relaxed), self.mark.load(Ordering::Relaxed))
    }
}

static HEAPS: Region = Region::new(CAGE_BYTES_MAX);
static CODE: Region = Region::new(CAGE_BYTES_MAX / CODE_PART_OF_HEAPS);

/// No other region is as large.
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

/// Bytes that all heaps of the process hold together, and the most that they may.
pub fn heaps() -> (usize, usize) {
    HEAPS.fill()
}

/// The same for machine code.
pub fn code() -> (usize, usize) {
    CODE.fill()
}

/// Chooses the marks, and makes the linker keep the wrapped functions.
pub(super) fn install(heaps_bytes: usize) {
    if heaps_bytes != 0 {
        let mark = heaps_bytes.min(CAGE_BYTES_MAX);
        HEAPS.mark.store(mark, Ordering::Relaxed);
        CODE.mark.store(mark / CODE_PART_OF_HEAPS, Ordering::Relaxed);
    }
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocatorC1Emmm as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocator14AllocateRegionEmNS1_18AllocationStrategyE as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocator21AllocateAlignedRegionEmm as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocator16AllocateRegionAtEmmNS1_11RegionStateE as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocator13TryGrowRegionEmm as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base15RegionAllocator10TrimRegionEmm as *const () as usize);
}

/// Whether a piece is refused, as if there were no room at all: it would not only end its app by that app's own limit, but also take a large
/// part of what is left for all others until then. V8 makes one piece of each text and each array, however long.
fn is_too_large(allocator: *mut c_void, bytes: usize) -> bool {
    if bytes < HEADROOM_BYTES || !HEAPS.is(allocator) {
        return false;
    }
    let (used, mark) = HEAPS.fill();
    bytes > mark.saturating_sub(used) / HEAPS_PIECE_PART && State::current().is_some_and(|state| bytes > state.heap_bytes_max)
}

/// A region has grown, or not if it is another. The instance whose turn it is on this thread is stopped if there is no room for
/// that: V8 is single-threaded, so it is the one that grew.
fn grown(allocator: *mut c_void, bytes: usize) {
    let region = match allocator {
        heaps if HEAPS.is(heaps) => &HEAPS,
        code if CODE.is(code) => &CODE,
        _ => return,
    };
    let used = region.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
    let Some(state) = State::current() else { return };
    if HEAPS.is(allocator) {
        state.heap_pages.fetch_add(bytes, Ordering::Relaxed);
    }
    if used > region.mark.load(Ordering::Relaxed) {
        state.cage_full.set(true);
        state.handle.terminate_execution();
    } else if CODE.is(allocator) {
        let own = state.code_bytes.get() + bytes;
        state.code_bytes.set(own);
        if own > state.heap_bytes_max / CODE_PART_OF_HEAP {
            state.code_exhausted.set(true);
            state.handle.terminate_execution();
        }
    }
}

fn shrunk(allocator: *mut c_void, bytes: usize) {
    if HEAPS.is(allocator) {
        HEAPS.used.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(state) = State::current() {
            // Some are of pages that the isolate came with.
            let pages = &state.heap_pages;
            pages.store(pages.load(Ordering::Relaxed).saturating_sub(bytes), Ordering::Relaxed);
        }
    } else if CODE.is(allocator) {
        CODE.used.fetch_sub(bytes, Ordering::Relaxed);
        // Of an isolate that is disposed of nobody counts any more.
        if let Some(state) = State::current() {
            state.code_bytes.set(state.code_bytes.get().saturating_sub(bytes));
        }
    }
}

/// Stands in for the constructor of `v8::base::RegionAllocator`.
///
/// # Safety
/// As the function it stands in for; so below.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v84base15RegionAllocatorC1Emmm(this: *mut c_void, start: usize, bytes: usize, page_bytes: usize) {
    if bytes >= CAGE_BYTES_MIN {
        HEAPS.found(this);
    } else if bytes >= CODE_BYTES_MAX / 2 {
        CODE.found(this);
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
    if is_too_large(this, bytes) {
        return FAILED;
    }
    // SAFETY: the caller's arguments.
    let address = unsafe { real_allocate(this, bytes, strategy) };
    if address != FAILED {
        grown(this, bytes);
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
    if is_too_large(this, bytes) {
        return FAILED;
    }
    // SAFETY: the caller's arguments.
    let address = unsafe { real_allocate_aligned(this, bytes, alignment) };
    if address != FAILED {
        grown(this, bytes);
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
    if allocated {
        grown(this, bytes);
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
    if has_grown {
        grown(this, bytes.saturating_sub(before));
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
    shrunk(this, freed);
    freed
}
