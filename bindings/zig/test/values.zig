//! Values there and back, and what cannot be read.
const std = @import("std");
const nano = @import("nano");
const Value = nano.Value;

test "every kind of value comes back as it went" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const gpa = arena.allocator();
    const list = [_]Value{
        .undefined,
        .null,
        .{ .bool = true },
        .{ .int = 0 },
        .{ .int = -9007199254740991 },
        .{ .float = 1.5 },
        .{ .float = 0.1 },
        .{ .float = -std.math.inf(f64) },
        .{ .float = 65536.5 },
        .{ .bigint = .{ .magnitude = &.{ 1, 0, 0, 0, 0, 0, 0, 0, 0 } } },
        .{ .bigint = .{ .negative = true, .magnitude = &.{ 1, 0 } } },
        .{ .bigint = .{ .negative = true, .magnitude = &.{1} } },
        .{ .text = "grüße" },
        .{ .bytes = &.{ 0, 255 } },
        .{ .array = &.{ .{ .int = 1 }, .null } },
        .{ .object = &.{ .{ .name = "b", .value = .{ .int = 1 } }, .{ .name = "a", .value = .undefined } } },
        .{ .map = &.{.{ .key = .{ .int = 1 }, .value = .{ .text = "one" } }} },
        .{ .set = &.{.{ .int = 1 }} },
        .{ .date_ms = 1000000000123 },
        .{ .date_ms = -1 },
        .{ .typed = .{ .kind = .uint16, .bytes = &.{ 1, 0, 2, 0 } } },
        .{ .err = .{ .name = "RangeError", .message = "too far" } },
        .{ .err = .{ .name = "Error", .message = "", .properties = &.{.{ .name = "cause", .value = .null }} } },
        .{ .text = "a\xed\xa0\x80" },
        .{ .buffer = &.{ 1, 2 } },
        .{ .view = &.{} },
        .{ .regexp = .{ .source = "a+", .flags = "gi" } },
        .{ .host = .{ .class = "File", .number = std.math.maxInt(u64) } },
    };
    for (list) |value| {
        const back = try nano.cbor.decode(gpa, try nano.cbor.encode(gpa, value));
        try std.testing.expectEqualDeep(value, back);
    }
}

test "what is no value is refused" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const bad = [_][]const u8{ "", "\x18", "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "\x62a", "\x00\x00", "\xc1\x61a", "\xd8\x45\x41\x00", "\xf8\x00", "\x5f\xff", "\xda\x4e\x41\x4e\x4f\x00", "\xd9\x52\x4a\x81\x61a" };
    for (bad) |bytes| try std.testing.expectError(error.Invalid, nano.cbor.decode(arena.allocator(), bytes));
    const deep: [200]u8 = @splat(0x81);
    try std.testing.expectError(error.TooLarge, nano.cbor.decode(arena.allocator(), &deep));
    try std.testing.expectError(error.Invalid, nano.cbor.encode(arena.allocator(), .{ .typed = .{ .kind = .float64, .bytes = &.{1} } }));
}
