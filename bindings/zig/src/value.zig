//! JavaScript values by content.

const std = @import("std");

/// A JavaScript value. Slices belong to whoever made it: of a decoded one to the arena it was decoded into.
pub const Value = union(enum) {
    undefined,
    null,
    bool: bool,
    /// A whole number within ±(2^53 - 1); beyond that it arrives as a bigint.
    int: i64,
    float: f64,
    /// Any size: sign, and magnitude in big endian without leading zeros.
    bigint: struct { negative: bool = false, magnitude: []const u8 },
    /// UTF-8, in which half of a surrogate pair may stand alone, as three bytes.
    text: []const u8,
    /// A Uint8Array.
    bytes: []const u8,
    /// An ArrayBuffer.
    buffer: []const u8,
    /// A DataView.
    view: []const u8,
    array: []const Value,
    object: []const Property,
    map: []const Entry,
    set: []const Value,
    /// Milliseconds since 1970; NaN is the invalid date.
    date_ms: f64,
    /// Elements in little endian.
    typed: struct { kind: Kind, bytes: []const u8 },
    /// Its own properties are `cause`, `errors` and whatever was written to it.
    err: struct { name: []const u8, message: []const u8, properties: []const Property = &.{} },
    regexp: struct { source: []const u8, flags: []const u8 },
    /// An object of yours, by its class in env and your number.
    host: struct { class: []const u8, number: u64 },

    pub const Property = struct { name: []const u8, value: Value };
    pub const Entry = struct { key: Value, value: Value };

    /// The elements of typed arrays other than Uint8Array, which is bytes; each by its tag in CBOR.
    pub const Kind = enum(u64) {
        int8 = 72,
        uint8_clamped = 68,
        int16 = 77,
        uint16 = 69,
        int32 = 78,
        uint32 = 70,
        float16 = 84,
        float32 = 85,
        float64 = 86,
        bigint64 = 79,
        biguint64 = 71,

        pub fn elementBytes(kind: Kind) usize {
            return switch (kind) {
                .int8, .uint8_clamped => 1,
                .int16, .uint16, .float16 => 2,
                .int32, .uint32, .float32 => 4,
                .float64, .bigint64, .biguint64 => 8,
            };
        }
    };

    /// The property of an object.
    pub fn get(value: Value, name: []const u8) ?Value {
        if (value != .object) return null;
        for (value.object) |property| if (std.mem.eql(u8, property.name, name)) return property.value;
        return null;
    }
};
