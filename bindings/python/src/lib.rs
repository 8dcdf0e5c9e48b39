//! The native half of the Python package `nano_isolates`: the core's face with Python's types, and nothing that waits for Python.
//!
//! What people use is the Python half beside it (`python/nano_isolates`); `_nano.pyi` there describes this one. No thread of NANO's ever
//! calls into Python: events stay in the core's queue until a thread of Python's polls them. Whatever blocks lets other threads run.

mod app;
mod calls;
mod error;
mod event;
mod options;
mod runtime;
mod values;

use pyo3::prelude::*;

/// The native half of nano_isolates.
#[pymodule(gil_used = false)]
fn _nano(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("V8_VERSION", nano_core::v8_version())?;
    module.add_class::<runtime::Runtime>()?;
    module.add_class::<app::App>()?;
    module.add_function(wrap_pyfunction!(error::statuses, module)?)?;
    module.add_function(wrap_pyfunction!(error::is_forked, module)?)?;
    module.add_function(wrap_pyfunction!(options::app_limits, module)?)?;
    module.add_function(wrap_pyfunction!(options::runtime_limits, module)?)
}
