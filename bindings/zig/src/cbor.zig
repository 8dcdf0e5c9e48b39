//! Values as CBOR (RFC 8949), as NANO writes and reads it; crates/nano-base/src/cbor.rs has the table.

const std = @import("std");
const nano = @import("nano.zig");
const Allocator = std.mem.Allocator;
const Value = nano.Value;

const depth_max = 64;
const safe_integer_max = (1 << 53) - 1;

const Tag = struct {
    const epoch = 1;
    const positive = 2;
    const negative = 3;
    const generic = 27;
    const set = 258;
    const map = 259;
    const wtf8 = 273;
    const regexp = 21066;
    const buffer = 0x4e414e4f;
    const view = buffer + 1;
};

/// The bytes of a value, which are the caller's.
pub fn encode(gpa: Allocator, value: Value) (nano.Error || Allocator.Error)![]u8 {
    var encoder: Encoder = .{ .gpa = gpa };
    errdefer encoder.out.deinit(gpa);
    try encoder.write(value, 0);
    return encoder.out.toOwnedSlice(gpa);
}

/// A value of bytes; what it holds is in the arena.
pub fn decode(arena: Allocator, bytes: []const u8) (nano.Error || Allocator.Error)!Value {
    var decoder: Decoder = .{ .arena = arena, .in = bytes };
    const value = try decoder.read(0);
    return if (decoder.in.len == 0) value else error.Invalid;
}

const Encoder = struct {
    gpa: Allocator,
    out: std.ArrayList(u8) = .empty,

    fn head(e: *Encoder, major: u8, n: u64) Allocator.Error!void {
        var bytes: [9]u8 = undefined;
        std.mem.writeInt(u64, bytes[1..9], n, .big);
        const size: usize = if (n < 24) 0 else if (n <= 0xff) 1 else if (n <= 0xffff) 2 else if (n <= 0xffff_ffff) 4 else 8;
        const info: u8 = switch (size) {
            0 => @intCast(n),
            1 => 24,
            2 => 25,
            4 => 26,
            else => 27,
        };
        try e.out.append(e.gpa, major << 5 | info);
        try e.out.appendSlice(e.gpa, bytes[9 - size ..]);
    }

    fn string(e: *Encoder, major: u8, bytes: []const u8) Allocator.Error!void {
        try e.head(major, bytes.len);
        try e.out.appendSlice(e.gpa, bytes);
    }

    fn int(e: *Encoder, n: i64) Allocator.Error!void {
        if (n < 0) try e.head(1, @intCast(-1 - n)) else try e.head(0, @intCast(n));
    }

    /// The shortest float that keeps the value.
    fn float(e: *Encoder, f: f64) Allocator.Error!void {
        if (std.math.isNan(f)) return e.out.appendSlice(e.gpa, &.{ 0xf9, 0x7e, 0x00 });
        inline for (.{ .{ f16, u16, 0xf9 }, .{ f32, u32, 0xfa }, .{ f64, u64, 0xfb } }) |width| {
            const narrow: width[0] = @floatCast(f);
            if (narrow == f) {
                var bytes: [1 + @sizeOf(width[1])]u8 = undefined;
                bytes[0] = width[2];
                std.mem.writeInt(width[1], bytes[1..], @bitCast(narrow), .big);
                return e.out.appendSlice(e.gpa, &bytes);
            }
        }
    }

    fn generic(e: *Encoder, parts: u64, kind: []const u8, name: []const u8) Allocator.Error!void {
        try e.head(6, Tag.generic);
        try e.head(4, parts);
        try e.string(3, kind);
        try e.string(3, name);
    }

    fn items(e: *Encoder, list: []const Value, depth: usize) (nano.Error || Allocator.Error)!void {
        try e.head(4, list.len);
        for (list) |item| try e.write(item, depth + 1);
    }

    fn properties(e: *Encoder, list: []const Value.Property, depth: usize) (nano.Error || Allocator.Error)!void {
        try e.head(5, list.len);
        for (list) |property| {
            try e.string(3, property.name);
            try e.write(property.value, depth + 1);
        }
    }

    fn write(e: *Encoder, value: Value, depth: usize) (nano.Error || Allocator.Error)!void {
        if (depth > depth_max) return error.TooLarge;
        switch (value) {
            .undefined => try e.head(7, 23),
            .null => try e.head(7, 22),
            .bool => |b| try e.head(7, if (b) 21 else 20),
            .int => |n| try e.int(n),
            .float => |f| try e.float(f),
            .bigint => |n| try e.bigint(n.negative, n.magnitude),
            .text => |text| {
                const is_wtf8 = !std.unicode.utf8ValidateSlice(text) and std.unicode.wtf8ValidateSlice(text);
                if (is_wtf8) try e.head(6, Tag.wtf8);
                try e.string(if (is_wtf8) 2 else 3, text);
            },
            .bytes => |bytes| try e.string(2, bytes),
            .buffer => |bytes| {
                try e.head(6, Tag.buffer);
                try e.string(2, bytes);
            },
            .view => |bytes| {
                try e.head(6, Tag.view);
                try e.string(2, bytes);
            },
            .array => |list| try e.items(list, depth),
            .set => |list| {
                try e.head(6, Tag.set);
                try e.items(list, depth);
            },
            .object => |list| try e.properties(list, depth),
            .map => |entries| {
                try e.head(6, Tag.map);
                try e.head(5, entries.len);
                for (entries) |entry| {
                    try e.write(entry.key, depth + 1);
                    try e.write(entry.value, depth + 1);
                }
            },
            .date_ms => |ms| {
                try e.head(6, Tag.epoch);
                const seconds = ms / 1000;
                if (seconds == @trunc(seconds) and @abs(seconds) <= safe_integer_max) try e.int(@intFromFloat(seconds)) else try e.float(seconds);
            },
            .typed => |array| {
                if (array.bytes.len % array.kind.elementBytes() != 0) return error.Invalid;
                try e.head(6, @backingInt(array.kind));
                try e.string(2, array.bytes);
            },
            .err => |err| {
                try e.generic(if (err.properties.len == 0) 3 else 4, "Error", err.name);
                try e.string(3, err.message);
                if (err.properties.len != 0) try e.properties(err.properties, depth + 1);
            },
            .regexp => |regexp| {
                try e.head(6, Tag.regexp);
                try e.head(4, 2);
                try e.string(3, regexp.source);
                try e.string(3, regexp.flags);
            },
            .host => |object| {
                try e.generic(3, "HostObject", object.class);
                try e.head(0, object.number);
            },
        }
    }

    /// Negative ones are written as -1 - n.
    fn bigint(e: *Encoder, negative: bool, with_zeros: []const u8) Allocator.Error!void {
        const magnitude = std.mem.trimStart(u8, with_zeros, &.{0});
        if (!negative or magnitude.len == 0) {
            try e.head(6, Tag.positive);
            return e.string(2, magnitude);
        }
        const less = try e.gpa.dupe(u8, magnitude);
        defer e.gpa.free(less);
        var at = less.len;
        while (at > 0) {
            at -= 1;
            less[at] -%= 1;
            if (less[at] != 0xff) break;
        }
        try e.head(6, Tag.negative);
        try e.string(2, std.mem.trimStart(u8, less, &.{0}));
    }
};

