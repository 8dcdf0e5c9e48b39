//! The table of native functions (`nano.ops` in JavaScript), each guarded: a panic becomes an exception in the app. Those that only parts
//! use are in groups of their own, made when a part asks for them (`ops.natives("crypto")`), so that no snapshot holds them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use v8::MapFnTo;

use super::{
    blob, builtins, cache, clone, compression, console, contexts, crypto, encoding, events, fetch, files, forms, host_objects,
    html_rewriter, node_crypto, parts, sockets, subtle_keys, subtle_work, time, types, url, wasm,
};
use crate::engine::resources::{self, Charge};
use crate::engine::{exceptions, modules};
use crate::isolate::state::State;

/// Names each native function and wraps it.
macro_rules! table {
    ($(#[$doc:meta])* $list:ident $($name:literal => $function:path,)*) => {
        $(#[$doc])*
        pub(crate) fn $list() -> Vec<(&'static str, v8::FunctionCallback)> {
            vec![$({
                fn guarded<'s>(scope: &mut v8::PinScope<'s, '_>, args: v8::FunctionCallbackArguments<'s>, rv: v8::ReturnValue<'s>) {
                    if catch_unwind(AssertUnwindSafe(|| $function(&mut *scope, args, rv))).is_err() {
                        exceptions::throw_type_error(scope, concat!("internal error in ", $name));
                    }
                }
                ($name, guarded.map_fn_to())
            },)*]
        }
    };
}

table! {
    /// Every native function with its JavaScript name, always in the same order: the snapshot refers to them by index.
    all
    "part" => parts::part,
    "lazyProperty" => parts::lazy_property,
    "release" => parts::release,
    "log" => console::log,
    "isProxy" => console::is_proxy,
    "reportException" => console::report_exception,
    "now" => time::now,
    "appName" => app_name,
    "timeOrigin" => time::time_origin,
    "timerStart" => time::timer_start,
    "timerCancel" => time::timer_cancel,
    "randomFill" => crypto::random_fill,
    "randomUuid" => crypto::random_uuid,
    "utf8Encode" => encoding::utf8_encode,
    "utf8EncodeInto" => encoding::utf8_encode_into,
    "utf8Decode" => encoding::utf8_decode,
    "encodingName" => encoding::encoding_name,
    "decoderNew" => encoding::decoder_new,
    "decoderDecode" => encoding::decoder_decode,
    "base64Encode" => encoding::base64_encode,
    "base64Decode" => encoding::base64_decode,
    "urlParse" => url::parse,
    "urlSet" => url::set,
    "bodyKind" => fetch::body_kind,
    "uncountCall" => fetch::uncount_call,
    "isForApp" => fetch::is_for_app,
    "bodyLength" => fetch::body_length,
    "bodyTake" => fetch::body_take,
    "bodyPull" => fetch::body_pull,
    "bodyCancel" => fetch::body_cancel,
    "respond" => fetch::respond,
    "respondHead" => fetch::respond_head,
    "write" => fetch::write,
    "room" => fetch::room,
    "pipe" => fetch::pipe,
    "end" => fetch::end,
    "fail" => fetch::fail,
    "waitUntil" => fetch::wait_until,
    "callFetch" => fetch::call_fetch,
    "callMethod" => fetch::call_method,
    "callCancel" => fetch::call_cancel,
    "invokeReturn" => fetch::invoke_return,
    "invokeFail" => fetch::invoke_fail,
    "refuse" => fetch::refuse,
    "natives" => natives,
}

table! {
    /// The group "crypto".
    crypto
    "generate" => subtle_keys::generate,
    "importKey" => subtle_keys::import,
    "exportKey" => subtle_keys::export,
    "keyInfo" => subtle_keys::info,
    "digest" => subtle_work::digest,
    "cipher" => subtle_work::cipher,
    "sign" => subtle_work::sign,
    "verify" => subtle_work::verify,
    "derive" => subtle_work::derive,
    "equal" => subtle_work::equal,
    "hasherNew" => subtle_work::hasher_new,
    "hasherUpdate" => subtle_work::hasher_update,
    "hasherFinish" => subtle_work::hasher_finish,
    "hasherCopy" => node_crypto::hasher_copy,
    "cipherInfo" => node_crypto::cipher_info,
    "cipherNew" => node_crypto::cipher_new,
    "cipherUpdate" => node_crypto::cipher_update,
    "cipherSet" => node_crypto::cipher_set,
    "cipherFinal" => node_crypto::cipher_final,
    "pbkdf2New" => node_crypto::pbkdf2_new,
    "pbkdf2Run" => node_crypto::pbkdf2_run,
    "scrypt" => node_crypto::scrypt,
}

table! {
    /// The group "messages".
    messages
    "htmlRewriter" => html_rewriter::html_rewriter,
    "cache" => cache::cache,
}

table! {
    /// The group "node".
    node
    "contextGet" => contexts::get,
    "contextSet" => contexts::set,
    "typeFlags" => types::type_flags,
    "domainToAscii" => url::domain_to_ascii,
    "domainToUnicode" => url::domain_to_unicode,
    "builtinPart" => builtins::builtin_part,
    "builtinNames" => builtins::builtin_names,
}

table! {
    /// The group "sockets".
    sockets
    "open" => sockets::open,
    "accept" => sockets::accept,
    "send" => sockets::send,
    "close" => sockets::close,
    "buffered" => sockets::buffered,
    "isFull" => sockets::is_full,
    "read" => sockets::read,
    "connect" => sockets::connect,
    "startTls" => sockets::start_tls,
}

table! {
    /// The group "events".
    events
    "settle" => events::settle,
}

/// `appName()`
fn app_name(scope: &mut v8::PinScope, _args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let code = modules::code_of(scope);
    if let Some(name) = code.and_then(|code| v8::String::new(scope, &code.name)) {
        rv.set(name.into());
    }
}

/// `natives(group)`: an object with the functions of a group.
fn natives(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let group = match text(scope, &args, 0).as_str() {
        "crypto" => crypto(),
        "messages" => messages(),
        "node" => node(),
        "sockets" => sockets(),
        "events" => events(),
        _ => return,
    };
    let null = v8::null(scope);
    let object = v8::Object::with_prototype_and_properties(scope, null.into(), &[], &[]);
    for (name, callback) in group {
        let function = v8::Function::builder_raw(callback).constructor_behavior(v8::ConstructorBehavior::Throw).build(scope);
        let (Some(key), Some(function)) = (v8::String::new(scope, name), function) else { return };
        object.create_data_property(scope, key.into(), function.into());
    }
    rv.set(object.into());
}

table! {
    /// What parts alone use. It is not in the snapshot: `nano.ops` has it from the first part on.
    for_parts
    "cloneKind" => clone::clone_kind,
    "namedKeys" => clone::named_keys,
    "cloneWasmModule" => clone::clone_wasm_module,
    "hostClass" => host_objects::host_class,
    "hostObject" => host_objects::host_object,
    "hostDispose" => host_objects::host_dispose,
    "files" => files::files,
    "callHost" => host_objects::call_host,
    "blobNew" => blob::blob_new,
    "blobAdopt" => blob::blob_adopt,
    "blobSize" => blob::blob_size,
    "blobBytes" => blob::blob_bytes,
    "blobBinary" => blob::blob_binary,
    "blobText" => blob::blob_text,
    "mimeExtract" => forms::mime_extract,
    "formText" => forms::form_text,
    "dataUrl" => url::data,
    "wasmFinish" => wasm::finish,
    "wasmAbort" => wasm::abort,
    "multipartParse" => forms::multipart_parse,
    "urlencodedParse" => forms::urlencoded_parse,
    "codecNew" => compression::codec_new,
    "codecWrite" => compression::codec_write,
    "codecRead" => compression::codec_read,
    "codecIdle" => compression::codec_idle,
    "codecFlush" => compression::codec_flush,
    "codecEnded" => compression::codec_ended,
}

/// `nano.ops`: each function is made when it is first read, so that an isolate holds those it uses. The ones on every request's path
/// are in the snapshot.
pub(crate) fn object<'s>(scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Object> {
    let ops = v8::Object::new(scope);
    for (name, _) in all() {
        let name = v8::String::new(scope, name).expect("a short string");
        parts::define_lazy(scope, ops, name.into(), make);
    }
    ops
}

