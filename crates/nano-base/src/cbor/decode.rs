//! Reading a value: any well-formed RFC 8949 item, from anyone.

use super::{CborLimits, Major, SAFE_INTEGER_MAX, half, malformed, tags, time_clip, wtf8};
use crate::status::{Error, Result};
use crate::value::{ErrorValue, HostObject, TypedArrayKind, Value};

/// How many elements are allocated for on the word of a head alone. Arrays can nest, each claiming all the bytes that
/// are left, so believing each claim would multiply the input by the depth; this way it is a few MiB at the deepest.
const BELIEVED_MAX: usize = 64;

/// The byte that ends an item of indefinite length.
const BREAK: u8 = 0xff;

/// Reads the one value that `input` is.
///
/// Fails with `TooLarge` over a limit and with `Invalid` on anything else that is wrong: input that ends early or goes
/// on after the value, reserved heads, text that is not UTF-8, simple values and tag contents without a meaning.
pub fn decode(input: &[u8], limits: &CborLimits) -> Result<Value> {
    limits.check_bytes(input.len(), 0)?;
    let mut decoder = Decoder { input, at: 0, items: 0, limits };
    let value = decoder.value(0)?;
    match decoder.left() {
        0 => Ok(value),
        left => Err(malformed(decoder.at, format_args!("{left} bytes follow the value"))),
    }
}

struct Decoder<'a> {
    input: &'a [u8],
    /// The next byte to read.
    at: usize,
    items: usize,
    limits: &'a CborLimits,
}

/// The start of a data item.
#[derive(Clone, Copy)]
struct Head {
    /// Where it was.
    at: usize,
    major: Major,
    /// The low five bits of the first byte: how wide the argument is.
    info: u8,
    /// None for an indefinite length.
    argument: Option<u64>,
}

impl<'a> Decoder<'a> {
    fn value(&mut self, depth: usize) -> Result<Value> {
        Ok(present(self.element(depth)?))
    }

    /// A value, or a hole, which only arrays have.
    fn element(&mut self, depth: usize) -> Result<Value> {
        let head = self.head()?;
        match (head.major, head.argument) {
            (Major::Unsigned, Some(argument)) => Ok(integer(false, argument.into())),
            (Major::Negative, Some(argument)) => Ok(integer(true, u128::from(argument) + 1)),
            (Major::Bytes, _) => Ok(Value::Bytes(self.bytes(head)?)),
            (Major::Text, _) => Ok(Value::Text(self.text(head)?)),
            (Major::Array, _) => Ok(Value::Array(self.array(head, depth)?)),
            (Major::Map, _) => Ok(object_or_map(self.map(head, depth)?)),
            (Major::Tag, Some(tag)) => self.tagged(tag, head.at, depth),
            (Major::Simple, Some(argument)) => simple(head, argument),
            (_, None) => Err(malformed(head.at, "a break outside an item of indefinite length")),
        }
    }

