//! A loaded app.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nano_core::{Awaited, Body, RequestHead, RequestInit};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::blocking::{SIGNALS, wait_for};
use crate::calls::headers;
use crate::error::{OrRaise, check_process, exception};
use crate::event::{account, flat};
use crate::options::{GivenApp, given, invalid};
use crate::waiting::{Asked, Form, Waiting};
use crate::websocket::WebSocket;
use crate::{server, values};

type Pairs = Option<Vec<(Vec<u8>, Vec<u8>)>>;

#[pyclass(frozen, module = "nano_isolates._nano")]
pub(crate) struct App {
    app: nano_core::App,
    /// Whether its runtime is to be woken, which is said to whoever dispatches.
    left: Arc<AtomicBool>,
    waiting: Arc<Waiting>,
}

impl App {
    pub(crate) fn new(app: nano_core::App, left: Arc<AtomicBool>, waiting: Arc<Waiting>) -> Self {
        Self { app, left, waiting }
    }

    pub(crate) fn core(&self) -> &nano_core::App {
        &self.app
    }

    fn leave(&self, py: Python<'_>, init: RequestInit) -> PyResult<(u64, bool)> {
        self.sent(py, self.app.dispatch_quietly(init))
    }

    /// The id of a request that has been left, and whether that is known.
    fn sent(&self, py: Python<'_>, id: nano_core::Result<u64>) -> PyResult<(u64, bool)> {
        let id = id.or_raise(py)?;
        // Behind the request: whoever takes the flag back then wakes its shard.
        Ok((id, self.left.swap(true, Ordering::AcqRel)))
    }

    fn wait_for(&self, py: Python<'_>, token: u64, init: RequestInit, mut asked: Asked) -> PyResult<bool> {
        let mut waiting = self.waiting.lock();
        // Nobody takes its events before it is there.
        let sent = self.app.dispatch_quietly(RequestInit { user_data: token, ..init });
        if let Ok(id) = &sent {
            asked.id = *id;
            waiting.insert(token, asked);
        }
        // What raises runs Python, which may ask for the same lock, or wait for a thread that does.
        drop(waiting);
        self.sent(py, sent).map(|(_, is_known)| is_known)
    }
}

/// A request from its parts. Without a body and not streaming it has none.
fn request(py: Python<'_>, method: String, url: String, pairs: Pairs, body: Body, deadline_ms: u32) -> PyResult<RequestInit> {
    let head = RequestHead { method: method.into(), url, headers: headers(py, pairs)? };
    Ok(RequestInit { head, body, user_data: 0, deadline_ms })
}

fn whole(body: Option<&[u8]>) -> Body {
    body.map_or(Body::None, |body| Body::Whole(body.to_vec()))
}

/// Waits without the interpreter, and looks for Ctrl-C now and then.
fn wait<T: Send>(py: Python<'_>, awaited: &Awaited<T>) -> PyResult<T> {
    loop {
        if let Some(result) = py.detach(|| awaited.wait(SIGNALS)) {
            return result.or_raise(py);
        }
        py.check_signals().inspect_err(|_| awaited.cancel())?;
    }
}

#[pymethods]
impl App {
    #[getter]
    fn name(&self) -> &str {
        self.app.name()
    }

    /// Sends a request off. Quietly, for a loop which calls `Runtime.wake` when it has done what is ready: then also whether that was to come
    /// already.
    #[pyo3(signature = (token, method, url, headers, body, streaming, deadline_ms, quietly, /))]
    #[expect(clippy::too_many_arguments, reason = "the parts of a request, by position because a request's every microsecond counts")]
    fn dispatch(
        &self,
        py: Python<'_>,
        token: u64,
        method: String,
        url: String,
        headers: Pairs,
        body: Option<&[u8]>,
        streaming: bool,
        deadline_ms: u32,
        quietly: bool,
    ) -> PyResult<(u64, bool)> {
        check_process(py)?;
        let body = if streaming { Body::Stream } else { whole(body) };
        let mut init = request(py, method, url, headers, body, deadline_ms)?;
        init.user_data = token;
        if quietly { self.leave(py, init) } else { Ok((self.app.dispatch(init).or_raise(py)?, true)) }
    }

    /// The same quietly, and for a request whose body is whole: its response becomes the result of a future if it is whole, too, and else an
    /// exchange.
    #[pyo3(signature = (token, on, future, exchange, receive, request, body, /))]
    #[expect(clippy::too_many_arguments, reason = "the same")]
    fn ask(
        &self,
        py: Python<'_>,
        token: u64,
        on: Py<PyAny>,
        future: Py<PyAny>,
        exchange: Py<PyAny>,
        receive: Py<PyAny>,
        request: (String, String, Pairs, u32),
        body: Option<&[u8]>,
    ) -> PyResult<bool> {
        check_process(py)?;
        let (method, url, pairs, deadline_ms) = request;
        let init = self::request(py, method, url, pairs, whole(body), deadline_ms)?;
        self.wait_for(py, token, init, Asked::new(on, future, exchange, receive, Form::Event))
    }

