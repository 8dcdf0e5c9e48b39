//! What Zig adds: error unions, events as unions, handles that are gone; over the library as it is.
const std = @import("std");
const nano = @import("nano");
const gpa = std.testing.allocator;
const expect = std.testing.expect;
const expectEqual = std.testing.expectEqual;
const expectError = std.testing.expectError;
const expectEqualStrings = std.testing.expectEqualStrings;

/// The next event of an id that is the last, with those before it shown to `see`.
fn last(runtime: nano.Runtime, id: u64, see: anytype) !nano.Event {
    while (true) {
        var room: [1]nano.Event = undefined;
        const events = try runtime.wait(&room, 60_000);
        var event = events[0];
        if (event.id() == id and event.isLast()) return event;
        try see.event(&event);
        event.release();
    }
}

const Ignore = struct {
    fn event(_: Ignore, _: *nano.Event) !void {}
};

test "a request, whole" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try runtime.load(gpa, .{
        .name = "hello",
        .source = "export default { fetch: (request, env) => new Response(env.GREETING + request.url, { status: 201, headers: { 'x-a': 'b' } }) }",
        .env = &.{.{ .name = "GREETING", .value = "Hello " }},
        .limits = .{ .cpu_ms = 50, .heap_bytes = 32 << 20 },
    }, null);
    defer app.deinit();
    try expectEqualStrings("hello", app.name());
    var response = try app.fetch(gpa, .{ .url = "http://app.test/", .headers = &.{.{ .name = "Accept", .value = "*/*" }} }, null);
    defer response.deinit();
    try expectEqual(201, response.status());
    try expectEqualStrings("b", response.header("X-A").?);
    try expectEqual(null, response.header("x-b"));
    try expectEqualStrings("Hello http://app.test/", response.body());
    try expect((try response.account()).wall_us > 0);
    var same = try runtime.find("hello");
    defer same.deinit();
    try expectError(error.NotFound, runtime.find("nobody"));
}

test "bodies in pieces, both ways" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try runtime.load(gpa, .{ .source = "export default { fetch: (request) => new Response(request.body) }" }, null);
    defer app.deinit();
    var mark: u32 = 7;
    const id = try app.dispatch(gpa, .{ .method = "POST", .url = "http://app.test/", .body = .stream }, &mark, null);
    const Relay = struct {
        runtime: nano.Runtime,
        id: u64,
        left: usize = 300_000,
        received: usize = 0,
        mark: *u32,

        fn send(relay: *@This()) !void {
            const piece: [10_000]u8 = @splat('a');
            while (relay.left > 0) {
                const want = @min(relay.left, piece.len);
                const taken = try relay.runtime.write(relay.id, piece[0..want]);
                relay.left -= taken;
                if (taken < want) return;
            }
            try relay.runtime.end(relay.id);
        }

        fn event(relay: *@This(), e: *nano.Event) !void {
            switch (e.payload()) {
                .response => |response| {
                    try expectEqual(200, response.status());
                    try expectEqual(@as(?*anyopaque, relay.mark), e.userData());
                },
                .chunk => |bytes| {
                    relay.received += bytes.len;
                    try relay.runtime.credit(relay.id, bytes.len);
                },
                .writable => try relay.send(),
                else => {},
            }
        }
    };
    var relay: Relay = .{ .runtime = runtime, .id = id, .mark = &mark };
    try relay.send();
    var end = try last(runtime, id, &relay);
    defer end.release();
    try expect(end.payload() == .end);
    try expectEqual(300_000, relay.received);
    try expectEqual(300_000, (try end.account()).bytes_out);
}

