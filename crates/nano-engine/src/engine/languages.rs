//! What V8's functions of languages (`normalize`, `Intl`) take for a text, outside the heap: ICU asks for it in one piece of any size, and an
//! allocator that cannot give so much may end the process. ICU bears that there is none, and V8 makes an error of it.
//!
//! The linker's `--wrap` puts these functions in the place of ICU's; a program linked without it has ICU's own.

use std::arch::global_asm;
use std::ffi::c_void;
use std::ptr;

use nano_base::limits::LANGUAGE_PIECE_BYTES_MAX;

// Not there in a program that is linked without `--wrap`, which never calls what refers to it.
global_asm!(".weak __real_uprv_malloc_78", ".weak __real_uprv_realloc_78");

unsafe extern "C" {
    fn __real_uprv_malloc_78(size: usize) -> *mut c_void;
    fn __real_uprv_realloc_78(memory: *mut c_void, size: usize) -> *mut c_void;
}

/// Makes the linker keep the wrapped functions.
pub(super) fn install() {
    std::hint::black_box(__wrap_uprv_malloc_78 as *const () as usize);
    std::hint::black_box(__wrap_uprv_realloc_78 as *const () as usize);
}

/// Stands in for `uprv_malloc`: nothing of more than there may be.
///
/// # Safety
/// As `malloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_uprv_malloc_78(size: usize) -> *mut c_void {
    if size > LANGUAGE_PIECE_BYTES_MAX {
        return ptr::null_mut();
    }
    // SAFETY: this function is only called where the linker made this reference ICU's own.
    unsafe { __real_uprv_malloc_78(size) }
}

/// Stands in for `uprv_realloc`.
///
/// # Safety
/// As `realloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_uprv_realloc_78(memory: *mut c_void, size: usize) -> *mut c_void {
    if size > LANGUAGE_PIECE_BYTES_MAX {
        return ptr::null_mut();
    }
    // SAFETY: by the caller's contract; this function is only called where the linker made this reference ICU's own.
    unsafe { __real_uprv_realloc_78(memory, size) }
}