    /// The same for a request as ASGI has it. A body that is none is one that is not known yet: `None` if the request's headers announce one.
    #[pyo3(signature = (token, on, future, exchange, receive, scope, body, /))]
    #[expect(clippy::too_many_arguments, reason = "the same")]
    fn ask_asgi(
        &self,
        py: Python<'_>,
        token: u64,
        on: Py<PyAny>,
        future: Py<PyAny>,
        exchange: Py<PyAny>,
        receive: Py<PyAny>,
        scope: &Bound<'_, PyAny>,
        body: Option<&[u8]>,
    ) -> PyResult<Option<bool>> {
        check_process(py)?;
        let (head, announces) = server::request(scope)?;
        if body.is_none() && announces {
            return Ok(None);
        }
        let form = Form::Asgi { is_head: head.method == "HEAD" };
        let init = RequestInit { head, body: whole(body.filter(|body| !body.is_empty())), user_data: 0, deadline_ms: 0 };
        self.wait_for(py, token, init, Asked::new(on, future, exchange, receive, form)).map(Some)
    }

    /// The same for one whose body follows, which has an exchange from the beginning.
    #[pyo3(signature = (token, scope, /))]
    fn dispatch_asgi(&self, py: Python<'_>, token: u64, scope: &Bound<'_, PyAny>) -> PyResult<(u64, bool)> {
        check_process(py)?;
        let (head, _) = server::request(scope)?;
        self.leave(py, RequestInit { head, body: Body::Stream, user_data: token, deadline_ms: 0 })
    }

    /// The same for one that asks for a WebSocket.
    #[pyo3(signature = (token, scope, socket, /))]
    fn dispatch_asgi_websocket(&self, py: Python<'_>, token: u64, scope: &Bound<'_, PyAny>, socket: &WebSocket) -> PyResult<(u64, bool)> {
        check_process(py)?;
        let head = server::opening(scope, &socket.handshake(py)?)?;
        self.leave(py, RequestInit { head, body: Body::Upgrade, user_data: token, deadline_ms: 0 })
    }

    /// The same from its parts.
    #[pyo3(signature = (token, url, headers, socket, /))]
    fn dispatch_websocket(&self, py: Python<'_>, token: u64, url: String, headers: Pairs, socket: &WebSocket) -> PyResult<(u64, bool)> {
        check_process(py)?;
        let mut init = request(py, "GET".into(), url, headers, Body::Upgrade, 0)?;
        server::push_all(py, &mut init.head.headers, &socket.handshake(py)?)?;
        self.leave(py, RequestInit { user_data: token, ..init })
    }

    #[pyo3(signature = (method, url, headers, body, deadline_ms, /))]
    fn fetch<'py>(
        &self,
        py: Python<'py>,
        method: String,
        url: String,
        headers: Pairs,
        body: Option<&[u8]>,
        deadline_ms: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        check_process(py)?;
        let awaited = self.app.begin_fetch(request(py, method, url, headers, whole(body), deadline_ms)?).or_raise(py)?;
        let response = wait(py, &awaited)?;
        let head = (response.head.status, response.head.status_text, flat(py, &response.head.headers));
        (head, PyBytes::new(py, &response.body), account(&response.account)).into_bound_py_any(py)
    }

    #[pyo3(signature = (token, export, args, give, /))]
    fn invoke(&self, py: Python<'_>, token: u64, export: &str, args: &Bound<'_, PyTuple>, give: &Bound<'_, PyAny>) -> PyResult<u64> {
        check_process(py)?;
        self.app.invoke(export, values::arguments(args, give)?, token).or_raise(py)
    }

    #[pyo3(signature = (export, args, give, held, /))]
    fn invoke_wait<'py>(
        &self,
        py: Python<'py>,
        export: &str,
        args: &Bound<'py, PyTuple>,
        give: &Bound<'py, PyAny>,
        held: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        check_process(py)?;
        let awaited = self.app.begin_invoke(export, values::arguments(args, give)?).or_raise(py)?;
        let (value, _) = wait(py, &awaited)?;
        values::to_python(py, value, held)
    }

    #[pyo3(signature = (token, cron, time_ms, /))]
    fn schedule(&self, py: Python<'_>, token: u64, cron: &str, time_ms: f64) -> PyResult<u64> {
        check_process(py)?;
        self.app.schedule(cron, time_ms, token).or_raise(py)
    }

    /// What has begun, and goes on if it is interrupted, is noted in a list.
    #[pyo3(signature = (options, begun, /))]
    fn reload(&self, py: Python<'_>, options: &Bound<'_, PyDict>, begun: &Bound<'_, PyList>) -> PyResult<()> {
        check_process(py)?;
        let options = given::<GivenApp<'_>>(options)?.into_core(py)?;
        let app = self.app.clone();
        begun.append(py.None())?;
        wait_for(py, move || app.reload(options), drop)?.or_raise(py)
    }

    /// What is interrupted goes on, and is noted in a list.
    #[pyo3(signature = (grace_s, noted = None, /))]
    fn unload(&self, py: Python<'_>, grace_s: f64, noted: Option<&Bound<'_, PyList>>) -> PyResult<()> {
        check_process(py)?;
        let grace = grace(py, grace_s)?;
        let app = self.app.clone();
        match (wait_for(py, move || app.unload(grace), drop), noted) {
            (Err(interrupt), Some(noted)) => noted.append(py.None()).and(Err(interrupt)),
            (done, _) => done?.or_raise(py),
        }
    }

    fn kill(&self, py: Python<'_>) -> PyResult<u32> {
        check_process(py)?;
        let app = self.app.clone();
        wait_for(py, move || app.kill(), drop)?.or_raise(py)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        check_process(py)?;
        let all = PyDict::new(py);
        for (name, value) in self.app.stats().rows() {
            all.set_item(name, value)?;
        }
        Ok(all)
    }
}

/// Seconds that something may take.
pub(crate) fn grace(py: Python<'_>, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| exception(py, invalid("a time is a number of seconds that is not negative")))
}
