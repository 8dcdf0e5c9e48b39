//! `WebAssembly.compileStreaming` and `instantiateStreaming`: V8 has the functions, `wasm_streaming.js` reads the response.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::engine::{bytes, resources};
use crate::isolate::state::State;

type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;

/// A compilation that waits for its bytes.
type Waiting = RefCell<Option<v8::WasmStreaming<false>>>;

/// V8 has been given something to compile: hands it to JavaScript, together with a resource for the compilation.
pub(crate) fn streaming<'s>(scope: &mut v8::PinScope<'s, '_>, source: v8::Local<'s, v8::Value>, streaming: v8::WasmStreaming<false>) {
    let waiting: Rc<Waiting> = Rc::new(RefCell::new(Some(streaming)));
    // A panic must not reach V8; the compilation is given up then.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let entry = State::of(scope)?.entry_points.get()?;
        let lazy_global = v8::Local::new(scope, &entry.lazy_global);
        let undefined: v8::Local<v8::Value> = v8::undefined(scope).into();
        let name = v8::String::new(scope, "wasmStreaming")?;
        let handler: v8::Local<v8::Function> = lazy_global.call(scope, undefined, &[name.into()])?.try_into().ok()?;
        let resource = resources::create(scope, waiting, 0)?;
        handler.call(scope, undefined, &[source, resource.into()])
    }));
}

/// `wasmFinish(resource, bytes)`: all of a module is here
pub(super) fn finish(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    let Some(mut streaming) = take(scope, &args) else { return };
    // V8 copies them.
    let _ = bytes::with(args.get(1), |bytes| streaming.on_bytes_received(bytes));
    streaming.finish();
}

/// `wasmAbort(resource, error)`
pub(super) fn abort(scope: &mut v8::PinScope, args: Args, _rv: Return) {
    if let Some(streaming) = take(scope, &args) {
        streaming.abort(Some(args.get(1)));
    }
}

fn take(scope: &v8::PinScope, args: &Args) -> Option<v8::WasmStreaming<false>> {
    resources::get::<Waiting>(scope, args.get(0))?.take()
}
