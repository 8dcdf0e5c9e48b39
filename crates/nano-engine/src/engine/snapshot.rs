//! The snapshot: the platform's JavaScript, run once at build time, as the heap that every isolate starts from.
//!
//! There is one per process, and it comes from our own build: snapshots are code, and two different ones alive in one
//! process corrupt each other.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::web::{ops, part_cache, platform};

/// Where the snapshot keeps what Rust calls: the index of `nano.deliver`, `nano.start` and so on.
pub(crate) const ENTRY_POINTS: [&str; 11] = [
    "deliver",
    "start",
    "unhandledRejection",
    "dataCloneError",
    "lazyGlobal",
    "prepare",
    "part",
    "callSiteToString",
    "errorToString",
    "textOfException",
    "errorOf",
];

/// Everything in the snapshot that points outside it, in an order that is the same at build and at run time.
static EXTERNAL_REFERENCES: LazyLock<Addresses> = LazyLock::new(|| {
    let functions = ops::all().into_iter().map(|(_, function)| v8::ExternalReference { function });
    let sources =
        platform::SOURCES.iter().map(|source| v8::ExternalReference { pointer: std::ptr::from_ref(&source.text).cast_mut().cast() });
    let getters = ops::getters().map(|getter| v8::ExternalReference { pointer: getter as *mut std::ffi::c_void });
    let end = v8::ExternalReference { pointer: std::ptr::null_mut() };
    Addresses(functions.chain(sources).chain(getters).chain([end]).collect())
});

/// Addresses of functions and statics.
struct Addresses(Vec<v8::ExternalReference>);

// SAFETY: the addresses are of code and of immutable statics.
unsafe impl Send for Addresses {}
// SAFETY: as above.
unsafe impl Sync for Addresses {}

pub(crate) fn external_references() -> Cow<'static, [v8::ExternalReference]> {
    Cow::Borrowed(&EXTERNAL_REFERENCES.0)
}

/// Builds the snapshot. Panics on any error in the platform's own code: it runs in a build step, which must stop there.
///
/// In two steps: the first runs the platform's files and drops all their bytecode, most of which has done its work; the second
/// answers a request, and keeps the bytecode of just the functions that took.
pub fn build_snapshot() -> Vec<u8> {
    let platform = create(None, v8::FunctionCodeHandling::Clear, |scope| vec![run_platform(scope).into()]);
    create(Some(platform), v8::FunctionCodeHandling::Keep, |scope| {
        let nano = scope.get_context_data_from_snapshot_once::<v8::Object>(0).expect("the first step left it");
        warm_up(scope, nano);
        ENTRY_POINTS.iter().map(|name| entry_point(scope, nano, name).into()).collect()
    })
}

/// The code caches of the platform's parts, for isolates from this very snapshot. To be called in a process that has had no other: the
/// caches refer to the part of the heap that all isolates of a process share.
pub fn build_part_caches(snapshot: &'static [u8]) -> Vec<u8> {
    let params = v8::CreateParams::default().snapshot_blob(snapshot.into()).external_references(external_references());
    let mut isolate = v8::Isolate::new(params);
    isolate.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
    v8::scope!(let scope, &mut isolate);
    let context = v8::Context::new(scope, Default::default());
    let scope = &mut v8::ContextScope::new(scope, context);
    let index = ENTRY_POINTS.iter().position(|name| *name == "part").expect("it is in the list");
    let part = scope.get_context_data_from_snapshot_once::<v8::Function>(index).expect("the snapshot holds its entry points");
    part_cache::collect(scope, |scope| exercise(scope, part))
}

/// Loads every part and does with the streams what most apps do with them.
fn exercise(scope: &mut v8::PinScope, part: v8::Local<v8::Function>) {
    const EXERCISE: &str = "(async (part) => {
        const { ReadableStream, TransformStream } = part('streams');
        const { TextEncoderStream } = part('encoding_streams');
        const { Pump } = part('pump');
        const send = (stream) => new Promise((sent) => new Pump(1, { stream }, { sent, sendFailed: sent, unwanted() {} }).step());
        const text = new ReadableStream({ start(c) { c.enqueue('a'); c.enqueue('b'); c.close(); } });
        await send(text.pipeThrough(new TextEncoderStream()));
        await send(new ReadableStream({ async pull(c) { c.enqueue(1); c.close(); } }));
        send(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1)); } }));
        await send(new ReadableStream({ start(c) { c.close(); } }));
        const source = new ReadableStream({ type: 'bytes', start(c) { c.enqueue(new Uint8Array(3)); c.close(); } });
        const upper = new TransformStream({ transform(chunk, c) { c.enqueue(chunk); } });
        for await (const chunk of source.pipeThrough(upper)) chunk;
        const writer = new TransformStream().writable.getWriter();
        writer.write('a');
        await writer.abort('b').catch(() => {});
        const [one, two] = new ReadableStream({ start(c) { c.enqueue('a'); c.close(); } }).tee();
        await one.getReader().read();
        const reader = two.getReader();
        while (!(await reader.read()).done);
        reader.releaseLock();
    })";
    let ran = (|| {
        let undefined = v8::undefined(scope);
        for source in platform::PARTS {
            let name = v8::String::new(scope, platform::part_name(source))?;
            part.call(scope, undefined.into(), &[name.into()])?;
        }
        let text = v8::String::new(scope, EXERCISE)?;
        let function: v8::Local<v8::Function> = v8::Script::compile(scope, text, None)?.run(scope)?.try_into().ok()?;
        let promise = function.call(scope, undefined.into(), &[part.into()])?;
        scope.perform_microtask_checkpoint();
        v8::Local::<v8::Promise>::try_from(promise).ok()
    })();
    let promise = ran.expect("every part of the platform can be loaded");
    assert!(promise.state() != v8::PromiseState::Pending, "the exercise came to its end");
    let result = promise.result(scope).to_rust_string_lossy(scope);
    assert!(promise.state() == v8::PromiseState::Fulfilled, "the exercise failed: {result}");
}