test "a WebSocket, carried by the host" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try runtime.load(gpa, .{
        .source =
        \\export default { fetch() {
        \\  const [client, server] = Object.values(new WebSocketPair());
        \\  server.accept();
        \\  server.onmessage = ({ data }) => server.close(4000, data);
        \\  return new Response(null, { status: 101, webSocket: client });
        \\} }
        ,
    }, null);
    defer app.deinit();
    const id = try app.dispatch(gpa, .{
        .url = "http://app.test/",
        .headers = &.{
            .{ .name = "Connection", .value = "Upgrade" },
            .{ .name = "Upgrade", .value = "websocket" },
            .{ .name = "Sec-WebSocket-Version", .value = "13" },
            .{ .name = "Sec-WebSocket-Key", .value = "dGhlIHNhbXBsZSBub25jZQ==" },
        },
        .body = .upgrade,
    }, null, null);
    const Client = struct {
        runtime: nano.Runtime,
        id: u64,
        received: [16]u8 = undefined,
        len: usize = 0,

        fn event(client: *@This(), e: *nano.Event) !void {
            switch (e.payload()) {
                .response => |response| {
                    try expectEqual(101, response.status());
                    try expectEqualStrings("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", response.header("sec-websocket-accept").?);
                    // A masked frame that says hi.
                    try expectEqual(8, try client.runtime.write(client.id, "\x81\x82\x01\x02\x03\x04ik"));
                },
                .chunk => |bytes| {
                    @memcpy(client.received[client.len..][0..bytes.len], bytes);
                    client.len += bytes.len;
                    try client.runtime.credit(client.id, bytes.len);
                    // The same close frame, masked.
                    _ = try client.runtime.write(client.id, "\x88\x82\x01\x02\x03\x04\x0e\xa2");
                },
                else => {},
            }
        }
    };
    var client: Client = .{ .runtime = runtime, .id = id };
    var end = try last(runtime, id, &client);
    defer end.release();
    try expect(end.payload() == .end);
    try expectEqualStrings("\x88\x04\x0f\xa0hi", client.received[0..client.len]);
}

test "functions, objects and fetch of the host" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try runtime.load(gpa, .{
        .source =
        \\import { env } from 'cloudflare:workers';
        \\export async function all() {
        \\  const file = new env.File('notes');
        \\  const text = await (await env.STORE.fetch('http://store/x', { method: 'PUT', body: 'abc' })).text();
        \\  return [await env.add(2, 3), await file.size(), text, await env.no().catch(String)];
        \\}
        ,
        .bindings = &.{
            .{ .name = "add", .kind = .function },
            .{ .name = "no", .kind = .function },
            .{ .name = "STORE", .kind = .object },
            .{ .name = "File", .kind = .{ .class = .{ .methods = &.{"size"} } } },
        },
    }, null);
    defer app.deinit();
    const Host = struct {
        runtime: nano.Runtime,
        released: u64 = 0,

        fn event(host: *@This(), e: *nano.Event) !void {
            const id = switch (e.payload()) {
                .call => |id| id,
                .released => |what| {
                    try expectEqualStrings("File", what.class);
                    host.released = e.id();
                    return;
                },
                else => return,
            };
            var arena: std.heap.ArenaAllocator = .init(gpa);
            defer arena.deinit();
            var call: nano.Call = try .look(host.runtime, id);
            defer call.deinit();
            switch (call.kind()) {
                .function => {
                    if (std.mem.eql(u8, call.binding(), "no")) return call.failAs("RangeError", "never");
                    const args = try call.args(arena.allocator());
                    try call.giveBack(gpa, .{ .int = args[0].int + args[1].int });
                },
                .construct => {
                    try expectEqualStrings("notes", (try call.args(arena.allocator()))[0].text);
                    try call.giveBack(gpa, .{ .host = .{ .class = "File", .number = 42 } });
                },
                .object_method => {
                    try expectEqual(42, call.object());
                    try expectEqualStrings("size", call.method());
                    try call.giveBack(gpa, .{ .int = 1000 });
                },
                .fetch => {
                    try expectEqualStrings("PUT http://store/x abc", try std.mem.join(arena.allocator(), " ", &.{ call.method(), call.url(), call.body() }));
                    try call.respond(gpa, .{ .body = "stored" });
                },
                else => return error.TestUnexpectedResult,
            }
        }
    };
    var host: Host = .{ .runtime = runtime };
    const id = try app.begin("all", "", null, null);
    var result = try last(runtime, id, &host);
    defer result.release();
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    const value = try nano.cbor.decode(arena.allocator(), result.payload().result);
    try std.testing.expectEqualDeep(nano.Value{ .array = &.{ .{ .int = 5 }, .{ .int = 1000 }, .{ .text = "stored" }, .{ .text = "RangeError: never" } } }, value);
    try app.unload(0, null);
    while (host.released == 0) {
        var room: [8]nano.Event = undefined;
        for (try runtime.wait(&room, 60_000)) |*e| {
            try host.event(e);
            e.release();
        }
    }
    try expectEqual(42, host.released);
}

