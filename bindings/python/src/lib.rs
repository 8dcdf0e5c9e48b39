//! The native half of the Python package `nano_isolates`: the core's face with Python's types, and nothing that waits for Python.
//!
//! What people use is the Python half beside it (`python/nano_isolates`); `_nano.pyi` there describes this one. No thread of NANO's ever
//! calls into Python: events stay in the core's queue until a thread of Python's polls them. Whatever blocks lets other threads run.

mod app;
mod blocking;
mod calls;
mod error;
mod event;
mod hashing;
mod listener;
mod options;
mod runtime;
mod server;
mod values;
mod waiting;
mod websocket;

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyModule;

/// Refuses every interpreter but the first one: what is kept here for the process is of that one's objects.
fn check_interpreter(py: Python<'_>) -> PyResult<()> {
    static HOME: AtomicUsize = AtomicUsize::new(0);
    // Each interpreter has a module of its own here, for as long as it lives.
    let here = PyModule::import(py, "sys")?.as_ptr() as usize;
    match HOME.compare_exchange(0, here, Ordering::Relaxed, Ordering::Relaxed) {
        Err(home) if home != here => Err(PyImportError::new_err("nano_isolates._nano belongs to another interpreter of this process")),
        _ => Ok(()),
    }
}

/// The native half of nano_isolates.
#[pymodule(gil_used = false)]
fn _nano(module: &Bound<'_, PyModule>) -> PyResult<()> {
    check_interpreter(module.py())?;
    module.add("V8_VERSION", nano_core::v8_version())?;
    module.add_class::<runtime::Runtime>()?;
    module.add_class::<app::App>()?;
    module.add_class::<listener::Listener>()?;
    module.add_class::<websocket::WebSocket>()?;
    module.add_function(wrap_pyfunction!(server::response_headers, module)?)?;
    module.add_function(wrap_pyfunction!(server::checked_url, module)?)?;
    module.add_function(wrap_pyfunction!(error::statuses, module)?)?;
    module.add_function(wrap_pyfunction!(error::is_forked, module)?)?;
    module.add_function(wrap_pyfunction!(options::app_limits, module)?)?;
    module.add_function(wrap_pyfunction!(options::runtime_limits, module)?)?;
    module.add_function(wrap_pyfunction!(listener::listen_limits, module)?)
}
