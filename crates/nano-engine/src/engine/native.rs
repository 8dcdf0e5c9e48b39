//! What V8 takes outside its heaps for what it does at the moment: to parse and to compile (zones), and in pieces of C++'s `new`. It
//! knows no limit for that, and nothing in it can be stopped from outside; so each piece is counted while an instance is visited, and
//! a thread that has taken too much is parked where it asks for more.
//!
//! The linker's `--wrap` puts these functions in the place of V8's; a program linked without it has V8's own, and counts nothing. A
//! thread is parked only where V8 asks for memory for itself, and not while it holds a lock.

use std::arch::{asm, global_asm};
use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::Ordering;

use nano_base::limits::NATIVE_HEAPS_MAX;

use super::locks;
use super::loss::{self, Loss};
use crate::isolate::state::State;
use crate::isolate::stop;

/// Pieces of C++'s `new` that are smaller are not counted: V8 has no more of them than objects in its heap.
const PIECE_BYTES_MIN: usize = 4 << 10;

/// Where a segment of a zone has its size.
const SEGMENT_SIZE_AT: usize = 2;

thread_local! {
    // Without a destructor: for one the C library allocates.
    static TAKEN: Cell<Option<Taken>> = const { Cell::new(None) };
}

/// What was taken on this thread since an instance was entered.
#[derive(Clone, Copy)]
struct Taken {
    bytes: usize,
    max: usize,
}

/// While it lives, what V8 takes on this thread is counted.
pub(crate) struct Counting(Option<Taken>);

impl Drop for Counting {
    fn drop(&mut self) {
        TAKEN.set(self.0);
    }
}

/// Counts what V8 takes on this thread from here on, for an instance that may have so much in its heap and outside it.
pub(crate) fn count(heap_bytes: usize, external_bytes: usize) -> Counting {
    let max = heap_bytes.saturating_mul(NATIVE_HEAPS_MAX).saturating_add(external_bytes);
    let before = TAKEN.replace(Some(Taken { bytes: 0, max }));
    if before.is_none() {
        locks::reset();
    }
    Counting(before)
}

/// Whether V8 may have so many bytes more for what it does, those in use for texts of languages included.
pub(super) fn has_room(bytes: usize) -> bool {
    let Some(taken) = TAKEN.get() else { return true };
    let languages = State::current().map_or(0, |state| state.budget.languages());
    taken.bytes.saturating_add(languages).saturating_add(bytes) <= taken.max
}

/// Counts a piece, or parks the thread.
fn take(bytes: usize) {
    let Some(mut taken) = TAKEN.get() else { return };
    require(bytes);
    taken.bytes += bytes;
    TAKEN.set(Some(taken));
}

/// Parks the thread unless there is room for so much, or it holds a lock: then where it next asks without one.
fn require(bytes: usize) {
    if !has_room(bytes) && !locks::are_held() {
        lose("memory outside the heap");
    }
}

/// Parks the thread. What it has taken is lost with it.
pub(super) fn lose(why: &str) -> ! {
    if let (Some(state), Some(taken)) = (State::current(), TAKEN.get()) {
        state.heap_pages.fetch_add(taken.bytes + state.budget.languages(), Ordering::Relaxed);
    }
    loss::park(Loss { heap: false, reason: why.into() })
}

fn give(bytes: usize) {
    if let Some(taken) = TAKEN.get() {
        // What is given back may be older than the visit.
        TAKEN.set(Some(Taken { bytes: taken.bytes.saturating_sub(bytes), ..taken }));
    }
}

/// Counts a piece of C++'s `new`, or parks the thread.
pub(super) fn take_piece(bytes: usize) {
    if bytes >= PIECE_BYTES_MIN {
        take(bytes);
    }
}

fn give_piece(bytes: usize) {
    if bytes >= PIECE_BYTES_MIN {
        give(bytes);
    }
}

/// The size of a piece whose end nobody says.
///
/// # Safety
/// `piece` is null or V8's.
unsafe fn size_of_piece(piece: *mut c_void) -> usize {
    let wrapped: usize;
    // SAFETY: reads the address alone, which is zero where the name is not wrapped; in Rust no function's is.
    unsafe {
        asm!("mov {}, qword ptr [rip + __real_malloc_usable_size@GOTPCREL]", out(reg) wrapped, options(pure, readonly, nostack));
    }
    // SAFETY: by the caller's contract; V8's own function, under whichever name this program is linked with.
    unsafe { if wrapped == 0 { malloc_usable_size(piece) } else { __real_malloc_usable_size(piece) } }
}