test "versions are told apart until each has ended" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    const source = "import { env } from 'cloudflare:workers'; export const ask = () => env.ask();";
    const Version = struct { answer: i64, ended: bool = false };
    var versions = [_]Version{ .{ .answer = 1 }, .{ .answer = 2 } };
    var options: nano.AppOptions = .{ .source = source, .bindings = &.{.{ .name = "ask", .kind = .function }}, .user_data = &versions[0] };
    var app = try runtime.load(gpa, options, null);
    defer app.deinit();
    const Host = struct {
        runtime: nano.Runtime,
        asked: [2]u64 = undefined,
        count: usize = 0,

        fn event(host: *@This(), e: *nano.Event) !void {
            switch (e.payload()) {
                .call => |id| {
                    host.asked[host.count] = id;
                    host.count += 1;
                },
                .version_end => {
                    const version: *Version = @ptrCast(@alignCast(e.userData().?));
                    try expect(!version.ended);
                    version.ended = true;
                },
                else => {},
            }
        }

        fn until(host: *@This(), count: usize) !void {
            while (host.count < count) {
                var room: [1]nano.Event = undefined;
                for (try host.runtime.wait(&room, 60_000)) |*e| {
                    try host.event(e);
                    e.release();
                }
            }
        }
    };
    var host: Host = .{ .runtime = runtime };
    var ids: [2]u64 = undefined;
    for (&ids, 0..) |*id, i| {
        options.user_data = &versions[i];
        if (i > 0) try app.reload(gpa, options, null);
        id.* = try app.begin("ask", "", null, null);
        try host.until(i + 1);
    }
    for (ids, host.asked, 1..) |id, asked, number| {
        var call: nano.Call = try .look(runtime, asked);
        const version: *Version = @ptrCast(@alignCast(call.userData().?));
        try call.giveBack(gpa, .{ .int = version.answer });
        call.deinit();
        try expectEqual(null, call.userData());
        var result = try last(runtime, id, &host);
        defer result.release();
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        try expectEqual(@as(i64, @intCast(number)), (try nano.cbor.decode(arena.allocator(), result.payload().result)).int);
    }
    try app.unload(0, null);
    while (!versions[0].ended or !versions[1].ended) {
        var room: [1]nano.Event = undefined;
        for (try runtime.wait(&room, 60_000)) |*e| {
            try host.event(e);
            e.release();
        }
    }
}

test "errors say what it was" {
    var failure: nano.Failure = .{};
    defer failure.deinit();
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    try expectError(error.Compile, runtime.load(gpa, .{ .source = "export default {" }, &failure));
    try expectEqualStrings("NANO_E_COMPILE", failure.name());
    try expect(failure.message().len > 0);
    var app = try runtime.load(gpa, .{ .source = "export default { fetch() { throw new Error('no') } }; export const loop = () => { for (;;); }", .limits = .{ .cpu_ms = 20 } }, null);
    defer app.deinit();
    try expectError(error.Exception, app.fetch(gpa, .{ .url = "http://app.test/" }, &failure));
    try expect(std.mem.indexOf(u8, failure.message(), "no") != null);
    try expect(failure.stack().len > 0);
    try expectEqual(500, failure.httpStatus());
    try expectError(error.Exception, failure.code());
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    try expectError(error.CpuLimit, app.invoke(arena.allocator(), "loop", &.{}, null));
    try expectError(error.Invalid, app.fetch(gpa, .{ .url = "/relative" }, null));
    try expectError(error.Invalid, runtime.advance(1));
    try expectEqual(error.Timeout, blk: {
        // The library of a debug build begins with an event from the future.
        var room: [8]nano.Event = undefined;
        while (true) for (runtime.wait(&room, 1) catch |err| break :blk err) |*e| e.release();
    });
}

