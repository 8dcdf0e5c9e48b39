//! What crosses the boundary between an app and its host when it is not HTTP: arguments and results of host functions,
//! calls between apps, `invoke`. A [`Value`] is a copy that owns everything it says.
//!
//! Never a handle into a heap, never a function, never a cycle: whoever builds a value has already refused those. The one thing
//! that is not a copy is a [`HostObject`], the host's own name for something that stays with it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::limits::{CALL_BYTES_MAX, PATTERN_EMOJI_UNITS};

/// A JavaScript value by content, as [`crate::cbor`] writes and reads it.
///
/// Equality is JavaScript's `Object.is` at every leaf: `NaN` equals `NaN`, and `0` does not equal `-0`. Entries of
/// objects and maps and members of sets compare in order, because their order is visible to JavaScript.
#[derive(Clone, Debug)]
pub enum Value {
    /// `undefined`.
    Undefined,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that is an integer. Beyond ±(2^53 - 1) it is written as it is but read back as a [`Value::BigInt`],
    /// because a JavaScript number cannot hold it.
    Int(i64),
    /// A `bigint`; it stays one even when it is small. [`Value::bigint`] makes the one canonical form.
    BigInt {
        /// Whether it is below zero; false for zero.
        negative: bool,
        /// The absolute value, big endian, no leading zeros: zero is empty.
        magnitude: Vec<u8>,
    },
    /// A number that is not an integer, or is `-0`, infinite or `NaN`, or is an integer the sender wrote as a float.
    Float(f64),
    /// A string.
    Text(String),
    /// A string that no [`Value::Text`] can be, by its UTF-16 code units: at least one of them is half of a pair without the other.
    /// [`Value::text_of_units`] makes the one or the other.
    Units(Vec<u16>),
    /// A `Uint8Array`: what bytes are without more said about them.
    Bytes(Vec<u8>),
    /// An `ArrayBuffer`.
    Buffer(Vec<u8>),
    /// A `DataView` of a buffer that is no larger.
    View(Vec<u8>),
    /// An `Array`.
    Array(Vec<Value>),
    /// What is missing in an [`Value::Array`]: `undefined` to whoever reads it, and anywhere else.
    Hole,
    /// A plain object: its own enumerable string keys in order. Of equal keys the last one counts.
    Object(Vec<(String, Value)>),
    /// A `Map`, in insertion order.
    Map(Vec<(Value, Value)>),
    /// A `Set`, in insertion order.
    Set(Vec<Value>),
    /// A `Date` in milliseconds since 1970; `NaN` is the invalid date.
    Date(f64),
    /// A typed array by its elements.
    TypedArray {
        /// The element type.
        kind: TypedArrayKind,
        /// The elements, little endian; a whole number of them.
        bytes: Vec<u8>,
    },
    /// An `Error`.
    Error(Box<ErrorValue>),
    /// A `RegExp`, as its constructor takes it.
    RegExp {
        /// `regexp.source`.
        source: String,
        /// `regexp.flags`.
        flags: String,
    },
    /// An object around a boolean, a number, a bigint or a string: `new Number(1)`.
    Boxed(Box<Value>),
    /// An object of the host's.
    HostObject(HostObject),
}

/// An `Error` by what it says. Its stack stays home: it may name things the receiver must not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorValue {
    /// `error.name`, such as `TypeError`.
    pub name: String,
    /// `error.message`.
    pub message: String,
    /// Its own properties in order: `cause`, the `errors` of an `AggregateError`, and whatever was written to it.
    pub properties: Vec<(String, Value)>,
}

/// An object of the host's that an app may hold, use and give back, but never make: whoever reads values of an app builds these from
/// what the host gave it before.
#[derive(Clone)]
pub struct HostObject {
    /// The name of its class in the app's `env`.
    pub class: String,
    /// The host's own number for it.
    pub id: u64,
    /// Tells the host, by being dropped, that the object is no longer held. None before it has been given to an app.
    pub keeper: Option<Arc<dyn Any + Send + Sync>>,
}

/// What a [`Value`] takes besides what it points to.
pub const ITEM_BYTES: usize = size_of::<Value>();
/// What the name of an object's property takes besides its text.
pub const KEY_BYTES: usize = size_of::<String>();
/// What an error takes besides its texts and properties.
pub const ERROR_BYTES: usize = size_of::<ErrorValue>();

impl fmt::Debug for HostObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostObject({}, {:#x})", self.class, self.id)
    }
}

impl PartialEq for HostObject {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.class == other.class
    }
}

impl Value {
    /// The bigint with this sign and absolute value (big endian), in the one form that compares equal: no leading
    /// zeros, no negative zero.
    pub fn bigint(negative: bool, mut magnitude: Vec<u8>) -> Value {
        let zeros = magnitude.iter().take_while(|&&byte| byte == 0).count();
        magnitude.drain(..zeros);
        Value::BigInt { negative: negative && !magnitude.is_empty(), magnitude }
    }

    /// An error without properties of its own.
    pub fn error(name: impl Into<String>, message: impl Into<String>) -> Value {
        Value::Error(Box::new(ErrorValue { name: name.into(), message: message.into(), properties: Vec::new() }))
    }