    /// The content of a tag together with what the tag makes of it.
    fn tagged(&mut self, tag: u64, at: usize, depth: usize) -> Result<Value> {
        match tag {
            tags::EPOCH_SECONDS => self.date(),
            tags::BIGINT_POSITIVE | tags::BIGINT_NEGATIVE => {
                let head = self.expect(Major::Bytes, "a bigint is bytes")?;
                let bytes = self.bytes(head)?;
                let negative = tag == tags::BIGINT_NEGATIVE;
                Ok(Value::bigint(negative, if negative { plus_one(bytes) } else { bytes }))
            }
            tags::GENERIC_OBJECT => {
                let head = self.expect(Major::Array, "a generic object is an array")?;
                Ok(generic_object(self.values(head, depth)?))
            }
            tags::SET => {
                let head = self.expect(Major::Array, "a set is an array")?;
                Ok(Value::Set(self.values(head, depth)?))
            }
            tags::MAP => {
                let head = self.expect(Major::Map, "tag 259 stands before a map")?;
                Ok(Value::Map(self.map(head, depth)?))
            }
            tags::ABSENT => match self.head()? {
                Head { major: Major::Simple, info: 23, .. } => Ok(Value::Hole),
                head => Err(malformed(head.at, "tag 31 stands before undefined")),
            },
            tags::WTF8 => {
                let head = self.expect(Major::Bytes, "tag 273 stands before bytes")?;
                let bytes = self.bytes(head)?;
                let units = wtf8::decode(&bytes).ok_or_else(|| malformed(head.at, "text that is not WTF-8"))?;
                Ok(Value::text_of_units(units))
            }
            tags::REG_EXP => {
                let head = self.expect(Major::Array, "a regular expression is an array")?;
                reg_exp(self.values(head, depth)?).ok_or_else(|| malformed(head.at, "a regular expression is [source, flags]"))
            }
            tags::ARRAY_BUFFER => {
                let head = self.expect(Major::Bytes, "an ArrayBuffer is bytes")?;
                self.bytes(head).map(Value::Buffer)
            }
            tags::DATA_VIEW => {
                let head = self.expect(Major::Bytes, "a DataView is bytes")?;
                self.bytes(head).map(Value::View)
            }
            tags::BOXED => {
                let start = self.at;
                // A level of its own, as below.
                let inside = self.limits.deeper(depth, at)?;
                let value = self.value(inside)?;
                if !value.may_be_boxed() {
                    return Err(malformed(start, "only a boolean, a number, a bigint or a string has an object around it"));
                }
                Ok(Value::Boxed(Box::new(value)))
            }
            _ => match tags::typed_array(tag) {
                Some((kind, big_endian)) => self.typed_array(kind, big_endian),
                // A level of its own, or a chain of tags would recurse without end.
                None => {
                    let inside = self.limits.deeper(depth, at)?;
                    self.value(inside)
                }
            },
        }
    }

    fn date(&mut self) -> Result<Value> {
        let head = self.head()?;
        let seconds = match (head.major, head.argument) {
            (Major::Unsigned, Some(argument)) => argument as f64,
            (Major::Negative, Some(argument)) => -1.0 - argument as f64,
            (Major::Simple, Some(argument)) => match simple(head, argument)? {
                Value::Float(seconds) => seconds,
                _ => return Err(malformed(head.at, "a date is a number of seconds")),
            },
            _ => return Err(malformed(head.at, "a date is a number of seconds")),
        };
        // The two parts on their own: in one product, dates after the year 140000 would be off by a millisecond.
        let ms = seconds.trunc() * 1000.0 + (seconds.fract() * 1000.0).round();
        Ok(Value::Date(time_clip(ms)))
    }

    fn typed_array(&mut self, kind: TypedArrayKind, big_endian: bool) -> Result<Value> {
        let head = self.expect(Major::Bytes, "a typed array is bytes")?;
        let mut bytes = self.bytes(head)?;
        if !bytes.len().is_multiple_of(kind.element_bytes()) {
            let what = format_args!("{} bytes are no whole number of {kind:?} elements", bytes.len());
            return Err(malformed(head.at, what));
        }
        if big_endian {
            bytes.chunks_exact_mut(kind.element_bytes()).for_each(<[u8]>::reverse);
        }
        Ok(Value::TypedArray { kind, bytes })
    }

    fn array(&mut self, head: Head, depth: usize) -> Result<Vec<Value>> {
        let inside = self.limits.deeper(depth, head.at)?;
        let mut items = self.room_for(head, 1)?;
        while self.goes_on(head, items.len())? {
            items.push(self.element(inside)?);
        }
        Ok(items)
    }

    /// The elements of what is written as an array and is none, and so has no holes.
    fn values(&mut self, head: Head, depth: usize) -> Result<Vec<Value>> {
        let mut items = self.array(head, depth)?;
        for item in items.iter_mut().filter(|item| matches!(item, Value::Hole)) {
            *item = Value::Undefined;
        }
        Ok(items)
    }

    fn map(&mut self, head: Head, depth: usize) -> Result<Vec<(Value, Value)>> {
        let inside = self.limits.deeper(depth, head.at)?;
        let mut entries = self.room_for(head, 2)?;
        while self.goes_on(head, entries.len())? {
            let key = self.value(inside)?;
            entries.push((key, self.value(inside)?));
        }
        Ok(entries)
    }

