//! How Node finds the module: a constructor tells it when the library is loaded.
//!
//! Node would also look for an exported function, but that one is in a library of Rust's, and of those nothing is exported: a process with
//! a V8 of its own must not see a second one's names.

use std::ptr;

use napi::bindgen_prelude::napi_register_module_v1;
use napi::sys;

/// Node keeps and changes it.
struct Module(std::cell::UnsafeCell<sys::napi_module>);

// SAFETY: nothing here reads it; Node does so under its own lock.
unsafe impl Sync for Module {}

static MODULE: Module = Module(std::cell::UnsafeCell::new(sys::napi_module {
    nm_version: 1,
    nm_flags: 0,
    nm_filename: c"nano-isolates".as_ptr(),
    nm_register_func: Some(napi_register_module_v1),
    nm_modname: c"nano_isolates".as_ptr(),
    nm_priv: ptr::null_mut(),
    reserved: [ptr::null_mut(); 4],
}));

extern "C" fn register() {
    // SAFETY: the module is static, and Node has just loaded this library to hear of it.
    unsafe { sys::napi_module_register(MODULE.0.get()) };
}

// SAFETY: the loader calls what it finds in this section, once.
#[used]
#[unsafe(link_section = ".init_array")]
static REGISTER: extern "C" fn() = register;
