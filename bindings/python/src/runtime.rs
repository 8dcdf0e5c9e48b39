//! A runtime: what starts threads, and whose queue Python polls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nano_core::{Clock, Event, EventMask, QueueStats, Roots, RuntimeLimits, RuntimeOptions};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyList};

use crate::app::{App, grace};
use crate::blocking::wait_for;
use crate::error::{OrRaise, check_process, is_forked};
use crate::listener::{GivenListener, Listener};
use crate::options::{GivenApp, given, invalid, set_runtime_limits};
use crate::waiting::Waiting;
use crate::{calls, values};

type Pairs = Option<Vec<(Vec<u8>, Vec<u8>)>>;

#[pyclass(frozen, module = "nano_isolates._nano")]
pub(crate) struct Runtime {
    core: Arc<nano_core::Runtime>,
    /// Requests have been left quietly since the last `wake`.
    left: Arc<AtomicBool>,
    /// Requests that futures of loops wait for.
    waiting: Arc<Waiting>,
    /// The core's queue has one consumer; taking is short, and nobody holds this while Python runs. Room for what is taken: to ask `malloc` for
    /// as much each time makes it tidy up what it keeps for small requests.
    taking: Mutex<Vec<Event>>,
    /// Whoever closes second waits for the first.
    closing: Mutex<()>,
}

impl Runtime {
    pub(crate) fn core(&self) -> &nano_core::Runtime {
        &self.core
    }
}

#[pymethods]
impl Runtime {
    #[new]
    #[pyo3(signature = (limits, /, *, logs = false, apps = false, manual_clock = false, clock_unix_ms = None, roots = ""))]
    fn new(
        py: Python<'_>,
        limits: &Bound<'_, PyDict>,
        logs: bool,
        apps: bool,
        manual_clock: bool,
        clock_unix_ms: Option<u64>,
        roots: &str,
    ) -> PyResult<Self> {
        check_process(py)?;
        let mut options = RuntimeOptions { events: EventMask { logs, apps }, ..RuntimeOptions::default() };
        let mut given = RuntimeLimits::default();
        set_runtime_limits(&mut given, limits)?;
        options.limits = given;
        options.clock = match (manual_clock, clock_unix_ms) {
            (false, None) => Clock::system(),
            (false, Some(_)) => return Err(invalid("clock_unix_ms is for a runtime with manual_clock")).or_raise(py),
            (true, None) => Clock::manual(),
            (true, Some(ms)) if ms > nano_core::limits::MANUAL_CLOCK_UNIX_MS_MAX => {
                return Err(invalid("clock_unix_ms is beyond the year 9999")).or_raise(py);
            }
            (true, Some(ms)) => Clock::manual_at(ms),
        };
        if !roots.is_empty() {
            let named = Roots::parse(roots).ok_or_else(|| invalid("roots is none of webpki, system and file:PATH"));
            options.roots = named.or_raise(py)?;
        }
        let core = py.detach(|| nano_core::Runtime::new(options)).or_raise(py)?;
        Ok(Self { core: core.into(), left: Arc::default(), waiting: Arc::default(), taking: Mutex::default(), closing: Mutex::default() })
    }

    #[pyo3(signature = (options, /))]
    fn load(&self, py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<App> {
        check_process(py)?;
        let options = given::<GivenApp<'_>>(options)?.into_core(py)?;
        let core = self.core.clone();
        // Nobody would ever unload an app that comes after the interrupt.
        let undo = |loaded: nano_core::Result<nano_core::App>| drop(loaded.map(|app| app.unload(Duration::ZERO)));
        let app = wait_for(py, move || core.load(options), undo)?.or_raise(py)?;
        Ok(App::new(app, self.left.clone(), self.waiting.clone()))
    }

    #[pyo3(signature = (options, /))]
    fn listen(&self, py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Listener> {
        check_process(py)?;
        let options = given::<GivenListener<'_>>(options)?.into_core(py)?;
        py.detach(|| self.core.listen(options)).or_raise(py).map(Listener::new)
    }

    /// Has the shards begin with what was dispatched quietly. Itself what a loop calls, and no function of Python's that does: no signal's
    /// handler comes between its steps.
    fn wake(&self) {
        // A child that runs its parent's loop on is told by what it calls itself.
        if !is_forked() {
            self.left.store(false, Ordering::Release);
            self.core.wake();
        }
    }

    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        check_process(py)?;
        Ok(self.core.raw_fd())
    }

    /// Takes events. Those that futures of the loop `here` wait for complete them, the others are added to `into` with the first one last. The
    /// list is filled here because a signal's handler that raises comes between any two steps of Python's, and what it finds in no list is lost.
    #[pyo3(signature = (max, into, here, /))]
    fn poll<'py>(&self, py: Python<'py>, max: usize, into: &Bound<'py, PyList>, here: Option<&Bound<'py, PyAny>>) -> PyResult<usize> {
        check_process(py)?;
        let mut room = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut events = std::mem::take(&mut *room);
        let taken = self.core.poll(max, &mut events);
        // What raises runs Python.
        drop(room);
        taken.or_raise(py)?;
        let count = events.len();
        let (rest, done) = self.waiting.hand_out(py, events.drain(..), here)?;
        *self.taking.lock().unwrap_or_else(PoisonError::into_inner) = events;
        for event in rest.into_iter().rev() {
            into.append(event)?;
        }
        done.map(|()| count)
    }

