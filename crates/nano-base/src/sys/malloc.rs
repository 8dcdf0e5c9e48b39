//! The host's allocator, for everything of ours that is not V8's.
//!
//! V8's static library defines `malloc` and its kin for itself. Hidden inside libnano they would also serve our own code, while the
//! C library goes on with the host's: memory that one hands out and the other frees (`realpath`, `strdup`) would end the
//! process. libnano is linked with `--wrap` for these names, and each leads to whatever the process calls by that name, be it the
//! C library's, a preloaded one or a sanitizer's. Programs that link the static library directly have one `malloc` throughout and
//! are not wrapped.

use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

/// Makes the linker keep the wrapped functions.
pub fn install() {
    std::hint::black_box(__wrap_malloc as *const () as usize);
}

/// A function of the process, looked up once.
struct Symbol {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Symbol {
    const fn new(name: &'static CStr) -> Self {
        Self { name, found: AtomicPtr::new(std::ptr::null_mut()) }
    }

    fn address(&self) -> *mut c_void {
        let found = self.found.load(Ordering::Acquire);
        if !found.is_null() {
            return found;
        }
        // SAFETY: a lookup by a NUL-terminated name; every C library has these functions.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, self.name.as_ptr()) };
        if found.is_null() {
            std::process::abort();
        }
        self.found.store(found, Ordering::Release);
        found
    }
}

/// Defines the stand-in for one function of the C library.
macro_rules! host_function {
    ($wrap:ident, $name:literal, fn($($arg:ident: $type:ty),*) $(-> $result:ty)?) => {
        #[doc = concat!("Stands in for `", $name, "`: the host's.\n\n# Safety\nAs the function it stands in for.")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $wrap($($arg: $type),*) $(-> $result)? {
            static HOST: Symbol = Symbol::new(match CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!("a name without NUL"),
            });
            // SAFETY: the C library's function of this name has this signature.
            let host: unsafe extern "C" fn($($type),*) $(-> $result)? = unsafe { std::mem::transmute(HOST.address()) };
            // SAFETY: by the caller's contract.
            unsafe { host($($arg),*) }
        }
    };
}

host_function!(__wrap_malloc, "malloc", fn(size: usize) -> *mut c_void);
host_function!(__wrap_calloc, "calloc", fn(count: usize, size: usize) -> *mut c_void);
host_function!(__wrap_realloc, "realloc", fn(memory: *mut c_void, size: usize) -> *mut c_void);
host_function!(__wrap_free, "free", fn(memory: *mut c_void));
host_function!(__wrap_memalign, "memalign", fn(alignment: usize, size: usize) -> *mut c_void);
host_function!(__wrap_aligned_alloc, "aligned_alloc", fn(alignment: usize, size: usize) -> *mut c_void);
host_function!(__wrap_posix_memalign, "posix_memalign", fn(out: *mut *mut c_void, alignment: usize, size: usize) -> c_int);
host_function!(__wrap_malloc_usable_size, "malloc_usable_size", fn(memory: *mut c_void) -> usize);
