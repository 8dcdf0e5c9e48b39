//! The conformance corpus (tests/conformance), through Zig. Its README has the format. Values are compared by their bytes, which are the
//! same for the same value.
const std = @import("std");
const nano = @import("nano");
const Value = nano.Value;
const Allocator = std.mem.Allocator;
const Json = std.json.Value;

/// What has come of a request or an invocation.
const Outcome = struct {
    ended: bool = false,
    writable: bool = false,
    is_stream: bool = false,
    response: ?nano.Event = null,
    end: ?nano.Event = null,
    refused: nano.Failure = .{},
    body: std.ArrayList(u8) = .empty,

    fn failure(outcome: Outcome) ?nano.Failure {
        if (outcome.refused.raw != null) return outcome.refused;
        const end = outcome.end orelse return null;
        return switch (end.payload()) {
            .failure => |f| f,
            else => null,
        };
    }

    fn deinit(outcome: *Outcome) void {
        outcome.refused.deinit();
        if (outcome.response) |*event| event.release();
        if (outcome.end) |*event| event.release();
    }
};

const Case = struct {
    arena: Allocator,
    runtime: nano.Runtime,
    app: nano.App = .{ .raw = null },

    fn take(case: Case) !void {
        var room: [16]nano.Event = undefined;
        for (try case.runtime.wait(&room, 60_000)) |event| {
            var e = event;
            const payload = e.payload();
            if (payload == .call) try case.answer(payload.call);
            const outcome: *Outcome = @ptrCast(@alignCast(e.userData() orelse {
                e.release();
                continue;
            }));
            outcome.ended = outcome.ended or e.isLast();
            switch (payload) {
                .response => |response| {
                    outcome.is_stream = !e.isLast();
                    try outcome.body.appendSlice(case.arena, response.body());
                    outcome.response = e;
                    continue;
                },
                .chunk => |bytes| {
                    try outcome.body.appendSlice(case.arena, bytes);
                    try case.runtime.credit(e.id(), bytes.len);
                },
                .writable => outcome.writable = true,
                .failure, .result => {
                    outcome.end = e;
                    continue;
                },
                else => {},
            }
            e.release();
        }
    }

    fn finish(case: Case, outcome: *Outcome) !void {
        while (!outcome.ended) try case.take();
    }

    fn answer(case: Case, id: u64) !void {
        var call: nano.Call = try .look(case.runtime, id);
        defer call.deinit();
        const args = try call.args(case.arena);
        if (std.mem.eql(u8, call.binding(), "fail")) return call.fail("no");
        if (std.mem.eql(u8, call.binding(), "echo")) return call.giveBack(case.arena, args[0]);
        try call.giveBack(case.arena, .{ .int = args[0].int + args[1].int });
    }

    fn fetch(case: Case, what: Json, outcome: *Outcome) !void {
        var headers: std.ArrayList(nano.Header) = .empty;
        if (what.object.get("headers")) |list| for (list.array.items) |pair| {
            try headers.append(case.arena, .{ .name = pair.array.items[0].string, .value = pair.array.items[1].string });
        };
        var request: nano.Request = .{ .url = what.object.get("url").?.string, .headers = headers.items };
        if (what.object.get("method")) |method| request.method = method.string;
        if (what.object.get("timeout_ms")) |ms| request.deadline_ms = @intCast(ms.integer);
        if (what.object.get("body")) |body| request.body = .{ .whole = body.string };
        const chunks = what.object.get("chunks");
        if (chunks != null) request.body = .stream;
        const id = case.app.dispatch(case.arena, request, outcome, &outcome.refused) catch {
            outcome.ended = true;
            return;
        };
        for ((chunks orelse return).array.items) |chunk| {
            var rest = chunk.string;
            while (rest.len > 0) {
                outcome.writable = false;
                rest = rest[try case.runtime.write(id, rest)..];
                while (rest.len > 0 and !outcome.writable and !outcome.ended) try case.take();
            }
        }
        try case.runtime.end(id);
    }

    fn invoke(case: Case, name: []const u8, args: []const Json, outcome: *Outcome) !void {
        const encoded = try nano.cbor.encode(case.arena, .{ .array = try valuesOf(case.arena, args) });
        _ = case.app.begin(name, encoded, outcome, &outcome.refused) catch {
            outcome.ended = true;
        };
    }

    fn check(case: Case, outcome: Outcome, expect: Json) !void {
        const fields = expect.object;
        try checkFailure(outcome.failure(), fields.get("error"));
        const response: ?nano.Response = if (outcome.response) |event| event.payload().response else null;
        if (fields.get("status")) |status| try std.testing.expectEqual(status.integer, response.?.status());
        if (fields.get("chunks")) |chunks| try std.testing.expectEqual(chunks.bool, outcome.is_stream);
        if (fields.get("body")) |body| try std.testing.expectEqualStrings(body.string, outcome.body.items);
        if (fields.get("json")) |json| {
            const have = try std.json.parseFromSliceLeaky(Json, case.arena, outcome.body.items, .{});
            try expectSame(json, have);
        }
        if (fields.get("headers")) |headers| for (headers.object.keys(), headers.object.values()) |name, value| {
            var joined: std.ArrayList(u8) = .empty;
            var all = response.?.headers();
            var found = false;
            while (all.next()) |header| if (std.mem.eql(u8, header.name, name)) {
                if (found) try joined.appendSlice(case.arena, ", ");
                try joined.appendSlice(case.arena, header.value);
                found = true;
            };
            try std.testing.expectEqual(value != .null, found);
            if (found) try std.testing.expectEqualStrings(value.string, joined.items);
        };
        if (fields.get("value")) |coded| {
            const wanted = try nano.cbor.encode(case.arena, try valueOf(case.arena, coded));
            const raw = outcome.end.?.payload().result;
            try std.testing.expectEqualSlices(u8, wanted, raw);
            // And as Zig has read and written it.
            try std.testing.expectEqualSlices(u8, wanted, try nano.cbor.encode(case.arena, try nano.cbor.decode(case.arena, raw)));
        }
    }

    fn step(case: Case, what: Json, pending: *Outcome) !void {
        const fields = what.object;
        var outcome: Outcome = .{};
        defer outcome.deinit();
        if (fields.get("advance_ms")) |ms| return case.runtime.advance(@intCast(ms.integer));
        if (fields.get("finish") != null) {
            try case.finish(pending);
            return case.check(pending.*, fields.get("expect").?);
        }
        if (fields.get("pending") != null) {
            try case.fetch(fields.get("fetch").?, pending);
            // Whatever was asked before has had its turn when this is answered: one thread, one queue.
            try case.invoke("there is no such function", &.{}, &outcome);
            return case.finish(&outcome);
        }
        if (fields.get("fetch")) |f| try case.fetch(f, &outcome) else {
            const invocation = fields.get("invoke").?.object;
            try case.invoke(invocation.get("export").?.string, invocation.get("args").?.array.items, &outcome);
        }
        try case.finish(&outcome);
        try case.check(outcome, fields.get("expect").?);
    }
};