    /// What a loop's futures wait for that was there already at the last call: token, request, loop, future, class of exchange and what that
    /// is given. And whether there is more.
    #[pyo3(signature = (on, /))]
    fn late<'py>(&self, on: &Bound<'py, PyAny>) -> PyResult<(Vec<Bound<'py, PyAny>>, bool)> {
        self.waiting.late(on)
    }

    /// An exchange waits for a request from now on, and no future does; whether one did.
    #[pyo3(signature = (token, /))]
    fn disown(&self, token: u64) -> bool {
        let asked = self.waiting.lock().remove(&token);
        asked.is_some()
    }

    /// No future waits for a request any more: if one did, the request is over.
    #[pyo3(signature = (token, /))]
    fn forsake(&self, token: u64) {
        let asked = self.waiting.lock().remove(&token);
        if let Some(asked) = &asked
            && !is_forked()
        {
            // It may have ended in this moment.
            let _ = self.core.request_cancel(asked.id);
        }
    }

    #[pyo3(signature = (id, data, /))]
    fn request_write(&self, py: Python<'_>, id: u64, data: &[u8]) -> PyResult<usize> {
        check_process(py)?;
        self.core.request_write(id, data).or_raise(py)
    }

    #[pyo3(signature = (id, /))]
    fn request_end(&self, py: Python<'_>, id: u64) -> PyResult<()> {
        check_process(py)?;
        self.core.request_end(id).or_raise(py)
    }

    #[pyo3(signature = (id, why, /))]
    fn request_abort_body(&self, py: Python<'_>, id: u64, why: &str) -> PyResult<()> {
        check_process(py)?;
        self.core.request_abort_body(id, why).or_raise(py)
    }

    #[pyo3(signature = (id, /))]
    fn request_cancel(&self, py: Python<'_>, id: u64) -> PyResult<()> {
        check_process(py)?;
        self.core.request_cancel(id).or_raise(py)
    }

    #[pyo3(signature = (id, count, /))]
    fn credit(&self, py: Python<'_>, id: u64, count: u32) -> PyResult<()> {
        check_process(py)?;
        self.core.credit(id, count).or_raise(py)
    }

    #[pyo3(signature = (id, held, /))]
    fn call_view<'py>(&self, py: Python<'py>, id: u64, held: &Bound<'py, PyAny>) -> PyResult<(u64, Bound<'py, PyAny>)> {
        check_process(py)?;
        let view = self.core.call_view(id).or_raise(py)?;
        Ok((view.user_data, calls::to_python(py, view, held)?))
    }

    #[pyo3(signature = (id, status, status_text, headers, body, /))]
    fn call_respond(
        &self,
        py: Python<'_>,
        id: u64,
        status: u16,
        status_text: String,
        headers: Pairs,
        body: Option<Vec<u8>>,
    ) -> PyResult<()> {
        check_process(py)?;
        let response = calls::response(py, status, status_text, headers, body)?;
        self.core.call_respond(id, response).or_raise(py)
    }

    #[pyo3(signature = (id, value, give, /))]
    fn call_return(&self, py: Python<'_>, id: u64, value: &Bound<'_, PyAny>, give: &Bound<'_, PyAny>) -> PyResult<()> {
        check_process(py)?;
        self.core.call_return(id, values::from_python(value, give)?).or_raise(py)
    }

    #[pyo3(signature = (id, name, message, /))]
    fn call_throw(&self, py: Python<'_>, id: u64, name: &str, message: &str) -> PyResult<()> {
        check_process(py)?;
        self.core.call_throw(id, name, message).or_raise(py)
    }

    #[pyo3(signature = (id, data, /))]
    fn call_write(&self, py: Python<'_>, id: u64, data: &[u8]) -> PyResult<usize> {
        check_process(py)?;
        self.core.call_write(id, data).or_raise(py)
    }

    #[pyo3(signature = (id, /))]
    fn call_end(&self, py: Python<'_>, id: u64) -> PyResult<()> {
        check_process(py)?;
        self.core.call_end(id).or_raise(py)
    }

    #[pyo3(signature = (ms, /))]
    fn advance(&self, py: Python<'_>, ms: u64) -> PyResult<()> {
        check_process(py)?;
        self.core.advance_clock(ms).or_raise(py)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        check_process(py)?;
        let all = PyDict::new(py);
        for (name, value) in self.core.stats().rows() {
            all.set_item(name, value)?;
        }
        Ok(all)
    }

    fn queues<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        check_process(py)?;
        let all = PyDict::new(py);
        for name in self.core.queues() {
            // One that has become empty in between is none any more.
            let Some(QueueStats { messages, bytes, sent, acked, retried, dead, dropped }) = self.core.queue_stats(&name) else { continue };
            let rows = [
                ("messages", messages),
                ("bytes", bytes),
                ("sent", sent),
                ("acked", acked),
                ("retried", retried),
                ("dead", dead),
                ("dropped", dropped),
            ];
            all.set_item(name, rows.into_py_dict(py)?)?;
        }
        Ok(all)
    }

    fn metrics(&self, py: Python<'_>) -> PyResult<String> {
        check_process(py)?;
        Ok(self.core.metrics())
    }

    #[pyo3(signature = (grace_s, /))]
    fn drain(&self, py: Python<'_>, grace_s: f64) -> PyResult<bool> {
        check_process(py)?;
        let grace = grace(py, grace_s)?;
        let core = self.core.clone();
        wait_for(py, move || core.drain(grace), drop)
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            let _turn = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
            self.core.free();
        });
    }
}
