//! Writing a value: definite lengths, shortest heads, shortest exact floats.

use super::{CborLimits, Major, half, malformed, tags, time_clip, wtf8};
use crate::status::Result;
use crate::value::{ErrorValue, HostObject, TypedArrayKind, Value};

/// Appends the encoding of `value` to `out`, or leaves `out` as it was.
///
/// Fails with `TooLarge` over a limit, and with `Invalid` on a typed array whose bytes are no whole number of elements and on a box of
/// anything but a primitive.
///
/// ```
/// use nano_base::{cbor, value::Value};
/// let limits = cbor::CborLimits::default();
/// let mut bytes = Vec::new();
/// cbor::encode(&Value::Array(vec![Value::Int(1), Value::Null]), &mut bytes, &limits)?;
/// assert_eq!(bytes, [0x82, 0x01, 0xf6]);
/// assert_eq!(cbor::decode(&bytes, &limits)?, Value::Array(vec![Value::Int(1), Value::Null]));
/// # Ok::<(), nano_base::status::Error>(())
/// ```
pub fn encode(value: &Value, out: &mut Vec<u8>, limits: &CborLimits) -> Result<()> {
    let start = out.len();
    let mut encoder = Encoder { out, start, items: 0, limits };
    let result = encoder.value(value, 0);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    /// Where our part of `out` begins.
    start: usize,
    items: usize,
    limits: &'a CborLimits,
}

