//! Apps that call apps: `env.API.fetch(request)` and `env.API.method(...args)` of a binding to another app of the same runtime.
//!
//! A call becomes a request of the other app, under that app's limits and on its account, whose listener is the call. Bodies go both
//! ways through the pipes of the two, each with a window of its own. The host sees nothing of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::http::{RequestHead, ResponseHead};
use nano_base::limits::{METHOD_NAME_BYTES_MAX, SERVICE_DEPTH_MAX};
use nano_base::status::{Error, Result, Status};
use nano_base::value::Value;

use crate::app::{App, check_head};
use crate::call::{Answer, Call, CallContent};
use crate::objects;
use crate::pipe::{Held, Pipe, Pushed, head_bytes};
use crate::request::{Body, Ending, Job, Listener, Origin, RequestInit, Work};
use crate::runtime::Inner;
use crate::shard::Command;
use crate::wait::lock;

/// What must not leave the host's sight.
const NO_OBJECTS: &str = "an object of the host's cannot be passed to another app";

impl Inner {
    /// Makes a call a request of the app it is for.
    pub(crate) fn call_app(
        self: &Arc<Self>,
        call: &Arc<Call>,
        content: CallContent,
        app: &str,
        entrypoint: Option<&str>,
        depth: u32,
    ) -> Result<()> {
        if depth > SERVICE_DEPTH_MAX {
            return Err(Error::new(Status::Overloaded, format!("apps have called one another {SERVICE_DEPTH_MAX} deep: is it a loop?")));
        }
        let target = self.find(app).ok_or_else(|| Error::new(Status::NotFound, format!("there is no app named \"{app}\"")))?;
        let target = App { shared: target, inner: self.clone() };
        let (job, body) = job_of(&target, content)?;
        let origin = Origin { depth, entrypoint: entrypoint.map(str::to_string) };
        let work = target.submit_for(job, body, 0, 0, Listener::App(call.clone()), origin)?;
        let _ = call.peer.set(Arc::downgrade(&work));
        Ok(())
    }

    fn answer_call(&self, call: &Call, answer: Answer) {
        self.tell_place(call.place, Command::Answer(call.place, answer));
    }

    /// The other app has answered a call, or will not.
    pub(crate) fn finish_call(&self, call: &Call, end: Ending, app: &str) {
        if matches!(call.view.content, CallContent::Method { .. }) {
            // What it was called with has gone with the request.
            *lock(&call.held) = Held::NONE;
        }
        self.end_call(call, end, app);
        // Whoever still sends the call's body is woken, to find that nobody reads it.
        call.closed.store(true, Ordering::Release);
        if call.uploading.load(Ordering::Acquire) {
            self.answer_call(call, Answer::WriteReady);
        }
    }

    fn end_call(&self, call: &Call, end: Ending, app: &str) {
        match end {
            Ending::Response(head, body) => {
                if call.answer() {
                    lock(&call.held).add(head_bytes(&head));
                    *lock(&call.body) = Pipe::new(Body::Whole(body), &call.app);
                    self.answer_call(call, Answer::Head(head));
                }
            }
            Ending::Stream => {
                if lock(&call.body).end() {
                    self.answer_call(call, Answer::BodyReady);
                }
            }
            Ending::Value(mut value) => {
                if call.answer() {
                    let fits = objects::refuse(&mut value, NO_OBJECTS).and_then(|()| check_size(&value)).and_then(|()| keep(call, &value));
                    self.answer_call(call, fits.map_or_else(|error| Answer::Fail(error.message), |()| Answer::Value(value)));
                }
            }
            Ending::Error(error) => {
                if call.answer() {
                    self.answer_call(call, failure(call, error, app));
                } else if lock(&call.body).break_off(&format!("the app \"{app}\" did not complete its response: {}", error.message)) {
                    self.answer_call(call, Answer::BodyReady);
                }
            }
        }
    }

    /// The head of a streaming response to a call.
    pub(crate) fn begin_call_body(&self, call: &Call, head: ResponseHead) {
        {
            // Whoever fails the call from now on, from whatever thread, must find this body to break off.
            let mut body = lock(&call.body);
            if !call.answer() {
                return;
            }
            *body = Pipe::stream(head.headers.content_length(), &call.app);
            lock(&call.held).add(head_bytes(&head));
        }
        self.answer_call(call, Answer::Head(head));
    }

    /// A piece of a streaming response to a call.
    pub(crate) fn push_call_body(&self, call: &Call, bytes: Vec<u8>) -> Pushed {
        let (pushed, tell) = lock(&call.body).push(bytes);
        if tell {
            self.answer_call(call, Answer::BodyReady);
        }
        pushed
    }
}

impl CallContent {
    /// What is left of it in a call whose content has gone to another app.
    pub(crate) fn outline(&self) -> Self {
        match self {
            CallContent::Fetch { streaming, .. } => {
                CallContent::Fetch { head: RequestHead::default(), body: Vec::new(), streaming: *streaming }
            }
            _ => CallContent::Method { name: String::new(), args: Vec::new() },
        }
    }
}

/// The caller's side.
impl Call {
    /// The request that the call has become, while it lasts.
    pub(crate) fn peer_work(&self) -> Option<Arc<Work>> {
        self.peer.get()?.upgrade()
    }

    /// Whether another app answers it, not the host.
    pub(crate) fn is_for_an_app(&self) -> bool {
        self.peer.get().is_some()
    }