/// Adds what parts use to `nano.ops`, once.
pub(super) fn extend(scope: &mut v8::PinScope, ops: v8::Local<v8::Value>) {
    let Ok(ops) = v8::Local::<v8::Object>::try_from(ops) else { return };
    for (index, (name, _)) in for_parts().into_iter().enumerate() {
        let Some(name) = v8::String::new(scope, name) else { return };
        if index == 0 && ops.has_own_property(scope, name.into()) != Some(false) {
            return;
        }
        parts::define_lazy(scope, ops, name.into(), make);
    }
}

/// Makes the function called `name`.
fn make<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: v8::Local<'s, v8::Name>,
    _args: v8::PropertyCallbackArguments<'s>,
    mut rv: v8::ReturnValue<v8::Value>,
) {
    let name = name.to_rust_string_lossy(scope);
    let Some((_, function)) = all().into_iter().chain(for_parts()).find(|(op, _)| *op == name) else { return };
    if let Some(function) = v8::Function::builder_raw(function).constructor_behavior(v8::ConstructorBehavior::Throw).build(scope) {
        rv.set(function.into());
    }
}

/// What the snapshot refers to besides the functions of the table.
pub(crate) fn getters() -> [v8::AccessorNameGetterCallback; 2] {
    [make.map_fn_to(), parts::getter()]
}

