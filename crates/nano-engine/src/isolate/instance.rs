//! An instance: an isolate started from the snapshot, then given an app, then visited for its turns.
//!
//! Every method but [`TerminateHandle`]'s must be called on the thread that made the instance.

mod batch;
mod inspecting;
mod starting;

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nano_base::dice::Dice;
use nano_base::http::ResponseHead;
use nano_base::limits::{CODE_BYTES_MAX, HEADROOM_BYTES, HEAP_STEP_BYTES, REJECTIONS_MAX};
use nano_base::status::{Error, Result, Status};
use nano_base::value::Value;

use self::starting::{install, prepare, seed_math_random};
use super::app::{AppCode, AppSettings, Variables};
use super::binding::Binding;
use super::errand::{Answer, ErrandResult};
use super::host::Host;
use super::image::Image;
use super::sockets::SocketEvent;
use super::state::{EntryPoints, Refused, State};
use super::stop::Stopper;
use crate::engine::bytes::{self, Budget};
use crate::engine::host_objects::{self, HostObjects};
use crate::engine::resources::Resources;
use crate::engine::tasks::TaskQueue;
use crate::engine::{caches, clock, exceptions, loss, modules, snapshot, stacks, values};
use crate::inspector::{Inspector, uncaught};
use crate::web::{part_cache, sockets, wasm};

/// What V8 and the allocator keep an instance to.
#[derive(Clone, Copy, Debug)]
pub struct InstanceLimits {
    /// The JavaScript heap.
    pub heap_bytes: usize,
    /// Memory outside it.
    pub external_bytes: usize,
}

/// What happens in one turn.
#[derive(Debug)]
pub enum Delivery {
    /// Answer the request.
    Fetch(u32),
    /// A timer is due.
    Timer(u32),
    /// A streaming body has more.
    BodyReady(u32),
    /// A body that is being written has credit again.
    WriteReady(u32),
    /// The client has gone.
    Cancel(u32),
    /// The client has gone, for all that is known: what is answered is still written.
    Left(u32),
    /// A call is being answered.
    CallHead(u32, ResponseHead),
    /// A method call returned.
    CallResult(u32, Value),
    /// A call failed.
    CallFail(u32, String),
    /// A call failed with this error.
    CallThrow(u32, Value),
    /// The host calls an exported function.
    Invoke(u32, String, Vec<Value>),
    /// Something the app has a handler for, other than a request: the handler's name, and what it is about.
    Event(u32, &'static str, Value),
    /// Messages have come for the app's `queue` handler, by the queue of this name: [`Host::message`] has them.
    Batch(u32, String),
    /// An errand is done.
    Errand(u32, ErrandResult),
    /// Something happened to a socket.
    Socket(u32, SocketEvent),
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By itself.
    Done,
    /// It was stopped from outside: the instance must not be visited again.
    Terminated,
    /// The heap reached its limit: the instance must not be visited again.
    HeapExhausted,
    /// It grew when all heaps together were at their limit: the instance must not be visited again.
    HeapsFull,
    /// It has made more machine code than it may.
    CodeExhausted,
    /// It holds more outside the heap than it may: the instance must not be visited again.
    ExternalExhausted,
}

/// How far a start has come.
#[derive(Debug)]
pub enum Started {
    /// The app can take requests; the names of its handlers.
    Ready(Vec<String>),
    /// A top-level `await` is pending: deliver what it waits for, then ask [`Instance::finish_start`] again.
    Waiting,
}

/// The turns of one visit.
pub trait Turns {
    /// The next turn's event; the visit ends with `None`. Called with V8 left.
    fn next(&mut self) -> Option<Delivery>;
    /// The turn is over, microtasks included. The visit goes on while this is true and the outcome `Done`.
    fn done(&mut self, outcome: Outcome) -> bool;
}

/// Stops an instance from any thread.
#[derive(Clone)]
pub struct TerminateHandle(Stopper, Option<Arc<Inspector>>);

impl std::fmt::Debug for TerminateHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TerminateHandle")
    }
}

impl TerminateHandle {
    /// Stops the JavaScript that runs, or will run next.
    pub fn terminate(&self) {
        self.0.terminate_execution();
        self.hurry();
    }