// Not there in a program that is linked without `--wrap`, which never calls what refers to them.
global_asm!(
    ".weak __real__Znam",
    ".weak __real__ZnwmRKSt9nothrow_t",
    ".weak __real__ZnamRKSt9nothrow_t",
    ".weak __real__ZdlPv",
    ".weak __real__ZdaPv",
    ".weak __real__ZdlPvm",
    ".weak __real__ZdaPvm",
    ".weak __real_malloc_usable_size",
    ".weak __real__ZN2v88internal19AccountingAllocator15AllocateSegmentEm",
    ".weak __real__ZN2v88internal19AccountingAllocator13ReturnSegmentEPNS0_7SegmentE",
    ".weak __real__ZN2v88internal7Isolate28RegisterManagedPtrDestructorEPNS0_20ManagedPtrDestructorE",
    ".weak __real__ZN2v88internal4Intl18ToICUUnicodeStringEPNS0_7IsolateENS0_12DirectHandleINS0_6StringEEEj",
);

unsafe extern "C" {
    fn __real__Znam(size: usize) -> *mut c_void;
    fn __real__ZnwmRKSt9nothrow_t(size: usize, nothrow: *const c_void) -> *mut c_void;
    fn __real__ZnamRKSt9nothrow_t(size: usize, nothrow: *const c_void) -> *mut c_void;
    fn __real__ZdlPv(piece: *mut c_void);
    fn __real__ZdaPv(piece: *mut c_void);
    fn __real__ZdlPvm(piece: *mut c_void, size: usize);
    fn __real__ZdaPvm(piece: *mut c_void, size: usize);
    fn __real_malloc_usable_size(piece: *mut c_void) -> usize;
    fn malloc_usable_size(piece: *mut c_void) -> usize;
    #[link_name = "__real__ZN2v88internal19AccountingAllocator15AllocateSegmentEm"]
    fn real_allocate_segment(allocator: *mut c_void, bytes: usize) -> *mut usize;
    #[link_name = "__real__ZN2v88internal19AccountingAllocator13ReturnSegmentEPNS0_7SegmentE"]
    fn real_return_segment(allocator: *mut c_void, segment: *mut usize);
    #[link_name = "__real__ZN2v88internal7Isolate28RegisterManagedPtrDestructorEPNS0_20ManagedPtrDestructorE"]
    fn real_register_managed(isolate: v8::UnsafeRawIsolatePtr, destructor: *mut c_void);
    #[link_name = "__real__ZN2v88internal4Intl18ToICUUnicodeStringEPNS0_7IsolateENS0_12DirectHandleINS0_6StringEEEj"]
    fn real_to_text(text: *mut c_void, isolate: *mut c_void, string: *mut c_void, offset: u32) -> *mut c_void;
}

/// Makes the linker keep the wrapped functions.
pub(super) fn install() {
    for function in [
        __wrap__Znam as *const (),
        __wrap__ZnwmRKSt9nothrow_t as *const (),
        __wrap__ZnamRKSt9nothrow_t as *const (),
        __wrap__ZdlPv as *const (),
        __wrap__ZdaPv as *const (),
        __wrap__ZdlPvm as *const (),
        __wrap__ZdaPvm as *const (),
        __wrap__ZN2v88internal19AccountingAllocator15AllocateSegmentEm as *const (),
        __wrap__ZN2v88internal19AccountingAllocator13ReturnSegmentEPNS0_7SegmentE as *const (),
        __wrap__ZN2v88internal7Isolate28RegisterManagedPtrDestructorEPNS0_20ManagedPtrDestructorE as *const (),
        __wrap__ZN2v88internal4Intl18ToICUUnicodeStringEPNS0_7IsolateENS0_12DirectHandleINS0_6StringEEEj as *const (),
    ] {
        std::hint::black_box(function);
    }
}

/// Stands in for `operator new[](size_t)`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__Znam(size: usize) -> *mut c_void {
    take_piece(size);
    // SAFETY: the caller's arguments; these functions are only called where the linker made the reference V8's own.
    unsafe { __real__Znam(size) }
}

