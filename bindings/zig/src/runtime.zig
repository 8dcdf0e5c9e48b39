//! Runtimes: threads that run JavaScript, and one queue of events.

const std = @import("std");
const nano = @import("nano.zig");
const c = nano.c;
const check = @import("errors.zig").check;
const options = @import("options.zig");

/// A set of threads that run JavaScript, and their queue. Every function may be called from any thread but deinit; one thread at a time
/// polls.
///
/// A value of this type is a pointer: copies are the same runtime. One of them is for deinit, when the others are not used any more: that one is
/// error.Invalid from then on, and the others point to what has been freed.
pub const Runtime = struct {
    raw: ?*c.nano_runtime,

    /// Makes a runtime, and starts V8 if it is the process's first.
    pub fn init(wanted: nano.RuntimeOptions, failure: ?*nano.Failure) nano.Error!Runtime {
        const raw_options = wanted.describe();
        var raw: ?*c.nano_runtime = null;
        try check(c.nano_runtime_new(&raw_options, @ptrCast(&raw), nano.Failure.out(failure)));
        return .{ .raw = raw };
    }

    /// Closes it if it is not closed, and frees it. Its apps stay valid, and refuse everything.
    pub fn deinit(runtime: *Runtime) void {
        c.nano_runtime_free(runtime.raw);
        runtime.raw = null;
    }

    /// Ends every request with error.Shutdown, and waits until the threads have stopped; their last events can be polled.
    pub fn close(runtime: Runtime) nano.Error!void {
        return check(c.nano_runtime_close(runtime.raw));
    }

    /// Closes the listeners, takes no new requests, waits so long for those in flight, and ends the rest; error.Timeout if there was a rest.
    pub fn drain(runtime: Runtime, grace_ms: u32) nano.Error!void {
        return check(c.nano_runtime_drain(runtime.raw, grace_ms));
    }

    /// Moves a manual clock on.
    pub fn advance(runtime: Runtime, ms: u64) nano.Error!void {
        return check(c.nano_runtime_advance(runtime.raw, ms));
    }

    /// Loads an app, or says what is wrong with it, with file, line and column. Waits for that. The allocator is for the call only.
    pub fn load(runtime: Runtime, gpa: std.mem.Allocator, wanted: nano.AppOptions, failure: ?*nano.Failure) (nano.Error || std.mem.Allocator.Error)!nano.App {
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        const raw_options = try wanted.describe(arena.allocator());
        var raw: ?*c.nano_app = null;
        try check(c.nano_app_load(runtime.raw, &raw_options, @ptrCast(&raw), nano.Failure.out(failure)));
        return .{ .raw = raw };
    }

    /// A handle of the app with this name.
    pub fn find(runtime: Runtime, name: []const u8) nano.Error!nano.App {
        var raw: ?*c.nano_app = null;
        try check(c.nano_app_find(runtime.raw, nano.lend(name), @ptrCast(&raw)));
        return .{ .raw = raw };
    }

    /// Serves HTTP by the runtime's own threads: requests go to their apps and responses to their clients without an event. error.Io if the address
    /// cannot be had. The allocator is for the call only.
    pub fn listen(runtime: Runtime, gpa: std.mem.Allocator, wanted: nano.ListenOptions, failure: ?*nano.Failure) (nano.Error || std.mem.Allocator.Error)!nano.Listener {
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        const raw_options = try wanted.describe(arena.allocator());
        var raw: ?*c.nano_listener = null;
        try check(c.nano_listen(runtime.raw, &raw_options, @ptrCast(&raw), nano.Failure.out(failure)));
        return .{ .raw = raw };
    }

    /// A descriptor for poll and epoll: readable exactly while events wait. It stays the runtime's.
    pub fn fd(runtime: Runtime) c_int {
        return c.nano_runtime_fd(runtime.raw);
    }

    /// Takes what has come, up to the room there is, and never waits. Release what it gives, or move it away and release it there.
    /// error.Shutdown when the runtime is closed and nothing is left.
    pub fn poll(runtime: Runtime, room: []nano.Event) nano.Error![]nano.Event {
        var count: usize = 0;
        try check(c.nano_poll(runtime.raw, @ptrCast(room.ptr), room.len, &count));
        return room[0..count];
    }

    /// The same, and waits until there is something; error.Timeout when the time has passed first. Without one it waits for good.
    pub fn wait(runtime: Runtime, room: []nano.Event, timeout_ms: ?u31) nano.Error![]nano.Event {
        var count: usize = 0;
        try check(c.nano_wait(runtime.raw, @ptrCast(room.ptr), room.len, if (timeout_ms) |ms| ms else -1, &count));
        return room[0..count];
    }

    /// Appends to the body of a request that streams; gives how much was taken. If that is less than all, go on after a .writable event.
    pub fn write(runtime: Runtime, id: u64, bytes: []const u8) nano.Error!usize {
        var accepted: usize = 0;
        try check(c.nano_request_write(runtime.raw, id, nano.lend(bytes), &accepted));
        return accepted;
    }

    /// Ends the body of a request that streams.
    pub fn end(runtime: Runtime, id: u64) nano.Error!void {
        return check(c.nano_request_end(runtime.raw, id));
    }

    /// The body was cut short: the app's read of it fails with this text.
    pub fn abort(runtime: Runtime, id: u64, why: []const u8) nano.Error!void {
        return check(c.nano_request_abort(runtime.raw, id, nano.lend(why)));
    }

    /// Gives a request or an invocation up: a .failure of error.Canceled ends it.
    pub fn cancel(runtime: Runtime, id: u64) nano.Error!void {
        return check(c.nano_request_cancel(runtime.raw, id));
    }

    /// Makes room for more of a response's body: as many bytes as you have passed on of its chunks. One that has
    /// ended, while its chunks still wait, needs none. More than 32 bits say is error.Invalid.
    pub fn credit(runtime: Runtime, id: u64, bytes: usize) nano.Error!void {
        const room = std.math.cast(u32, bytes) orelse return error.Invalid;
        check(c.nano_response_credit(runtime.raw, id, room)) catch |err| if (err != error.NotFound) return err;
    }

    /// What it holds and has done.
    pub fn stats(runtime: Runtime) nano.Error!c.nano_runtime_counters {
        var counters: c.nano_runtime_counters = .{ .size = @sizeOf(c.nano_runtime_counters) };
        try check(c.nano_runtime_stats(runtime.raw, &counters));
        return counters;
    }

    /// The names of the queues of messages that there are now. The memory is the allocator's: an arena is the short way.
    pub fn queues(runtime: Runtime, arena: std.mem.Allocator) (nano.Error || std.mem.Allocator.Error)![]const []const u8 {
        var list: ?*c.nano_queues = null;
        try check(c.nano_runtime_queues(runtime.raw, @ptrCast(&list)));
        defer c.nano_queues_free(list);
        var count: usize = 0;
        const raw = c.nano_queues_names(list, &count);
        const names = try arena.alloc([]const u8, count);
        for (names, 0..) |*name, index| name.* = try arena.dupe(u8, nano.slice(raw[index]));
        return names;
    }

    /// What a queue holds and has done. It is there while it has messages, or an app that takes them; error.NotFound otherwise.
    pub fn queueStats(runtime: Runtime, name: []const u8) nano.Error!c.nano_queue_counters {
        var counters: c.nano_queue_counters = .{ .size = @sizeOf(c.nano_queue_counters) };
        try check(c.nano_queue_stats(runtime.raw, nano.lend(name), &counters));
        return counters;
    }

    /// What stats gives and more as Prometheus text, which is the caller's.
    pub fn metrics(runtime: Runtime, gpa: std.mem.Allocator) (nano.Error || std.mem.Allocator.Error)![]u8 {
        var text: ?*c.nano_text = null;
        try check(c.nano_runtime_metrics(runtime.raw, @ptrCast(&text)));
        defer c.nano_text_free(text);
        return gpa.dupe(u8, nano.slice(c.nano_text_bytes(text)));
    }
};
