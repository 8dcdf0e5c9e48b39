//! The client's side of a WebSocket that an app answers with. Servers of Python's have messages and apps have frames: these are made and
//! read here, without a connection.

use std::sync::{Mutex, MutexGuard, PoisonError};

use nano_core::limits::{WEBSOCKET_FRAGMENTS_MAX, WEBSOCKET_HOST_MESSAGE_BYTES_MAX, WEBSOCKET_PONGS_BYTES_MAX};
use nano_core::sys::random;
use nano_core::{Error, Headers, ResponseHead, Status};
use nano_http::ws::{Event, Limits, NotOpen, Role, Socket, check_response, client_headers};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::error::{OrRaise, check_process, exception};
use crate::options::invalid;
use crate::runtime::Runtime;
use crate::server::is_of_handshake;

#[pyclass(frozen, module = "nano_isolates._nano")]
pub(crate) struct WebSocket {
    key: [u8; 16],
    protocols: Vec<String>,
    /// Nobody holds this while Python runs.
    state: Mutex<State>,
}

struct State {
    socket: Socket,
    /// Frames for the app, and how much of them it has.
    out: Vec<u8>,
    at: usize,
}

impl State {
    fn put(&mut self, write: impl FnOnce(&mut Socket, &mut Vec<u8>, [u8; 4]) -> Result<(), NotOpen>) -> bool {
        let mut mask = [0; 4];
        random::fill(&mut mask);
        write(&mut self.socket, &mut self.out, mask).is_ok()
    }

    /// Whether all is written then.
    fn flush(&mut self, write: impl FnOnce(&[u8]) -> nano_core::Result<usize>) -> nano_core::Result<bool> {
        if self.at < self.out.len() {
            match write(&self.out[self.at..]) {
                Ok(taken) => self.at += taken,
                // It has ended, and reads no more.
                Err(error) if matches!(error.status, Status::NotFound | Status::Shutdown) => self.at = self.out.len(),
                Err(error) => return Err(error),
            }
        }
        let is_all = self.at == self.out.len();
        if is_all {
            (self.out, self.at) = (Vec::new(), 0);
        }
        Ok(is_all)
    }

    /// Reads one piece of what the app sends.
    fn read(&mut self, mut piece: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            match self.socket.receive(piece) {
                Ok(received) => {
                    piece = &piece[received.consumed..];
                    match received.event {
                        None => return events,
                        Some(Event::Ping(bytes)) => {
                            // Who does not read its pongs gets no more of them.
                            if self.out.len() - self.at < WEBSOCKET_PONGS_BYTES_MAX {
                                self.put(|socket, out, mask| socket.pong(out, &bytes, mask));
                            }
                        }
                        Some(Event::Pong(_)) => {}
                        Some(event) => events.push(event),
                    }
                }
                Err(violation) => {
                    self.put(|socket, out, mask| {
                        socket.fail(out, violation, mask);
                        Ok(())
                    });
                    events.push(Event::Close(Some((violation.code(), violation.sentence().into()))));
                    return events;
                }
            }
        }
    }
}

impl WebSocket {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> Vec<&str> {
        self.protocols.iter().map(String::as_str).collect()
    }

    /// The headers by which the app is asked for it.
    pub(crate) fn handshake(&self, py: Python<'_>) -> PyResult<Headers> {
        let made = client_headers(self.key, &self.names(), None)
            .and_then(|mut headers| (headers.push(b"connection", b"Upgrade") && headers.push(b"upgrade", b"websocket")).then_some(headers));
        made.ok_or_else(|| invalid("a subprotocol is no token, or is there twice")).or_raise(py)
    }
}

#[pymethods]
impl WebSocket {
    #[new]
    #[pyo3(signature = (subprotocols, /))]
    fn new(subprotocols: Vec<String>) -> Self {
        let mut key = [0; 16];
        random::fill(&mut key);
        let limits = Limits { message_bytes: WEBSOCKET_HOST_MESSAGE_BYTES_MAX, fragments: WEBSOCKET_FRAGMENTS_MAX };
        let state = State { socket: Socket::new(Role::Client, limits, None), out: Vec::new(), at: 0 };
        Self { key, protocols: subprotocols, state: state.into() }
    }

    /// The subprotocol and the app's own headers, from those of the response that begins it.
    #[pyo3(signature = (flat, /))]
    fn accept<'py>(&self, py: Python<'py>, flat: &[u8]) -> PyResult<(Option<String>, Bound<'py, PyList>)> {
        let head = ResponseHead { status: 101, status_text: String::new(), headers: Headers::from_flat(flat.to_vec()) };
        let agreed = check_response(&head, self.key, &self.names(), None);
        let agreed = agreed.map_err(|why| exception(py, Error::new(Status::Unsupported, format!("this is no WebSocket: {why}"))))?;
        let list = PyList::empty(py);
        for (name, value) in head.headers.iter().filter(|(name, _)| !is_of_handshake(name)) {
            list.append((PyBytes::new(py, name), PyBytes::new(py, value)))?;
        }
        Ok((agreed.protocol, list))
    }

    /// Makes frames of a message; false if the last word has been said.
    #[pyo3(signature = (message, /))]
    fn text(&self, message: &str) -> bool {
        self.lock().put(|socket, out, mask| socket.text(out, message, false, mask))
    }

    /// The same for bytes.
    #[pyo3(signature = (message, /))]
    fn binary(&self, message: &[u8]) -> bool {
        self.lock().put(|socket, out, mask| socket.binary(out, message, false, mask))
    }

    /// The last word; false if it has been said, or the code is not one to be sent. A reason is cut to what fits.
    #[pyo3(signature = (code, reason, /))]
    fn close(&self, code: Option<u16>, reason: &str) -> bool {
        let reason = &reason[..reason.floor_char_boundary(123)];
        self.lock().put(|socket, out, mask| socket.close(out, code.map(|code| (code, reason)), mask))
    }

    /// Reads a piece of what the app sends: messages, and its last word as a code, which may be none, and a reason.
    #[pyo3(signature = (piece, /))]
    fn receive<'py>(&self, py: Python<'py>, piece: &[u8]) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let events = self.lock().read(piece);
        for event in events {
            match event {
                // The bytes have been checked.
                Event::Text(text) => list.append(PyString::new(py, &String::from_utf8_lossy(&text)))?,
                Event::Binary(bytes) => list.append(PyBytes::new(py, &bytes))?,
                Event::Close(Some((code, reason))) => list.append((Some(code), reason).into_bound_py_any(py)?)?,
                Event::Close(None) => list.append((None::<u16>, "").into_bound_py_any(py)?)?,
                Event::Ping(_) | Event::Pong(_) => {}
            }
        }
        Ok(list)
    }

    /// Gives the app what it has room for; whether that was all. An event says when there is room again.
    #[pyo3(signature = (runtime, id, /))]
    fn flush(&self, py: Python<'_>, runtime: &Runtime, id: u64) -> PyResult<bool> {
        check_process(py)?;
        let flushed = self.lock().flush(|bytes| runtime.core().request_write(id, bytes));
        flushed.or_raise(py)
    }
}
