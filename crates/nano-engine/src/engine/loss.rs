//! The last ring: V8 has declared a failure that it does not return from, and the process must live.
//!
//! Out of memory and "invalid size" leave memory intact: the thread is parked for good and its shard replaced. A failed
//! CHECK may mean corrupted memory and still ends the process: no handler is installed for it.

use std::cell::RefCell;
use std::ffi::{CStr, c_char};

/// Why V8 gave a thread up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Whether the JavaScript heap was exhausted (rather than another allocation).
    pub heap: bool,
    /// V8's own words.
    pub reason: String,
}

/// What a thread does when V8 gives it up.
type LossHook = Box<dyn FnOnce(Loss)>;

thread_local! {
    static HOOK: RefCell<Option<LossHook>> = const { RefCell::new(None) };
}

/// Says what to do when V8 gives the calling thread up. The hook must not touch V8 and must not wait for this thread:
/// it never returns to what it was doing.
pub fn on_loss(hook: impl FnOnce(Loss) + 'static) {
    HOOK.with(|slot| *slot.borrow_mut() = Some(Box::new(hook)));
}

/// Makes the linker keep the wrapped functions.
pub(super) fn install() {
    std::hint::black_box(__wrap__ZN2v84base2OS10PrintErrorEPKcz as *const () as usize);
    std::hint::black_box(__wrap__ZN2v84base21FatalNoSecurityImpactEPKcz as *const () as usize);
}

/// The handler each isolate gets for being out of memory.
pub(crate) unsafe extern "C" fn out_of_memory(location: *const c_char, details: &v8::OomDetails) {
    park(Loss { heap: details.is_heap_oom, reason: text(location) });
}

/// Stands in for `v8::base::FatalNoSecurityImpact` (the linker's `--wrap`): V8 calls it for sizes that no string or array
/// can have, and it would abort without asking any handler.
#[unsafe(no_mangle)]
pub extern "C" fn __wrap__ZN2v84base21FatalNoSecurityImpactEPKcz(format: *const c_char) -> ! {
    park(Loss { heap: true, reason: text(format) })
}

/// Stands in for `v8::base::OS::PrintError`, by which V8 tells a heap's last moments before it asks our handler: a library does
/// not write to its host's stderr. What a failed CHECK says before it ends the process goes another way and stays.
#[unsafe(no_mangle)]
pub extern "C" fn __wrap__ZN2v84base2OS10PrintErrorEPKcz(_format: *const c_char) {}

/// Hands the loss to the thread's hook and never returns.
pub(super) fn park(loss: Loss) -> ! {
    let hook = HOOK.with(|slot| slot.try_borrow_mut().ok().and_then(|mut slot| slot.take()));
    match hook {
        Some(hook) => hook(loss),
        // Not a shard: nobody could go on without this thread.
        None => std::process::abort(),
    }
    loop {
        std::thread::park();
    }
}

fn text(from: *const c_char) -> String {
    if from.is_null() {
        return "out of memory".into();
    }
    // SAFETY: V8 passes NUL-terminated literals.
    unsafe { CStr::from_ptr(from) }.to_string_lossy().into_owned()
}
