//! What structured cloning (`js/clone.js`) cannot find out or make in JavaScript.
//!
//! The algorithm itself is JavaScript, not V8's serializer: that one writes into memory nobody can bound (a string is written as
//! often as it occurs), cannot be stopped while it does, and takes a DOMException for an Error.

use v8::ValueSerializerHelper;

use crate::engine::host_objects;
use crate::isolate::state::State;

/// What kind of value an object is to the standard's algorithm; `js/clone.js` has the same numbers.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Kind {
    Refused = 0,
    Ordinary,
    Array,
    Date,
    RegExp,
    Map,
    Set,
    Error,
    ArrayBuffer,
    View,
    Boolean,
    Number,
    String,
    BigInt,
    WasmModule,
}

/// `cloneKind(object, plain)`; `plain` says that its prototype is that of plain objects, or null
pub(super) fn clone_kind<'s>(scope: &mut v8::PinScope<'s, '_>, args: v8::FunctionCallbackArguments<'s>, mut rv: v8::ReturnValue<'s>) {
    let value = args.get(0);
    let kind = if value.is_proxy() || value.is_function() || value.is_arguments_object() {
        Kind::Refused
    } else if value.is_array() {
        Kind::Array
    } else if value.is_date() {
        Kind::Date
    } else if value.is_reg_exp() {
        Kind::RegExp
    } else if value.is_map() {
        Kind::Map
    } else if value.is_set() {
        Kind::Set
    } else if value.is_native_error() {
        Kind::Error
    } else if value.is_array_buffer() {
        Kind::ArrayBuffer
    } else if value.is_array_buffer_view() {
        Kind::View
    } else if value.is_boolean_object() {
        Kind::Boolean
    } else if value.is_number_object() {
        Kind::Number
    } else if value.is_string_object() {
        Kind::String
    } else if value.is_big_int_object() {
        Kind::BigInt
    } else if value.is_wasm_module_object() {
        Kind::WasmModule
    } else if host_objects::held(scope, value).is_some() {
        Kind::Refused
    } else if args.get(1).is_true() || is_ordinary(scope, value) {
        Kind::Ordinary
    } else {
        Kind::Refused
    };
    rv.set_uint32(kind as u32);
}

/// `namedKeys(array)`: its own enumerable names that are no indices
pub(super) fn named_keys<'s>(scope: &mut v8::PinScope<'s, '_>, args: v8::FunctionCallbackArguments<'s>, mut rv: v8::ReturnValue<'s>) {
    let Ok(object) = v8::Local::<v8::Object>::try_from(args.get(0)) else { return };
    let wanted = v8::GetPropertyNamesArgsBuilder::new()
        .mode(v8::KeyCollectionMode::OwnOnly)
        .property_filter(v8::PropertyFilter::ONLY_ENUMERABLE | v8::PropertyFilter::SKIP_SYMBOLS)
        .index_filter(v8::IndexFilter::SkipIndices)
        .build();
    if let Some(names) = object.get_own_property_names(scope, wanted) {
        rv.set(names.into());
    }
}

/// `cloneWasmModule(module)`
pub(super) fn clone_wasm_module<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    args: v8::FunctionCallbackArguments<'s>,
    mut rv: v8::ReturnValue<'s>,
) {
    let Ok(module) = v8::Local::<v8::WasmModuleObject>::try_from(args.get(0)) else { return };
    if let Some(clone) = v8::WasmModuleObject::from_compiled_module(scope, &module.get_compiled_module()) {
        rv.set(clone.into());
    }
}

/// Asked by V8's serializer whether an object without internal slots is a host's: here that ends its work, and is the answer.
struct Probe;

impl v8::ValueSerializerImpl for Probe {
    fn throw_data_clone_error<'s>(&self, _scope: &mut v8::PinScope<'s, '_>, _message: v8::Local<'s, v8::String>) {}

    fn has_custom_host_object(&self, _isolate: &v8::Isolate) -> bool {
        true
    }

    fn is_host_object<'s>(&self, _scope: &mut v8::PinScope<'s, '_>, _object: v8::Local<'s, v8::Object>) -> Option<bool> {
        Some(true)
    }

    fn write_host_object<'s>(
        &self,
        _scope: &mut v8::PinScope<'s, '_>,
        _object: v8::Local<'s, v8::Object>,
        _serializer: &dyn ValueSerializerHelper,
    ) -> Option<bool> {
        Some(true)
    }
}

/// Whether the object is of no kind that has internal slots: iterators, promises, weak collections, Intl's and so on are. There is no
/// other way to ask V8 for all of them, and this one runs nothing of the app's.
fn is_ordinary<'s>(scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> bool {
    v8::tc_scope!(let scope, scope);
    let context = scope.get_current_context();
    let serializer = v8::ValueSerializer::new(scope, Box::new(Probe));
    serializer.write_value(context, value) == Some(true)
}

/// A `DataCloneError` DOMException, made by the platform's own class whatever the app did to the global.
pub(crate) fn data_clone_error<'s>(scope: &mut v8::PinScope<'s, '_>, message: v8::Local<'s, v8::String>) -> v8::Local<'s, v8::Value> {
    let make = State::of(scope).and_then(|state| state.entry_points.get()).map(|entry| entry.data_clone_error.clone());
    let receiver = v8::undefined(scope);
    make.and_then(|make| v8::Local::new(scope, make).call(scope, receiver.into(), &[message.into()]))
        .unwrap_or_else(|| v8::Exception::type_error(scope, message))
}
