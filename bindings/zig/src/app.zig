//! Apps: handles of what is loaded, and the requests they are asked.

const std = @import("std");
const nano = @import("nano.zig");
const c = nano.c;
const check = @import("errors.zig").check;
const Allocator = std.mem.Allocator;

/// A handle of a loaded app. As with Runtime a copy is the same handle: the one that deinit was called on is error.Invalid from then on, and no
/// other may be used.
pub const App = struct {
    raw: ?*c.nano_app,

    /// Frees the handle. The app goes on serving: it ends with unload, or with its runtime.
    pub fn deinit(app: *App) void {
        c.nano_app_free(app.raw);
        app.raw = null;
    }

    pub fn name(app: App) []const u8 {
        return nano.slice(c.nano_app_name(app.raw));
    }

    /// Loads a new version. The old one serves until the new one has started, and goes on if it does not start. Waits for that.
    pub fn reload(app: App, gpa: Allocator, options: nano.AppOptions, failure: ?*nano.Failure) (nano.Error || Allocator.Error)!void {
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        const raw = try options.describe(arena.allocator());
        return check(c.nano_app_reload(app.raw, &raw, nano.Failure.out(failure)));
    }

    /// Lets requests in flight end within the time of grace, ends the rest, and forgets the app.
    pub fn unload(app: App, grace_ms: u32, failure: ?*nano.Failure) nano.Error!void {
        return check(c.nano_app_unload(app.raw, grace_ms, nano.Failure.out(failure)));
    }

    /// Ends its instances now, in the middle of what they do: requests that it has end with error.Canceled, and the next one starts a
    /// fresh instance. Waits until none of them runs, and gives how many there were; error.Timeout if one could not be stopped yet.
    pub fn kill(app: App, failure: ?*nano.Failure) nano.Error!u32 {
        var instances: u32 = 0;
        try check(c.nano_app_kill(app.raw, &instances, nano.Failure.out(failure)));
        return instances;
    }

    /// What it has used.
    pub fn stats(app: App) nano.Error!c.nano_app_counters {
        var counters: c.nano_app_counters = .{ .size = @sizeOf(c.nano_app_counters) };
        try check(c.nano_app_stats(app.raw, &counters));
        return counters;
    }

    /// Hands a request over, and gives its id; never waits. Its events carry user_data, and the last of them isLast.
    pub fn dispatch(app: App, gpa: Allocator, request: nano.Request, user_data: ?*anyopaque, failure: ?*nano.Failure) (nano.Error || Allocator.Error)!u64 {
        // Few requests have more headers than fit here.
        var room: [2048]u8 = undefined;
        var first: std.heap.BufferFirstAllocator = .init(&room, gpa);
        var arena: std.heap.ArenaAllocator = .init(first.allocator());
        defer arena.deinit();
        const raw = try request.describe(arena.allocator());
        var id: u64 = 0;
        try check(c.nano_dispatch(app.raw, &raw, user_data, &id, nano.Failure.out(failure)));
        return id;
    }

    /// Asks, and waits for the whole response, which is yours to deinit. The body is none or whole.
    pub fn fetch(app: App, gpa: Allocator, request: nano.Request, failure: ?*nano.Failure) (nano.Error || Allocator.Error)!nano.Response {
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        const raw = try request.describe(arena.allocator());
        var response: ?*c.nano_response = null;
        try check(c.nano_fetch(app.raw, &raw, 0, @ptrCast(&response), nano.Failure.out(failure)));
        return .{ .raw = response };
    }

    /// Calls a function that the app exports, and waits for the result, whose memory is in the arena.
    pub fn invoke(app: App, arena: Allocator, export_name: []const u8, args: []const nano.Value, failure: ?*nano.Failure) (nano.Error || Allocator.Error)!nano.Value {
        const encoded = try nano.cbor.encode(arena, .{ .array = args });
        var event: nano.Event = .{};
        try check(c.nano_invoke_wait(app.raw, nano.lend(export_name), nano.lend(encoded), 0, &event.raw, nano.Failure.out(failure)));
        defer event.release();
        return nano.cbor.decode(arena, event.payload().result);
    }

    /// The same without waiting: a .result or a .failure follows, with the id and user_data.
    pub fn begin(app: App, export_name: []const u8, encoded_args: []const u8, user_data: ?*anyopaque, failure: ?*nano.Failure) nano.Error!u64 {
        var id: u64 = 0;
        try check(c.nano_invoke(app.raw, nano.lend(export_name), nano.lend(encoded_args), user_data, &id, nano.Failure.out(failure)));
        return id;
    }

    /// Calls the app's scheduled() for this time: a .result follows, of an object with outcome and noRetry.
    pub fn schedule(app: App, cron: []const u8, time_unix_ms: u64, user_data: ?*anyopaque, failure: ?*nano.Failure) nano.Error!u64 {
        var id: u64 = 0;
        try check(c.nano_app_schedule(app.raw, nano.lend(cron), time_unix_ms, user_data, &id, nano.Failure.out(failure)));
        return id;
    }
};
