//! Requests that a loop waits for by a future each. A whole response becomes the future's result here, with no step of Python's in between;
//! whatever else comes makes an exchange of the request, which the Python half goes on with.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nano_core::{Event, Payload};
use pyo3::prelude::*;
use pyo3::{IntoPyObjectExt, intern};

use crate::{event, server};

/// `OPENED` in `_exchange.py`.
const OPENED: u8 = 12;

/// What a future gets when its response is whole.
pub(crate) enum Form {
    /// The event, as the Python half reads it.
    Event,
    /// The two messages that an ASGI server is sent. The response to a HEAD has no body.
    Asgi { is_head: bool },
}

/// One request.
pub(crate) struct Asked {
    /// The request's.
    pub id: u64,
    /// Whose thread alone may complete the future.
    on: Py<PyAny>,
    future: Py<PyAny>,
    /// The class of its exchange, if it is to have one, and what that is given.
    exchange: Py<PyAny>,
    receive: Py<PyAny>,
    form: Form,
    /// Whether it was there already when somebody last looked for what takes long.
    was_seen: bool,
    /// Whether the Python half is being told of it: until that has made an exchange of it, whose this is then, it may be left here.
    is_opened: bool,
}

/// What an event means to a request.
enum Step<'py> {
    Answer(Asked),
    Open(u64, [Bound<'py, PyAny>; 4]),
    Pass,
}

impl Asked {
    /// One that has not been sent off yet.
    pub(crate) fn new(on: Py<PyAny>, future: Py<PyAny>, exchange: Py<PyAny>, receive: Py<PyAny>, form: Form) -> Self {
        Self { id: 0, on, future, exchange, receive, form, was_seen: false, is_opened: false }
    }

    fn is_on(&self, here: Option<&Bound<'_, PyAny>>) -> bool {
        here.is_some_and(|here| self.on.is(here))
    }

    /// Completes the future with a response that is whole.
    fn answer(self, py: Python<'_>, event: Event) -> PyResult<()> {
        let result = match (event.payload, self.form) {
            (Payload::Response { head, body, .. }, Form::Asgi { is_head }) => server::messages(py, &head, &body, is_head)?,
            (payload, _) => event::to_python(py, Event { payload, ..event })?,
        };
        let future = self.future.bind(py);
        match future.call_method1(intern!(py, "set_result"), (result,)) {
            // Its task has been cancelled, and has not come to say so yet.
            Err(_) if future.call_method0(intern!(py, "cancelled"))?.is_truthy()? => Ok(()),
            done => done.map(drop),
        }
    }

    /// What the Python half makes an exchange of.
    fn parts<'py>(&self, py: Python<'py>) -> [Bound<'py, PyAny>; 4] {
        [&self.on, &self.future, &self.exchange, &self.receive].map(|part| part.bind(py).clone())
    }
}

/// All requests of a runtime's that futures wait for, by what the Python half calls them.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<HashMap<u64, Asked>>);

impl Waiting {
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<u64, Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes what loops wait for that is `here`; everything else as the Python half reads it, in its order. Also if the loop's own code
    /// is interrupted: then the rest goes the other way.
    pub(crate) fn hand_out<'py>(
        &self,
        py: Python<'py>,
        events: impl Iterator<Item = Event>,
        here: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Vec<Bound<'py, PyAny>>, PyResult<()>)> {
        let mut rest = Vec::new();
        let mut done = Ok(());
        for event in events {
            // Locked for each: a future's loop runs Python when it is told.
            match self.step(py, &event, here.filter(|_| done.is_ok())) {
                Step::Answer(asked) => {
                    done = asked.answer(py, event);
                    continue;
                }
                Step::Open(id, [on, future, exchange, receive]) => {
                    rest.push((event.user_data, OPENED, id, on, future, exchange, receive).into_bound_py_any(py)?);
                }
                Step::Pass => {}
            }
            rest.push(event::to_python(py, event)?);
        }
        Ok((rest, done))
    }

    fn step<'py>(&self, py: Python<'py>, event: &Event, here: Option<&Bound<'py, PyAny>>) -> Step<'py> {
        let mut all = self.lock();
        let Entry::Occupied(mut entry) = all.entry(event.user_data) else { return Step::Pass };
        let asked = entry.get_mut();
        if std::mem::replace(&mut asked.is_opened, true) {
            return Step::Pass;
        }
        if asked.is_on(here) && matches!(event.payload, Payload::Response { end: true, .. }) {
            return Step::Answer(entry.remove());
        }
        Step::Open(asked.id, asked.parts(py))
    }

    /// What of ASGI's has waited on a loop since somebody last looked, and whether there is more that does.
    pub(crate) fn late<'py>(&self, on: &Bound<'py, PyAny>) -> PyResult<(Vec<Bound<'py, PyAny>>, bool)> {
        let py = on.py();
        let mut late = Vec::new();
        let mut more = false;
        let is_late = |asked: &Asked| matches!(asked.form, Form::Asgi { .. }) && !asked.is_opened && asked.is_on(Some(on));
        for (token, asked) in self.lock().iter_mut().filter(|(_, asked)| is_late(asked)) {
            if asked.was_seen {
                late.push((*token, asked.id, asked.parts(py)));
            }
            more |= !std::mem::replace(&mut asked.was_seen, true);
        }
        let tuple = |(token, id, [on, future, exchange, receive]): (u64, u64, [_; 4])| {
            (token, id, on, future, exchange, receive).into_bound_py_any(py)
        };
        Ok((late.into_iter().map(tuple).collect::<PyResult<_>>()?, more))
    }
}