    /// Stops the JavaScript that runs, and keeps where it was: [`Instance::stopped_at`]. Who does not see it has to be terminated.
    pub fn interrupt(&self) {
        self.0.interrupt_execution();
        self.hurry();
    }

    /// How much CPU time what runs may take at most before it sees that it was stopped, where that is known; else 0.
    pub fn bound_ms(&self) -> u64 {
        self.0.bound_ms()
    }

    /// A debugger's pause ends.
    fn hurry(&self) {
        if let Some(inspector) = &self.1 {
            inspector.hurry();
        }
    }
}

/// One isolate and, once it has been given one, its app.
pub struct Instance {
    isolate: ManuallyDrop<v8::OwnedIsolate>,
    context: Option<v8::Global<v8::Context>>,
    main: RefCell<Option<(v8::Global<v8::Module>, v8::Global<v8::Promise>)>>,
    state: Box<State>,
    tasks: Arc<TaskQueue>,
    address: usize,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Instance({:#x})", self.address)
    }
}

impl Instance {
    /// Starts a blank isolate from the platform's image.
    pub fn new(image: Image, limits: InstanceLimits) -> Result<Self> {
        part_cache::install(image.part_caches);
        caches::record();
        let budget = Budget::new(limits.external_bytes);
        let params = v8::CreateParams::default()
            .snapshot_blob(v8::StartupData::from(image.snapshot))
            .external_references(snapshot::external_references())
            .array_buffer_allocator(bytes::allocator(&budget))
            .allow_atomics_wait(false)
            .heap_limits(0, limits.heap_bytes)
            // The first isolate decides for the process; by default it would be as large as the heap.
            .set_code_range_size_in_bytes(CODE_BYTES_MAX);
        let mut isolate = v8::Isolate::new(params);
        isolate.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
        isolate.set_capture_stack_trace_for_uncaught_exceptions(false, 0);
        isolate.set_oom_error_handler(loss::out_of_memory);
        isolate.set_promise_reject_callback(on_promise_reject);
        isolate.set_allow_wasm_code_generation_callback(refuse_wasm);
        isolate.set_host_import_module_dynamically_callback(modules::import_dynamically);
        isolate.set_host_initialize_import_meta_object_callback(modules::initialize_meta);
        isolate.set_wasm_streaming_callback(wasm::streaming);
        // SAFETY: read only as a number, to find the isolate's task queue.
        let address = unsafe { isolate.as_raw_isolate_ptr() };
        // SAFETY: the pointer's bits are all that is wanted.
        let address = unsafe { std::mem::transmute_copy::<_, usize>(&address) };
        let state = Box::new(State {
            host: OnceCell::new(),
            entry_points: OnceCell::new(),
            program: Cell::new(false),
            budget,
            modules: RefCell::default(),
            resources: Resources::default(),
            host_objects: HostObjects::default(),
            dice: RefCell::default(),
            rejections: RefCell::default(),
            handled: RefCell::default(),
            wasm_allowed: Cell::new(false),
            preparing: Cell::new(false),
            heap_exhausted: Cell::new(false),
            refusal: Cell::default(),
            cage_full: Cell::new(false),
            code_exhausted: Cell::new(false),
            languages_asked: Cell::new(false),
            external_exhausted: Cell::new(false),
            code_bytes: Cell::new(0),
            heap_pages: Arc::default(),
            heap_bytes_max: limits.heap_bytes,
            code_generation: Cell::new(false),
            attached: RefCell::default(),
            stopped_at: RefCell::default(),
            handle: Stopper::new(isolate.thread_safe_handle()),
        });
        state.attach(&mut isolate);
        isolate.add_near_heap_limit_callback(near_heap_limit, std::ptr::from_ref(&*state).cast_mut().cast());
        let mut instance = Self {
            isolate: ManuallyDrop::new(isolate),
            context: None,
            main: RefCell::default(),
            state,
            tasks: TaskQueue::register(address),
            address,
        };
        instance.open_context();
        // SAFETY: `Isolate::new` entered the isolate on this thread; each visit enters it again.
        unsafe { instance.isolate.exit() };
        caches::release_recorded();
        Ok(instance)
    }

