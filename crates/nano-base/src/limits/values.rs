//! Those of values that cross between apps and between an app and its host.

/// Arguments or result of one call between host and app.
pub const CALL_BYTES_MAX: usize = 8 << 20;
/// What the patterns of all regular expressions count as in one value that an app sends to another, or in the messages of one batch: their
/// UTF-16 code units, and more for some. V8 reads them in the turn of whoever receives them, where nothing can stop it: up to 14 µs for each.
pub const PATTERN_UNITS_MAX: usize = 1_024;
/// What each property of sequences of emoji counts as besides, in a pattern that may have it: 1.8 ms at worst.
pub const PATTERN_EMOJI_UNITS: usize = 256;
/// How deep the arrays and objects of a value nest that crosses between host and app.
pub const VALUE_DEPTH_MAX: usize = 64;
/// Items of a value that crosses, all levels together (in CBOR each head counts, tags too).
pub const VALUE_ITEMS_MAX: usize = 1_000_000;
/// Bytes of a value in CBOR, where nothing smaller is said.
pub const VALUE_BYTES_MAX: usize = 32 << 20;
/// What a host spends on the sets and maps of one value of an app's, in nanoseconds of CPU for each item, which takes 50 to 200. Hashes of
/// numbers have no secret in Python and in V8: an app can choose items that all have one, and take a host's time by their square.
pub const HASHING_ITEM_NS: u64 = 1_000;
/// The same, besides.
pub const HASHING_SPARE_NS: u64 = 25_000_000;
/// So many items are made without a look at the clock.
pub const HASHING_SLICE: usize = 64;
/// What these count up to: the rest is a pause of somebody else's.
pub const HASHING_SLICE_NS_MAX: u64 = 5_000_000;
/// What comparing once takes that a host compares by what is in it, for all items of the sets and keys of the maps of one value: of an array the
/// sum of its items, of a set that times their number.
pub const HASHING_COMPARES_MAX: u64 = 1_000_000;
/// The deepest nesting any limit can allow: reading and writing recurse. Measured, a level takes 0.75 KiB of stack, and
/// 4 KiB without optimization, so the deepest value takes 1 MiB at worst.
pub const VALUE_DEPTH_CEILING: usize = 256;
