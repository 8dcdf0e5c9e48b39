//! What blocks in the core, and how a thread of Python's waits for it: without the interpreter, and looking for Ctrl-C now and then.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use nano_core::sys::signals;
use nano_core::{Error, Status};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::error::exception;

/// How long a waiting thread goes without looking for signals.
pub(crate) const SIGNALS: Duration = Duration::from_millis(50);

/// Does what blocks, and waits for it. An interrupt ends the waiting and not the work: what comes of that is then given to `undo`.
pub(crate) fn wait_for<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> T + Send + 'static,
    undo: impl FnOnce(T) + Send + 'static,
) -> PyResult<T> {
    // Others have no signals to look for, and need no second thread.
    if !is_main_thread(py)? {
        return Ok(py.detach(work));
    }
    // Without room in between: what is sent has been received, or comes back.
    let (sender, receiver) = sync_channel(0);
    let builder = thread::Builder::new().name("nano-waited-for".into());
    let started = signals::blocked(|| builder.spawn(move || run(work, undo, &sender)));
    if let Err(why) = started {
        return Err(exception(py, Error::new(Status::Capacity, format!("no thread to wait for this by: {why}"))));
    }
    py.detach(move || {
        loop {
            match receiver.recv_timeout(SIGNALS) {
                Ok(done) => return Ok(done),
                Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals())?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Python::attach(|py| {
                        exception(py, Error::new(Status::Panic, "a defect inside NANO ended what was waited for"))
                    }));
                }
            }
        }
    })
}

fn run<T>(work: impl FnOnce() -> T, undo: impl FnOnce(T), waiter: &SyncSender<T>) {
    if let Err(left) = waiter.send(work()) {
        undo(left.0);
    }
}

/// Whether this is the thread that Python's handlers of signals run in.
fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    let threading = PyModule::import(py, intern!(py, "threading"))?;
    let main = threading.call_method0(intern!(py, "main_thread"))?;
    main.getattr(intern!(py, "ident"))?.eq(threading.call_method0(intern!(py, "get_ident"))?)
}
