//! NANO's own HTTP server, as its clients see it.
const std = @import("std");
const nano = @import("nano");
const gpa = std.testing.allocator;
const io = std.testing.io;
const expect = std.testing.expect;
const expectEqual = std.testing.expectEqual;
const expectError = std.testing.expectError;
const expectEqualStrings = std.testing.expectEqualStrings;

const hello = "export default { fetch: () => new Response('hello') }";

/// A client's connection.
const Client = struct {
    stream: std.Io.net.Stream,
    in: [4096]u8 = undefined,

    fn connect(address: []const u8) !Client {
        const port = std.mem.lastIndexOfScalar(u8, address, ':').?;
        const to: std.Io.net.IpAddress = try .parse(address[0..port], try std.fmt.parseInt(u16, address[port + 1 ..], 10));
        return .{ .stream = try to.connect(io, .{ .mode = .stream }) };
    }

    fn close(client: Client) void {
        client.stream.close(io);
    }

    fn send(client: Client, bytes: []const u8) !void {
        var writer = client.stream.writer(io, &.{});
        try writer.interface.writeAll(bytes);
    }

    /// Reads until what has come ends with this.
    fn expectEnd(client: *Client, end: []const u8) !void {
        var reader = client.stream.reader(io, &.{});
        var len: usize = 0;
        while (!std.mem.endsWith(u8, client.in[0..len], end)) {
            const got = try reader.interface.readSliceShort(client.in[len..][0..1]);
            if (got == 0) {
                std.debug.print("it ends with: {s}\n", .{client.in[0..len]});
                return error.TestUnexpectedResult;
            }
            len += got;
        }
    }

    /// Reads to the end of the connection.
    fn rest(client: *Client) ![]const u8 {
        var reader = client.stream.reader(io, &.{});
        return client.in[0..try reader.interface.readSliceShort(&client.in)];
    }
};

/// Asks once.
fn expectAnswer(listener: nano.Listener, request: []const u8, status: []const u8, has: []const u8) !void {
    var client: Client = try .connect(listener.address());
    defer client.close();
    try client.send(request);
    const answer = try client.rest();
    if (std.mem.startsWith(u8, answer, status) and std.mem.indexOf(u8, answer, has) != null) return;
    std.debug.print("expected {s} and {s}, got: {s}\n", .{ status, has, answer });
    return error.TestUnexpectedResult;
}

fn get(comptime host: []const u8, comptime path: []const u8) []const u8 {
    return "GET " ++ path ++ " HTTP/1.1\r\nHost: " ++ host ++ "\r\nConnection: close\r\n\r\n";
}

fn load(runtime: nano.Runtime, name: []const u8) !nano.App {
    return runtime.load(gpa, .{
        .name = name,
        .source = "export default { fetch: (request, env) => new Response(env.NAME + ' ' + request.url) }",
        .env = &.{.{ .name = "NAME", .value = name }},
    }, null);
}

/// What an app asks of the host next.
fn nextCall(runtime: nano.Runtime) !nano.Call {
    while (true) {
        var room: [1]nano.Event = undefined;
        for (try runtime.wait(&room, null)) |*event| {
            defer event.release();
            switch (event.payload()) {
                .call => |id| return .look(runtime, id),
                else => {},
            }
        }
    }
}

/// Waits until somebody else has got on.
fn expectConnections(listener: nano.Listener, count: u64) !void {
    while (listener.connections() != count) try std.Thread.yield();
}