const Decoder = struct {
    arena: Allocator,
    in: []const u8,

    const Head = struct { major: u8, info: u8, n: u64 };

    fn head(d: *Decoder) nano.Error!Head {
        if (d.in.len == 0) return error.Invalid;
        const major = d.in[0] >> 5;
        const info = d.in[0] & 31;
        d.in = d.in[1..];
        if (info < 24) return .{ .major = major, .info = info, .n = info };
        if (info > 27) return error.Invalid;
        var n: u64 = 0;
        for (try d.take(@as(usize, 1) << @intCast(info - 24))) |byte| n = n << 8 | byte;
        return .{ .major = major, .info = info, .n = n };
    }

    fn take(d: *Decoder, n: u64) nano.Error![]const u8 {
        if (n > d.in.len) return error.Invalid;
        defer d.in = d.in[@intCast(n)..];
        return d.in[0..@intCast(n)];
    }

    /// The length of an item of this kind.
    fn expect(d: *Decoder, major: u8) nano.Error!u64 {
        const next = try d.head();
        return if (next.major == major and next.n <= d.in.len) next.n else error.Invalid;
    }

    fn copy(d: *Decoder, n: u64) (nano.Error || Allocator.Error)![]const u8 {
        return d.arena.dupe(u8, try d.take(n));
    }

    fn items(d: *Decoder, n: u64, depth: usize) (nano.Error || Allocator.Error)![]Value {
        if (n > d.in.len) return error.Invalid;
        const list = try d.arena.alloc(Value, @intCast(n));
        for (list) |*item| item.* = try d.read(depth + 1);
        return list;
    }

    fn entries(d: *Decoder, n: u64, depth: usize) (nano.Error || Allocator.Error)![]Value.Entry {
        if (n > d.in.len) return error.Invalid;
        const list = try d.arena.alloc(Value.Entry, @intCast(n));
        for (list) |*entry| entry.* = .{ .key = try d.read(depth + 1), .value = try d.read(depth + 1) };
        return list;
    }

    fn read(d: *Decoder, depth: usize) (nano.Error || Allocator.Error)!Value {
        if (depth > 2 * depth_max) return error.TooLarge;
        const next = try d.head();
        switch (next.major) {
            0 => return if (next.n <= safe_integer_max) .{ .int = @intCast(next.n) } else d.large(false, next.n),
            1 => return if (next.n < safe_integer_max) .{ .int = -1 - @as(i64, @intCast(next.n)) } else d.large(true, @as(u128, next.n) + 1),
            2 => return .{ .bytes = try d.copy(next.n) },
            3 => return .{ .text = try d.copy(next.n) },
            4 => return .{ .array = try d.items(next.n, depth) },
            5 => return d.object(next.n, depth),
            6 => return d.tagged(next.n, depth),
            else => return switch (next.info) {
                20 => .{ .bool = false },
                21 => .{ .bool = true },
                22 => .null,
                23 => .undefined,
                25 => .{ .float = @as(f16, @bitCast(@as(u16, @intCast(next.n)))) },
                26 => .{ .float = @as(f32, @bitCast(@as(u32, @intCast(next.n)))) },
                27 => .{ .float = @bitCast(next.n) },
                else => error.Invalid,
            },
        }
    }

    fn large(d: *Decoder, negative: bool, n: u128) Allocator.Error!Value {
        var bytes: [16]u8 = undefined;
        std.mem.writeInt(u128, &bytes, n, .big);
        return .{ .bigint = .{ .negative = negative, .magnitude = try d.arena.dupe(u8, std.mem.trimStart(u8, &bytes, &.{0})) } };
    }

    /// A plain object; a map with a key that is no text is a Map.
    fn object(d: *Decoder, n: u64, depth: usize) (nano.Error || Allocator.Error)!Value {
        const list = try d.entries(n, depth);
        const properties = try d.arena.alloc(Value.Property, list.len);
        for (list, properties) |entry, *property| {
            if (entry.key != .text) return .{ .map = list };
            property.* = .{ .name = entry.key.text, .value = entry.value };
        }
        return .{ .object = properties };
    }

    fn tagged(d: *Decoder, tag: u64, depth: usize) (nano.Error || Allocator.Error)!Value {
        switch (tag) {
            Tag.epoch => {
                const seconds: f64 = switch (try d.read(depth + 1)) {
                    .int => |n| @floatFromInt(n),
                    .float => |f| f,
                    else => return error.Invalid,
                };
                const whole = @trunc(seconds);
                return .{ .date_ms = whole * 1000 + @round((seconds - whole) * 1000) };
            },
            Tag.positive => return .{ .bigint = .{ .magnitude = try d.copy(try d.expect(2)) } },
            Tag.negative => {
                const less = try d.take(try d.expect(2));
                const magnitude = try d.arena.alloc(u8, less.len + 1);
                magnitude[0] = 0;
                @memcpy(magnitude[1..], less);
                var at = magnitude.len;
                while (at > 0) {
                    at -= 1;
                    magnitude[at] +%= 1;
                    if (magnitude[at] != 0) break;
                }
                return .{ .bigint = .{ .negative = true, .magnitude = std.mem.trimStart(u8, magnitude, &.{0}) } };
            },
            Tag.set => return .{ .set = try d.items(try d.expect(4), depth) },
            Tag.map => return .{ .map = try d.entries(try d.expect(5), depth) },
            Tag.generic => return d.generic(depth),
            Tag.wtf8 => return .{ .text = try d.copy(try d.expect(2)) },
            Tag.buffer => return .{ .buffer = try d.copy(try d.expect(2)) },
            Tag.view => return .{ .view = try d.copy(try d.expect(2)) },
            Tag.regexp => {
                const list = try d.items(try d.expect(4), depth);
                if (list.len != 2 or list[0] != .text or list[1] != .text) return error.Invalid;
                return .{ .regexp = .{ .source = list[0].text, .flags = list[1].text } };
            },
            else => {},
        }
        const kind = std.enums.fromInt(Value.Kind, tag) orelse return d.read(depth + 1);
        const bytes = try d.copy(try d.expect(2));
        return if (bytes.len % kind.elementBytes() == 0) .{ .typed = .{ .kind = kind, .bytes = bytes } } else error.Invalid;
    }

    /// What tag 27 is over: an error, an object of the host's, or just an array.
    fn generic(d: *Decoder, depth: usize) (nano.Error || Allocator.Error)!Value {
        const list = try d.items(try d.expect(4), depth);
        if (list.len == 4 and list[0] == .text and list[1] == .text and list[2] == .text and list[3] == .object) {
            if (std.mem.eql(u8, list[0].text, "Error"))
                return .{ .err = .{ .name = list[1].text, .message = list[2].text, .properties = list[3].object } };
        }
        if (list.len == 3 and list[0] == .text and list[1] == .text) {
            if (std.mem.eql(u8, list[0].text, "Error") and list[2] == .text)
                return .{ .err = .{ .name = list[1].text, .message = list[2].text } };
            if (std.mem.eql(u8, list[0].text, "HostObject")) switch (list[2]) {
                .int => |n| if (n >= 0) return .{ .host = .{ .class = list[1].text, .number = @intCast(n) } },
                .bigint => |n| if (!n.negative and n.magnitude.len <= 8) {
                    var number: u64 = 0;
                    for (n.magnitude) |byte| number = number << 8 | byte;
                    return .{ .host = .{ .class = list[1].text, .number = number } };
                },
                else => {},
            };
        }
        return .{ .array = list };
    }
};
