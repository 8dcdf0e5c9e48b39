//! Values that cross between host and app (arguments and results of calls), as JavaScript sees them.

use nano_base::limits::{CALL_BYTES_MAX, PATTERN_UNITS_MAX, VALUE_DEPTH_MAX};
use nano_base::value::{ERROR_BYTES, ErrorValue, ITEM_BYTES, KEY_BYTES, TypedArrayKind, Value, pattern_units};

use super::host_objects::{self, HeldState};
use super::{bytes, exceptions, reg_exps};
use crate::isolate::state::State;
use crate::web::clone::data_clone_error;
use crate::web::ops::utf8;

/// Integers a JavaScript number holds exactly.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Who receives a value.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Receiver {
    /// The host, which reads no patterns.
    #[default]
    Host,
    /// Another app, maybe by a queue.
    App,
}

/// A JavaScript value as a [`Value`]; `None` with an exception pending where it cannot cross.
pub(crate) fn from_js<'s>(scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>, to: Receiver) -> Option<Value> {
    let mut reader = Reader { to, ..Reader::default() };
    let read = reader.read(scope, value);
    if reader.waits_for.is_some() {
        return refuse(scope, "an object of the host's that is still being constructed cannot cross");
    }
    read
}

/// The arguments of a call.
pub(crate) enum Arguments<'s> {
    /// All of them.
    Ready(Vec<Value>),
    /// There is an object of the host's among them that has not been constructed yet.
    WaitFor(v8::Local<'s, v8::Value>),
}

/// The elements of a JavaScript array.
pub(crate) fn arguments_from_js<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
    to: Receiver,
) -> Option<Arguments<'s>> {
    let mut reader = Reader { to, ..Reader::default() };
    let read = reader.read(scope, value);
    if let Some(object) = reader.waits_for {
        return Some(Arguments::WaitFor(object));
    }
    match read? {
        Value::Array(items) => Some(Arguments::Ready(items)),
        other => Some(Arguments::Ready(vec![other])),
    }
}

/// What an app threw, if it is an error that can be read.
pub(crate) fn thrown_from_js<'s>(scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>, to: Receiver) -> Option<Value> {
    if !value.is_native_error() {
        return None;
    }
    v8::tc_scope!(let scope, scope);
    let mut reader = Reader { to, ..Reader::default() };
    reader.read(scope, value).filter(|_| reader.waits_for.is_none())
}

/// Reads a value; remembers the objects it is inside of, to refuse cycles.
#[derive(Default)]
struct Reader<'s> {
    to: Receiver,
    /// What its patterns count as.
    pattern_units: usize,
    /// What the copy takes, as [`Value::weight`] counts it. Each part is counted before it is copied: a script names one string, or one
    /// buffer, as often as it likes.
    bytes: usize,
    path: Vec<v8::Local<'s, v8::Value>>,
    /// The prototype of object literals, once it has been asked for.
    of_literals: Option<v8::Local<'s, v8::Value>>,
    /// The object of the host's that stopped the reading, because it has not been constructed yet.
    waits_for: Option<v8::Local<'s, v8::Value>>,
}

