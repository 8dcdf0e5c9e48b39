//! Values as bytes: CBOR (RFC 8949), the form in which every [`Value`](crate::value::Value) crosses the C boundary.
//!
//! | value | written as | read from, besides |
//! | --- | --- | --- |
//! | `Undefined`, `Null`, `Bool` | simple 23, 22, 21 or 20 | |
//! | `Int` | the shortest integer | any integer within ±(2^53 - 1) |
//! | `BigInt` | tag 2 or 3 over bytes, also when small | any integer beyond ±(2^53 - 1) |
//! | `Float` | the shortest of half, single and double that keeps the value | |
//! | `Text`, `Bytes`, `Array` | text, bytes, array | the indefinite forms |
//! | `Units` | tag 273 over bytes: WTF-8 | |
//! | `Hole` | in an array: tag 31 over `undefined` | |
//! | `Buffer`, `View` | tag 1312902735 or 1312902736 over bytes | |
//! | `Object` | map with text keys | |
//! | `Map` | tag 259 over a map | an untagged map with a key that is not text |
//! | `Set` | tag 258 over an array | |
//! | `Date` | tag 1 over seconds, integer if whole; invalid is `NaN` | integer or float, rounded to milliseconds |
//! | `TypedArray` | the little-endian tag of RFC 8746 over bytes | the big-endian tag (bytes are swapped) |
//! | `Error` | tag 27 over `["Error", name, message]`, with own properties `["Error", name, message, {...}]` | |
//! | `RegExp` | tag 21066 over `[source, flags]` | `[source]` |
//! | `Boxed` | tag 1312902737 over a boolean, number, bigint or text | |
//! | `HostObject` | tag 27 over `["HostObject", class, number]` | |
//!
//! Any other tag is ignored and its content read; a tag of the table over other content is refused (tag 27, a generic
//! object, over any other array is that array). The same value always gives the same bytes. A host that reads the arguments of
//! an app must look at the tag: without it, `["HostObject", ...]` is an array like any other, and anybody can make one.
//!
//! The reader must never believe a length before it has seen that many bytes, recurse deeper than its limit, or panic:
//! its input comes from hosts and from apps. It is written here rather than taken from a crate because limits on the
//! tree, byte offsets in errors and both kinds of map are most of it; what minicbor would save is reading one head.

mod decode;
mod encode;
mod half;
mod tags;
#[cfg(test)]
mod tests;
mod wtf8;

use std::fmt::Display;

use crate::limits::{VALUE_BYTES_MAX, VALUE_DEPTH_CEILING, VALUE_DEPTH_MAX, VALUE_ITEMS_MAX};
use crate::status::{Error, Status};

pub use decode::decode;
pub use encode::encode;

/// What a value may cost, in both directions: whatever [`encode`] accepts, [`decode`] with the same limits accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CborLimits {
    /// The deepest nesting of arrays, maps and ignored tags; at most [`VALUE_DEPTH_CEILING`] has an effect.
    pub depth_max: usize,
    /// The longest encoding.
    pub bytes_max: usize,
    /// The most data items.
    pub items_max: usize,
}

impl Default for CborLimits {
    fn default() -> Self {
        Self { depth_max: VALUE_DEPTH_MAX, bytes_max: VALUE_BYTES_MAX, items_max: VALUE_ITEMS_MAX }
    }
}

impl CborLimits {
    /// The depth inside one more container, or the refusal of it.
    fn deeper(&self, depth: usize, at: usize) -> Result<usize, Error> {
        let max = self.depth_max.min(VALUE_DEPTH_CEILING);
        if depth >= max { Err(over(at, "nesting", max)) } else { Ok(depth + 1) }
    }

    /// Refuses the item that would be the `count`th.
    fn check_items(&self, count: usize, at: usize) -> Result<(), Error> {
        if count > self.items_max { Err(over(at, "the number of items", self.items_max)) } else { Ok(()) }
    }

    /// Refuses an encoding of `len` bytes.
    fn check_bytes(&self, len: usize, at: usize) -> Result<(), Error> {
        if len > self.bytes_max { Err(over(at, "the size in bytes", self.bytes_max)) } else { Ok(()) }
    }
}

/// The kind of a data item: the top three bits of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Major {
    Unsigned = 0,
    Negative = 1,
    Bytes = 2,
    Text = 3,
    Array = 4,
    Map = 5,
    Tag = 6,
    Simple = 7,
}

/// The largest integer a JavaScript number holds exactly, with its neighbours.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// The largest time value of a `Date`, in milliseconds either side of 1970.
const DATE_MS_MAX: f64 = 8.64e15;

/// ECMAScript TimeClip: whole milliseconds within the range of a `Date`, otherwise the invalid date.
fn time_clip(ms: f64) -> f64 {
    if ms.abs() <= DATE_MS_MAX { ms.trunc() + 0.0 } else { f64::NAN }
}

/// The refusal of something that is not CBOR, or not CBOR we have a value for.
fn malformed(at: usize, what: impl Display) -> Error {
    Error::new(Status::Invalid, format!("CBOR at byte {at}: {what}; send one well-formed RFC 8949 value"))
}

/// The refusal of something that costs too much.
fn over(at: usize, what: &str, max: usize) -> Error {
    let message = format!("CBOR at byte {at}: {what} is over the limit of {max}; send a smaller value");
    Error::new(Status::TooLarge, message)
}