test "a request that is given up ends once" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try runtime.load(gpa, .{ .source = "export default { fetch: () => new Promise((resolve) => setTimeout(resolve, 1e8)) }" }, null);
    defer app.deinit();
    const id = try app.dispatch(gpa, .{ .url = "http://app.test/" }, null, null);
    try runtime.cancel(id);
    var end = try last(runtime, id, Ignore{});
    try expectError(error.Canceled, end.payload().failure.code());
    end.release();
    end.release();
    try expectError(error.NotFound, runtime.cancel(id));
    try expectError(error.NotFound, runtime.write(id, "x"));
}

test "what is gone is an error" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    var app = try runtime.load(gpa, .{ .source = "export default { fetch: () => new Response('x') }" }, null);
    var response = try app.fetch(gpa, .{ .url = "http://app.test/" }, null);
    response.deinit();
    try runtime.close();
    try runtime.close();
    try expectError(error.Shutdown, app.fetch(gpa, .{ .url = "http://app.test/" }, null));
    var failure: nano.Failure = .{};
    defer failure.deinit();
    try expectError(error.Shutdown, app.reload(gpa, .{ .source = "export default {}" }, &failure));
    try expectEqualStrings("NANO_E_SHUTDOWN", failure.name());
    try expectError(error.Shutdown, app.begin("f", "", null, &failure));
    try expectError(error.Shutdown, app.schedule("* * * * *", 0, null, &failure));
    try expectError(error.Shutdown, runtime.load(gpa, .{ .source = "export default {}" }, &failure));
    // What only looks gives the last there was, as nano.h does.
    try expectEqual(1, (try app.stats()).requests);
    try expectEqual(0, (try app.stats()).in_flight);
    try expectEqual(0, (try runtime.stats()).in_flight);
    try expectEqual(0, (try runtime.queues(gpa)).len);
    try expectError(error.NotFound, runtime.queueStats("jobs"));
    const metrics = try runtime.metrics(gpa);
    defer gpa.free(metrics);
    try expect(std.mem.indexOf(u8, metrics, "nano_") != null);
    try runtime.drain(0);
    try expectError(error.Shutdown, app.unload(0, &failure));
    runtime.deinit();
    runtime.deinit();
    try expectError(error.Shutdown, app.fetch(gpa, .{ .url = "http://app.test/" }, null));
    try expectError(error.Invalid, runtime.advance(1));
    try expectError(error.Invalid, runtime.find("app"));
    try expectEqual(-1, runtime.fd());
    var room: [1]nano.Event = undefined;
    try expectError(error.Invalid, runtime.poll(&room));
    app.deinit();
    app.deinit();
    try expectError(error.Invalid, app.fetch(gpa, .{ .url = "http://app.test/" }, null));
    try expectError(error.Invalid, app.unload(0, null));
    try expectEqualStrings("", app.name());
}

test "a call that is answered or let go" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try runtime.load(gpa, .{
        .source =
        \\import { env } from 'cloudflare:workers';
        \\export const post = async () => (await env.STORE.fetch('http://store/x', { method: 'PUT', headers: { 'x-a': 'b' }, body: 'abc' })).text();
        ,
        .bindings = &.{.{ .name = "STORE", .kind = .object }},
    }, null);
    defer app.deinit();
    const Host = struct {
        runtime: nano.Runtime,
        calls: u32 = 0,

        fn event(host: *@This(), e: *nano.Event) !void {
            const id = switch (e.payload()) {
                .call => |id| id,
                else => return,
            };
            host.calls += 1;
            var call: nano.Call = try .look(host.runtime, id);
            try expectEqual(.fetch, call.kind());
            var given = call.headers();
            try expect(given.next() != null);
            call.deinit();
            call.deinit();
            try expectEqual(.unknown, call.kind());
            for ([_][]const u8{ call.app(), call.binding(), call.method(), call.url(), call.body() }) |text| try expectEqualStrings("", text);
            try expectEqual(false, call.isStream());
            var none = call.headers();
            try expectEqual(null, none.next());
            try expectEqual(0, call.object());
            try expectError(error.Invalid, call.args(gpa));
            // One byte more than a credit can say, of the call and of a response.
            try expectError(error.Invalid, call.credit(1 << 32));
            try expectError(error.Invalid, host.runtime.credit(id, 1 << 32));
            try call.credit(1);
            try call.respond(gpa, .{ .body = "stored" });
            try expectError(error.NotFound, call.respond(gpa, .{ .body = "again" }));
            try expectError(error.NotFound, call.giveBack(gpa, .{ .int = 1 }));
            try expectError(error.NotFound, call.fail("again"));
            try expectError(error.NotFound, call.write("again"));
            try expectError(error.NotFound, call.end());
            try expectError(error.NotFound, nano.Call.look(host.runtime, id));
            try call.credit(1);
        }
    };
    var host: Host = .{ .runtime = runtime };
    const id = try app.begin("post", "", null, null);
    var result = try last(runtime, id, &host);
    defer result.release();
    try expectEqual(1, host.calls);
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    try expectEqualStrings("stored", (try nano.cbor.decode(arena.allocator(), result.payload().result)).text);
}