fn checkFailure(have: ?nano.Failure, want: ?Json) !void {
    const failure = have orelse return std.testing.expectEqual(null, want);
    const wanted = want orelse {
        std.debug.print("{s}: {s}\n", .{ failure.name(), failure.message() });
        return error.TestUnexpectedResult;
    };
    try std.testing.expectEqualStrings(wanted.object.get("name").?.string, failure.name());
    if (wanted.object.get("contains")) |part| try std.testing.expect(std.mem.indexOf(u8, failure.message(), part.string) != null);
}

fn expectSame(want: Json, have: Json) !void {
    switch (want) {
        .object => |object| {
            try std.testing.expectEqual(object.count(), have.object.count());
            for (object.keys(), object.values()) |name, value| try expectSame(value, have.object.get(name) orelse return error.TestUnexpectedResult);
        },
        .array => |list| {
            try std.testing.expectEqual(list.items.len, have.array.items.len);
            for (list.items, have.array.items) |a, b| try expectSame(a, b);
        },
        .string => |text| try std.testing.expectEqualStrings(text, have.string),
        else => try std.testing.expectEqual(want, have),
    }
}

fn valuesOf(arena: Allocator, coded: []const Json) Allocator.Error![]Value {
    const values = try arena.alloc(Value, coded.len);
    for (values, coded) |*to, from| to.* = try valueOf(arena, from);
    return values;
}

/// A value by its JSON.
fn valueOf(arena: Allocator, coded: Json) Allocator.Error!Value {
    return switch (coded) {
        .null => .null,
        .bool => |b| .{ .bool = b },
        .integer => |n| .{ .int = n },
        .string => |text| .{ .text = text },
        .array => |list| .{ .array = try valuesOf(arena, list.items) },
        .object => |object| tagged(arena, object.keys()[0], object.values()[0]),
        else => unreachable,
    };
}