    /// The string of these UTF-16 code units.
    pub fn text_of_units(units: Vec<u16>) -> Value {
        String::from_utf16(&units).map_or(Value::Units(units), Value::Text)
    }

    /// Whether it may be in a [`Value::Boxed`].
    pub const fn may_be_boxed(&self) -> bool {
        matches!(self, Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::BigInt { .. } | Value::Text(_) | Value::Units(_))
    }

    /// Shows every host object in it, at any depth; ends at the first error.
    pub fn host_objects<E>(&mut self, see: &mut impl FnMut(&mut HostObject) -> Result<(), E>) -> Result<(), E> {
        match self {
            Value::HostObject(object) => see(object),
            Value::Array(items) | Value::Set(items) => items.iter_mut().try_for_each(|item| item.host_objects(see)),
            Value::Object(entries) => entries.iter_mut().try_for_each(|(_, item)| item.host_objects(see)),
            Value::Error(error) => error.properties.iter_mut().try_for_each(|(_, item)| item.host_objects(see)),
            Value::Map(entries) => entries.iter_mut().try_for_each(|(key, item)| {
                key.host_objects(see)?;
                item.host_objects(see)
            }),
            _ => Ok(()),
        }
    }

    /// Whether it may cross as it is, without being written as bytes: it takes not more than `CALL_BYTES_MAX`.
    pub fn is_small_enough(&self) -> bool {
        self.weight() <= CALL_BYTES_MAX
    }

    /// What the patterns in it count as, as [`pattern_units`] does.
    pub fn pattern_units(&self) -> usize {
        let all = |items: &[Value]| items.iter().map(Value::pattern_units).sum();
        let named = |entries: &[(String, Value)]| entries.iter().map(|(_, item)| item.pattern_units()).sum();
        match self {
            Value::RegExp { source, flags } => pattern_units(source, flags),
            Value::Array(items) | Value::Set(items) => all(items),
            Value::Object(entries) => named(entries),
            Value::Error(error) => named(&error.properties),
            Value::Map(entries) => entries.iter().map(|(key, item)| key.pattern_units() + item.pattern_units()).sum(),
            _ => 0,
        }
    }

    /// How many bytes it takes.
    pub fn weight(&self) -> usize {
        ITEM_BYTES
            + match self {
                Value::Text(text) => text.len(),
                Value::Units(units) => 2 * units.len(),
                Value::Bytes(bytes) | Value::Buffer(bytes) | Value::View(bytes) => bytes.len(),
                Value::TypedArray { bytes, .. } | Value::BigInt { magnitude: bytes, .. } => bytes.len(),
                Value::Array(items) | Value::Set(items) => items.iter().map(Value::weight).sum(),
                Value::Object(entries) => weight_of(entries),
                Value::Map(entries) => entries.iter().map(|(key, item)| key.weight() + item.weight()).sum(),
                Value::Error(error) => ERROR_BYTES + error.name.len() + error.message.len() + weight_of(&error.properties),
                Value::RegExp { source, flags } => source.len() + flags.len(),
                Value::Boxed(inside) => inside.weight(),
                Value::HostObject(object) => object.class.len(),
                _ => 0,
            }
    }
}

/// How much a regular expression counts of [`crate::limits::PATTERN_UNITS_MAX`].
pub fn pattern_units(source: &str, flags: &str) -> usize {
    // The name of the costly properties, and what those begin with that have only some of its sequences; it cannot be written otherwise.
    let emoji = if flags.contains('v') { source.matches("RGI_Emoji").count() } else { 0 };
    source.encode_utf16().count() + emoji * PATTERN_EMOJI_UNITS
}