    /// Takes the context and the entry points from the snapshot.
    fn open_context(&mut self) {
        v8::scope!(let scope, &mut *self.isolate);
        let context = v8::Context::new(scope, Default::default());
        let scope = &mut v8::ContextScope::new(scope, context);
        context.set_allow_generation_from_strings(false);
        let entry = |index: usize| {
            let function = scope.get_context_data_from_snapshot_once::<v8::Function>(index).expect("the snapshot holds its entry points");
            v8::Global::new(scope, function)
        };
        let entry_points = EntryPoints {
            context: v8::Global::new(scope, context),
            deliver: entry(0),
            start: entry(1),
            unhandled_rejection: entry(2),
            data_clone_error: entry(3),
            lazy_global: entry(4),
            prepare: entry(5),
            builtin: entry(6),
            call_site_to_string: entry(7),
            error_to_string: entry(8),
            text_of_exception: entry(9),
            error_of: entry(10),
        };
        let _ = self.state.entry_points.set(entry_points);
        self.context = Some(v8::Global::new(scope, context));
    }

    /// Gives a blank instance to an app: from here on its shard's side answers, under the app's limits.
    pub fn adopt(&mut self, host: Box<dyn Host>, limits: InstanceLimits) {
        *self.state.dice.borrow_mut() = host.random_seed().map(Dice::new);
        let _ = self.state.host.set(host);
        self.state.budget.set_max(limits.external_bytes);
    }

    /// Stops this instance from any thread.
    pub fn terminate_handle(&self) -> TerminateHandle {
        TerminateHandle(self.state.handle.clone(), self.state.attached().map(|attached| attached.inspector.clone()))
    }

    /// Compiles and evaluates the app, and installs it. The caller arms the watchdog.
    ///
    /// The steps: `prepare` before any of its code, the code, `install` after it; for a script also `install` with null right before it.
    pub fn start(&mut self, code: &Arc<AppCode>, env: &Variables, bindings: &[Binding], settings: &AppSettings) -> Result<Started> {
        if code.has_positions() {
            self.isolate.set_prepare_stack_trace_callback(stacks::prepare);
        }
        self.state.program.set(settings.program);
        let result = self.enter(|scope, instance| {
            prepare(scope, &instance.state, env, bindings, settings)?;
            if instance.state.dice.borrow().is_some() {
                seed_math_random(scope);
            }
            let Some(main) = modules::link(scope, &instance.state, code)? else {
                install(scope, &instance.state, Some(v8::null(scope).into()))?;
                modules::run_script(scope, code)?;
                return install(scope, &instance.state, None).map(Started::Ready);
            };
            v8::tc_scope!(let scope, scope);
            let Some(promise) = main.evaluate(scope) else { return Err(exceptions::caught(scope, Status::Exception)) };
            let promise: v8::Local<v8::Promise> =
                promise.try_into().map_err(|_| Error::new(Status::Exception, "the module did not evaluate to a promise"))?;
            promise.mark_as_handled();
            *instance.main.borrow_mut() = Some((v8::Global::new(scope, main), v8::Global::new(scope, promise)));
            instance.settle(scope)
        });
        self.checked(result)
    }

    /// Looks again whether a start that waited has come to its end.
    pub fn finish_start(&mut self) -> Result<Started> {
        let result = self.enter(|scope, instance| instance.settle(scope));
        self.checked(result)
    }

    /// What follows a turn, for one of a start: what nobody handles of it would otherwise be told with the first request, if one comes.
    fn settle(&self, scope: &mut v8::PinScope) -> Result<Started> {
        scope.perform_microtask_checkpoint();
        let started = self.settle_start(scope);
        if started.is_ok() {
            // Whether it was stopped is looked at in any case.
            let _ = self.after(scope);
        }
        started
    }

    fn settle_start(&self, scope: &mut v8::PinScope) -> Result<Started> {
        let Some((main, promise)) = self.main.borrow().clone() else {
            return Err(Error::new(Status::Invalid, "the app has not been started"));
        };
        let promise = v8::Local::new(scope, promise);
        match promise.state() {
            v8::PromiseState::Pending => Ok(Started::Waiting),
            v8::PromiseState::Rejected => {
                let reason = promise.result(scope);
                Err(exceptions::describe(scope, reason, Status::Exception))
            }
            v8::PromiseState::Fulfilled => {
                *self.main.borrow_mut() = None;
                let namespace = v8::Local::new(scope, main).get_module_namespace();
                let handlers = install(scope, &self.state, Some(namespace))?;
                self.state.modules.borrow().keep_caches(scope);
                Ok(Started::Ready(handlers))
            }
        }
    }