    /// Sends a piece of the request's body to the other app; the credit that is left, or `None` when that reads no more.
    pub(crate) fn write_to_app(&self, inner: &Inner, bytes: Vec<u8>) -> Option<i64> {
        if self.closed.load(Ordering::Acquire) {
            return None;
        }
        let len = bytes.len() as i64;
        let work = self.peer_work()?;
        let credit = self.credit.fetch_sub(len, Ordering::AcqRel) - len;
        let (pushed, tell) = lock(&work.body).push(bytes);
        let (left, tell) = match pushed {
            Pushed::Fits => (Some(credit), tell),
            Pushed::Full => (Some(credit.min(0)), tell),
            Pushed::Unwanted => (None, false),
            Pushed::TooLarge(why) => (None, lock(&work.body).break_off(&why)),
        };
        if left.is_some() {
            work.progress();
        }
        if tell {
            inner.tell_work(&work, Command::BodyReady);
        }
        left
    }

    /// The request's body is complete.
    pub(crate) fn end_to_app(&self, inner: &Inner) {
        if let Some(work) = self.peer_work()
            && lock(&work.body).end()
        {
            inner.tell_work(&work, Command::BodyReady);
        }
    }

    /// The other app has read so much of the request's body, or will read no more of it; `waited` for by the caller, if there
    /// was no room.
    pub(crate) fn credit_by_app(&self, inner: &Inner, bytes: usize, waited: bool) {
        let bytes = bytes as i64;
        let before = self.credit.fetch_add(bytes, Ordering::AcqRel);
        if waited || (before <= 0 && before + bytes > 0) {
            inner.answer_call(self, Answer::WriteReady);
        }
    }

    /// The caller has read so much of the response's body; `waited` for by the other app, if there was no room.
    pub(crate) fn credit_to_app(&self, inner: &Inner, bytes: usize, waited: bool) {
        let Some(work) = self.peer_work() else { return };
        let bytes = bytes as i64;
        let before = work.credit.fetch_add(bytes, Ordering::AcqRel);
        if waited || (before <= 0 && before + bytes > 0) {
            inner.tell_work(&work, Command::WriteReady);
        }
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn cancel_to_app(&self, inner: &Inner) {
        if let Some(work) = self.peer_work() {
            inner.cancel(&work, Error::new(Status::Canceled, "the app that called has given the call up"));
        }
    }
}

fn job_of(target: &App, content: CallContent) -> Result<(Job, Body)> {
    match content {
        CallContent::Fetch { head, body, streaming } => {
            let body = match (streaming, body.is_empty()) {
                (true, _) => Body::Stream,
                (false, true) => Body::None,
                (false, false) => Body::Whole(body),
            };
            let init = RequestInit { head, body, ..RequestInit::default() };
            check_head(&init, &target.shared.limits())?;
            Ok((Job::Fetch(init.head), init.body))
        }
        CallContent::Method { name, args } => {
            let len = name.len();
            if len > METHOD_NAME_BYTES_MAX {
                return Err(Error::new(
                    Status::TooLarge,
                    format!("the name of the method has {len} bytes; the most is {METHOD_NAME_BYTES_MAX}"),
                ));
            }
            let mut args = Value::Array(args);
            objects::refuse(&mut args, NO_OBJECTS)?;
            check_size(&args)?;
            let Value::Array(args) = args else { return Err(Error::new(Status::Panic, "an array is an array")) };
            Ok((Job::Invoke(name, Some(args).into()), Body::None))
        }
        _ => Err(Error::new(Status::Invalid, "another app can be asked for fetch and for methods only")),
    }
}

/// Counts a value that waits for the app that called, which asked for it, in place of what it called with.
fn keep(call: &Call, value: &Value) -> Result<()> {
    let mut held = lock(&call.held);
    *held = Held::of(&call.app, 0);
    let (bytes, waiting) = (value.weight(), call.app.waiting_bytes());
    if waiting > 0 && !held.has_room_for(bytes) {
        let why = format!("{waiting} bytes wait for the app that called, {bytes} more do not fit (limit external_bytes)");
        return Err(Error::new(Status::Overloaded, why));
    }
    held.add(bytes);
    Ok(())
}

fn check_size(value: &Value) -> Result<()> {
    if value.is_small_enough() {
        return Ok(());
    }
    Err(Error::new(Status::TooLarge, "the value is larger than what may pass between apps: send it as the body of a fetch"))
}

/// What an app threw in a method reaches its caller as it was, without the stack; everything else says whose fault it is.
fn failure(call: &Call, error: Error, app: &str) -> Answer {
    if error.status != Status::Exception || !matches!(call.view.content, CallContent::Method { .. }) {
        return Answer::Fail(format!("the app \"{app}\" failed: {}", error.message));
    }
    let thrown = lock(&call.thrown).take();
    match thrown.and_then(|thrown| without_what_stays(call, thrown)) {
        Some(thrown) => Answer::Throw(thrown),
        // It failed before its method was called, or threw what is no error.
        None => match error.message.split_once(": ") {
            Some((name, message)) if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Answer::Throw(Value::error(name, message)),
            _ => Answer::Fail(error.message),
        },
    }
}

/// An error with those of its properties that may pass between apps, all or none; nothing of it if the rest does not fit either.
fn without_what_stays(call: &Call, mut thrown: Value) -> Option<Value> {
    let fits = |thrown: &mut Value| {
        objects::refuse(thrown, NO_OBJECTS).and_then(|()| check_size(thrown)).and_then(|()| keep(call, thrown)).is_ok()
    };
    if fits(&mut thrown) {
        return Some(thrown);
    }
    if let Value::Error(error) = &mut thrown {
        error.properties = Vec::new();
    }
    fits(&mut thrown).then_some(thrown)
}