/// A snapshot of a context that `fill` has filled, on top of another snapshot if there is one; what `fill` returns is its data.
fn create(
    below: Option<Vec<u8>>,
    code: v8::FunctionCodeHandling,
    fill: impl for<'s> FnOnce(&mut v8::PinScope<'s, '_>) -> Vec<v8::Local<'s, v8::Data>>,
) -> Vec<u8> {
    let mut isolate = match below {
        None => v8::Isolate::snapshot_creator(Some(external_references()), None),
        Some(blob) => v8::Isolate::snapshot_creator_from_existing_snapshot(blob.into(), Some(external_references()), None),
    };
    {
        v8::scope!(let scope, &mut isolate);
        let context = v8::Context::new(scope, Default::default());
        let data: Vec<v8::Global<v8::Data>> = {
            let scope = &mut v8::ContextScope::new(scope, context);
            fill(scope).into_iter().map(|item| v8::Global::new(scope, item)).collect()
        };
        for item in data {
            let item = v8::Local::new(scope, item);
            scope.add_context_data(context, item);
        }
        scope.set_default_context(context);
    }
    isolate.create_blob(code).expect("V8 serializes the platform").to_vec()
}

fn entry_point<'s>(scope: &v8::PinScope<'s, '_>, nano: v8::Local<v8::Object>, name: &str) -> v8::Local<'s, v8::Function> {
    let key = v8::String::new(scope, name).expect("a short string");
    let function = nano.get(scope, key.into()).expect("a data property");
    function.try_into().unwrap_or_else(|_| panic!("the platform does not define nano.{name}"))
}

/// Runs the platform's files in their order on one internal object.
fn run_platform<'s>(scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Object> {
    let nano = v8::Object::new(scope);
    let natives = ops::object(scope);
    set(scope, nano, "ops", natives.into());
    let version = v8::String::new(scope, env!("CARGO_PKG_VERSION")).expect("a short string");
    set(scope, nano, "version", version.into());
    for source in platform::SOURCES {
        v8::tc_scope!(let scope, scope);
        let ran = platform::evaluate(scope, source).and_then(|function| {
            let receiver = v8::undefined(scope);
            function.call(scope, receiver.into(), &[nano.into()])
        });
        if ran.is_none() {
            let error = super::exceptions::caught(scope, nano_base::status::Status::Exception);
            panic!("platform file {} failed: {}\n{}", source.name, error.message, error.stack);
        }
    }
    nano
}

/// Answers a request with an app of its own, so that the functions on every request's path are in the snapshot as bytecode: compiling
/// them would be a fifth of a start. Nothing of it stays: the next `nano.start` replaces what it installed, and natives without
/// an instance do nothing.
fn warm_up(scope: &mut v8::PinScope, nano: v8::Local<v8::Object>) {
    const WARM_UP: &str = "(nano) => {
        const fetches = [() => new Response('a'), async (request) => new Response(request.url)];
        for (let i = 0; i < fetches.length; i++) {
            nano.prepare({ __proto__: null }, []);
            nano.start({ __proto__: null, default: { fetch: fetches[i] } });
            nano.deliver(0, 1, 'GET', 'http://a/', 'accept\\n*/*');
        }
        // What every part begins with.
        nano.primordials.TypeError;
        const { webidl } = nano;
        webidl.configureInterface(class A { static b() {} c() {} get d() {} });
        webidl.requiredArguments(1, 1, 'A');
        const { object, Function } = webidl.converters;
        const members = [
            { key: 'a', converter: webidl.enumeration('B', ['b']) },
            { key: 'c', converter: webidl.interface('C', () => true) },
            { key: 'd', converter: Function },
        ];
        webidl.dictionary('A', members)(object({ a: 'b', c: 'c', d() {} }, 'A', 'A'), 'A', 'A');
        try { nano.lazyGlobal('none'); } catch {}
    }";
    v8::tc_scope!(let scope, scope);
    let ran = (|| {
        let text = v8::String::new(scope, WARM_UP)?;
        let function: v8::Local<v8::Function> = v8::Script::compile(scope, text, None)?.run(scope)?.try_into().ok()?;
        let receiver = v8::undefined(scope);
        function.call(scope, receiver.into(), &[nano.into()])
    })();
    if ran.is_none() {
        let error = super::exceptions::caught(scope, nano_base::status::Status::Exception);
        panic!("the warm-up failed: {}\n{}", error.message, error.stack);
    }
    scope.perform_microtask_checkpoint();
}

fn set(scope: &v8::PinScope, object: v8::Local<v8::Object>, name: &str, value: v8::Local<v8::Value>) {
    let key = v8::String::new(scope, name).expect("a short string");
    object.set(scope, key.into(), value);
}
