//! Errors of the core as exceptions of `nano_isolates`, and what keeps a forked child from touching what is not there.

use nano_core::sys::fork;
use nano_core::{Error, Result, Status};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

/// The exception that stands for an error of the core.
pub(crate) fn exception(py: Python<'_>, error: Error) -> PyErr {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made =
        MAKE.get_or_try_init(py, || PyModule::import(py, "nano_isolates._errors")?.getattr("make").map(Bound::unbind)).and_then(|make| {
            let http_status = error.http_status();
            make.call1(py, (error.status.code(), error.message, error.stack, http_status))
        });
    match made {
        Ok(exception) => PyErr::from_value(exception.into_bound(py)),
        Err(error) => error,
    }
}

/// The exception for an argument that is of the wrong type, as the Python half has it.
pub(crate) fn wrong_type(py: Python<'_>, message: &str) -> PyErr {
    let made = PyModule::import(py, "nano_isolates._errors").and_then(|errors| errors.getattr("InvalidTypeError")?.call1((message,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// The core's result as Python's.
pub(crate) trait OrRaise<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for Result<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, error))
    }
}

/// Stands at every entry: the threads and heaps behind a handle are not there in a fork of the process that made it.
pub(crate) fn check_process(py: Python<'_>) -> PyResult<()> {
    if !fork::is_child() {
        return Ok(());
    }
    let why = "this process is a fork of one that had started NANO: make runtimes after the fork, or start processes by spawn";
    Err(exception(py, Error::new(Status::Forked, why)))
}

/// Whether this process is a fork of one that had started NANO.
#[pyfunction]
pub(crate) fn is_forked() -> bool {
    fork::is_child()
}

/// Every status: its number and its name.
#[pyfunction]
pub(crate) fn statuses() -> Vec<(i32, &'static str)> {
    Status::ALL.iter().map(|status| (status.code(), status.name())).collect()
}