fn weight_of(properties: &[(String, Value)]) -> usize {
    properties.iter().map(|(key, item)| KEY_BYTES + key.len() + item.weight()).sum()
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        use Value::*;
        match (self, other) {
            (Undefined, Undefined) | (Null, Null) | (Hole, Hole) => true,
            (Bool(a), Bool(b)) => a == b,
            (Int(a), Int(b)) => a == b,
            (BigInt { negative: n, magnitude: a }, BigInt { negative: m, magnitude: b }) => n == m && a == b,
            (Float(a), Float(b)) | (Date(a), Date(b)) => same_number(*a, *b),
            (Text(a), Text(b)) => a == b,
            (Units(a), Units(b)) => a == b,
            (Bytes(a), Bytes(b)) | (Buffer(a), Buffer(b)) | (View(a), View(b)) => a == b,
            (Array(a), Array(b)) | (Set(a), Set(b)) => a == b,
            (Object(a), Object(b)) => a == b,
            (Map(a), Map(b)) => a == b,
            (TypedArray { kind: k, bytes: a }, TypedArray { kind: l, bytes: b }) => k == l && a == b,
            (Error(a), Error(b)) => a == b,
            (RegExp { source: a, flags: f }, RegExp { source: b, flags: g }) => a == b && f == g,
            (Boxed(a), Boxed(b)) => a == b,
            (HostObject(a), HostObject(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

/// JavaScript's SameValue for numbers.
fn same_number(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// The element type of a typed array, named as its constructor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TypedArrayKind {
    /// `Int8Array`.
    Int8,
    /// `Uint8Array`.
    Uint8,
    /// `Uint8ClampedArray`.
    Uint8Clamped,
    /// `Int16Array`.
    Int16,
    /// `Uint16Array`.
    Uint16,
    /// `Int32Array`.
    Int32,
    /// `Uint32Array`.
    Uint32,
    /// `Float16Array`.
    Float16,
    /// `Float32Array`.
    Float32,
    /// `Float64Array`.
    Float64,
    /// `BigInt64Array`.
    BigInt64,
    /// `BigUint64Array`.
    BigUint64,
}

impl TypedArrayKind {
    /// Every kind, in the order of the declaration.
    pub const ALL: [TypedArrayKind; 12] = [
        Self::Int8,
        Self::Uint8,
        Self::Uint8Clamped,
        Self::Int16,
        Self::Uint16,
        Self::Int32,
        Self::Uint32,
        Self::Float16,
        Self::Float32,
        Self::Float64,
        Self::BigInt64,
        Self::BigUint64,
    ];

    /// The size of one element.
    pub const fn element_bytes(self) -> usize {
        match self {
            Self::Int8 | Self::Uint8 | Self::Uint8Clamped => 1,
            Self::Int16 | Self::Uint16 | Self::Float16 => 2,
            Self::Int32 | Self::Uint32 | Self::Float32 => 4,
            Self::Float64 | Self::BigInt64 | Self::BigUint64 => 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_object_is() {
        assert_eq!(Value::Float(f64::NAN), Value::Float(-f64::NAN));
        assert_ne!(Value::Float(0.0), Value::Float(-0.0));
        assert_ne!(Value::Float(1.0), Value::Int(1));
        assert_eq!(Value::Date(f64::NAN), Value::Date(f64::NAN));
        assert_ne!(Value::Array(vec![]), Value::Set(vec![]));
    }

    #[test]
    fn every_host_object_is_seen_at_any_depth() {
        let object = |id| Value::HostObject(HostObject { class: "File".into(), id, keeper: None });
        let cause = ErrorValue { properties: vec![("cause".into(), object(3))], ..ErrorValue::default() };
        let mut value = Value::Array(vec![
            object(1),
            Value::Map(vec![(object(2), Value::Error(Box::new(cause)))]),
            Value::Set(vec![object(4)]),
            Value::Object(vec![("a".into(), object(5))]),
        ]);
        let mut seen = Vec::new();
        let all = value.host_objects(&mut |object| {
            seen.push(object.id);
            if object.id == 4 { Err(()) } else { Ok(()) }
        });
        assert_eq!((all, seen), (Err(()), vec![1, 2, 3, 4]));
    }

    #[test]
    fn what_is_larger_than_a_call_is_not_small_enough() {
        assert!(Value::Text("a".repeat(1000)).is_small_enough());
        assert!(!Value::Array(vec![Value::Bytes(vec![0; CALL_BYTES_MAX / 2]); 2]).is_small_enough());
    }

    #[test]
    fn what_an_error_says_counts() {
        let plain = Value::error("Error", "");
        let properties = vec![("cause".into(), Value::Bytes(vec![0; CALL_BYTES_MAX]))];
        let heavy = Value::Error(Box::new(ErrorValue { properties, ..ErrorValue::default() }));
        assert!(plain.is_small_enough() && !heavy.is_small_enough());
    }

    #[test]
    fn patterns_count_at_any_depth() {
        let reg_exp = |source: &str, flags: &str| Value::RegExp { source: source.into(), flags: flags.into() };
        let cause = ErrorValue { properties: vec![("cause".into(), reg_exp("\u{1f600}", ""))], ..ErrorValue::default() };
        let value = Value::Array(vec![
            Value::Text("none".into()),
            Value::Map(vec![(reg_exp("abc", "u"), Value::Set(vec![reg_exp("é", "v")]))]),
            Value::Object(vec![("a".into(), Value::Error(Box::new(cause)))]),
        ]);
        assert_eq!(value.pattern_units(), 3 + 1 + 2);
        assert_eq!(reg_exp(r"\p{RGI_Emoji}", "iv").pattern_units(), 13 + PATTERN_EMOJI_UNITS);
        assert_eq!(reg_exp("RGI_Emoji", "").pattern_units(), 9);
    }

    #[test]
    fn strings_have_one_form() {
        let whole: Vec<u16> = "a\u{1f600}".encode_utf16().collect();
        assert_eq!(Value::text_of_units(whole.clone()), Value::Text("a\u{1f600}".into()));
        assert_eq!(Value::text_of_units(whole[..2].to_vec()), Value::Units(vec![0x61, 0xd83d]));
    }

    #[test]
    fn bigints_have_one_form() {
        assert_eq!(Value::bigint(true, vec![0, 0]), Value::BigInt { negative: false, magnitude: vec![] });
        assert_eq!(Value::bigint(true, vec![0, 1, 0]), Value::BigInt { negative: true, magnitude: vec![1, 0] });
    }
}
