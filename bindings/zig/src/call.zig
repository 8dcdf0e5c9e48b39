//! Host calls: what apps ask of you.

const std = @import("std");
const nano = @import("nano.zig");
const c = nano.c;
const check = @import("errors.zig").check;
const Allocator = std.mem.Allocator;

/// What an app asks. A copy: it stays valid until deinit, whatever becomes of the call. Answer once, when you like, also after deinit: a call
/// that has been answered or given up is error.NotFound.
///
/// After deinit there is nothing left to look at: kind is .unknown, args is error.Invalid, numbers are 0 and the rest is empty. That is the one
/// deinit was called on; other copies of the value point to what has been freed.
pub const Call = struct {
    runtime: nano.Runtime,
    id: u64,
    view: ?*c.nano_call_view,

    pub const Kind = enum { fetch, method, function, construct, object_method, object_get, object_set, files, unknown };

    /// Looks at the call of an event; error.NotFound if it has been answered or given up.
    pub fn look(runtime: nano.Runtime, id: u64) nano.Error!Call {
        var view: ?*c.nano_call_view = null;
        try check(c.nano_call_request(runtime.raw, id, @ptrCast(&view)));
        return .{ .runtime = runtime, .id = id, .view = view };
    }

    pub fn deinit(call: *Call) void {
        c.nano_call_view_free(call.view);
        call.view = null;
    }

    pub fn kind(call: Call) Kind {
        const view = call.view orelse return .unknown;
        return switch (view.kind) {
            c.NANO_CALL_FETCH => .fetch,
            c.NANO_CALL_METHOD => .method,
            c.NANO_CALL_FUNCTION => .function,
            c.NANO_CALL_CONSTRUCT => .construct,
            c.NANO_CALL_OBJECT_METHOD => .object_method,
            c.NANO_CALL_OBJECT_GET => .object_get,
            c.NANO_CALL_OBJECT_SET => .object_set,
            c.NANO_CALL_FILES => .files,
            else => .unknown,
        };
    }

    /// The app's name.
    pub fn app(call: Call) []const u8 {
        return nano.slice((call.view orelse return "").app);
    }

    /// The binding's name in env, or the class's.
    pub fn binding(call: Call) []const u8 {
        return nano.slice((call.view orelse return "").binding);
    }

    /// The method of a fetch, or the name of the method or property.
    pub fn method(call: Call) []const u8 {
        return nano.slice((call.view orelse return "").method);
    }

    /// Of a fetch.
    pub fn url(call: Call) []const u8 {
        return nano.slice((call.view orelse return "").url);
    }

    /// Of a fetch, if it has come whole; otherwise it comes in .call_chunk events.
    pub fn body(call: Call) []const u8 {
        return nano.slice((call.view orelse return "").body);
    }

    pub fn isStream(call: Call) bool {
        const view = call.view orelse return false;
        return view.body_kind == c.NANO_BODY_STREAM;
    }

    /// Of a fetch.
    pub fn headers(call: Call) @import("response.zig").Headers {
        const view = call.view orelse return .{ .all = &.{} };
        return .{ .all = if (view.headers_count == 0) &.{} else view.headers[0..view.headers_count] };
    }

    /// Your number of the object.
    pub fn object(call: Call) u64 {
        return (call.view orelse return 0).object;
    }

    /// What you gave with the version of the app that calls.
    pub fn userData(call: Call) ?*anyopaque {
        return (call.view orelse return null).user_data;
    }

    /// Of all but a fetch.
    pub fn args(call: Call, arena: Allocator) (nano.Error || Allocator.Error)![]const nano.Value {
        const view = call.view orelse return error.Invalid;
        const value = try nano.cbor.decode(arena, nano.slice(view.args));
        return switch (value) {
            .array => |items| items,
            else => error.Invalid,
        };
    }

    /// Answers with a value.
    pub fn giveBack(call: Call, gpa: Allocator, value: nano.Value) (nano.Error || Allocator.Error)!void {
        const encoded = try nano.cbor.encode(gpa, value);
        defer gpa.free(encoded);
        return check(c.nano_call_return(call.runtime.raw, call.id, nano.lend(encoded), null));
    }

    /// Rejects the app's promise with this message, which the app reads. What is not UTF-8 is an error, and the call is still to be answered.
    pub fn fail(call: Call, message: []const u8) nano.Error!void {
        return check(c.nano_call_fail(call.runtime.raw, call.id, nano.lend(message)));
    }

    /// The same with an error of this name; of a fetch the name stands before the message, whose error is a TypeError.
    pub fn failAs(call: Call, name: []const u8, message: []const u8) nano.Error!void {
        return check(c.nano_call_throw(call.runtime.raw, call.id, nano.lend(name), nano.lend(message)));
    }

    /// An answer to a fetch. With a null body it follows by write and end.
    pub const Answer = struct { status: u16 = 200, headers: []const nano.Header = &.{}, body: ?[]const u8 = "" };

    pub fn respond(call: Call, gpa: Allocator, answer: Answer) (nano.Error || Allocator.Error)!void {
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        var raw: c.nano_call_response = .{
            .size = @sizeOf(c.nano_call_response),
            .status = answer.status,
            .headers = try @import("options.zig").headersOf(arena.allocator(), answer.headers),
            .headers_count = answer.headers.len,
        };
        if (answer.body) |bytes| {
            const lent = nano.lend(bytes);
            raw.body_kind = if (bytes.len == 0) c.NANO_BODY_NONE else c.NANO_BODY_WHOLE;
            raw.body = .{ .ptr = lent.ptr, .len = lent.len };
        } else raw.body_kind = c.NANO_BODY_STREAM;
        return check(c.nano_call_respond(call.runtime.raw, call.id, &raw, null));
    }

    /// Appends to an answer's body; gives how much was taken. If that is less than all, go on after a .writable event of the call's id.
    pub fn write(call: Call, bytes: []const u8) nano.Error!usize {
        var accepted: usize = 0;
        try check(c.nano_call_write(call.runtime.raw, call.id, nano.lend(bytes), &accepted));
        return accepted;
    }

    /// Ends an answer's body.
    pub fn end(call: Call) nano.Error!void {
        return check(c.nano_call_end(call.runtime.raw, call.id));
    }

    /// Makes room for more of the body of the app's call. One that has ended needs none; more than 32 bits say is error.Invalid.
    pub fn credit(call: Call, bytes: usize) nano.Error!void {
        const room = std.math.cast(u32, bytes) orelse return error.Invalid;
        check(c.nano_call_credit(call.runtime.raw, call.id, room)) catch |err| if (err != error.NotFound) return err;
    }
};
