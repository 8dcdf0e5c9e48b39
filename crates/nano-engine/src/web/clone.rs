//! `structuredClone` over V8's own serializer.

use v8::{ValueDeserializerHelper, ValueSerializerHelper};

use crate::isolate::state::State;

/// Throws what the standard asks for; host objects cannot be cloned.
struct Write;

impl v8::ValueSerializerImpl for Write {
    fn throw_data_clone_error<'s>(&self, scope: &mut v8::PinScope<'s, '_>, message: v8::Local<'s, v8::String>) {
        let error = data_clone_error(scope, message);
        scope.throw_exception(error);
    }

    fn write_host_object<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        _object: v8::Local<'s, v8::Object>,
        _serializer: &dyn ValueSerializerHelper,
    ) -> Option<bool> {
        let message = v8::String::new(scope, "An object of the host's could not be cloned.")?;
        let error = data_clone_error(scope, message);
        scope.throw_exception(error);
        None
    }
}

struct Read;

impl v8::ValueDeserializerImpl for Read {}

/// `structuredClone(value, transferList)`
pub(super) fn structured_clone<'s>(scope: &mut v8::PinScope<'s, '_>, args: v8::FunctionCallbackArguments<'s>, mut rv: v8::ReturnValue<'s>) {
    let Some(transfer) = transfer_list(scope, args.get(1)) else { return };
    let context = scope.get_current_context();
    let serializer = v8::ValueSerializer::new(scope, Box::new(Write));
    serializer.write_header();
    for (index, buffer) in transfer.iter().enumerate() {
        serializer.transfer_array_buffer(index as u32, *buffer);
    }
    if serializer.write_value(context, args.get(0)) != Some(true) {
        return;
    }
    let bytes = serializer.release();
    let deserializer = v8::ValueDeserializer::new(scope, Box::new(Read), &bytes);
    for (index, buffer) in transfer.iter().enumerate() {
        let moved = v8::ArrayBuffer::with_backing_store(scope, &buffer.get_backing_store());
        buffer.detach(None);
        deserializer.transfer_array_buffer(index as u32, moved);
    }
    if deserializer.read_header(context) != Some(true) {
        return;
    }
    if let Some(value) = deserializer.read_value(context) {
        rv.set(value);
    }
}

/// The array buffers to move; throws for anything else, for one named twice and for one that is gone.
fn transfer_list<'s>(scope: &mut v8::PinScope<'s, '_>, list: v8::Local<'s, v8::Value>) -> Option<Vec<v8::Local<'s, v8::ArrayBuffer>>> {
    let mut buffers: Vec<v8::Local<v8::ArrayBuffer>> = Vec::new();
    let Ok(list) = v8::Local::<v8::Array>::try_from(list) else { return Some(buffers) };
    for index in 0..list.length() {
        let item = list.get_index(scope, index)?;
        match v8::Local::<v8::ArrayBuffer>::try_from(item) {
            Ok(buffer) if buffer.is_detachable() && !buffer.was_detached() && !buffers.contains(&buffer) => buffers.push(buffer),
            _ => {
                let message = v8::String::new(scope, "A value in the transfer list cannot be transferred")?;
                let error = data_clone_error(scope, message);
                scope.throw_exception(error);
                return None;
            }
        }
    }
    Some(buffers)
}

/// A `DataCloneError` DOMException, made by the platform's own class whatever the app did to the global.
pub(crate) fn data_clone_error<'s>(scope: &mut v8::PinScope<'s, '_>, message: v8::Local<'s, v8::String>) -> v8::Local<'s, v8::Value> {
    let make = State::of(scope).and_then(|state| state.entry_points.get()).map(|entry| entry.data_clone_error.clone());
    let receiver = v8::undefined(scope);
    make.and_then(|make| v8::Local::new(scope, make).call(scope, receiver.into(), &[message.into()]))
        .unwrap_or_else(|| v8::Exception::type_error(scope, message))
}
