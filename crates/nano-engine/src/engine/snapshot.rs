//! The snapshot: the platform's JavaScript, run once at build time, as the heap that every isolate starts from.
//!
//! There is one per process, and it comes from our own build: snapshots are code, and two different ones alive in one
//! process corrupt each other.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::web::{ops, parts, platform};

/// Where the snapshot keeps what Rust calls: the index of `nano.deliver`, `nano.start` and so on.
pub(crate) const ENTRY_POINTS: [&str; 8] =
    ["deliver", "start", "unhandledRejection", "dataCloneError", "prepare", "part", "callSiteToString", "errorToString"];

/// Everything in the snapshot that points outside it, in an order that is the same at build and at run time.
static EXTERNAL_REFERENCES: LazyLock<Addresses> = LazyLock::new(|| {
    let functions = ops::all().into_iter().map(|(_, function)| v8::ExternalReference { function });
    let sources =
        platform::SOURCES.iter().map(|source| v8::ExternalReference { pointer: std::ptr::from_ref(&source.text).cast_mut().cast() });
    let lazy = v8::ExternalReference { pointer: parts::lazy_getter() as *mut std::ffi::c_void };
    let end = v8::ExternalReference { pointer: std::ptr::null_mut() };
    Addresses(functions.chain(sources).chain([lazy, end]).collect())
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
pub fn build_snapshot() -> Vec<u8> {
    let mut isolate = v8::Isolate::snapshot_creator(Some(external_references()), None);
    {
        v8::scope!(let scope, &mut isolate);
        let context = v8::Context::new(scope, Default::default());
        let entry_points: Vec<v8::Global<v8::Function>> = {
            let scope = &mut v8::ContextScope::new(scope, context);
            let nano = run_platform(scope);
            warm_up(scope, nano);
            ENTRY_POINTS
                .iter()
                .map(|name| {
                    let key = v8::String::new(scope, name).expect("a short string");
                    let function = nano.get(scope, key.into()).expect("a data property");
                    let function: v8::Local<v8::Function> =
                        function.try_into().unwrap_or_else(|_| panic!("the platform does not define nano.{name}"));
                    v8::Global::new(scope, function)
                })
                .collect()
        };
        for function in entry_points {
            let function = v8::Local::new(scope, function);
            scope.add_context_data(context, function);
        }
        scope.set_default_context(context);
    }
    let blob = isolate.create_blob(v8::FunctionCodeHandling::Keep).expect("V8 serializes the platform");
    blob.to_vec()
}

/// Runs the platform's files in their order on one internal object.
fn run_platform<'s>(scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Object> {
    let nano = v8::Object::new(scope);
    let natives = v8::Object::new(scope);
    for (name, function) in ops::all() {
        let key = v8::String::new(scope, name).expect("a short string");
        let template = v8::FunctionTemplate::builder_raw(function).constructor_behavior(v8::ConstructorBehavior::Throw).build(scope);
        let function = template.get_function(scope).expect("a function");
        natives.set(scope, key.into(), function.into());
    }
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
