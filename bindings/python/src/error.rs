//! Errors of the core as exceptions of `nano_isolates`, and what keeps a forked child from touching what is not there.

use nano_core::sys::fork;
use nano_core::{Error, Result, Status};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule};

/// The exception that stands for an error of the core.
pub(crate) fn exception(py: Python<'_>, error: Error) -> PyErr {
    made(py, error).map_or_else(|error| error, PyErr::from_value)
}

/// What `NanoError.__init__` makes, without a step of Python's: between two of them a signal's handler may raise, and what it raises would be
/// taken for this.
fn made(py: Python<'_>, error: Error) -> PyResult<Bound<'_, PyAny>> {
    static CLASSES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let classes = CLASSES.get_or_try_init(py, || {
        PyResult::Ok(PyModule::import(py, "nano_isolates._errors")?.getattr("BY_CODE")?.cast_into::<PyDict>()?.unbind())
    })?;
    let classes = classes.bind(py);
    let class = match classes.get_item(error.status.code())? {
        Some(class) => class,
        None => classes.as_any().get_item(0)?,
    };
    let made = class.call_method1(intern!(py, "__new__"), (&class, &error.message))?;
    made.setattr(intern!(py, "http_status"), error.http_status())?;
    made.setattr(intern!(py, "stack"), error.stack)?;
    made.setattr(intern!(py, "args"), (&error.message,))?;
    made.setattr(intern!(py, "message"), error.message)?;
    Ok(made)
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