test "requests go to the app of their host and path" {
    var runtime = try nano.Runtime.init(.{ .threads = 2 }, null);
    defer runtime.deinit();
    var one = try load(runtime, "one");
    var two = try load(runtime, "two");
    var others = try load(runtime, "others");
    var listener = try runtime.listen(gpa, .{ .address = "127.0.0.1:0", .routes = &.{
        .{ .host = "one.test", .app = one },
        .{ .host = "one.test", .path = "/two", .app = two },
        .{ .path = "/others", .app = others },
    } }, null);
    defer listener.deinit();
    // The handles may go.
    for ([_]*nano.App{ &one, &two, &others }) |app| app.deinit();
    try expect(std.mem.startsWith(u8, listener.address(), "127.0.0.1:") and !std.mem.endsWith(u8, listener.address(), ":0"));
    const ok = "HTTP/1.1 200 OK\r\n";
    try expectAnswer(listener, get("one.test", "/"), ok, "\r\n\r\none http://one.test/");
    try expectAnswer(listener, get("one.test", "/twofold"), ok, "\r\n\r\none http://one.test/twofold");
    try expectAnswer(listener, get("ONE.test", "/two/x?a"), ok, "\r\n\r\ntwo http://");
    try expectAnswer(listener, get("else.test", "/others"), ok, "\r\n\r\nothers http://else.test/others");
    try expectAnswer(listener, get("else.test", "/"), "HTTP/1.1 404 Not Found\r\n", "\"code\":\"NO_APP\"");
    try expectConnections(listener, 0);
}

fn file(name: []const u8) ![]u8 {
    var folder = try std.Io.Dir.cwd().openDir(io, "../../tests/tls", .{});
    defer folder.close(io);
    return folder.readFileAlloc(io, name, gpa, .limited(1 << 16));
}

/// A handshake of TLS with who says to be this host, as the authority for tests knows it.
fn shakeHands(address: []const u8, host: []const u8) !void {
    const now = std.Io.Timestamp.now(io, .real);
    var lock: std.Io.RwLock = .init;
    var bundle: std.crypto.Certificate.Bundle = .empty;
    defer bundle.deinit(gpa);
    try bundle.addCertsFromFilePath(gpa, io, now, std.Io.Dir.cwd(), "../../tests/tls/authority.pem");
    var client: Client = try .connect(address);
    defer client.close();
    var buffers: [4][std.crypto.tls.Client.min_buffer_len]u8 = undefined;
    var reader = client.stream.reader(io, &buffers[0]);
    var writer = client.stream.writer(io, &buffers[1]);
    var entropy: [std.crypto.tls.Client.Options.entropy_len]u8 = undefined;
    io.random(&entropy);
    _ = try std.crypto.tls.Client.init(&reader.interface, &writer.interface, .{
        .host = .{ .explicit = host },
        .ca = .{ .bundle = .{ .gpa = gpa, .io = io, .lock = &lock, .bundle = &bundle } },
        .read_buffer = &buffers[2],
        .write_buffer = &buffers[3],
        .entropy = &entropy,
        .realtime_now = now,
    });
}

test "certificates make it speak TLS, and are replaced" {
    var files: [4][]u8 = undefined;
    for (&files, [_][]const u8{ "one.pem", "one.key", "two.pem", "two.key" }) |*to, name| to.* = try file(name);
    defer for (files) |text| gpa.free(text);
    const one: nano.Certificate = .{ .chain = files[0], .key = files[1] };
    const two: nano.Certificate = .{ .chain = files[2], .key = files[3] };
    const mixed: nano.Certificate = .{ .chain = files[0], .key = files[3] };
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try load(runtime, "app");
    defer app.deinit();
    var listener = try runtime.listen(gpa, .{ .address = "127.0.0.1:0", .routes = &.{.{ .app = app }}, .certificates = &.{one} }, null);
    defer listener.deinit();
    try shakeHands(listener.address(), "one.test");
    try expectError(error.CertificateHostMismatch, shakeHands(listener.address(), "two.test"));
    try expectAnswer(listener, get("one.test", "/"), "HTTP/1.1 400 Bad Request\r\n", "https://");
    try listener.setCertificates(gpa, &.{two}, null);
    try shakeHands(listener.address(), "two.test");
    try expectError(error.CertificateHostMismatch, shakeHands(listener.address(), "one.test"));
    // What cannot be used changes nothing.
    var failure: nano.Failure = .{};
    defer failure.deinit();
    try expectError(error.Invalid, listener.setCertificates(gpa, &.{mixed}, &failure));
    try expect(std.mem.indexOf(u8, failure.message(), "another certificate's") != null);
    try expectError(error.Invalid, listener.setCertificates(gpa, &.{}, null));
    try shakeHands(listener.address(), "two.test");
    try listener.setCertificates(gpa, &.{ one, two }, null);
    try shakeHands(listener.address(), "one.test");
    try shakeHands(listener.address(), "two.test");
    try expectError(error.Invalid, runtime.listen(gpa, .{ .address = "127.0.0.1:0", .certificates = &.{mixed} }, null));
    var plain = try runtime.listen(gpa, .{ .address = "127.0.0.1:0" }, null);
    defer plain.deinit();
    try expectError(error.Invalid, plain.setCertificates(gpa, &.{one}, null));
}

