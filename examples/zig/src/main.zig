//! A web server of std's that hosts apps, each at http://<name>.localhost:<port>/: server [PORT], where 0 is any port that is free.
//!
//! Each connection has a thread of its own here, which waits for the app; NANO runs the apps on its own. Bodies go in one piece.
const std = @import("std");
const nano = @import("nano");
const Io = std.Io;
const Allocator = std.mem.Allocator;

const body_bytes_max = 1 << 20;

const apps = [_]nano.AppOptions{
    .{
        .name = "hello",
        .source = "export default { fetch: (request, env) => new Response(`${env.GREETING}, ${new URL(request.url).searchParams.get('name')}\\n`) }",
        .env = &.{.{ .name = "GREETING", .value = "Hello" }},
        .egress = .deny,
        .limits = .{ .cpu_ms = 50, .heap_bytes = 32 << 20 },
    },
    .{
        .name = "shout",
        .source = "export default { fetch: async (request) => new Response((await request.text()).toUpperCase()) }",
        .egress = .deny,
    },
};

pub fn main(init: std.process.Init) !void {
    const io = init.io;
    const args = try init.minimal.args.toSlice(init.arena.allocator());
    const port: u16 = if (args.len > 1) try std.fmt.parseInt(u16, args[1], 10) else 8080;

    var failure: nano.Failure = .{};
    defer failure.deinit();
    var runtime = nano.Runtime.init(.{ .threads = 2 }, &failure) catch |err| return explain(err, failure);
    defer runtime.deinit();
    for (apps) |options| {
        var app = runtime.load(init.gpa, options, &failure) catch |err| return explain(err, failure);
        // It goes on serving; requests find it by its name.
        app.deinit();
    }

    const address: Io.net.IpAddress = try .parse("127.0.0.1", port);
    var server = try address.listen(io, .{ .reuse_address = true });
    defer server.deinit(io);
    std.debug.print("listening on http://127.0.0.1:{d}\n", .{server.socket.address.getPort()});
    var connections: Io.Group = .init;
    defer connections.cancel(io);
    while (true) {
        const stream = try server.accept(io);
        connections.concurrent(io, serve, .{ io, init.gpa, runtime, stream }) catch stream.close(io);
    }
}

fn explain(err: anyerror, failure: nano.Failure) anyerror {
    std.log.err("{s}\n{s}", .{ failure.message(), failure.stack() });
    return err;
}

/// One connection, request after request.
fn serve(io: Io, gpa: Allocator, runtime: nano.Runtime, stream: Io.net.Stream) Io.Cancelable!void {
    defer stream.close(io);
    var in: [16 << 10]u8 = undefined;
    var out: [4 << 10]u8 = undefined;
    var reader = stream.reader(io, &in);
    var writer = stream.writer(io, &out);
    var http: std.http.Server = .init(&reader.interface, &writer.interface);
    while (true) {
        var request = http.receiveHead() catch return;
        answer(gpa, runtime, &request) catch return;
        if (!request.head.keep_alive) return;
    }
}

fn answer(gpa: Allocator, runtime: nano.Runtime, request: *std.http.Server.Request) !void {
    var arena_state: std.heap.ArenaAllocator = .init(gpa);
    defer arena_state.deinit();
    const arena = arena_state.allocator();

    // Reading the body ends the life of the head's texts.
    var headers: std.ArrayList(nano.Header) = .empty;
    var host: []const u8 = "";
    var all = request.iterateHeaders();
    while (all.next()) |header| {
        const copy: nano.Header = .{ .name = try arena.dupe(u8, header.name), .value = try arena.dupe(u8, header.value) };
        if (std.ascii.eqlIgnoreCase(copy.name, "host")) host = copy.value;
        try headers.append(arena, copy);
    }
    const url = try std.fmt.allocPrint(arena, "http://{s}{s}", .{ host, request.head.target });
    const method = @tagName(request.head.method);
    var buffer: [4 << 10]u8 = undefined;
    const body = try (try request.readerExpectContinue(&buffer)).allocRemaining(arena, .limited(body_bytes_max));

    const name = host[0 .. std.mem.indexOfScalar(u8, host, '.') orelse 0];
    var app = runtime.find(name) catch return request.respond("no such app\n", .{ .status = .not_found });
    defer app.deinit();
    var failure: nano.Failure = .{};
    defer failure.deinit();
    var response = app.fetch(gpa, .{
        .method = method,
        .url = url,
        .headers = headers.items,
        .body = if (body.len > 0) .{ .whole = body } else .none,
    }, &failure) catch {
        // For the log; a client is told the status alone.
        std.log.err("{s}: {s}", .{ name, failure.message() });
        return request.respond("", .{ .status = @fromBackingInt(@intCast(failure.httpStatus())) });
    };
    defer response.deinit();
    var kept: std.ArrayList(std.http.Header) = .empty;
    var given = response.headers();
    while (given.next()) |header| {
        // What belongs to the connection is the server's.
        for ([_][]const u8{ "content-length", "connection", "keep-alive", "transfer-encoding", "upgrade" }) |own| {
            if (std.mem.eql(u8, header.name, own)) break;
        } else try kept.append(arena, .{ .name = header.name, .value = header.value });
    }
    try request.respond(response.body(), .{ .status = @fromBackingInt(@intCast(response.status())), .extra_headers = kept.items });
}
