//! Values between Node and apps, as the bytes that `lib/cbor.js` writes and reads.

use nano_core::cbor::{CborLimits, decode, encode};
use nano_core::{Error, Result, Status, Value};

use crate::error::invalid;

/// A value as bytes, within the limits that hold for every value.
pub(crate) fn bytes_of(value: &Value) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes, &CborLimits::default())?;
    Ok(bytes)
}

/// Several values as the bytes of one array.
pub(crate) fn bytes_of_all(values: Vec<Value>) -> Result<Vec<u8>> {
    bytes_of(&Value::Array(values))
}

/// The bytes of our own messages, whose parts have had their limits where they came from.
pub(crate) fn message(value: &Value) -> Result<Vec<u8>> {
    let limits = CborLimits { bytes_max: usize::MAX, items_max: usize::MAX, ..CborLimits::default() };
    let mut bytes = Vec::new();
    encode(value, &mut bytes, &limits)?;
    Ok(bytes)
}

/// A value of the host's.
pub(crate) fn value_of(bytes: &[u8]) -> Result<Value> {
    let value = decode(bytes, &CborLimits::default())?;
    if value.is_small_enough() { Ok(value) } else { Err(Error::new(Status::TooLarge, "the value has more than 8 MiB; send smaller ones")) }
}

/// The arguments of a call.
pub(crate) fn arguments(bytes: &[u8]) -> Result<Vec<Value>> {
    match value_of(bytes)? {
        Value::Array(args) => Ok(args),
        _ => Err(invalid("arguments are an array")),
    }
}