fn repeated(comptime text: []const u8, comptime count: usize) []const u8 {
    var all: []const u8 = "";
    for (0..count) |_| all = all ++ text;
    return all;
}

test "limits of a listener bite" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try load(runtime, "app");
    defer app.deinit();
    const refused = "HTTP/1.1 431 ";
    const long = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Long: " ++ comptime repeated("0123456789abcdef", 125) ++ "\r\n\r\n";
    const many = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" ++ comptime repeated("X-Many: x\r\n", 20) ++ "\r\n";
    inline for (.{
        .{ .{ .head_bytes = 1000 }, long, refused },
        .{ .{ .head_bytes = 4000 }, long, "HTTP/1.1 200 " },
        .{ .{ .headers = 20 }, many, refused },
        .{ .{ .headers = 30 }, many, "HTTP/1.1 200 " },
        .{ .{}, many, "HTTP/1.1 200 " },
    }) |try_this| {
        var options: nano.ListenOptions = .{ .address = "127.0.0.1:0", .routes = &.{.{ .app = app }} };
        inline for (comptime std.meta.fieldNames(@TypeOf(try_this[0]))) |name| @field(options, name) = @field(try_this[0], name);
        var listener = try runtime.listen(gpa, options, null);
        defer listener.deinit();
        try expectAnswer(listener, try_this[1], try_this[2], "");
    }
}

test "a client is given so much time" {
    const chain = try file("one.pem");
    defer gpa.free(chain);
    const key = try file("one.key");
    defer gpa.free(key);
    const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ";
    // What is sent, what is read of the answer before the time passes, and how the rest begins.
    inline for (.{
        .{ "head_ms", "GET / HTTP/1.1\r\nHost:", "", "HTTP/1.1 408 " },
        .{ "idle_ms", head ++ "2\r\n\r\nab", "\r\n\r\nab", "" },
        .{ "body_ms", head ++ "3\r\n\r\nab", "", "" },
        .{ "handshake_ms", "\x16", "", "" },
    }) |what| {
        const is_tls = comptime std.mem.eql(u8, what[0], "handshake_ms");
        var runtime = try nano.Runtime.init(.{ .threads = 1, .manual_clock = true }, null);
        defer runtime.deinit();
        var app = try runtime.load(gpa, .{ .source = "export default { fetch: async (request) => new Response(await request.text()) }" }, null);
        defer app.deinit();
        var options: nano.ListenOptions = .{ .address = "127.0.0.1:0", .routes = &.{.{ .app = app }} };
        @field(options, what[0]) = 4_000;
        if (is_tls) options.certificates = &.{.{ .chain = chain, .key = key }};
        var listener = try runtime.listen(gpa, options, null);
        defer listener.deinit();
        var client: Client = try .connect(listener.address());
        defer client.close();
        try client.send(what[1]);
        if (what[2].len > 0) try client.expectEnd(what[2]);
        // The thread takes them one after the other: when this is answered the other one's time has begun.
        if (is_tls) try shakeHands(listener.address(), "one.test") else try expectAnswer(listener, get("a", "/"), "HTTP/1.1 200 ", "");
        // Less than each default.
        try runtime.advance(5_000);
        const rest = try client.rest();
        try expect(std.mem.startsWith(u8, rest, what[3]));
        if (what[2].len > 0) try expectEqual(0, rest.len);
    }
}