    /// A result, unless the instance was stopped on the way to it.
    fn checked<T>(&mut self, result: Result<T>) -> Result<T> {
        if self.state.heap_exhausted.get() {
            return Err(Error::new(Status::MemoryLimit, "the app used up its heap while it started (limit heap_bytes)"));
        }
        if self.state.cage_full.get() {
            return Err(Error::new(Status::Capacity, "there is no room for the app's heap: all heaps together are at their limit"));
        }
        if self.state.code_exhausted.get() {
            return Err(Error::new(
                Status::MemoryLimit,
                "the app used up its machine code while it started (a quarter of the limit heap_bytes)",
            ));
        }
        self.state.relieve_of_languages(&mut self.isolate);
        if self.state.external_exhausted.get() {
            return Err(Error::new(
                Status::MemoryLimit,
                "the app used up its memory outside the heap while it started (limit external_bytes)",
            ));
        }
        if self.isolate.is_execution_terminating() {
            return Err(Error::new(Status::CpuLimit, "the app used up its CPU time while it started (limit start_cpu_ms)"));
        }
        result
    }

    /// Enters the isolate once and runs turns until there are no more.
    pub fn visit(&mut self, turns: &mut dyn Turns) {
        self.enter(|scope, instance| {
            while let Some(delivery) = turns.next() {
                let outcome = instance.turn(scope, delivery);
                if !turns.done(outcome) || outcome != Outcome::Done {
                    break;
                }
            }
        });
    }

    fn turn(&self, scope: &mut v8::PinScope, delivery: Delivery) -> Outcome {
        v8::scope!(let scope, scope);
        self.state.refusal.set(Refused::Not);
        {
            v8::tc_scope!(let scope, scope);
            if deliver(scope, &self.state, delivery).is_none() && scope.has_caught() && !scope.has_terminated() {
                // The platform catches what apps throw; what is left is ours, or the lack of memory for a string.
                let error = exceptions::caught(scope, Status::Exception);
                if let Some(host) = self.state.host.get() {
                    host.exception(error);
                }
            }
        }
        self.after(scope)
    }

    /// Microtasks, unhandled rejections and V8's own tasks, until nothing is left.
    fn after(&self, scope: &mut v8::PinScope) -> Outcome {
        self.tasks.bring_due();
        loop {
            if !scope.is_execution_terminating() {
                scope.perform_microtask_checkpoint();
            }
            if self.state.heap_exhausted.get() {
                return Outcome::HeapExhausted;
            }
            if self.state.cage_full.get() {
                return Outcome::HeapsFull;
            }
            if self.state.code_exhausted.get() {
                return Outcome::CodeExhausted;
            }
            self.state.relieve_of_languages(scope);
            if self.state.external_exhausted.get() {
                return Outcome::ExternalExhausted;
            }
            if scope.is_execution_terminating() {
                return Outcome::Terminated;
            }
            let rejections = std::mem::take(&mut *self.state.rejections.borrow_mut());
            let handled = std::mem::take(&mut *self.state.handled.borrow_mut());
            if rejections.is_empty() && handled.is_empty() && !self.tasks.is_waiting() {
                return Outcome::Done;
            }
            for (promise, reason) in rejections {
                report_rejection(scope, &self.state, promise, reason);
            }
            for promise in handled {
                report_handled(scope, &self.state, promise);
            }
            for task in self.tasks.take() {
                task.run();
            }
        }
    }

    /// The stack where it was interrupted, empty if that is not known.
    pub fn stopped_at(&self) -> String {
        self.state.stopped_at.borrow().clone()
    }

    /// Bytes used in the heap now.
    pub fn heap_used(&mut self) -> usize {
        self.isolate.get_heap_statistics().used_heap_size()
    }

    /// Bytes the heap holds, used or not.
    pub fn heap_held(&mut self) -> usize {
        self.isolate.get_heap_statistics().total_heap_size()
    }

