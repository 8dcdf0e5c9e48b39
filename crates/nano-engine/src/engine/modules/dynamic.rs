//! `import()` and `import.meta`.
//!
//! `import.meta` follows Workers' newer module registry: `url` is `file:///` and the module's path in the app, `main` is true in the
//! main module, `resolve()` gives the URL that an import would load.

use std::sync::Arc;

use nano_base::status::Error;

use super::{Key, attribute, code_of, identify, key_of, load};
use crate::engine::exceptions;
use crate::isolate::app::AppCode;
use crate::web::ops;

/// V8's question at `import(specifier)`: the answer is always a promise, rejected with the reason if need be.
pub(crate) fn import_dynamically<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    _options: v8::Local<'s, v8::Data>,
    referrer: v8::Local<'s, v8::Value>,
    specifier: v8::Local<'s, v8::String>,
    attributes: v8::Local<'s, v8::FixedArray>,
) -> Option<v8::Local<'s, v8::Promise>> {
    let resolver = v8::PromiseResolver::new(scope)?;
    let promise = resolver.get_promise(scope);
    v8::tc_scope!(let scope, scope);
    match import(scope, referrer, specifier, attributes) {
        Ok((namespace, evaluated)) => settle(scope, resolver, namespace, evaluated)?,
        Err(Failure::Explained(message)) => {
            let message = v8::String::new(scope, &message)?;
            let error = v8::Exception::type_error(scope, message);
            resolver.reject(scope, error)?;
        }
        Err(Failure::Thrown) => {
            if scope.has_terminated() || scope.exception().is_none() {
                scope.rethrow();
                return None;
            }
            let error = scope.exception()?;
            scope.reset();
            resolver.reject(scope, error)?;
        }
    }
    Some(promise)
}

/// Why there is no module.
enum Failure {
    /// The reason in words.
    Explained(String),
    /// An exception is pending.
    Thrown,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Explained(error.message)
    }
}

type Imported<'s> = (v8::Local<'s, v8::Value>, v8::Local<'s, v8::Promise>);

/// The module's namespace, and the promise of its evaluation.
fn import<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    referrer: v8::Local<'s, v8::Value>,
    specifier: v8::Local<'s, v8::String>,
    attributes: v8::Local<'s, v8::FixedArray>,
) -> Result<Imported<'s>, Failure> {
    let specifier = ops::copy(scope, specifier.into());
    let explain = |why: String| Failure::Explained(format!("cannot import \"{specifier}\": {why}"));
    let code = code_of(scope).ok_or_else(|| explain("the app is not loaded".into()))?;
    // Code without a file of its own imports as the main module does.
    let importer = code.find(&referrer.to_rust_string_lossy(scope)).unwrap_or(0);
    let kind = attribute(scope, attributes, 2).map_err(explain)?;
    let key = key_of(&code, importer, &specifier, kind.as_deref()).map_err(explain)?;
    let module = load(scope, &code, key)?;
    evaluate(scope, module).ok_or(Failure::Thrown)
}

/// Runs a linked module, once; the answer is always the same promise.
fn evaluate<'s>(scope: &mut v8::PinScope<'s, '_>, module: v8::Local<'s, v8::Module>) -> Option<Imported<'s>> {
    let promise: v8::Local<v8::Promise> = module.evaluate(scope)?.try_into().ok()?;
    Some((module.get_module_namespace(), promise))
}

/// Resolves with the namespace once the evaluation has come to its end.
fn settle<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    resolver: v8::Local<'s, v8::PromiseResolver>,
    namespace: v8::Local<'s, v8::Value>,
    evaluated: v8::Local<'s, v8::Promise>,
) -> Option<()> {
    let data = v8::Array::new_with_elements(scope, &[resolver.into(), namespace]);
    let fulfilled = v8::Function::builder(on_fulfilled).data(data.into()).build(scope)?;
    let rejected = v8::Function::builder(on_rejected).data(data.into()).build(scope)?;
    // What comes back is whatever the app has made Promise[Symbol.species] to be: it is not looked at.
    let _ = evaluated.then2(scope, fulfilled, rejected);
    Some(())
}