impl<'s> Reader<'s> {
    fn read(&mut self, scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> Option<Value> {
        if State::is_stopping(scope) {
            return None;
        }
        self.take(scope, ITEM_BYTES)?;
        if value.is_undefined() {
            return Some(Value::Undefined);
        }
        if value.is_null() {
            return Some(Value::Null);
        }
        if value.is_boolean() {
            return Some(Value::Bool(value.is_true()));
        }
        if value.is_number() {
            return Some(number(value.number_value(scope)?));
        }
        if value.is_string() {
            return self.string(scope, value);
        }
        if let Ok(big) = v8::Local::<v8::BigInt>::try_from(value) {
            self.take(scope, big.word_count() * size_of::<u64>())?;
            return Some(big_int(big));
        }
        if value.is_symbol() || value.is_function() || value.is_proxy() || value.is_promise() {
            return refuse(scope, "functions, symbols, promises and proxies cannot cross to the host");
        }
        self.read_object(scope, value)
    }

    fn read_object(&mut self, scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> Option<Value> {
        if let Ok(date) = v8::Local::<v8::Date>::try_from(value) {
            return Some(Value::Date(date.value_of()));
        }
        if let Some(len) = bytes::len(value) {
            if v8::Local::<v8::ArrayBuffer>::try_from(value).is_ok_and(|buffer| buffer.was_detached()) {
                return refuse(scope, "a detached ArrayBuffer cannot cross");
            }
            self.take(scope, len)?;
            return typed_array(value);
        }
        if let Some(held) = host_objects::held(scope, value) {
            return match held.state() {
                HeldState::Ready(object) => {
                    self.take(scope, object.class.len())?;
                    Some(Value::HostObject(object))
                }
                HeldState::Disposed => refuse(scope, "an object of the host's that has been disposed of cannot cross"),
                HeldState::Constructing => {
                    self.waits_for = Some(value);
                    None
                }
            };
        }
        if self.path.len() >= VALUE_DEPTH_MAX {
            return refuse(scope, "a value nested deeper than 64 levels cannot cross to the host");
        }
        if self.path.iter().any(|outer| outer.strict_equals(value)) {
            return refuse(scope, "a value that contains itself cannot cross to the host");
        }
        self.path.push(value);
        let read = self.read_container(scope, value);
        self.path.pop();
        read
    }

    fn read_container(&mut self, scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> Option<Value> {
        if let Ok(array) = v8::Local::<v8::Array>::try_from(value) {
            let mut items = Vec::new();
            for index in 0..array.length() {
                let item = array.get_index(scope, index)?;
                let is_hole = item.is_undefined() && !array.has_index(scope, index)?;
                let item = self.read(scope, item)?;
                items.push(if is_hole { Value::Hole } else { item });
            }
            items.shrink_to_fit();
            return Some(Value::Array(items));
        }
        if let Ok(map) = v8::Local::<v8::Map>::try_from(value) {
            let flat = map.as_array(scope);
            let mut entries = Vec::new();
            for index in (0..flat.length()).step_by(2) {
                let key = flat.get_index(scope, index)?;
                let item = flat.get_index(scope, index + 1)?;
                entries.push((self.read(scope, key)?, self.read(scope, item)?));
            }
            entries.shrink_to_fit();
            return Some(Value::Map(entries));
        }
        if let Ok(set) = v8::Local::<v8::Set>::try_from(value) {
            let flat = set.as_array(scope);
            let mut items = Vec::new();
            for index in 0..flat.length() {
                let item = flat.get_index(scope, index)?;
                items.push(self.read(scope, item)?);
            }
            items.shrink_to_fit();
            return Some(Value::Set(items));
        }
        if value.is_native_error() {
            return self.read_error(scope, value);
        }
        if let Ok(reg_exp) = v8::Local::<v8::RegExp>::try_from(value) {
            return self.read_reg_exp(scope, reg_exp);
        }
        if let Some(inside) = inside_box(scope, value) {
            return Some(Value::Boxed(Box::new(self.read(scope, inside?)?)));
        }
        let object = value.to_object(scope)?;
        if !self.is_plain(scope, object) {
            let class = object.get_constructor_name();
            let class: String = exceptions::beginning(scope, class).chars().take(CLASS_CHARACTERS_MAX).collect();
            return refuse(scope, &format!("an object of the class {class} cannot cross, only what is plain"));
        }
        let names = own_names(scope, object)?;
        let mut entries = Vec::new();
        for index in 0..names.length() {
            let name = names.get_index(scope, index)?;
            let item = object.get(scope, name)?;
            self.take(scope, KEY_BYTES)?;
            entries.push((self.text(scope, name)?, self.read(scope, item)?));
        }
        entries.shrink_to_fit();
        Some(Value::Object(entries))
    }

    /// A regular expression by its source, which is well-formed here whatever it was made of.
    fn read_reg_exp(&mut self, scope: &mut v8::PinScope<'s, '_>, reg_exp: v8::Local<'s, v8::RegExp>) -> Option<Value> {
        let flags = reg_exps::flags_of(reg_exp);
        let source = reg_exp.get_source(scope);
        let source = match self.string(scope, source.into())? {
            Value::Text(source) => source,
            Value::Units(units) => {
                let len = reg_exps::UNIT_BYTES_MAX * units.len();
                self.take(scope, len)?;
                let source = reg_exps::escaped(&units, &flags);
                self.bytes -= len - source.len();
                source
            }
            _ => return None,
        };
        if self.to == Receiver::App {
            self.pattern_units += pattern_units(&source, &flags);
            if self.pattern_units > PATTERN_UNITS_MAX {
                let why = format!(
                    "regular expressions that count more than {PATTERN_UNITS_MAX} together cannot cross to another app: send their text"
                );
                return refuse(scope, &why);
            }
        }
        Some(Value::RegExp { source, flags })
    }

    /// An error with its own properties, of which those are left out that cannot cross: it has to be told of all the same.
    fn read_error(&mut self, scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> Option<Value> {
        let object = value.to_object(scope)?;
        self.take(scope, ERROR_BYTES)?;
        let (name, message) = (self.text_of(scope, object, "name")?, self.text_of(scope, object, "message")?);
        let mut properties = Vec::new();
        // They are a level of their own.
        if self.path.len() < VALUE_DEPTH_MAX {
            self.path.push(value);
            for name in HIDDEN {
                let key = v8::String::new(scope, name)?;
                if object.has_own_property(scope, key.into())? {
                    self.read_property(scope, object, key.into(), &mut properties)?;
                }
            }
            let names = own_names(scope, object)?;
            for index in 0..names.length() {
                let name = names.get_index(scope, index)?;
                self.read_property(scope, object, name, &mut properties)?;
            }
            self.path.pop();
        }
        properties.shrink_to_fit();
        Some(Value::Error(Box::new(ErrorValue { name, message, properties })))
    }

    /// A property of an error; none if it is among them or cannot cross.
    fn read_property(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
        name: v8::Local<'s, v8::Value>,
        properties: &mut Vec<(String, Value)>,
    ) -> Option<()> {
        // The handles go as well: of what is left out nothing is counted.
        v8::escapable_handle_scope!(let scope, scope);
        let mut inside = Reader { path: self.path.clone(), waits_for: None, ..*self };
        let property = {
            v8::tc_scope!(let scope, scope);
            inside.named(scope, object, name, properties)
        };
        self.waits_for = inside.waits_for.map(|object| scope.escape(object));
        match property {
            Some(property) => {
                (self.bytes, self.pattern_units) = (inside.bytes, inside.pattern_units);
                properties.push(property);
            }
            None if State::is_stopping(scope) || self.waits_for.is_some() => return None,
            None => {}
        }
        Some(())
    }

    /// A property with its name; `None` if it is among the `known`, or with an exception pending.
    fn named(
        &mut self,
        scope: &mut v8::PinScope<'s, '_>,
        object: v8::Local<'s, v8::Object>,
        name: v8::Local<'s, v8::Value>,
        known: &[(String, Value)],
    ) -> Option<(String, Value)> {
        self.take(scope, KEY_BYTES)?;
        let key = self.text(scope, name)?;
        if TOLD_ALREADY.contains(&key.as_str()) || HIDDEN.contains(&key.as_str()) && known.iter().any(|(known, _)| *known == key) {
            return None;
        }
        let item = object.get(scope, name)?;
        Some((key, self.read(scope, item)?))
    }

    /// A property as a text.
    fn text_of(&mut self, scope: &mut v8::PinScope<'s, '_>, object: v8::Local<'s, v8::Object>, name: &str) -> Option<String> {
        let key = v8::String::new(scope, name)?;
        let value = object.get(scope, key.into())?;
        if value.is_undefined() {
            return Some(String::new());
        }
        let text = value.to_string(scope)?;
        self.text(scope, text.into())
    }

    /// Whether an object is what its own properties say: made by a literal, or without a prototype. What any other one is made of lies
    /// elsewhere, and would be lost.
    fn is_plain(&mut self, scope: &mut v8::PinScope<'s, '_>, object: v8::Local<'s, v8::Object>) -> bool {
        let Some(prototype) = object.get_prototype(scope) else { return false };
        if prototype.is_null() {
            return true;
        }
        let of_literals = *self.of_literals.get_or_insert_with(|| {
            let literal = v8::Object::new(scope);
            literal.get_prototype(scope).unwrap_or_else(|| v8::null(scope).into())
        });
        prototype.strict_equals(of_literals)
    }

    /// A string as a value: as it is, also if it is not well-formed.
    fn string(&mut self, scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> Option<Value> {
        let text = self.text(scope, value)?;
        // What is lost was written as this; most strings do not have it.
        if text.contains(char::REPLACEMENT_CHARACTER) {
            let string = v8::Local::<v8::String>::try_from(value).ok()?;
            self.take(scope, 2 * string.length())?;
            let mut units = vec![0; string.length()];
            string.write_v2(scope, 0, &mut units, v8::WriteFlags::empty());
            let exact = Value::text_of_units(units);
            if matches!(exact, Value::Units(_)) {
                self.bytes -= text.len();
                return Some(exact);
            }
            self.bytes -= 2 * string.length();
        }
        Some(Value::Text(text))
    }

    /// A string, copied if it fits; what is not well-formed of it is replaced.
    fn text(&mut self, scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> Option<String> {
        let string = v8::Local::<v8::String>::try_from(value).ok()?;
        // Counting the bytes takes a while, and a unit has at most three.
        let len = if string.length() <= SHORT_UNITS { 3 * string.length() } else { string.utf8_length(scope) };
        self.take(scope, len)?;
        let mut text = String::from_utf8(utf8(scope, value)).unwrap_or_default();
        self.bytes -= len.saturating_sub(text.len());
        if text.capacity() > len {
            text.shrink_to_fit();
        }
        Some(text)
    }

    /// Counts what is to be copied next; `None`, with an exception pending, if that is too much.
    fn take(&mut self, scope: &mut v8::PinScope<'s, '_>, bytes: usize) -> Option<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > CALL_BYTES_MAX {
            return refuse(
                scope,
                "a value that takes more than 8 MiB cannot cross to the host: send the body of a fetch, or several values",
            );
        }
        Some(())
    }
}

/// What an error has of its own without its being enumerable.
const HIDDEN: [&str; 2] = ["cause", "errors"];

/// What is no property of an error's: it has been said, or stays home.
const TOLD_ALREADY: [&str; 3] = ["name", "message", "stack"];

/// Own enumerable names, all of them strings.
fn own_names<'s>(scope: &mut v8::PinScope<'s, '_>, object: v8::Local<'s, v8::Object>) -> Option<v8::Local<'s, v8::Array>> {
    let wanted = v8::GetPropertyNamesArgsBuilder::new().key_conversion(v8::KeyConversionMode::ConvertToString).build();
    object.get_own_property_names(scope, wanted)
}

/// What an object has inside that is one around a primitive; `Some(None)` with an exception pending if the app has seen to it that nobody
/// can tell.
#[expect(clippy::option_option, reason = "whether it is one, and whether it could be asked")]
fn inside_box<'s>(scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> Option<Option<v8::Local<'s, v8::Value>>> {
    if value.is_number_object() {
        return Some(value.to_number(scope).map(Into::into));
    }
    if value.is_string_object() {
        return Some(value.to_string(scope).map(Into::into));
    }
    if value.is_big_int_object() {
        return Some(value.to_big_int(scope).map(Into::into));
    }
    // As a number it is what it holds; as a boolean it is an object, which is true.
    value.is_boolean_object().then(|| value.number_value(scope).map(|number| v8::Boolean::new(scope, number != 0.0).into()))
}

/// Strings up to this many units are copied without their length in UTF-8 being asked for first.
const SHORT_UNITS: usize = 256;

/// What is said of a class's name.
const CLASS_CHARACTERS_MAX: usize = 100;

fn refuse<T>(scope: &mut v8::PinScope, why: &str) -> Option<T> {
    if let Some(message) = v8::String::new(scope, why) {
        let error = data_clone_error(scope, message);
        scope.throw_exception(error);
    }
    None
}

fn number(number: f64) -> Value {
    let integer = number as i64;
    let exact = integer as f64 == number && integer.unsigned_abs() <= SAFE_INTEGER_MAX && !(integer == 0 && number.is_sign_negative());
    if exact { Value::Int(integer) } else { Value::Float(number) }
}

fn big_int(big: v8::Local<v8::BigInt>) -> Value {
    let mut words = vec![0_u64; big.word_count()];
    let (negative, words) = big.to_words_array(&mut words);
    let bytes: Vec<u8> = words.iter().rev().flat_map(|word| word.to_be_bytes()).collect();
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    Value::BigInt { negative, magnitude: bytes[first..].to_vec() }
}

/// Array buffers and their views.
fn typed_array(value: v8::Local<v8::Value>) -> Option<Value> {
    let bytes = bytes::from_value(value)?;
    if value.is_array_buffer() {
        return Some(Value::Buffer(bytes));
    }
    if value.is_data_view() {
        return Some(Value::View(bytes));
    }
    let kind = if value.is_uint8_clamped_array() {
        TypedArrayKind::Uint8Clamped
    } else if value.is_int8_array() {
        TypedArrayKind::Int8
    } else if value.is_uint16_array() {
        TypedArrayKind::Uint16
    } else if value.is_int16_array() {
        TypedArrayKind::Int16
    } else if value.is_uint32_array() {
        TypedArrayKind::Uint32
    } else if value.is_int32_array() {
        TypedArrayKind::Int32
    } else if value.is_big_uint64_array() {
        TypedArrayKind::BigUint64
    } else if value.is_big_int64_array() {
        TypedArrayKind::BigInt64
    } else if value.is_float32_array() {
        TypedArrayKind::Float32
    } else if value.is_float64_array() {
        TypedArrayKind::Float64
    } else {
        return Some(Value::Bytes(bytes));
    };
    Some(Value::TypedArray { kind, bytes })
}

/// A [`Value`] as JavaScript sees it; `None` with an exception pending if the app has no memory for it, or if the turn is being stopped:
/// what somebody else has sent may take long, as sets do whose items were chosen to have one hash.
pub(crate) fn to_js<'s>(scope: &mut v8::PinScope<'s, '_>, value: Value) -> Option<v8::Local<'s, v8::Value>> {
    if State::is_stopping(scope) {
        return None;
    }
    Some(match value {
        Value::Undefined | Value::Hole => v8::undefined(scope).into(),
        Value::Null => v8::null(scope).into(),
        Value::Bool(bool) => v8::Boolean::new(scope, bool).into(),
        Value::Int(integer) if integer.unsigned_abs() <= SAFE_INTEGER_MAX => v8::Number::new(scope, integer as f64).into(),
        Value::Int(integer) => v8::BigInt::new_from_i64(scope, integer).into(),
        Value::BigInt { negative, magnitude } => {
            let words: Vec<u64> =
                magnitude.rchunks(8).map(|chunk| chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))).collect();
            v8::BigInt::new_from_words(scope, negative, &words)?.into()
        }
        Value::Float(number) => v8::Number::new(scope, number).into(),
        Value::Text(text) => v8::String::new(scope, &text)?.into(),
        Value::Units(units) => v8::String::new_from_two_byte(scope, &units, v8::NewStringType::Normal)?.into(),
        Value::Bytes(bytes) => array_from(scope, bytes)?.into(),
        Value::Buffer(bytes) => array_from(scope, bytes)?.buffer(scope)?.into(),
        Value::View(bytes) => {
            let len = bytes.len();
            let buffer = array_from(scope, bytes)?.buffer(scope)?;
            v8::DataView::new(scope, buffer, 0, len).into()
        }
        Value::Date(ms) => v8::Date::new(scope, ms)?.into(),
        Value::TypedArray { kind, bytes } => typed_array_to_js(scope, kind, bytes)?,
        Value::Array(items) if items.iter().any(|item| matches!(item, Value::Hole)) => {
            let array = v8::Array::new(scope, items.len() as i32);
            for (index, item) in items.into_iter().enumerate() {
                if !matches!(item, Value::Hole) {
                    let item = to_js(scope, item)?;
                    let key = v8::Integer::new_from_unsigned(scope, index as u32).to_string(scope)?;
                    array.create_data_property(scope, key.into(), item)?;
                }
            }
            array.into()
        }
        Value::Array(items) => {
            let mut elements = Vec::with_capacity(items.len());
            for item in items {
                elements.push(to_js(scope, item)?);
            }
            v8::Array::new_with_elements(scope, &elements).into()
        }
        Value::Set(items) => {
            let set = v8::Set::new(scope);
            for item in items {
                let item = to_js(scope, item)?;
                set.add(scope, item)?;
            }
            set.into()
        }
        Value::Map(entries) => {
            let map = v8::Map::new(scope);
            for (key, item) in entries {
                let key = to_js(scope, key)?;
                let item = to_js(scope, item)?;
                map.set(scope, key, item)?;
            }
            map.into()
        }
        Value::Object(entries) => {
            let object = v8::Object::new(scope);
            for (name, item) in entries {
                let key = v8::String::new(scope, &name)?;
                let item = to_js(scope, item)?;
                // Defines, as JSON.parse does: a key named __proto__ must not become the prototype.
                object.create_data_property(scope, key.into(), item)?;
            }
            object.into()
        }
        Value::HostObject(object) => host_objects::to_js(scope, object)?.into(),
        Value::Error(error) => error_to_js(scope, *error)?,
        Value::RegExp { source, flags } => reg_exps::to_js(scope, &source, &flags)?,
        Value::Boxed(inside) => to_js(scope, *inside)?.to_object(scope)?.into(),
    })
}

/// An error of the class that has its name here, made by the platform's own function whatever the app did to the globals.
fn error_to_js<'s>(scope: &mut v8::PinScope<'s, '_>, error: ErrorValue) -> Option<v8::Local<'s, v8::Value>> {
    let message = v8::String::new(scope, &error.message)?;
    let name = v8::String::new(scope, &error.name)?;
    let make = State::of(scope)?.entry_points.get()?.error_of.clone();
    let receiver = v8::undefined(scope);
    let made = v8::Local::new(scope, make).call(scope, receiver.into(), &[message.into(), name.into()])?;
    let object = made.to_object(scope)?;
    for (name, item) in error.properties {
        let key = v8::String::new(scope, &name)?;
        let item = to_js(scope, item)?;
        if HIDDEN.contains(&name.as_str()) {
            object.define_own_property(scope, key.into(), item, v8::PropertyAttribute::DONT_ENUM)?;
        } else {
            object.create_data_property(scope, key.into(), item)?;
        }
    }
    Some(made)
}

fn array_from<'s>(scope: &mut v8::PinScope<'s, '_>, bytes: Vec<u8>) -> Option<v8::Local<'s, v8::Uint8Array>> {
    let array = bytes::to_array(scope, bytes);
    if array.is_none() {
        exceptions::throw_range_error(scope, "the app's memory outside the heap is used up (limit external_bytes)");
    }
    array
}

fn typed_array_to_js<'s>(scope: &mut v8::PinScope<'s, '_>, kind: TypedArrayKind, bytes: Vec<u8>) -> Option<v8::Local<'s, v8::Value>> {
    let len = bytes.len();
    let buffer = array_from(scope, bytes)?.buffer(scope)?;
    Some(match kind {
        TypedArrayKind::Uint8 => v8::Uint8Array::new(scope, buffer, 0, len)?.into(),
        TypedArrayKind::Uint8Clamped => v8::Uint8ClampedArray::new(scope, buffer, 0, len)?.into(),
        TypedArrayKind::Int8 => v8::Int8Array::new(scope, buffer, 0, len)?.into(),
        TypedArrayKind::Uint16 => v8::Uint16Array::new(scope, buffer, 0, len / 2)?.into(),
        TypedArrayKind::Int16 => v8::Int16Array::new(scope, buffer, 0, len / 2)?.into(),
        TypedArrayKind::Uint32 => v8::Uint32Array::new(scope, buffer, 0, len / 4)?.into(),
        TypedArrayKind::Int32 => v8::Int32Array::new(scope, buffer, 0, len / 4)?.into(),
        TypedArrayKind::BigUint64 => v8::BigUint64Array::new(scope, buffer, 0, len / 8)?.into(),
        TypedArrayKind::BigInt64 => v8::BigInt64Array::new(scope, buffer, 0, len / 8)?.into(),
        TypedArrayKind::Float16 => {
            exceptions::throw_type_error(scope, "Float16Array is not available in this engine");
            return None;
        }
        TypedArrayKind::Float32 => v8::Float32Array::new(scope, buffer, 0, len / 4)?.into(),
        TypedArrayKind::Float64 => v8::Float64Array::new(scope, buffer, 0, len / 8)?.into(),
    })
}
