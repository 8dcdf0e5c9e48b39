//! What the native functions of one isolate share: found through the isolate's data slot, touched only by its thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use nano_base::dice::Dice;

use crate::engine::bytes::Budget;
use crate::engine::host_objects::HostObjects;
use crate::engine::modules::ModuleMap;
use crate::engine::native::{self, Counting};
use crate::engine::resources::Resources;
use crate::inspector::Attached;
use crate::isolate::host::Host;
use crate::isolate::stop::Stopper;

/// The isolate's data slot that holds the pointer.
const SLOT: u32 = 0;

/// The platform's functions that Rust calls, as the snapshot holds them.
pub(crate) struct EntryPoints {
    /// Where they, and the app, run.
    pub context: v8::Global<v8::Context>,
    /// `nano.deliver(kind, id, a, b, c)`
    pub deliver: v8::Global<v8::Function>,
    /// `nano.start(namespace)`
    pub start: v8::Global<v8::Function>,
    /// `nano.unhandledRejection(promise, reason, handled)`
    pub unhandled_rejection: v8::Global<v8::Function>,
    /// `nano.dataCloneError(message)`
    pub data_clone_error: v8::Global<v8::Function>,
    /// `nano.lazyGlobal(name)`
    pub lazy_global: v8::Global<v8::Function>,
    /// `nano.prepare(env, bindings, outbound, baseUrl, json)`
    pub prepare: v8::Global<v8::Function>,
    /// `nano.part(name)`: the exports of a built-in module
    pub builtin: v8::Global<v8::Function>,
    /// `toString` of V8's CallSite
    pub call_site_to_string: v8::Global<v8::Function>,
    /// `Error.prototype.toString`
    pub error_to_string: v8::Global<v8::Function>,
    /// `nano.textOfException(value)`
    pub text_of_exception: v8::Global<v8::Function>,
    /// `nano.errorOf(message, name)`
    pub error_of: v8::Global<v8::Function>,
}

/// The way of one request for memory outside the heap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Refused {
    /// None was refused.
    #[default]
    Not,
    /// It was, and V8 tries to make room.
    Once,
    /// V8 has done what it can, and asks a last time.
    Finally,
}

/// One isolate's native state. Boxed by its instance, so that its address never changes.
pub(crate) struct State {
    /// The shard's side; absent until the blank isolate is given an app.
    pub host: OnceCell<Box<dyn Host>>,
    /// What Rust calls.
    pub entry_points: OnceCell<EntryPoints>,
    /// The app need not handle anything.
    pub program: Cell<bool>,
    /// Memory outside the heap.
    pub budget: Arc<Budget>,
    /// The modules of the app.
    pub modules: RefCell<ModuleMap>,
    /// Native state that JavaScript holds.
    pub resources: Resources,
    /// Objects of the host's that JavaScript holds.
    pub host_objects: HostObjects,
    /// Promises rejected in this turn that nobody handles yet.
    pub rejections: RefCell<Vec<(v8::Global<v8::Promise>, v8::Global<v8::Value>)>>,
    /// Rejected promises that found a handler after the turn they were rejected in.
    pub handled: RefCell<Vec<v8::Global<v8::Promise>>>,
    /// Whether the app may make code from text and bytes.
    pub code_generation: Cell<bool>,
    /// Whether WebAssembly is being compiled from the app's own file.
    pub wasm_allowed: Cell<bool>,
    /// Whether the app's `Error.prepareStackTrace` is running.
    pub preparing: Cell<bool>,
    /// Whether the heap reached its limit.
    pub heap_exhausted: Cell<bool>,
    /// How far V8 is in asking for pages that there is no room for: before it gives up it collects garbage as if the heap were full.
    pub refusal: Cell<Refused>,
    /// Whether its heap grew when all heaps together were at their limit.
    pub cage_full: Cell<bool>,
    /// Whether it has as much machine code as it may.
    pub code_exhausted: Cell<bool>,
    /// It has been asked to stop and see what texts and objects of languages hold.
    pub languages_asked: Cell<bool>,
    /// Whether they hold more than may be outside the heap, when all garbage had been collected.
    pub external_exhausted: Cell<bool>,
    /// Bytes of pages for its machine code.
    pub code_bytes: Cell<usize>,
    /// Bytes of pages for its heap, also beyond its limit, and whatever else is lost with its thread; for other threads to see.
    pub heap_pages: Arc<AtomicUsize>,
    /// The limit of its heap.
    pub heap_bytes_max: usize,
    /// Randomness that repeats, if the app is to run the same way every time.
    pub dice: RefCell<Option<Dice>>,
    /// The debuggers' side, if the app has any.
    pub attached: RefCell<Option<Rc<Attached>>>,
    /// The stack where a turn was stopped that took too long, a line each frame.
    pub stopped_at: RefCell<String>,
    /// Stops this isolate from inside V8's allocators.
    pub handle: Stopper,
}

