//! The memory of V8's functions of languages (`Intl`, `normalize`), which are ICU's: it takes it outside the heap, in pieces of any size, and
//! V8 neither counts what its objects hold nor bears that there is no more of it (but for `normalize`, it would end the process). All of it
//! is counted for the app that it is for: an app that keeps too much of it has its garbage collected, and if that does not help, is stopped.
//! A thread that asks for too much at once is parked.

use std::alloc::Layout;
use std::arch::global_asm;
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Arc;

use nano_base::limits::{LANGUAGE_PIECE_BYTES_MAX, LANGUAGE_PIECE_BYTES_REFUSED};

use super::bytes::Budget;
use super::{locks, native};
use crate::isolate::state::State;

type Allocate = unsafe extern "C" fn(*const c_void, usize) -> *mut c_void;
type Reallocate = unsafe extern "C" fn(*const c_void, *mut c_void, usize) -> *mut c_void;
type Free = unsafe extern "C" fn(*const c_void, *mut c_void);

unsafe extern "C" {
    /// ICU's own way to have another allocator, before it has used the first.
    fn u_setMemoryFunctions_78(context: *const c_void, allocate: Allocate, reallocate: Reallocate, free: Free, status: *mut c_int);
}

// Not there in a program that is linked without `--wrap`, which never calls what refers to it.
global_asm!(".weak __real__ZN2v88internal4Intl9NormalizeEPNS0_7IsolateENS0_12DirectHandleINS0_6StringEEENS4_INS0_6ObjectEEE");

unsafe extern "C" {
    #[link_name = "__real__ZN2v88internal4Intl9NormalizeEPNS0_7IsolateENS0_12DirectHandleINS0_6StringEEENS4_INS0_6ObjectEEE"]
    fn real_normalize(isolate: *mut c_void, string: *mut c_void, form: *mut c_void) -> *mut c_void;
}

thread_local! {
    /// Whether V8 bears that it gets nothing.
    static BEARS_NOTHING: Cell<bool> = const { Cell::new(false) };
}

/// Stands before each piece.
#[repr(C, align(16))]
struct Header {
    /// Who pays, by a count of the `Arc`; null if nobody does.
    budget: *const Budget,
    /// The size of the piece without this.
    bytes: usize,
}

/// Has ICU ask here. To be called once, before V8 starts.
pub(super) fn install() {
    let mut status = 0;
    // SAFETY: ICU has not been used; the functions are an allocator, and are there for ever.
    unsafe { u_setMemoryFunctions_78(ptr::null(), allocate, reallocate, free, &mut status) };
    assert!(status <= 0, "ICU takes no allocator");
    std::hint::black_box(
        __wrap__ZN2v88internal4Intl9NormalizeEPNS0_7IsolateENS0_12DirectHandleINS0_6StringEEENS4_INS0_6ObjectEEE as *const () as usize,
    );
}

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.checked_add(size_of::<Header>())?, align_of::<Header>()).ok()
}

/// Whether there can be a piece of this size. Does not come back where there cannot, and V8 would not bear it.
fn can_have(bytes: usize) -> bool {
    let can = bytes <= LANGUAGE_PIECE_BYTES_MAX && (bytes < LANGUAGE_PIECE_BYTES_REFUSED || native::has_room(bytes));
    if can || BEARS_NOTHING.get() {
        return can;
    }
    if !locks::are_held() {
        native::lose("a text for languages");
    }
    // V8 has the thread parked where it next asks without a lock.
    bytes <= LANGUAGE_PIECE_BYTES_MAX
}

unsafe extern "C" fn allocate(_context: *const c_void, bytes: usize) -> *mut c_void {
    let Some(layout) = layout(bytes).filter(|_| can_have(bytes)) else { return ptr::null_mut() };
    // SAFETY: the layout has a header's size at least.
    let header = unsafe { std::alloc::alloc(layout) }.cast::<Header>();
    if header.is_null() {
        return ptr::null_mut();
    }
    let budget = State::current().map_or(ptr::null(), |state| {
        state.budget.overdraw_for_languages(bytes);
        state.look_at_languages();
        Arc::into_raw(state.budget.clone())
    });
    // SAFETY: the piece begins with room for a header.
    unsafe {
        header.write(Header { budget, bytes });
        header.add(1).cast()
    }
}

unsafe extern "C" fn reallocate(context: *const c_void, piece: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: by ICU's contract the piece is null or from here, and not used any more if another one is given for it.
    unsafe {
        let new = allocate(context, bytes);
        if !piece.is_null() && !new.is_null() {
            let old = (*piece.cast::<Header>().sub(1)).bytes;
            ptr::copy_nonoverlapping(piece.cast::<u8>(), new.cast::<u8>(), old.min(bytes));
            free(context, piece);
        }
        new
    }
}

unsafe extern "C" fn free(_context: *const c_void, piece: *mut c_void) {
    if piece.is_null() {
        return;
    }
    // SAFETY: by ICU's contract the piece is from here, and freed once; the header's pointer is a count of its `Arc`.
    unsafe {
        let header = piece.cast::<Header>().sub(1);
        let Header { budget, bytes } = header.read();
        if !budget.is_null() {
            Arc::from_raw(budget).give_for_languages(bytes);
        }
        if let Some(layout) = layout(bytes) {
            std::alloc::dealloc(header.cast(), layout);
        }
    }
}

/// Stands in for `Intl::Normalize`, of which an error comes if there is no memory for it.
///
/// # Safety
/// As the function it stands in for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZN2v88internal4Intl9NormalizeEPNS0_7IsolateENS0_12DirectHandleINS0_6StringEEENS4_INS0_6ObjectEEE(
    isolate: *mut c_void,
    string: *mut c_void,
    form: *mut c_void,
) -> *mut c_void {
    BEARS_NOTHING.set(true);
    // SAFETY: the caller's arguments; this function is only called where the linker made the reference V8's own.
    let normalized = unsafe { real_normalize(isolate, string, form) };
    BEARS_NOTHING.set(false);
    normalized
}