test "connections that there may be" {
    var runtime = try nano.Runtime.init(.{ .threads = 1, .manual_clock = true }, null);
    defer runtime.deinit();
    var one = try load(runtime, "one");
    defer one.deinit();
    var single = try runtime.listen(gpa, .{ .address = "127.0.0.1:0", .connections = 1, .routes = &.{.{ .app = one }} }, null);
    defer single.deinit();
    var idle: Client = try .connect(single.address());
    defer idle.close();
    try idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    try idle.expectEnd("one http://a/");
    // Less than connections may idle by default: it makes room for the next one.
    try runtime.advance(2_000);
    try expectAnswer(single, get("a", "/"), "HTTP/1.1 200 ", "one");
    try expectEqualStrings("", try idle.rest());

    var asks = try runtime.load(gpa, .{
        .name = "asks",
        .source = "import { env } from 'cloudflare:workers'; export default { fetch: async () => new Response(await env.ask()) }",
        .bindings = &.{.{ .name = "ask", .kind = .function }},
    }, null);
    defer asks.deinit();
    var listener = try runtime.listen(gpa, .{
        .address = "127.0.0.1:0",
        .connections_of_app = 1,
        .routes = &.{ .{ .app = asks }, .{ .host = "one.test", .app = one } },
    }, null);
    defer listener.deinit();
    var first: Client = try .connect(listener.address());
    defer first.close();
    try first.send(get("a", "/"));
    var call = try nextCall(runtime);
    defer call.deinit();
    try expectAnswer(listener, get("a", "/"), "HTTP/1.1 503 ", "\"code\":\"TOO_MANY_CONNECTIONS\"");
    try expectAnswer(listener, get("one.test", "/"), "HTTP/1.1 200 ", "one");
    try call.giveBack(gpa, .{ .text = "answered" });
    try expect(std.mem.endsWith(u8, try first.rest(), "answered"));
}

test "where nobody can listen is said" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try load(runtime, "app");
    defer app.deinit();
    var ours = try runtime.listen(gpa, .{ .address = "127.0.0.1:0" }, null);
    defer ours.deinit();
    var failure: nano.Failure = .{};
    defer failure.deinit();
    try expectError(error.Io, runtime.listen(gpa, .{ .address = ours.address() }, &failure));
    try expect(std.mem.indexOf(u8, failure.message(), ours.address()) != null);
    try expectEqualStrings("NANO_E_IO", failure.name());
    try expectError(error.Invalid, runtime.listen(gpa, .{ .address = "localhost" }, &failure));
    try expect(std.mem.indexOf(u8, failure.message(), "localhost") != null);
    try expectError(error.Already, runtime.listen(gpa, .{ .address = "127.0.0.1:0", .routes = &.{ .{ .app = app }, .{ .app = app } } }, null));
    try expectError(error.Invalid, runtime.listen(gpa, .{ .address = "127.0.0.1:0", .routes = &.{.{ .app = .{ .raw = null } }} }, null));
    var elsewhere = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer elsewhere.deinit();
    try expectError(error.Invalid, elsewhere.listen(gpa, .{ .address = "127.0.0.1:0", .routes = &.{.{ .app = app }} }, &failure));
    try expect(std.mem.indexOf(u8, failure.message(), "another runtime's") != null);
    try expectError(error.OutOfMemory, runtime.listen(std.testing.failing_allocator, .{ .address = "127.0.0.1:0", .routes = &.{.{ .app = app }} }, null));
}

test "who is asking is believed of a proxy alone" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try runtime.load(gpa, .{
        .source = "export default { fetch: (request) => new Response(request.headers.get('cf-connecting-ip') + ' ' + request.url) }",
    }, null);
    defer app.deinit();
    const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\r\n";
    for ([_]bool{ false, true }, [_][]const u8{ "\r\n\r\n127.0.0.1 http://a/", "\r\n\r\n192.0.2.7 https://a/" }) |behind_proxy, want| {
        var listener = try runtime.listen(gpa, .{ .address = "127.0.0.1:0", .routes = &.{.{ .app = app }}, .behind_proxy = behind_proxy }, null);
        defer listener.deinit();
        try expectAnswer(listener, request, "HTTP/1.1 200 ", want);
    }
}