thread_local! {
    /// The state of the instance that is entered on this thread: for what V8 calls without saying for whom.
    static CURRENT: Cell<*const State> = const { Cell::new(std::ptr::null()) };
}

/// While it lives, [`State::current`] is the state it was made for, and what V8 takes is counted.
pub(crate) struct Entered {
    before: *const State,
    _counting: Counting,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

impl State {
    /// Makes this the current state of the thread. The caller keeps it alive longer than what it gets.
    pub(crate) fn enter(&self) -> Entered {
        let counting = native::count(self.heap_bytes_max, self.budget.max());
        Entered { before: CURRENT.replace(self), _counting: counting }
    }

    /// The state of the instance that is entered on this thread.
    pub(crate) fn current<'a>() -> Option<&'a State> {
        // SAFETY: null, or a state that outlives its `Entered`, which takes the pointer away; no caller keeps it beyond a turn.
        unsafe { CURRENT.get().as_ref() }
    }

    /// Makes the state reachable from the isolate.
    pub(crate) fn attach(&self, isolate: &mut v8::Isolate) {
        isolate.set_data(SLOT, std::ptr::from_ref(self).cast_mut().cast());
    }

    /// The state of an isolate; none while the snapshot is being built.
    pub(crate) fn of(isolate: &v8::Isolate) -> Option<&State> {
        // SAFETY: the slot is null or points to the state that the instance owning this isolate keeps boxed beyond it.
        unsafe { isolate.get_data(SLOT).cast::<State>().as_ref() }
    }

    /// Has the instance stopped, where that is possible, to collect its garbage if what languages hold is too much.
    pub(crate) fn look_at_languages(&self) {
        if self.budget.is_overdrawn_by_languages() && !self.languages_asked.replace(true) {
            self.handle.collect_garbage();
        }
    }

    /// Collects the garbage if what languages hold is too much, and stops the instance if it still is.
    pub(crate) fn relieve_of_languages(&self, isolate: &mut v8::Isolate) {
        self.languages_asked.set(false);
        if self.budget.is_overdrawn_by_languages() && !self.external_exhausted.get() {
            isolate.low_memory_notification();
            if self.budget.is_overdrawn_by_languages() {
                self.external_exhausted.set(true);
                self.handle.terminate_execution();
            }
        }
    }

    /// Random bytes: the kernel's, unless the app is seeded.
    pub(crate) fn fill_random(isolate: &v8::Isolate, bytes: &mut [u8]) {
        match State::of(isolate).and_then(|state| state.dice.borrow_mut().as_mut().map(|dice| dice.fill(bytes))) {
            Some(()) => {}
            None => nano_base::sys::random::fill(bytes),
        }
    }

    /// Whether the turn is being stopped: what is native and takes long looks, and ends.
    pub(crate) fn is_stopping(isolate: &v8::Isolate) -> bool {
        State::of(isolate).is_some_and(|state| state.handle.has_stopped())
    }

    /// The debuggers of the app, if it has any.
    pub(crate) fn attached(&self) -> Option<Rc<Attached>> {
        self.attached.borrow().clone()
    }

    /// The answer to this call makes the wrapper ready.
    pub(crate) fn construct(isolate: &mut v8::Isolate, call: u32, wrapper: v8::Local<v8::Object>) {
        // SAFETY: as in `of`; the state is not part of the isolate.
        if let Some(state) = unsafe { isolate.get_data(SLOT).cast::<State>().as_ref() } {
            state.host_objects.construct(isolate, call, wrapper);
        }
    }

    /// The shard's side of an isolate that runs an app.
    pub(crate) fn host(isolate: &v8::Isolate) -> Option<&dyn Host> {
        Some(State::of(isolate)?.host.get()?.as_ref())
    }
}