    /// A vector for the elements of a container, after refusing a claim that the input cannot hold.
    fn room_for<T>(&self, head: Head, items_each: u64) -> Result<Vec<T>> {
        let Some(count) = head.argument else { return Ok(Vec::new()) };
        // Each item takes a byte at least.
        if count.saturating_mul(items_each) > self.left() as u64 {
            return Err(self.too_short(head.at, count));
        }
        Ok(Vec::with_capacity(BELIEVED_MAX.min(count as usize)))
    }

    /// Whether another element of the container follows the `seen` ones; takes the break of an indefinite one.
    fn goes_on(&mut self, head: Head, seen: usize) -> Result<bool> {
        match head.argument {
            Some(count) => Ok((seen as u64) < count),
            None => Ok(!self.take_break()?),
        }
    }

    fn text(&mut self, head: Head) -> Result<String> {
        let mut text = String::new();
        self.chunks(head, |at, chunk| {
            let chunk = std::str::from_utf8(chunk).map_err(|error| malformed(at + error.valid_up_to(), "text that is not UTF-8"))?;
            text.push_str(chunk);
            Ok(())
        })?;
        Ok(text)
    }

    fn bytes(&mut self, head: Head) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.chunks(head, |_, chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Hands out the one part of a string of definite length, or each part of an indefinite one.
    fn chunks(&mut self, head: Head, mut each: impl FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        if let Some(len) = head.argument {
            let chunk = self.take(len, head.at)?;
            return each(self.at - chunk.len(), chunk);
        }
        while !self.take_break()? {
            let part = self.expect(head.major, "a part of a string of another kind")?;
            let Some(len) = part.argument else {
                return Err(malformed(part.at, "a part of a string is itself of indefinite length"));
            };
            let chunk = self.take(len, part.at)?;
            each(self.at - chunk.len(), chunk)?;
        }
        Ok(())
    }

    /// The next head, which must be of this kind.
    fn expect(&mut self, major: Major, what: &str) -> Result<Head> {
        let head = self.head()?;
        if head.major == major { Ok(head) } else { Err(malformed(head.at, what)) }
    }

    fn head(&mut self) -> Result<Head> {
        let at = self.at;
        self.items += 1;
        self.limits.check_items(self.items, at)?;
        let first = self.take(1, at)?[0];
        let major = match first >> 5 {
            0 => Major::Unsigned,
            1 => Major::Negative,
            2 => Major::Bytes,
            3 => Major::Text,
            4 => Major::Array,
            5 => Major::Map,
            6 => Major::Tag,
            _ => Major::Simple,
        };
        let info = first & 31;
        let argument = match info {
            0..=23 => Some(info.into()),
            24..=27 => Some(self.take(1 << (info - 24), at)?.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))),
            31 if !matches!(major, Major::Unsigned | Major::Negative | Major::Tag) => None,
            _ => return Err(malformed(at, format_args!("the reserved head {first:#04x}"))),
        };
        Ok(Head { at, major, info, argument })
    }

    /// Whether the next byte is a break; takes it if so.
    fn take_break(&mut self) -> Result<bool> {
        match self.input.get(self.at) {
            None => Err(self.too_short(self.at, 1)),
            Some(&BREAK) => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }

    /// The next `len` bytes, for the item at `item_at`.
    fn take(&mut self, len: u64, item_at: usize) -> Result<&'a [u8]> {
        if len > self.left() as u64 {
            return Err(self.too_short(item_at, len));
        }
        let start = self.at;
        self.at += len as usize;
        Ok(&self.input[start..self.at])
    }

    fn left(&self) -> usize {
        self.input.len() - self.at
    }

    fn too_short(&self, at: usize, wanted: u64) -> Error {
        let left = self.left();
        malformed(at, format_args!("the input ends too early: {wanted} announced, {left} bytes left"))
    }
}

/// An integer as a JavaScript number where one can hold it.
fn integer(negative: bool, magnitude: u128) -> Value {
    if magnitude <= SAFE_INTEGER_MAX.into() {
        let int = magnitude as i64;
        return Value::Int(if negative { -int } else { int });
    }
    Value::bigint(negative, magnitude.to_be_bytes().to_vec())
}