fn tagged(arena: Allocator, tag: []const u8, content: Json) Allocator.Error!Value {
    const Tag = enum { undefined, float, bigint, bytes, object, map, set, date_ms, @"error", typed };
    switch (std.meta.stringToEnum(Tag, tag).?) {
        .undefined => return .undefined,
        .float => return .{ .float = std.fmt.parseFloat(f64, content.string) catch unreachable },
        .bigint => {
            const negative = content.string[0] == '-';
            const n = std.fmt.parseInt(u256, content.string[@intFromBool(negative)..], 10) catch unreachable;
            const bytes = try arena.alloc(u8, 32);
            std.mem.writeInt(u256, bytes[0..32], n, .big);
            return .{ .bigint = .{ .negative = negative, .magnitude = std.mem.trimStart(u8, bytes, &.{0}) } };
        },
        .bytes => return .{ .bytes = try hex(arena, content.string) },
        .object => {
            const list = try arena.alloc(Value.Property, content.array.items.len);
            for (list, content.array.items) |*to, pair| {
                to.* = .{ .name = pair.array.items[0].string, .value = try valueOf(arena, pair.array.items[1]) };
            }
            return .{ .object = list };
        },
        .map => {
            const list = try arena.alloc(Value.Entry, content.array.items.len);
            for (list, content.array.items) |*to, pair| {
                to.* = .{ .key = try valueOf(arena, pair.array.items[0]), .value = try valueOf(arena, pair.array.items[1]) };
            }
            return .{ .map = list };
        },
        .set => return .{ .set = try valuesOf(arena, content.array.items) },
        .date_ms => return .{ .date_ms = @floatFromInt(content.integer) },
        .@"error" => return .{ .err = .{ .name = content.array.items[0].string, .message = content.array.items[1].string } },
        .typed => {
            const Kind = enum { Int8, Uint16, Float64, BigInt64 };
            const kind: Value.Kind = switch (std.meta.stringToEnum(Kind, content.array.items[0].string).?) {
                .Int8 => .int8,
                .Uint16 => .uint16,
                .Float64 => .float64,
                .BigInt64 => .bigint64,
            };
            return .{ .typed = .{ .kind = kind, .bytes = try hex(arena, content.array.items[1].string) } };
        },
    }
}

fn hex(arena: Allocator, digits: []const u8) Allocator.Error![]u8 {
    const bytes = try arena.alloc(u8, digits.len / 2);
    return std.fmt.hexToBytes(bytes, digits) catch unreachable;
}

fn replay(arena: Allocator, json: Json) !void {
    const fields = json.object;
    var options: nano.AppOptions = .{ .source = fields.get("source").?.string };
    if (fields.get("source_kind")) |kind| options.kind = std.meta.stringToEnum(nano.SourceKind, kind.string).?;
    var env: std.ArrayList(nano.Variable) = .empty;
    if (fields.get("env")) |variables| for (variables.object.keys(), variables.object.values()) |name, value| {
        try env.append(arena, .{ .name = name, .value = value.string });
    };
    options.env = env.items;
    var bindings: std.ArrayList(nano.Binding) = .empty;
    if (fields.get("functions")) |names| for (names.array.items) |name| {
        try bindings.append(arena, .{ .name = name.string, .kind = .function });
    };
    options.bindings = bindings.items;
    if (fields.get("limits")) |limits| for (limits.object.keys(), limits.object.values()) |wanted, value| {
        var known = false;
        inline for (comptime std.meta.fieldNames(nano.Limits)) |name| if (std.mem.eql(u8, name, wanted)) {
            @field(options.limits, name) = @intCast(value.integer);
            known = true;
        };
        try std.testing.expect(known);
    };
    if (fields.get("options")) |given| for (given.object.keys(), given.object.values()) |wanted, value| {
        const Option = enum { outbound, base_url, egress, code_generation, random_seed };
        switch (std.meta.stringToEnum(Option, wanted).?) {
            .outbound => options.outbound = value.string,
            .base_url => options.base_url = value.string,
            .egress => options.egress = std.meta.stringToEnum(@TypeOf(options.egress), value.string).?,
            .code_generation => options.code_generation = value.bool,
            .random_seed => options.random_seed = @intCast(value.integer),
        }
    };
    var runtime = try nano.Runtime.init(.{ .threads = 1, .manual_clock = true }, null);
    defer runtime.deinit();
    var failure: nano.Failure = .{};
    defer failure.deinit();
    var case: Case = .{ .arena = arena, .runtime = runtime };
    case.app = runtime.load(arena, options, &failure) catch return checkFailure(failure, fields.get("load_error"));
    defer case.app.deinit();
    try std.testing.expectEqual(null, fields.get("load_error"));
    var pending: Outcome = .{};
    defer pending.deinit();
    for (fields.get("steps").?.array.items) |what| try case.step(what, &pending);
}

test "every case of the corpus" {
    var arena_state: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const io = std.testing.io;
    var folder = try std.Io.Dir.cwd().openDir(io, "../../tests/conformance", .{ .iterate = true });
    defer folder.close(io);
    var files = folder.iterate();
    var count: usize = 0;
    while (try files.next(io)) |file| {
        if (!std.mem.endsWith(u8, file.name, ".json")) continue;
        const text = try folder.readFileAlloc(io, file.name, arena, .limited(1 << 20));
        const corpus = try std.json.parseFromSliceLeaky(Json, arena, text, .{});
        for (corpus.object.get("cases").?.array.items) |case| {
            replay(arena, case) catch |err| {
                std.debug.print("{s}: {s}\n", .{ file.name, case.object.get("name").?.string });
                return err;
            };
            count += 1;
        }
    }
    try std.testing.expect(count > 20);
}
