//! The tags that mean something here. Numbers are IANA's, but for the last three.

use crate::value::TypedArrayKind::{self, *};

pub(super) const EPOCH_SECONDS: u64 = 1;
pub(super) const BIGINT_POSITIVE: u64 = 2;
/// Over the bytes of `-1 - value`.
pub(super) const BIGINT_NEGATIVE: u64 = 3;
pub(super) const GENERIC_OBJECT: u64 = 27;
/// Over undefined: an element that an array does not have.
pub(super) const ABSENT: u64 = 31;
pub(super) const SET: u64 = 258;
pub(super) const MAP: u64 = 259;
/// Over bytes: UTF-8 that has halves of surrogate pairs besides.
pub(super) const WTF8: u64 = 273;
/// Over `[source, flags]`.
pub(super) const REG_EXP: u64 = 21066;

// Of our own, where IANA has none: "NANO" as a number, and what follows. Each is over what the value is without it.
/// Over bytes.
pub(super) const ARRAY_BUFFER: u64 = 0x4e41_4e4f;
/// Over bytes.
pub(super) const DATA_VIEW: u64 = ARRAY_BUFFER + 1;
/// Over a boolean, a number, a bigint or a string.
pub(super) const BOXED: u64 = ARRAY_BUFFER + 2;

/// The type name of an `Error` as a generic object.
pub(super) const ERROR_TYPE: &str = "Error";
/// The type name of an object of the host's as a generic object.
pub(super) const HOST_OBJECT_TYPE: &str = "HostObject";

/// Kind, little-endian tag, big-endian tag (RFC 8746); the same tag twice where there is one byte to an element.
const TYPED_ARRAYS: [(TypedArrayKind, u64, u64); 12] = [
    (Uint8, 64, 64),
    (Uint16, 69, 65),
    (Uint32, 70, 66),
    (BigUint64, 71, 67),
    (Uint8Clamped, 68, 68),
    (Int8, 72, 72),
    (Int16, 77, 73),
    (Int32, 78, 74),
    (BigInt64, 79, 75),
    (Float16, 84, 80),
    (Float32, 85, 81),
    (Float64, 86, 82),
];

/// The tag that a typed array is written with.
pub(super) fn of_typed_array(kind: TypedArrayKind) -> u64 {
    let row = TYPED_ARRAYS.iter().find(|row| row.0 == kind);
    row.expect("the table has a row for every kind, a test says").1
}

/// The typed array that a tag announces, and whether its bytes are big endian.
pub(super) fn typed_array(tag: u64) -> Option<(TypedArrayKind, bool)> {
    TYPED_ARRAYS.iter().find_map(|&(kind, little, big)| match tag {
        _ if tag == little => Some((kind, false)),
        _ if tag == big => Some((kind, true)),
        _ => None,
    })
}
