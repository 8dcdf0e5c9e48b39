//! Events as tuples: whose it is, what happened by its number in `_hub.py`, and what comes with that.

use std::sync::{Mutex, PoisonError};

use nano_core::{Account, Event, Headers, LogLevel, Payload, Value};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::exception;
use crate::values;

/// What a request used, in the order of the Python half's `Account`.
pub(crate) type AccountTuple = (u64, u64, u64, u64, u32, u64, u64);

pub(crate) fn account(account: &Account) -> AccountTuple {
    let Account { cpu_us, wall_us, heap_bytes, external_bytes, subrequests, bytes_in, bytes_out } = *account;
    (cpu_us, wall_us, heap_bytes, external_bytes, subrequests, bytes_in, bytes_out)
}

/// Headers in their flat form: the Python half splits them when somebody looks.
pub(crate) fn flat<'py>(py: Python<'py>, headers: &Headers) -> Bound<'py, PyBytes> {
    PyBytes::new(py, headers.as_flat())
}

/// What an invocation has returned, until whoever waits for it takes it: to make Python's value of it runs Python, and with it signals'
/// handlers, and what they raise is nobody else's.
#[pyclass(frozen)]
pub(crate) struct Returned(Mutex<Option<Value>>);

#[pymethods]
impl Returned {
    /// The value, once.
    #[pyo3(signature = (held, /))]
    fn take<'py>(&self, held: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        values::to_python(held.py(), value.unwrap_or(Value::Undefined), held)
    }
}

/// The event as the Python half reads it. That runs no Python.
pub(crate) fn to_python(py: Python<'_>, event: Event) -> PyResult<Bound<'_, PyAny>> {
    let Event { id, user_data, payload } = event;
    let key = if user_data == 0 { id } else { user_data };
    match payload {
        Payload::Response { head, body, end, account: used } => {
            let head_of = (head.status, head.status_text, flat(py, &head.headers));
            (key, 0, head_of, PyBytes::new(py, &body), end, account(&used)).into_bound_py_any(py)
        }
        Payload::Chunk(bytes) => (key, 1, PyBytes::new(py, &bytes)).into_bound_py_any(py),
        Payload::End(used) => (key, 2, account(&used)).into_bound_py_any(py),
        Payload::Error(error, used) => (key, 3, exception(py, error).into_value(py), account(&used)).into_bound_py_any(py),
        Payload::Writable => (key, 4).into_bound_py_any(py),
        Payload::Result(value, used) => (key, 5, Returned(Some(value).into()), account(&used)).into_bound_py_any(py),
        Payload::Call => (key, 6).into_bound_py_any(py),
        Payload::CallChunk(bytes) => (key, 7, PyBytes::new(py, &bytes)).into_bound_py_any(py),
        Payload::CallCanceled => (key, 8).into_bound_py_any(py),
        Payload::Release { .. } => (key, 9).into_bound_py_any(py),
        Payload::Log { app, level, text, dropped } => (0, 10, app, level_name(level), text, dropped).into_bound_py_any(py),
        Payload::App { app, state, reason } => (0, 11, app, state, reason).into_bound_py_any(py),
        Payload::VersionEnd => (key, 13).into_bound_py_any(py),
        // Of a kind that this version does not know: nobody asked for it.
        _ => (key, 14).into_bound_py_any(py),
    }
}

fn level_name(level: LogLevel) -> String {
    format!("{level:?}").to_lowercase()
}
