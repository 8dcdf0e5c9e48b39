//! Which threads hold locks of V8's or ICU's: many are the process's, and whoever is parked with one takes all others along.
//!
//! The linker's `--wrap` puts these functions in the place of V8's; a program linked without it has V8's own, and knows of no lock.

use std::arch::global_asm;
use std::cell::Cell;
use std::ffi::c_void;

thread_local! {
    // Without a destructor: for one the C library allocates.
    static HELD: Cell<u32> = const { Cell::new(0) };
}

/// While it lives, the thread counts as one that holds a lock.
pub(crate) struct Holding(());

impl Drop for Holding {
    fn drop(&mut self) {
        release();
    }
}

/// Others wait for what the thread does from here on.
pub(crate) fn hold() -> Holding {
    take();
    Holding(())
}

/// Whether the thread holds a lock, or others wait for it for another reason.
pub(super) fn are_held() -> bool {
    HELD.get() > 0
}

/// None is held: an instance is about to be entered.
pub(super) fn reset() {
    HELD.set(0);
}

fn take() {
    HELD.set(HELD.get() + 1);
}

fn release() {
    HELD.set(HELD.get().saturating_sub(1));
}

// Not there in a program that is linked without `--wrap`, which never calls what refers to it.
global_asm!(
    ".weak __real__ZN2v84base5Mutex4LockEv",
    ".weak __real__ZN2v84base5Mutex6UnlockEv",
    ".weak __real__ZN2v84base5Mutex7TryLockEv",
    ".weak __real__ZN2v84base14RecursiveMutex4LockEv",
    ".weak __real__ZN2v84base14RecursiveMutex6UnlockEv",
    ".weak __real__ZN2v84base14RecursiveMutex7TryLockEv",
    ".weak __real_umtx_lock_78",
    ".weak __real_umtx_unlock_78",
    ".weak __real__ZN6icu_7820umtx_initImplPreInitERNS_9UInitOnceE",
    ".weak __real__ZN6icu_7821umtx_initImplPostInitERNS_9UInitOnceE",
    ".weak __real__ZNK6icu_7812UnifiedCache4_getERKNS_12CacheKeyBaseERPKNS_12SharedObjectEPKvR10UErrorCode",
);

/// Stand-ins for functions of one argument: what each is called, the real one's name, and what follows it.
macro_rules! stand_ins {
    ($($stand_in:ident $real:ident $after:ident)*) => {
        unsafe extern "C" {
            $(fn $real(lock: *mut c_void);)*
        }
        $(
            /// Stands in for the function of its name.
            ///
            /// # Safety
            /// As that function.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $stand_in(lock: *mut c_void) {
                // SAFETY: the caller's argument; these functions are only called where the linker made the reference the real one.
                unsafe { $real(lock) };
                $after();
            }
        )*
        const STAND_INS: &[*const ()] = &[$($stand_in as *const ()),*];
    };
}

/// The same where the result, a `bool` of C++'s or ICU's, says whether the lock is held.
macro_rules! trying_stand_ins {
    ($($stand_in:ident $real:ident)*) => {
        unsafe extern "C" {
            $(fn $real(lock: *mut c_void) -> u8;)*
        }
        $(
            /// Stands in for the function of its name.
            ///
            /// # Safety
            /// As that function.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $stand_in(lock: *mut c_void) -> u8 {
                // SAFETY: as above.
                let is_held = unsafe { $real(lock) };
                if is_held != 0 {
                    take();
                }
                is_held
            }
        )*
        const TRYING_STAND_INS: &[*const ()] = &[$($stand_in as *const ()),*];
    };
}

stand_ins! {
    __wrap__ZN2v84base5Mutex4LockEv __real__ZN2v84base5Mutex4LockEv take
    __wrap__ZN2v84base5Mutex6UnlockEv __real__ZN2v84base5Mutex6UnlockEv release
    __wrap__ZN2v84base14RecursiveMutex4LockEv __real__ZN2v84base14RecursiveMutex4LockEv take
    __wrap__ZN2v84base14RecursiveMutex6UnlockEv __real__ZN2v84base14RecursiveMutex6UnlockEv release
    __wrap_umtx_lock_78 __real_umtx_lock_78 take
    __wrap_umtx_unlock_78 __real_umtx_unlock_78 release
    __wrap__ZN6icu_7821umtx_initImplPostInitERNS_9UInitOnceE __real__ZN6icu_7821umtx_initImplPostInitERNS_9UInitOnceE release
}

trying_stand_ins! {
    __wrap__ZN2v84base5Mutex7TryLockEv __real__ZN2v84base5Mutex7TryLockEv
    __wrap__ZN2v84base14RecursiveMutex7TryLockEv __real__ZN2v84base14RecursiveMutex7TryLockEv
    __wrap__ZN6icu_7820umtx_initImplPreInitERNS_9UInitOnceE __real__ZN6icu_7820umtx_initImplPreInitERNS_9UInitOnceE
}

unsafe extern "C" {
    #[link_name = "__real__ZNK6icu_7812UnifiedCache4_getERKNS_12CacheKeyBaseERPKNS_12SharedObjectEPKvR10UErrorCode"]
    fn real_cached(cache: *const c_void, key: *const c_void, value: *mut c_void, context: *const c_void, status: *mut c_void);
}

/// Stands in for `UnifiedCache::_get`: whoever wants the same waits until it has been made.
///
/// # Safety
/// As that function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap__ZNK6icu_7812UnifiedCache4_getERKNS_12CacheKeyBaseERPKNS_12SharedObjectEPKvR10UErrorCode(
    cache: *const c_void,
    key: *const c_void,
    value: *mut c_void,
    context: *const c_void,
    status: *mut c_void,
) {
    let _holding = hold();
    // SAFETY: as above.
    unsafe { real_cached(cache, key, value, context, status) };
}

/// Makes the linker keep the wrapped functions.
pub(super) fn install() {
    std::hint::black_box((STAND_INS, TRYING_STAND_INS));
    std::hint::black_box(
        __wrap__ZNK6icu_7812UnifiedCache4_getERKNS_12CacheKeyBaseERPKNS_12SharedObjectEPKvR10UErrorCode as *const () as usize,
    );
}