    /// Bytes of pages that its heap has taken in its turns, whenever that is looked at: also while a turn goes on, or does for ever.
    pub fn heap_pages(&self) -> Arc<AtomicUsize> {
        self.state.heap_pages.clone()
    }

    /// Bytes held outside the heap now.
    pub fn external_used(&self) -> usize {
        self.state.budget.used()
    }

    /// Whether the heap, of which so much was in use just now, is far beyond its limit, also when all garbage has been collected: V8 looks only when it needs more.
    pub fn is_beyond_its_heap(&mut self, used: usize) -> bool {
        let max = self.state.heap_bytes_max.saturating_add(HEADROOM_BYTES);
        if used <= max {
            return false;
        }
        self.enter(|scope, _| scope.low_memory_notification());
        self.heap_used() > max
    }

    /// Ends it; how much it leaves behind in caches of languages, which are the process's.
    pub fn dispose(self) -> usize {
        let budget = self.state.budget.clone();
        drop(self);
        budget.languages()
    }

    /// Stops the clock that JavaScript's `Date` reads on this thread, until it is set again.
    pub fn freeze_clock(unix_ms: f64) {
        clock::freeze(unix_ms);
    }

    /// Enters the isolate and its context.
    fn enter<T>(&mut self, run: impl FnOnce(&mut v8::PinScope, &Self) -> T) -> T {
        let Some(context) = self.context.clone() else { unreachable!("the context is taken in `new` and kept to the end") };
        let this: *const Self = self;
        // SAFETY: this is the thread that made the isolate; `exit` below restores whatever was entered before.
        unsafe { self.isolate.enter() };
        let _entered = self.state.enter();
        let result = {
            v8::scope!(let scope, &mut *self.isolate);
            let context = v8::Local::new(scope, context);
            let scope = &mut v8::ContextScope::new(scope, context);
            // SAFETY: the scope borrows the field `isolate` alone; `run` sees the other fields through a shared reference.
            run(scope, unsafe { &*this })
        };
        // SAFETY: entered above.
        unsafe { self.isolate.exit() };
        result
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: this is the thread that made the isolate; disposing it exits it.
        unsafe { self.isolate.enter() };
        self.detach();
        self.context = None;
        *self.main.get_mut() = None;
        self.state.entry_points = OnceCell::new();
        self.state.modules = RefCell::default();
        self.state.rejections = RefCell::default();
        self.state.handled = RefCell::default();
        self.state.host_objects.clear();
        self.state.resources.clear();
        TaskQueue::unregister(self.address);
        // SAFETY: dropped once, here, while entered; every handle into it is gone.
        unsafe { ManuallyDrop::drop(&mut self.isolate) };
    }
}

/// A value for JavaScript, or why there can be none: no memory for it, or it is none that JavaScript has. Nothing where the app was stopped
/// meanwhile: whoever has stopped it says why.
fn made_of<'s>(scope: &mut v8::PinScope<'s, '_>, value: Value) -> Option<Result<v8::Local<'s, v8::Value>>> {
    v8::tc_scope!(let scope, scope);
    match values::to_js(scope, value) {
        Some(value) => Some(Ok(value)),
        None if scope.has_terminated() || State::is_stopping(scope) => None,
        None => Some(Err(exceptions::caught(scope, Status::Exception))),
    }
}

/// Calls `nano.deliver`.
fn deliver(scope: &mut v8::PinScope, state: &State, delivery: Delivery) -> Option<()> {
    let undefined: v8::Local<v8::Value> = v8::undefined(scope).into();
    let mut a = undefined;
    let mut b = undefined;
    let mut c = undefined;
    let mut d = undefined;
    let (kind, id) = match delivery {
        Delivery::Fetch(id) => {
            let mut strings = None;
            state.host.get()?.request(id, &mut |head| {
                let method = v8::String::new(scope, &head.method);
                let url = v8::String::new(scope, &head.url);
                let headers = v8::String::new_from_one_byte(scope, head.headers.as_flat(), v8::NewStringType::Normal);
                strings = method.zip(url).zip(headers);
            });
            let ((method, url), headers) = strings?;
            (a, b, c) = (method.into(), url.into(), headers.into());
            if let Some(name) = state.host.get()?.entrypoint(id) {
                d = v8::String::new(scope, &name)?.into();
            }
            (0, id)
        }
        Delivery::Timer(id) => (1, id),
        Delivery::BodyReady(id) => (2, id),
        Delivery::WriteReady(id) => (3, id),
        Delivery::Cancel(id) => (4, id),
        Delivery::Left(id) => (12, id),
        Delivery::CallHead(id, head) => {
            a = v8::Integer::new_from_unsigned(scope, u32::from(head.status)).into();
            b = v8::String::new(scope, &head.status_text)?.into();
            c = v8::String::new_from_one_byte(scope, head.headers.as_flat(), v8::NewStringType::Normal)?.into();
            (5, id)
        }
        Delivery::CallResult(id, value) => match host_objects::result(scope, id, value) {
            Ok(value) => {
                a = value;
                (6, id)
            }
            Err(_) if State::is_stopping(scope) => return None,
            Err(message) => {
                a = v8::String::new(scope, &message)?.into();
                (7, id)
            }
        },
        Delivery::CallFail(id, message) => {
            state.host_objects.failed(id);
            a = v8::String::new(scope, &message)?.into();
            (7, id)
        }
        Delivery::CallThrow(id, error) => {
            state.host_objects.failed(id);
            match made_of(scope, error)? {
                Ok(error) => (a, b) = (error, v8::Boolean::new(scope, true).into()),
                Err(error) => a = v8::String::new(scope, &error.message)?.into(),
            }
            (7, id)
        }
        Delivery::Invoke(id, export, args) => {
            a = v8::String::new(scope, &export)?.into();
            b = match made_of(scope, Value::Array(args))? {
                Ok(args) => args,
                Err(error) => {
                    state.host.get()?.invoke_fail(id, error, None);
                    return Some(());
                }
            };
            if let Some(name) = state.host.get()?.entrypoint(id) {
                c = v8::String::new(scope, &name)?.into();
            }
            (8, id)
        }
        Delivery::Event(id, handler, event) => {
            a = v8::String::new(scope, handler)?.into();
            b = match made_of(scope, event)? {
                Ok(event) => event,
                Err(error) => {
                    state.host.get()?.invoke_fail(id, error, None);
                    return Some(());
                }
            };
            (11, id)
        }
        Delivery::Batch(id, queue) => {
            a = v8::String::new(scope, "queue")?.into();
            b = match batch::made(scope, &**state.host.get()?, id, &queue)? {
                Ok(batch) => batch,
                Err(error) => {
                    state.host.get()?.invoke_fail(id, error, None);
                    return Some(());
                }
            };
            (11, id)
        }
        Delivery::Errand(id, Ok(value)) => {
            v8::tc_scope!(let scope, scope);
            let made = match value.0 {
                Answer::Value(value) => values::to_js(scope, value),
                Answer::Native(make) => make(scope),
            };
            match made {
                Some(value) => a = value,
                None if scope.has_terminated() || State::is_stopping(scope) => return None,
                // No memory for it: the promise must end all the same.
                None => {
                    b = v8::String::new(scope, "RangeError")?.into();
                    c = v8::String::new(scope, OUT_OF_MEMORY)?.into();
                }
            }
            scope.reset();
            (9, id)
        }
        Delivery::Errand(id, Err(error)) => {
            b = v8::String::new(scope, error.name)?.into();
            c = v8::String::new(scope, &error.message)?.into();
            (9, id)
        }
        Delivery::Socket(id, event) => {
            [a, b, c, d] = sockets::event(scope, event)?;
            (10, id)
        }
    };
    let kind = v8::Integer::new(scope, kind).into();
    let id = v8::Integer::new_from_unsigned(scope, id).into();
    let function = v8::Local::new(scope, &state.entry_points.get()?.deliver);
    function.call(scope, undefined, &[kind, id, a, b, c, d]).map(|_| ())
}

/// Tells the app, then the log, of a rejection nobody handled.
fn report_rejection(scope: &mut v8::PinScope, state: &State, promise: v8::Global<v8::Promise>, reason: v8::Global<v8::Value>) {
    v8::tc_scope!(let scope, scope);
    let promise = v8::Local::new(scope, promise);
    let reason = v8::Local::new(scope, reason);
    if promise.has_handler() {
        return;
    }
    let Some(entry) = state.entry_points.get() else { return };
    let function = v8::Local::new(scope, &entry.unhandled_rejection);
    let undefined = v8::undefined(scope).into();
    let handled = function.call(scope, undefined, &[promise.into(), reason]).is_some_and(|handled| handled.is_true());
    if !handled {
        uncaught(scope, reason, "Uncaught (in promise)");
    }
    if !handled && let Some(host) = state.host.get() {
        let mut error = exceptions::describe(scope, reason, Status::Exception);
        error.message.insert_str(0, "unhandled promise rejection: ");
        host.exception(error);
    }
}

/// Tells the app that a rejection it was told of has found a handler after all.
fn report_handled(scope: &mut v8::PinScope, state: &State, promise: v8::Global<v8::Promise>) {
    v8::tc_scope!(let scope, scope);
    let promise = v8::Local::new(scope, promise);
    let Some(entry) = state.entry_points.get() else { return };
    let function = v8::Local::new(scope, &entry.unhandled_rejection);
    let reason = promise.result(scope);
    let handled = v8::Boolean::new(scope, true).into();
    let undefined = v8::undefined(scope).into();
    function.call(scope, undefined, &[promise.into(), reason, handled]);
}

unsafe extern "C" fn on_promise_reject(message: v8::PromiseRejectMessage) {
    v8::callback_scope!(unsafe scope, &message);
    let Some(state) = State::of(scope) else { return };
    let promise = message.get_promise();
    match message.get_event() {
        v8::PromiseRejectEvent::PromiseRejectWithNoHandler => {
            let reason = message.get_value().unwrap_or_else(|| v8::undefined(scope).into());
            let mut rejections = state.rejections.borrow_mut();
            // A flood of rejections must not become a flood of handles: the first ones tell enough.
            if rejections.len() < REJECTIONS_MAX {
                rejections.push((v8::Global::new(scope, promise), v8::Global::new(scope, reason)));
            }
        }
        v8::PromiseRejectEvent::PromiseHandlerAddedAfterReject => {
            let mut rejections = state.rejections.borrow_mut();
            let before = rejections.len();
            rejections.retain(|(rejected, _)| v8::Local::new(scope, rejected) != promise);
            let mut handled = state.handled.borrow_mut();
            if rejections.len() == before && handled.len() < REJECTIONS_MAX {
                handled.push(v8::Global::new(scope, promise));
            }
        }
        _ => {}
    }
}

/// What an errand's promise is rejected with when there is no room for its value.
const OUT_OF_MEMORY: &str = "the app's memory outside the heap is used up (limit external_bytes)";

/// Apps may not compile wasm from bytes, unless their host trusts them; their own files are compiled by an import.
unsafe extern "C" fn refuse_wasm(context: v8::Local<v8::Context>, _source: v8::Local<v8::String>) -> bool {
    v8::callback_scope!(unsafe scope, context);
    State::of(scope).is_some_and(|state| state.code_generation.get() || state.wasm_allowed.get())
}

/// The heap is nearly full: stop the app, and give V8 enough room to get there. Flattening a long string may ask for one
/// block as large as the limit itself, so the room is generous; the instance is condemned at the end of the turn.
unsafe extern "C" fn near_heap_limit(data: *mut c_void, current: usize, initial: usize) -> usize {
    // SAFETY: `data` is the state that outlives its isolate.
    let state = unsafe { &*data.cast::<State>() };
    // V8 asks here, however empty the heap is, before it gives up on memory outside of it.
    if state.refusal.get() == Refused::Once {
        state.refusal.set(Refused::Finally);
        return current;
    }
    // V8 counts array buffers into this limit; they have a budget of their own, so they do not use up the heap's. V8 dies if the heap is
    // beyond the new limit already: there is room to spare in it, and a step that is small says that the heap itself is full.
    let allowed = initial + state.budget.used_without_languages();
    if current + HEAP_STEP_BYTES <= allowed {
        return allowed + HEAP_STEP_BYTES;
    }
    state.heap_exhausted.set(true);
    state.handle.terminate_execution();
    // A text that is larger than the whole heap may be there already.
    let held = state.heap_pages.load(Ordering::Relaxed);
    (current + initial.max(HEADROOM_BYTES)).max(held + HEADROOM_BYTES)
}