/// Stands in for `operator new(size_t, nothrow)`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZnwmRKSt9nothrow_t(size: usize, nothrow: *const c_void) -> *mut c_void {
    take_piece(size);
    // SAFETY: as above.
    unsafe { __real__ZnwmRKSt9nothrow_t(size, nothrow) }
}

/// Stands in for `operator new[](size_t, nothrow)`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZnamRKSt9nothrow_t(size: usize, nothrow: *const c_void) -> *mut c_void {
    take_piece(size);
    // SAFETY: as above.
    unsafe { __real__ZnamRKSt9nothrow_t(size, nothrow) }
}

/// Stands in for `operator delete(void*)`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZdlPv(piece: *mut c_void) {
    // SAFETY: as above.
    unsafe {
        give_unsized(piece);
        __real__ZdlPv(piece);
    }
}

/// Stands in for `operator delete[](void*)`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZdaPv(piece: *mut c_void) {
    // SAFETY: as above.
    unsafe {
        give_unsized(piece);
        __real__ZdaPv(piece);
    }
}

/// # Safety
/// `piece` is null or V8's.
unsafe fn give_unsized(piece: *mut c_void) {
    if TAKEN.get().is_some_and(|taken| taken.bytes > 0) {
        // SAFETY: by the caller's contract.
        give_piece(unsafe { size_of_piece(piece) });
    }
}

/// Stands in for `operator delete(void*, size_t)`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZdlPvm(piece: *mut c_void, size: usize) {
    give_piece(size);
    // SAFETY: as above.
    unsafe { __real__ZdlPvm(piece, size) };
}

/// Stands in for `operator delete[](void*, size_t)`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZdaPvm(piece: *mut c_void, size: usize) {
    give_piece(size);
    // SAFETY: as above.
    unsafe { __real__ZdaPvm(piece, size) };
}

/// Stands in for `AccountingAllocator::AllocateSegment`, by which all zones grow.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal19AccountingAllocator15AllocateSegmentEm(
    allocator: *mut c_void,
    bytes: usize,
) -> *mut usize {
    require(bytes);
    // SAFETY: as above.
    let segment = unsafe { real_allocate_segment(allocator, bytes) };
    if !segment.is_null() {
        // SAFETY: a segment begins with its zone, the next segment and its size.
        take(unsafe { segment.add(SEGMENT_SIZE_AT).read() });
    }
    segment
}

/// Stands in for `AccountingAllocator::ReturnSegment`.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal19AccountingAllocator13ReturnSegmentEPNS0_7SegmentE(
    allocator: *mut c_void,
    segment: *mut usize,
) {
    // SAFETY: as above.
    unsafe {
        give(segment.add(SEGMENT_SIZE_AT).read());
        real_return_segment(allocator, segment);
    }
}

/// Stands in for `Isolate::RegisterManagedPtrDestructor`, by which V8 notes each object of JavaScript's that holds one of C++'s. It is
/// prepared for a collection of garbage here, as it is where it makes the object: loops that call nothing but builtins come by no other place
/// where there can be one.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal7Isolate28RegisterManagedPtrDestructorEPNS0_20ManagedPtrDestructorE(
    isolate: v8::UnsafeRawIsolatePtr,
    destructor: *mut c_void,
) {
    require(0);
    // SAFETY: as above.
    unsafe { real_register_managed(isolate, destructor) };
    if let Some(state) = State::current()
        && state.budget.is_overdrawn_by_languages()
        && !state.external_exhausted.get()
    {
        // SAFETY: V8 calls with the isolate that it is at work for.
        unsafe { stop::relieve_of_languages(isolate) };
    }
}

/// Stands in for `Intl::ToICUUnicodeString`, by which V8 copies one text after another of a list.
///
/// # Safety
/// As the function it stands in for, which returns by the address that it is given first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal4Intl18ToICUUnicodeStringEPNS0_7IsolateENS0_12DirectHandleINS0_6StringEEEj(
    text: *mut c_void,
    isolate: *mut c_void,
    string: *mut c_void,
    offset: u32,
) -> *mut c_void {
    require(0);
    // SAFETY: as above.
    unsafe { real_to_text(text, isolate, string, offset) }
}
