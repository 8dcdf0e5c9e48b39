//! What crosses the boundary between an app and its host when it is not HTTP: arguments and results of host functions,
//! calls between apps, `invoke`. A [`Value`] is a copy that owns everything it says.
//!
//! Never a handle into a heap, never a function, never a cycle: whoever builds a value has already refused those.

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
    /// An `ArrayBuffer`, or a `Uint8Array` without more said about it.
    Bytes(Vec<u8>),
    /// An `Array` without holes.
    Array(Vec<Value>),
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
    /// An `Error` by name and message. Its stack stays home: it may name things the receiver must not know.
    Error {
        /// `error.name`, such as `TypeError`.
        name: String,
        /// `error.message`.
        message: String,
    },
}

impl Value {
    /// The bigint with this sign and absolute value (big endian), in the one form that compares equal: no leading
    /// zeros, no negative zero.
    pub fn bigint(negative: bool, mut magnitude: Vec<u8>) -> Value {
        let zeros = magnitude.iter().take_while(|&&byte| byte == 0).count();
        magnitude.drain(..zeros);
        Value::BigInt { negative: negative && !magnitude.is_empty(), magnitude }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        use Value::*;
        match (self, other) {
            (Undefined, Undefined) | (Null, Null) => true,
            (Bool(a), Bool(b)) => a == b,
            (Int(a), Int(b)) => a == b,
            (BigInt { negative: n, magnitude: a }, BigInt { negative: m, magnitude: b }) => n == m && a == b,
            (Float(a), Float(b)) | (Date(a), Date(b)) => same_number(*a, *b),
            (Text(a), Text(b)) => a == b,
            (Bytes(a), Bytes(b)) => a == b,
            (Array(a), Array(b)) | (Set(a), Set(b)) => a == b,
            (Object(a), Object(b)) => a == b,
            (Map(a), Map(b)) => a == b,
            (TypedArray { kind: k, bytes: a }, TypedArray { kind: l, bytes: b }) => k == l && a == b,
            (Error { name: n, message: a }, Error { name: m, message: b }) => n == m && a == b,
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
    fn bigints_have_one_form() {
        assert_eq!(Value::bigint(true, vec![0, 0]), Value::BigInt { negative: false, magnitude: vec![] });
        assert_eq!(Value::bigint(true, vec![0, 1, 0]), Value::BigInt { negative: true, magnitude: vec![1, 0] });
    }
}
