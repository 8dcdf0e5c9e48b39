//! What apps ask of Python, and the answers.

use nano_core::{Body, CallContent, CallResponse, CallView, Headers, ResponseHead};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::exception;
use crate::event::flat;
use crate::options::invalid;
use crate::values;

/// A call as the Python half reads it: `(app, binding, kind, ...)`.
pub(crate) fn to_python<'py>(py: Python<'py>, call: CallView, held: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let CallView { app, binding, content, .. } = call;
    let list = |args| values::args_to_python(py, args, held);
    match content {
        CallContent::Fetch { head, body, streaming } => {
            let request = (head.method, head.url, flat(py, &head.headers), PyBytes::new(py, &body), streaming);
            (app, binding, "fetch", request).into_bound_py_any(py)
        }
        CallContent::Method { name, args } => (app, binding, "method", name, list(args)?).into_bound_py_any(py),
        CallContent::Function { args } => (app, binding, "function", list(args)?).into_bound_py_any(py),
        CallContent::Construct { args } => (app, binding, "construct", list(args)?).into_bound_py_any(py),
        CallContent::ObjectMethod { object, name, args } => {
            (app, binding, "object_method", object.id, name, list(args)?).into_bound_py_any(py)
        }
        CallContent::ObjectGet { object, name } => (app, binding, "object_get", object.id, name).into_bound_py_any(py),
        CallContent::ObjectSet { object, name, value } => {
            (app, binding, "object_set", object.id, name, values::to_python(py, value, held)?).into_bound_py_any(py)
        }
        // Only apps with `host_files` make these, and this binding never loads one with it.
        CallContent::Files { name, .. } => (app, binding, "files", name).into_bound_py_any(py),
    }
}

/// Pairs of bytes as headers.
pub(crate) fn headers(py: Python<'_>, pairs: Option<Vec<(Vec<u8>, Vec<u8>)>>) -> PyResult<Headers> {
    let mut headers = Headers::new();
    for (name, value) in pairs.unwrap_or_default() {
        if !headers.push(&name, &value) {
            return Err(refused(py, &name));
        }
    }
    Ok(headers)
}

/// The error for a header that cannot be one.
pub(crate) fn refused(py: Python<'_>, name: &[u8]) -> PyErr {
    let name = String::from_utf8_lossy(name);
    exception(py, invalid(format!("the header {name:?} has a name that is no token, or a line break in its value")))
}

/// The answer to a `fetch` call; no body means that it follows.
pub(crate) fn response(
    py: Python<'_>,
    status: u16,
    status_text: String,
    pairs: Option<Vec<(Vec<u8>, Vec<u8>)>>,
    body: Option<Vec<u8>>,
) -> PyResult<CallResponse> {
    let head = ResponseHead { status, status_text, headers: headers(py, pairs)? };
    Ok(CallResponse { head, body: body.map_or(Body::Stream, Body::Whole) })
}