impl Encoder<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<()> {
        match value {
            Value::Undefined => self.head(Major::Simple, 23),
            Value::Hole => {
                self.head(Major::Tag, tags::ABSENT)?;
                self.head(Major::Simple, 23)
            }
            Value::Null => self.head(Major::Simple, 22),
            Value::Bool(is) => self.head(Major::Simple, 20 + u64::from(*is)),
            Value::Int(int) => self.int(*int),
            Value::BigInt { negative, magnitude } => self.bigint(*negative, magnitude),
            Value::Float(float) => self.float(*float),
            Value::Text(text) => self.string(Major::Text, text.as_bytes()),
            Value::Units(units) => self.units(units),
            Value::Bytes(bytes) => self.string(Major::Bytes, bytes),
            Value::Buffer(bytes) => {
                self.head(Major::Tag, tags::ARRAY_BUFFER)?;
                self.string(Major::Bytes, bytes)
            }
            Value::View(bytes) => {
                self.head(Major::Tag, tags::DATA_VIEW)?;
                self.string(Major::Bytes, bytes)
            }
            Value::Array(items) => self.array(items, depth),
            Value::Object(entries) => self.object(entries, depth),
            Value::Map(entries) => self.map(entries, depth),
            Value::Set(items) => {
                self.head(Major::Tag, tags::SET)?;
                self.array(items, depth)
            }
            Value::Date(ms) => self.date(*ms),
            Value::TypedArray { kind, bytes } => self.typed_array(*kind, bytes),
            Value::Error(error) => self.error(error, depth),
            Value::RegExp { source, flags } => self.reg_exp(source, flags, depth),
            Value::Boxed(inside) => self.boxed(inside, depth),
            Value::HostObject(object) => self.host_object(object, depth),
        }
    }

    fn int(&mut self, int: i64) -> Result<()> {
        // CBOR counts a negative integer down from -1, which is its complement.
        if int < 0 { self.head(Major::Negative, !int as u64) } else { self.head(Major::Unsigned, int as u64) }
    }

    fn bigint(&mut self, negative: bool, magnitude: &[u8]) -> Result<()> {
        let magnitude = without_leading_zeros(magnitude);
        if negative && !magnitude.is_empty() {
            let below = minus_one(magnitude);
            self.head(Major::Tag, tags::BIGINT_NEGATIVE)?;
            self.string(Major::Bytes, without_leading_zeros(&below))
        } else {
            self.head(Major::Tag, tags::BIGINT_POSITIVE)?;
            self.string(Major::Bytes, magnitude)
        }
    }

    fn float(&mut self, float: f64) -> Result<()> {
        let single = float as f32;
        self.count()?;
        if let Some(bits) = half::narrow(float) {
            self.wide(Major::Simple, 25, &bits.to_be_bytes())
        } else if f64::from(single) == float {
            self.wide(Major::Simple, 26, &single.to_bits().to_be_bytes())
        } else {
            self.wide(Major::Simple, 27, &float.to_bits().to_be_bytes())
        }
    }

    fn date(&mut self, ms: f64) -> Result<()> {
        self.head(Major::Tag, tags::EPOCH_SECONDS)?;
        let seconds = time_clip(ms) / 1000.0;
        if seconds.fract() == 0.0 { self.int(seconds as i64) } else { self.float(seconds) }
    }

    fn typed_array(&mut self, kind: TypedArrayKind, bytes: &[u8]) -> Result<()> {
        if !bytes.len().is_multiple_of(kind.element_bytes()) {
            let what = format_args!("{} bytes are no whole number of {kind:?} elements", bytes.len());
            return Err(malformed(self.at(), what));
        }
        self.head(Major::Tag, tags::of_typed_array(kind))?;
        self.string(Major::Bytes, bytes)
    }

    fn units(&mut self, units: &[u16]) -> Result<()> {
        let bytes = wtf8::encode(units);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            return self.string(Major::Text, text.as_bytes());
        }
        self.head(Major::Tag, tags::WTF8)?;
        self.string(Major::Bytes, &bytes)
    }

    fn error(&mut self, error: &ErrorValue, depth: usize) -> Result<()> {
        let inside = self.limits.deeper(depth, self.at())?;
        self.head(Major::Tag, tags::GENERIC_OBJECT)?;
        self.head(Major::Array, if error.properties.is_empty() { 3 } else { 4 })?;
        for text in [tags::ERROR_TYPE, &error.name, &error.message] {
            self.string(Major::Text, text.as_bytes())?;
        }
        if error.properties.is_empty() { Ok(()) } else { self.object(&error.properties, inside) }
    }

    fn reg_exp(&mut self, source: &str, flags: &str, depth: usize) -> Result<()> {
        self.limits.deeper(depth, self.at())?;
        self.head(Major::Tag, tags::REG_EXP)?;
        self.head(Major::Array, 2)?;
        self.string(Major::Text, source.as_bytes())?;
        self.string(Major::Text, flags.as_bytes())
    }

    fn boxed(&mut self, inside: &Value, depth: usize) -> Result<()> {
        if !inside.may_be_boxed() {
            return Err(malformed(self.at(), "only a boolean, a number, a bigint or a string has an object around it"));
        }
        let level = self.limits.deeper(depth, self.at())?;
        self.head(Major::Tag, tags::BOXED)?;
        self.value(inside, level)
    }

    fn host_object(&mut self, object: &HostObject, depth: usize) -> Result<()> {
        self.limits.deeper(depth, self.at())?;
        self.head(Major::Tag, tags::GENERIC_OBJECT)?;
        self.head(Major::Array, 3)?;
        for text in [tags::HOST_OBJECT_TYPE, &object.class] {
            self.string(Major::Text, text.as_bytes())?;
        }
        self.head(Major::Unsigned, object.id)
    }

    fn array(&mut self, items: &[Value], depth: usize) -> Result<()> {
        let inside = self.limits.deeper(depth, self.at())?;
        self.head(Major::Array, items.len() as u64)?;
        items.iter().try_for_each(|item| self.value(item, inside))
    }

    fn object(&mut self, entries: &[(String, Value)], depth: usize) -> Result<()> {
        let inside = self.limits.deeper(depth, self.at())?;
        self.head(Major::Map, entries.len() as u64)?;
        entries.iter().try_for_each(|(key, value)| {
            self.string(Major::Text, key.as_bytes())?;
            self.value(value, inside)
        })
    }

    fn map(&mut self, entries: &[(Value, Value)], depth: usize) -> Result<()> {
        let inside = self.limits.deeper(depth, self.at())?;
        self.head(Major::Tag, tags::MAP)?;
        self.head(Major::Map, entries.len() as u64)?;
        entries.iter().try_for_each(|(key, value)| {
            self.value(key, inside)?;
            self.value(value, inside)
        })
    }

    fn string(&mut self, major: Major, bytes: &[u8]) -> Result<()> {
        self.head(major, bytes.len() as u64)?;
        self.put(bytes)
    }

    /// The head of a data item with its argument in the fewest bytes.
    fn head(&mut self, major: Major, argument: u64) -> Result<()> {
        self.count()?;
        if argument < 24 {
            self.put(&[(major as u8) << 5 | argument as u8])
        } else if let Ok(byte) = u8::try_from(argument) {
            self.wide(major, 24, &[byte])
        } else if let Ok(short) = u16::try_from(argument) {
            self.wide(major, 25, &short.to_be_bytes())
        } else if let Ok(word) = u32::try_from(argument) {
            self.wide(major, 26, &word.to_be_bytes())
        } else {
            self.wide(major, 27, &argument.to_be_bytes())
        }
    }

    /// A first byte and the argument that follows it.
    fn wide(&mut self, major: Major, info: u8, argument: &[u8]) -> Result<()> {
        self.put(&[(major as u8) << 5 | info])?;
        self.put(argument)
    }

    fn count(&mut self) -> Result<()> {
        self.items += 1;
        self.limits.check_items(self.items, self.at())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.limits.check_bytes(self.at().saturating_add(bytes.len()), self.at())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn at(&self) -> usize {
        self.out.len() - self.start
    }
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    &bytes[zeros..]
}

/// One less than a big-endian number that is not zero.
fn minus_one(magnitude: &[u8]) -> Vec<u8> {
    let mut below = magnitude.to_vec();
    for byte in below.iter_mut().rev() {
        let (less, borrow) = byte.overflowing_sub(1);
        *byte = less;
        if !borrow {
            break;
        }
    }
    below
}