test "a WebSocket" {
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
    var listener = try runtime.listen(gpa, .{ .address = "127.0.0.1:0", .routes = &.{.{ .app = app }} }, null);
    defer listener.deinit();
    var client: Client = try .connect(listener.address());
    defer client.close();
    try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" ++
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    try client.expectEnd("\r\n\r\n");
    try expect(std.mem.startsWith(u8, &client.in, "HTTP/1.1 101 "));
    // A masked frame that says hi, and the same close frame that comes back.
    try client.send("\x81\x82\x01\x02\x03\x04ik");
    try client.expectEnd("\x88\x04\x0f\xa0hi");
    try client.send("\x88\x82\x01\x02\x03\x04\x0e\xa2");
    try expectEqualStrings("", try client.rest());
}

/// Nobody listens there.
fn expectClosed(address: []const u8) !void {
    const client = Client.connect(address) catch |err| return expectEqual(error.ConnectionRefused, err);
    client.close();
    return error.TestUnexpectedResult;
}

test "a request in flight is answered after close" {
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try runtime.load(gpa, .{
        .source = "import { env } from 'cloudflare:workers'; export default { fetch: async () => new Response(await env.ask()) }",
        .bindings = &.{.{ .name = "ask", .kind = .function }},
    }, null);
    defer app.deinit();
    var listener = try runtime.listen(gpa, .{ .address = "127.0.0.1:0", .routes = &.{.{ .app = app }} }, null);
    defer listener.deinit();
    var client: Client = try .connect(listener.address());
    defer client.close();
    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    var call = try nextCall(runtime);
    defer call.deinit();
    try listener.close();
    try listener.close();
    try expectClosed(listener.address());
    try expectEqual(1, listener.connections());
    try call.giveBack(gpa, .{ .text = "answered" });
    const answer = try client.rest();
    try expect(std.mem.startsWith(u8, answer, "HTTP/1.1 200 OK\r\n") and std.mem.endsWith(u8, answer, "answered"));
    try expectConnections(listener, 0);
    // The address is free.
    var again = try runtime.listen(gpa, .{ .address = listener.address() }, null);
    again.deinit();
    try expectClosed(listener.address());
}

test "a listener ends with its runtime" {
    for ([_]enum { drain, close, deinit }{ .drain, .close, .deinit }) |how| {
        var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
        defer runtime.deinit();
        var app = try load(runtime, "app");
        defer app.deinit();
        var listener = try runtime.listen(gpa, .{ .address = "127.0.0.1:0", .routes = &.{.{ .app = app }} }, null);
        defer listener.deinit();
        try expectAnswer(listener, get("a", "/"), "HTTP/1.1 200 ", "app");
        switch (how) {
            .drain => try runtime.drain(60_000),
            .close => try runtime.close(),
            .deinit => runtime.deinit(),
        }
        try expectError(switch (how) {
            .drain => error.Draining,
            .close => error.Shutdown,
            .deinit => error.Invalid,
        }, runtime.listen(gpa, .{ .address = "127.0.0.1:0" }, null));
        try expectClosed(listener.address());
        try expectEqual(0, listener.connections());
        try listener.close();
        listener.deinit();
        try expectError(error.Invalid, listener.close());
        try expectError(error.Invalid, listener.setCertificates(gpa, &.{}, null));
        try expectEqualStrings("", listener.address());
        try expectEqual(0, listener.connections());
    }
}

test "a listener at a path" {
    var random: [8]u8 = undefined;
    io.random(&random);
    var room: [64]u8 = undefined;
    const address = try std.fmt.bufPrint(&room, "unix:/tmp/nano-{x}", .{&random});
    const path = address["unix:".len..];
    defer std.Io.Dir.cwd().deleteFile(io, path) catch {};
    var runtime = try nano.Runtime.init(.{ .threads = 1 }, null);
    defer runtime.deinit();
    var app = try load(runtime, "app");
    defer app.deinit();
    var listener = try runtime.listen(gpa, .{ .address = address, .routes = &.{.{ .app = app }} }, null);
    defer listener.deinit();
    try expectEqualStrings(address, listener.address());
    const at: std.Io.net.UnixAddress = try .init(path);
    var client: Client = .{ .stream = try at.connect(io) };
    defer client.close();
    try client.send(get("a", "/"));
    try expect(std.mem.endsWith(u8, try client.rest(), "app http://a/"));
}