fn resolver_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    args: &v8::FunctionCallbackArguments<'s>,
) -> Option<(v8::Local<'s, v8::PromiseResolver>, v8::Local<'s, v8::Value>)> {
    let data = v8::Local::<v8::Array>::try_from(args.data()).ok()?;
    let resolver = data.get_index(scope, 0)?;
    // SAFETY: `settle` has put a resolver there, into an array that no script sees.
    let resolver = unsafe { v8::Local::<v8::PromiseResolver>::cast_unchecked(resolver) };
    Some((resolver, data.get_index(scope, 1)?))
}

fn on_fulfilled<'s>(scope: &mut v8::PinScope<'s, '_>, args: v8::FunctionCallbackArguments<'s>, _rv: v8::ReturnValue) {
    if let Some((resolver, namespace)) = resolver_of(scope, &args) {
        let _ = resolver.resolve(scope, namespace);
    }
}

fn on_rejected<'s>(scope: &mut v8::PinScope<'s, '_>, args: v8::FunctionCallbackArguments<'s>, _rv: v8::ReturnValue) {
    if let Some((resolver, _)) = resolver_of(scope, &args) {
        let _ = resolver.reject(scope, args.get(0));
    }
}

/// `import.meta` of a module, when it is first read.
pub(crate) unsafe extern "C" fn initialize_meta(
    context: v8::Local<v8::Context>,
    module: v8::Local<v8::Module>,
    meta: v8::Local<v8::Object>,
) {
    v8::callback_scope!(unsafe scope, context);
    let _ = (|| {
        let (code, key) = identify(scope, module)?;
        let Key::File(index) = key else { return None };
        let url = url_of(&code, index);
        let set = |name: &str, value: v8::Local<v8::Value>| {
            let key = v8::String::new(scope, name)?;
            meta.create_data_property(scope, key.into(), value)
        };
        let url = v8::String::new(scope, &url)?;
        set("url", url.into())?;
        set("main", v8::Boolean::new(scope, index == 0).into())?;
        let index = v8::Integer::new(scope, index as i32);
        let resolve = v8::Function::builder(resolve).data(index.into()).length(1).build(scope)?;
        let name = v8::String::new(scope, "resolve")?;
        resolve.set_name(name);
        set("resolve", resolve.into())
    })();
}

/// A path as a URL: what a URL's path may not have is percent-encoded.
fn url_of(code: &AppCode, index: usize) -> String {
    url_under("file:///", &code.modules[index].path)
}

/// The URL of a path under another one that ends with a slash.
pub fn url_under(root: &str, path: &str) -> String {
    let mut url = String::from(root);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

/// `import.meta.resolve(specifier)`
fn resolve<'s>(scope: &mut v8::PinScope<'s, '_>, args: v8::FunctionCallbackArguments<'s>, mut rv: v8::ReturnValue) {
    let Some(specifier) = args.get(0).to_string(scope) else { return };
    let specifier = ops::copy(scope, specifier.into());
    let importer = args.data().uint32_value(scope).unwrap_or(0) as usize;
    let Some(code) = code_of(scope) else { return };
    let code: &Arc<AppCode> = &code;
    let url = match key_of(code, importer, &specifier, None) {
        Ok(Key::File(index) | Key::Text(index) | Key::Bytes(index)) => Ok(url_of(code, index)),
        Ok(Key::Builtin(name)) => Ok(name.to_string()),
        Err(why) => Err(why),
    };
    match url {
        Ok(url) => {
            if let Some(url) = v8::String::new(scope, &url) {
                rv.set(url.into());
            }
        }
        Err(why) => exceptions::throw_type_error(scope, &format!("cannot resolve \"{specifier}\": {why}")),
    }
}