test "logs and changes are events" {
    var runtime = try nano.Runtime.init(.{ .threads = 1, .logs = true, .changes = true }, null);
    defer runtime.deinit();
    var app = try runtime.load(gpa, .{ .name = "talker", .source = "export default { fetch() { console.warn('said', 1); return new Response('x'); } }" }, null);
    defer app.deinit();
    const See = struct {
        said: bool = false,
        loaded: bool = false,

        fn event(see: *@This(), e: *nano.Event) !void {
            switch (e.payload()) {
                .log => |log| {
                    try expectEqualStrings("talker", log.app);
                    try expectEqualStrings("said 1", log.text);
                    try expectEqual(.warn, log.level);
                    see.said = true;
                },
                .change => |change| see.loaded = see.loaded or std.mem.eql(u8, change.state, "loaded"),
                else => {},
            }
        }
    };
    var see: See = .{};
    const id = try app.dispatch(gpa, .{ .url = "http://app.test/" }, null, null);
    var end = try last(runtime, id, &see);
    end.release();
    while (!see.said) {
        var room: [8]nano.Event = undefined;
        for (try runtime.wait(&room, 60_000)) |*e| {
            try see.event(e);
            e.release();
        }
    }
    try expect(see.loaded);
    const metrics = try runtime.metrics(gpa);
    defer gpa.free(metrics);
    try expect(std.mem.indexOf(u8, metrics, "nano_") != null);
}

test "what queues hold and have done, and a kill" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    try expectEqual(0, (try runtime.queues(arena.allocator())).len);
    try expectError(error.NotFound, runtime.queueStats("jobs"));
    var app = try runtime.load(gpa, .{
        .name = "maker",
        .source =
        \\import { env } from 'cloudflare:workers';
        \\let sent = 0;
        \\export const send = async () => { await env.JOBS.sendBatch([{ body: 'a' }, { body: 'b' }]); return ++sent; };
        \\export const level = () => env.LEVEL.at[1];
        ,
        .bindings = &.{ .{ .name = "JOBS", .kind = .{ .queue = "jobs" } }, .{ .name = "LEVEL", .kind = .{ .json = "{\"at\": [1, 7]}" } } },
    }, null);
    defer app.deinit();
    try expectEqual(1, (try app.invoke(arena.allocator(), "send", &.{}, null)).int);
    try expectEqual(2, (try app.invoke(arena.allocator(), "send", &.{}, null)).int);
    try expectEqual(7, (try app.invoke(arena.allocator(), "level", &.{}, null)).int);
    const names = try runtime.queues(arena.allocator());
    try expectEqual(1, names.len);
    try expectEqualStrings("jobs", names[0]);
    const counters = try runtime.queueStats("jobs");
    try expectEqual(4, counters.messages);
    try expectEqual(4, counters.sent);
    try expectEqual(0, counters.acked);
    try expectEqual(1, try app.kill(null));
    try expectEqual(0, try app.kill(null));
    try expectEqual(1, (try app.invoke(arena.allocator(), "send", &.{}, null)).int);
    try runtime.close();
    var failure: nano.Failure = .{};
    defer failure.deinit();
    try expectError(error.Shutdown, app.kill(&failure));
    try expectEqualStrings("NANO_E_SHUTDOWN", failure.name());
}