/// An argument as a small integer.
pub(crate) fn integer(scope: &v8::PinScope, args: &v8::FunctionCallbackArguments, index: i32) -> u32 {
    args.get(index).uint32_value(scope).unwrap_or(0)
}

/// An argument as text; lone surrogates become U+FFFD.
pub(crate) fn text(scope: &v8::PinScope, args: &v8::FunctionCallbackArguments, index: i32) -> String {
    copy(scope, args.get(index))
}

/// A value as text, or "" with a RangeError pending if it is far too long.
pub(crate) fn copy(scope: &v8::PinScope, value: v8::Local<v8::Value>) -> String {
    if has_room(scope, value) { value.to_rust_string_lossy(scope) } else { String::new() }
}

/// Whether a text could have a copy if the app had no other memory outside its heap; if not, a RangeError is pending. A string that was put
/// together of others is much longer than what the heap holds of it, and a copy that is being made cannot be stopped.
fn has_room(scope: &v8::PinScope, value: v8::Local<v8::Value>) -> bool {
    const SHORT: usize = 64 << 10;
    let units = v8::Local::<v8::String>::try_from(value).map_or(0, |string| string.length());
    let has_room = units <= SHORT || State::of(scope).is_none_or(|state| units <= state.budget.max());
    if !has_room {
        let message = format!("a text of {units} characters is longer than the app's memory outside the heap (limit external_bytes)");
        exceptions::throw_range_error(scope, &message);
    }
    has_room
}

/// Lends a value's text to `read`, which cannot run JavaScript: where it lies, if it is ASCII.
pub(crate) fn with_text<T>(scope: &mut v8::PinScope, value: v8::Local<v8::Value>, read: impl Fn(&str) -> T) -> T {
    if let Ok(string) = v8::Local::<v8::String>::try_from(value)
        && has_room(scope, value)
    {
        let view = v8::ValueView::new(scope, string);
        if let v8::ValueViewData::OneByte(bytes) = view.data()
            && bytes.is_ascii()
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            return read(text);
        }
    }
    read(&copy(scope, value))
}

/// A value's text as UTF-8, in memory of its own length: of Latin-1 from 4 KiB on `text` takes twice that, and giving it back takes time.
pub(crate) fn utf8(scope: &v8::PinScope, value: v8::Local<v8::Value>) -> Vec<u8> {
    const LONG: usize = 4096;
    let Some(string) = v8::Local::<v8::String>::try_from(value).ok().filter(|string| string.is_onebyte() && string.length() >= LONG) else {
        return copy(scope, value).into_bytes();
    };
    if !has_room(scope, value) {
        return Vec::new();
    }
    let mut bytes = Vec::with_capacity(string.utf8_length(scope));
    let written = string.write_utf8_uninit_v2(scope, bytes.spare_capacity_mut(), v8::WriteFlags::kReplaceInvalidUtf8, None);
    // SAFETY: so many bytes at the beginning of the spare capacity have been written.
    unsafe { bytes.set_len(written) };
    bytes
}

/// An argument that is a ByteString, as its bytes. `None` with a RangeError pending if there is no room for them: a string that was put
/// together of others is much longer than what the heap holds of it, and writing it out does not make V8 notice.
pub(crate) fn byte_string(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Option<Vec<u8>> {
    let Ok(string) = v8::Local::<v8::String>::try_from(value) else { return Some(Vec::new()) };
    let length = string.length();
    let _charge = charge_if_long(scope, length)?;
    let mut bytes = vec![0; length];
    string.write_one_byte_v2(scope, 0, &mut bytes, v8::WriteFlags::empty());
    Some(bytes)
}

/// Takes room for a copy while it is made, if it is not short; `None` with a RangeError pending if there is none.
pub(crate) fn charge_if_long(scope: &mut v8::PinScope, bytes: usize) -> Option<Option<Charge>> {
    const SHORT: usize = 64 << 10;
    if bytes <= SHORT { Some(None) } else { resources::charge(scope, bytes).map(Some) }
}