/// What major type 7 says: floats and the few simple values with a meaning.
fn simple(head: Head, argument: u64) -> Result<Value> {
    match (head.info, argument) {
        (20, _) => Ok(Value::Bool(false)),
        (21, _) => Ok(Value::Bool(true)),
        (22, _) => Ok(Value::Null),
        (23, _) => Ok(Value::Undefined),
        (25, bits) => Ok(float(half::widen(bits as u16))),
        (26, bits) => Ok(float(f32::from_bits(bits as u32).into())),
        (27, bits) => Ok(float(f64::from_bits(bits))),
        (_, number) => Err(malformed(head.at, format_args!("the simple value {number} has no meaning here"))),
    }
}

/// A float with the one NaN that JavaScript has.
fn float(float: f64) -> Value {
    Value::Float(if float.is_nan() { f64::NAN } else { float })
}

/// A plain object if every key is text, as in JSON; a `Map` otherwise.
fn object_or_map(entries: Vec<(Value, Value)>) -> Value {
    if !entries.iter().all(|(key, _)| matches!(key, Value::Text(_))) {
        return Value::Map(entries);
    }
    let text_keys = entries.into_iter().filter_map(|(key, value)| match key {
        Value::Text(key) => Some((key, value)),
        _ => None,
    });
    Value::Object(text_keys.collect())
}

/// The number of an object: any that fits 64 bits.
fn number_of(id: &Value) -> Option<u64> {
    match id {
        Value::Int(id) => u64::try_from(*id).ok(),
        Value::BigInt { negative: false, magnitude } if magnitude.len() <= 8 => {
            Some(magnitude.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        }
        _ => None,
    }
}

/// The error or the host's object that a generic object says it is, or its array.
fn generic_object(mut items: Vec<Value>) -> Value {
    match items.as_mut_slice() {
        [Value::Text(of), Value::Text(name), Value::Text(message)] if of == tags::ERROR_TYPE => {
            Value::error(std::mem::take(name), std::mem::take(message))
        }
        [Value::Text(of), Value::Text(name), Value::Text(message), Value::Object(properties)] if of == tags::ERROR_TYPE => {
            let (name, message, properties) = (std::mem::take(name), std::mem::take(message), std::mem::take(properties));
            Value::Error(Box::new(ErrorValue { name, message, properties }))
        }
        [Value::Text(of), Value::Text(class), id] if of == tags::HOST_OBJECT_TYPE => match number_of(id) {
            Some(id) => Value::HostObject(HostObject { class: std::mem::take(class), id, keeper: None }),
            None => Value::Array(items),
        },
        _ => Value::Array(items),
    }
}

fn reg_exp(items: Vec<Value>) -> Option<Value> {
    let mut texts = items.into_iter().map(|item| if let Value::Text(text) = item { Some(text) } else { None });
    let source = texts.next()??;
    let flags = texts.next().map_or(Some(String::new()), |flags| flags)?;
    texts.next().is_none().then_some(Value::RegExp { source, flags })
}

fn present(value: Value) -> Value {
    if matches!(value, Value::Hole) { Value::Undefined } else { value }
}

/// One more than a big-endian number.
fn plus_one(mut magnitude: Vec<u8>) -> Vec<u8> {
    for byte in magnitude.iter_mut().rev() {
        let (more, carry) = byte.overflowing_add(1);
        *byte = more;
        if !carry {
            return magnitude;
        }
    }
    magnitude.insert(0, 1);
    magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_length_allocates_little_and_only_if_the_input_could_hold_it() {
        let limits = CborLimits::default();
        let decoder = Decoder { input: &[0; 1000], at: 0, items: 0, limits: &limits };
        let claim = |count| Head { at: 0, major: Major::Array, info: 27, argument: Some(count) };
        // Each count with whether it fits as items and as pairs.
        for (count, fits, pairs_fit) in [(0, true, true), (500, true, true), (501, true, false), (1001, false, false)] {
            assert_eq!(decoder.room_for::<Value>(claim(count), 1).is_ok(), fits);
            assert_eq!(decoder.room_for::<Value>(claim(count), 2).is_ok(), pairs_fit);
        }
        assert_eq!(decoder.room_for::<Value>(claim(1000), 1).unwrap().capacity(), BELIEVED_MAX);
        assert!(decoder.room_for::<Value>(claim(u64::MAX), 2).is_err());
    }
}
