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

/// A line of an app's log, or an app's change of state: its name is the level or the state.
const Said = struct {
    app: []const u8,
    name: []const u8,
    text: []const u8,
    dropped: u64 = 0,

    fn before(_: void, a: Said, b: Said) bool {
        const order = std.mem.order(u8, a.name, b.name);
        return if (order == .eq) std.mem.lessThan(u8, a.text, b.text) else order == .lt;
    }
};

/// The answer of mirror that is being written: one at a time.
const Mirrored = struct { call: nano.Call, body: std.ArrayList(u8) = .empty, sent: usize = 0, is_whole: bool, is_broken: bool };

const Case = struct {
    arena: Allocator,
    json: Json,
    runtime: nano.Runtime,
    app: nano.App = .{ .raw = null },
    pending: Outcome = .{},
    lines: std.ArrayList(Said) = .empty,
    states: std.ArrayList(Said) = .empty,
    marks: u32 = 0,
    counters: std.ArrayList(i64) = .empty,
    mirrored: ?Mirrored = null,

    fn take(case: *Case) !void {
        var room: [16]nano.Event = undefined;
        for (try case.runtime.wait(&room, 60_000)) |event| {
            var e = event;
            const payload = e.payload();
            const outcome: *Outcome = @ptrCast(@alignCast(e.userData() orelse {
                defer e.release();
                try case.route(e.id(), payload);
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

    /// What is no request's.
    fn route(case: *Case, id: u64, payload: nano.Payload) !void {
        switch (payload) {
            .call => try case.answer(id),
            .log => |log| try case.lines.append(case.arena, .{
                .app = try case.arena.dupe(u8, log.app),
                .name = if (log.level == .err) "error" else @tagName(log.level),
                .text = try case.arena.dupe(u8, log.text),
                .dropped = log.dropped,
            }),
            .change => |change| try case.states.append(case.arena, .{
                .app = try case.arena.dupe(u8, change.app),
                .name = try case.arena.dupe(u8, change.state),
                .text = try case.arena.dupe(u8, change.reason),
            }),
            .call_chunk => |bytes| {
                const mirrored = &case.mirrored.?;
                try mirrored.body.appendSlice(case.arena, bytes);
                mirrored.is_whole = bytes.len == 0;
                try mirrored.call.credit(bytes.len);
                try case.mirrorGoesOn();
            },
            .writable => try case.mirrorGoesOn(),
            else => {},
        }
    }

    fn finish(case: *Case, outcome: *Outcome) !void {
        while (!outcome.ended) try case.take();
    }

    fn answer(case: *Case, id: u64) !void {
        // The app may have given it up before it was looked at.
        var call = nano.Call.look(case.runtime, id) catch |err| return if (err == error.NotFound) {} else err;
        defer call.deinit();
        if (call.kind() == .fetch) return case.mirrorBegins(call);
        const value = case.resultOf(call) catch |err| return if (err == error.No) call.fail("no") else err;
        try call.giveBack(case.arena, value);
    }

    /// What comes of a call but for mirror.fetch: the README says what each does.
    fn resultOf(case: *Case, call: nano.Call) !Value {
        const args = if (call.kind() == .object_get) &.{} else try call.args(case.arena);
        const held: Value = .{ .host = .{ .class = "Counter", .number = call.object() } };
        switch (call.kind()) {
            .function => {
                if (std.mem.eql(u8, call.binding(), "echo")) return args[0];
                if (std.mem.eql(u8, call.binding(), "add")) return .{ .int = args[0].int + args[1].int };
            },
            .method => if (std.mem.eql(u8, call.method(), "twice")) {
                return .{ .text = try std.mem.concat(case.arena, u8, &.{ args[0].text, args[0].text }) };
            },
            .construct => {
                try case.counters.append(case.arena, args[0].int);
                return .{ .host = .{ .class = "Counter", .number = case.counters.items.len - 1 } };
            },
            .object_get => return .{ .int = case.counters.items[call.object()] },
            .object_set => {
                case.counters.items[call.object()] = args[0].int;
                return .undefined;
            },
            .object_method => {
                if (std.mem.eql(u8, call.method(), "itself")) return held;
                if (std.mem.eql(u8, call.method(), "add")) {
                    case.counters.items[call.object()] += args[0].int;
                    return .{ .int = case.counters.items[call.object()] };
                }
            },
            else => {},
        }
        return error.No;
    }

    fn mirrorBegins(case: *Case, call: nano.Call) !void {
        const headers: []const nano.Header = &.{ .{ .name = "x-method", .value = call.method() }, .{ .name = "x-url", .value = call.url() } };
        try call.respond(case.arena, .{ .status = 201, .headers = headers, .body = null });
        try std.testing.expectEqual(null, case.mirrored);
        case.mirrored = .{ .call = call, .is_whole = !call.isStream(), .is_broken = std.mem.endsWith(u8, call.url(), "/broken") };
        try case.mirrored.?.body.appendSlice(case.arena, call.body());
        try case.mirrorGoesOn();
    }

    fn mirrorGoesOn(case: *Case) !void {
        const mirrored = &case.mirrored.?;
        while (mirrored.sent < mirrored.body.items.len) {
            const rest = mirrored.body.items[mirrored.sent..];
            const taken = try mirrored.call.write(rest);
            mirrored.sent += taken;
            if (taken < rest.len) return;
        }
        if (!mirrored.is_whole) return;
        if (mirrored.is_broken) try mirrored.call.fail("no") else try mirrored.call.end();
        case.mirrored = null;
    }

    fn fetch(case: *Case, what: Json, outcome: *Outcome) !void {
        try only(what, &.{ "method", "url", "headers", "body", "chunks", "timeout_ms" });
        var headers: std.ArrayList(nano.Header) = .empty;
        if (what.object.get("headers")) |list| for (list.array.items) |pair| {
            try headers.append(case.arena, .{ .name = pair.array.items[0].string, .value = pair.array.items[1].string });
        };
        var request: nano.Request = .{ .url = what.object.get("url").?.string, .headers = headers.items };
        if (what.object.get("method")) |method| request.method = method.string;
        if (what.object.get("timeout_ms")) |ms| request.deadline_ms = @intCast(ms.integer);
        if (what.object.get("body")) |body| request.body = .{ .whole = try textOf(case.arena, body) };
        const chunks = what.object.get("chunks");
        if (chunks != null) request.body = .stream;
        const id = case.app.dispatch(case.arena, request, outcome, &outcome.refused) catch {
            outcome.ended = true;
            return;
        };
        for ((chunks orelse return).array.items) |chunk| {
            var rest = try textOf(case.arena, chunk);
            while (rest.len > 0) {
                outcome.writable = false;
                // It may have ended: with what, its last event says.
                rest = rest[case.runtime.write(id, rest) catch return ..];
                while (rest.len > 0 and !outcome.writable and !outcome.ended) try case.take();
            }
        }
        try case.runtime.end(id);
    }

    fn invoke(case: *Case, name: []const u8, args: []const Json, outcome: *Outcome) !void {
        const encoded = try nano.cbor.encode(case.arena, .{ .array = try valuesOf(case.arena, args) });
        _ = case.app.begin(name, encoded, outcome, &outcome.refused) catch {
            outcome.ended = true;
        };
    }

    fn check(case: *Case, outcome: Outcome, expect: Json) !void {
        const fields = expect.object;
        try checkFailure(outcome.failure(), fields.get("error"));
        const response: ?nano.Response = if (outcome.response) |event| event.payload().response else null;
        if (fields.get("status")) |status| try std.testing.expectEqual(status.integer, response.?.status());
        if (fields.get("chunks")) |chunks| try std.testing.expectEqual(chunks.bool, outcome.is_stream);
        if (fields.get("body")) |body| {
            const wanted = try textOf(case.arena, body);
            try std.testing.expectEqual(wanted.len, outcome.body.items.len);
            try std.testing.expect(std.mem.eql(u8, wanted, outcome.body.items));
        }
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

    /// What has been heard, when all has come that was said: whoever speaks now is heard last. One thread, one queue.
    fn heard(case: *Case, from: *std.ArrayList(Said)) ![]Said {
        case.marks += 1;
        const name = try std.fmt.allocPrint(case.arena, "mark {d}", .{case.marks});
        var mark = try case.runtime.load(case.arena, .{ .name = name, .source = "console.log('mark'); export function nothing() {}" }, null);
        defer mark.deinit();
        while (true) {
            if (case.lines.getLastOrNull()) |last| if (std.mem.eql(u8, last.app, name)) break;
            try case.take();
        }
        var all: std.ArrayList(Said) = .empty;
        for (from.items) |said| if (!std.mem.startsWith(u8, said.app, "mark")) try all.append(case.arena, said);
        from.clearRetainingCapacity();
        return all.items;
    }

    fn checkLog(case: *Case, want: []const Json) !void {
        const all = try case.heard(&case.lines);
        errdefer for (all) |said| std.debug.print("{s}: {s} ({d} dropped)\n", .{ said.name, said.text, said.dropped });
        try std.testing.expectEqual(want.len, all.len);
        for (all, want) |said, line| {
            try std.testing.expectEqualStrings(line.array.items[0].string, said.name);
            try std.testing.expectEqualStrings(line.array.items[1].string, said.text);
            try std.testing.expectEqual(if (line.array.items.len > 2) line.array.items[2].integer else 0, @as(i64, @intCast(said.dropped)));
        }
    }

    fn checkStates(case: *Case, want: []const Json) !void {
        const all = try case.heard(&case.states);
        errdefer for (all) |said| std.debug.print("{s}: {s}\n", .{ said.name, said.text });
        std.mem.sort(Said, all, {}, Said.before);
        try std.testing.expectEqual(want.len, all.len);
        for (all, want) |said, state| {
            try std.testing.expectEqualStrings(state.array.items[0].string, said.name);
            if (state.array.items.len > 1) try std.testing.expect(std.mem.indexOf(u8, said.text, state.array.items[1].string) != null);
        }
    }

    fn step(case: *Case, what: Json) !void {
        const expect = what.object.get("expect");
        const is_pending = what.object.get("pending") != null;
        var found: ?Verb = null;
        var how: Json = .null;
        for (what.object.keys(), what.object.values()) |key, value| {
            if (std.mem.eql(u8, key, "expect") or std.mem.eql(u8, key, "pending")) continue;
            try std.testing.expectEqual(null, found);
            found = std.meta.stringToEnum(Verb, key) orelse return error.NoSuchStep;
            how = value;
        }
        const verb = found orelse return error.NoSuchStep;
        try std.testing.expect(!is_pending or verb == .fetch);
        try std.testing.expectEqual(verb.expected() != null and !is_pending, expect != null);
        if (expect) |fields| try only(fields, verb.expected().?);
        var outcome: Outcome = .{};
        defer outcome.deinit();
        if (is_pending) {
            try case.fetch(how, &case.pending);
            // Whatever was asked before has had its turn when this is answered: one thread, one queue.
            try case.invoke("there is no such function", &.{}, &outcome);
            return case.finish(&outcome);
        }
        switch (verb) {
            .fetch => try case.fetch(how, &outcome),
            .finish => {
                try case.finish(&case.pending);
                return case.check(case.pending, expect.?);
            },
            .invoke => {
                try only(how, &.{ "export", "args" });
                try case.invoke(how.object.get("export").?.string, how.object.get("args").?.array.items, &outcome);
            },
            .load => {
                try only(how, &(.{"name"} ++ app_fields));
                var options = try optionsOf(case.arena, how, how);
                if (how.object.get("name")) |name| options.name = name.string;
                if (case.runtime.load(case.arena, options, &outcome.refused)) |app| {
                    case.app.deinit();
                    case.app = app;
                } else |_| {}
                return case.check(outcome, expect.?);
            },
            .reload => {
                try only(how, &.{ "source", "source_kind", "env" });
                case.app.reload(case.arena, try optionsOf(case.arena, how, case.json), &outcome.refused) catch {};
                return case.check(outcome, expect.?);
            },
            .unload => {
                case.app.unload(0, &outcome.refused) catch {};
                return case.check(outcome, expect.?);
            },
            .advance_ms => return case.runtime.advance(@intCast(how.integer)),
            .log => return case.checkLog(how.array.items),
            .states => return case.checkStates(how.array.items),
            .kill => return std.testing.expectEqual(how.integer, try case.app.kill(null)),
            .drain => return std.testing.expectEqual(how.bool, if (case.runtime.drain(0)) false else |err| if (err == error.Timeout) true else return err),
            .close => return case.runtime.close(),
        }
        try case.finish(&outcome);
        try case.check(outcome, expect.?);
    }
};

const response_fields = [_][]const u8{ "status", "headers", "body", "json", "chunks", "error" };
const app_fields = [_][]const u8{ "source", "source_kind", "env", "limits", "options", "host" };

const Verb = enum {
    fetch,
    finish,
    invoke,
    load,
    reload,
    unload,
    advance_ms,
    log,
    states,
    kill,
    drain,
    close,

    /// What a step may expect; null if there is nothing to be expected.
    fn expected(verb: Verb) ?[]const []const u8 {
        return switch (verb) {
            .fetch, .finish => &response_fields,
            .invoke => &.{ "value", "error" },
            .load, .reload, .unload => &.{"error"},
            else => null,
        };
    }
};

/// What nobody knows is not passed over.
fn only(given: Json, known: []const []const u8) !void {
    for (given.object.keys()) |key| {
        for (known) |name| {
            if (std.mem.eql(u8, name, key)) break;
        } else {
            std.debug.print("{s} is not known\n", .{key});
            return error.NotKnown;
        }
    }
}

/// A text, or [text, times].
fn textOf(arena: Allocator, given: Json) Allocator.Error![]const u8 {
    const pair = switch (given) {
        .array => |pair| pair.items,
        else => return given.string,
    };
    const all = try arena.alloc(u8, pair[0].string.len * @as(usize, @intCast(pair[1].integer)));
    for (all, 0..) |*byte, i| byte.* = pair[0].string[i % pair[0].string.len];
    return all;
}

fn checkFailure(have: ?nano.Failure, want: ?Json) !void {
    const failure = have orelse return std.testing.expectEqual(null, want);
    const wanted = want orelse {
        std.debug.print("{s}: {s}\n", .{ failure.name(), failure.message() });
        return error.TestUnexpectedResult;
    };
    try only(wanted, &.{ "name", "contains" });
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
    const Tag = enum { undefined, float, bigint, bytes, object, map, set, date_ms, @"error", repeat, typed, buffer, view, units, hole, regexp };
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
        .buffer => return .{ .buffer = try hex(arena, content.string) },
        .view => return .{ .view = try hex(arena, content.string) },
        .units => {
            const bytes = try hex(arena, content.string);
            const units = try arena.alloc(u16, bytes.len / 2);
            for (units, 0..) |*unit, i| unit.* = std.mem.nativeToLittle(u16, std.mem.readInt(u16, bytes[2 * i ..][0..2], .big));
            return .{ .text = try std.unicode.wtf16LeToWtf8Alloc(arena, units) };
        },
        // There is nothing else in Zig that is missing.
        .hole => return .undefined,
        .regexp => return .{ .regexp = .{ .source = content.array.items[0].string, .flags = content.array.items[1].string } },
        .object => return .{ .object = try propertiesOf(arena, content) },
        .map => {
            const list = try arena.alloc(Value.Entry, content.array.items.len);
            for (list, content.array.items) |*to, pair| {
                to.* = .{ .key = try valueOf(arena, pair.array.items[0]), .value = try valueOf(arena, pair.array.items[1]) };
            }
            return .{ .map = list };
        },
        .set => return .{ .set = try valuesOf(arena, content.array.items) },
        .date_ms => return .{ .date_ms = @floatFromInt(content.integer) },
        .@"error" => {
            const parts = content.array.items;
            const properties = if (parts.len > 2) try propertiesOf(arena, parts[2]) else &.{};
            return .{ .err = .{ .name = parts[0].string, .message = parts[1].string, .properties = properties } };
        },
        .repeat => return .{ .text = try textOf(arena, content) },
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

fn propertiesOf(arena: Allocator, content: Json) Allocator.Error![]Value.Property {
    const list = try arena.alloc(Value.Property, content.array.items.len);
    for (list, content.array.items) |*to, pair| {
        to.* = .{ .name = pair.array.items[0].string, .value = try valueOf(arena, pair.array.items[1]) };
    }
    return list;
}

fn hex(arena: Allocator, digits: []const u8) Allocator.Error![]u8 {
    const bytes = try arena.alloc(u8, digits.len / 2);
    return std.fmt.hexToBytes(bytes, digits) catch unreachable;
}

/// The options of an app, or of a version of it, which says otherwise what code and env are.
fn optionsOf(arena: Allocator, version: Json, json: Json) !nano.AppOptions {
    const fields = json.object;
    var options: nano.AppOptions = .{ .name = "case", .source = version.object.get("source").?.string };
    if (version.object.get("source_kind") orelse fields.get("source_kind")) |kind| {
        options.kind = std.meta.stringToEnum(nano.SourceKind, kind.string) orelse return error.NoSuchKind;
    }
    var env: std.ArrayList(nano.Variable) = .empty;
    if (version.object.get("env") orelse fields.get("env")) |variables| for (variables.object.keys(), variables.object.values()) |name, value| {
        try env.append(arena, .{ .name = name, .value = value.string });
    };
    options.env = env.items;
    var bindings: std.ArrayList(nano.Binding) = .empty;
    if (fields.get("host")) |names| for (names.array.items) |name| {
        const Host = enum { echo, add, fail, mirror, Counter };
        try bindings.append(arena, .{ .name = name.string, .kind = switch (std.meta.stringToEnum(Host, name.string) orelse return error.NotOfTheHost) {
            .echo, .add, .fail => .function,
            .mirror => .object,
            .Counter => .{ .class = .{ .methods = &.{ "add", "fail", "itself" }, .properties = &.{"value"} } },
        } });
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
        switch (std.meta.stringToEnum(Option, wanted) orelse return error.NoSuchOption) {
            .outbound => options.outbound = value.string,
            .base_url => options.base_url = value.string,
            .egress => options.egress = std.meta.stringToEnum(@TypeOf(options.egress), value.string).?,
            .code_generation => options.code_generation = value.bool,
            .random_seed => options.random_seed = @intCast(value.integer),
        }
    };
    return options;
}

fn replay(arena: Allocator, json: Json) !void {
    const fields = json.object;
    try only(json, &(.{ "name", "runtime", "load_error", "steps" } ++ app_fields));
    var limits: nano.RuntimeOptions = .{ .threads = 1, .manual_clock = true, .logs = true, .changes = true };
    if (fields.get("runtime")) |given| {
        try only(given, &.{ "apps", "requests" });
        if (given.object.get("apps")) |apps| limits.apps = @intCast(apps.integer);
        if (given.object.get("requests")) |requests| limits.requests = @intCast(requests.integer);
    }
    var runtime = try nano.Runtime.init(limits, null);
    defer runtime.deinit();
    var failure: nano.Failure = .{};
    defer failure.deinit();
    var case: Case = .{ .arena = arena, .json = json, .runtime = runtime };
    case.app = runtime.load(arena, try optionsOf(arena, json, json), &failure) catch return checkFailure(failure, fields.get("load_error"));
    defer case.app.deinit();
    defer case.pending.deinit();
    try std.testing.expectEqual(null, fields.get("load_error"));
    for (fields.get("steps").?.array.items, 0..) |what, index| {
        errdefer std.debug.print("step {d}\n", .{index});
        try case.step(what);
    }
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
        try only(corpus, &.{ "about", "cases" });
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
