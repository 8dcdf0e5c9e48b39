//! Events: what happened, in 64 bytes that may be moved.

const std = @import("std");
const nano = @import("nano.zig");
const c = nano.c;

/// Something that happened. A value: move it where you like, and release it there, once.
pub const Event = extern struct {
    raw: c.nano_event = .{},

    comptime {
        std.debug.assert(@sizeOf(Event) == 64);
    }

    /// The request, invocation or call it belongs to; your number of the object for .released.
    pub fn id(event: Event) u64 {
        return event.raw.id;
    }

    /// What you gave with the request, or of .version_end with the version.
    pub fn userData(event: Event) ?*anyopaque {
        return event.raw.user_data;
    }

    /// Whether it is the last of its id.
    pub fn isLast(event: Event) bool {
        return event.raw.flags & c.NANO_FLAG_END != 0;
    }

    /// What it carries, which lives as long as the event.
    pub fn payload(event: Event) Payload {
        const as = event.raw.as;
        return switch (event.raw.type) {
            c.NANO_EVENT_RESPONSE => .{ .response = .{ .raw = as.response } },
            c.NANO_EVENT_CHUNK => .{ .chunk = nano.slice(as.chunk) },
            c.NANO_EVENT_END => .end,
            c.NANO_EVENT_ERROR => .{ .failure = .{ .raw = as.@"error" } },
            c.NANO_EVENT_WRITABLE => .writable,
            c.NANO_EVENT_RESULT => .{ .result = nano.slice(as.value) },
            c.NANO_EVENT_CALL => .{ .call = event.raw.id },
            c.NANO_EVENT_CALL_CHUNK => .{ .call_chunk = nano.slice(as.chunk) },
            c.NANO_EVENT_CALL_CANCELED => .call_canceled,
            c.NANO_EVENT_LOG => .{ .log = .{
                .app = nano.slice(as.log.*.app),
                .level = switch (as.log.*.level) {
                    c.NANO_LOG_DEBUG => .debug,
                    c.NANO_LOG_INFO => .info,
                    c.NANO_LOG_WARN => .warn,
                    else => .err,
                },
                .text = nano.slice(as.log.*.text),
                .dropped = as.log.*.dropped,
            } },
            c.NANO_EVENT_APP => .{ .change = .{
                .app = nano.slice(as.app.*.app),
                .state = nano.slice(as.app.*.state),
                .reason = nano.slice(as.app.*.reason),
            } },
            c.NANO_EVENT_RELEASE => .{ .released = .{ .app = nano.slice(as.release.*.app), .class = nano.slice(as.release.*.binding) } },
            c.NANO_EVENT_VERSION_END => .version_end,
            else => .other,
        };
    }

    /// What the request used so far; error.NotFound for events that have no such thing.
    pub fn account(event: *const Event) nano.Error!nano.Account {
        var raw: nano.Account = .{ .size = @sizeOf(nano.Account) };
        try @import("errors.zig").check(c.nano_event_account(&event.raw, &raw));
        return raw;
    }

    /// Frees what it carries. A second time does nothing.
    pub fn release(event: *Event) void {
        releaseAll(event[0..1]);
    }

    pub fn releaseAll(events: []Event) void {
        c.nano_event_release(@ptrCast(events.ptr), events.len);
    }
};

/// What an event carries.
pub const Payload = union(enum) {
    /// With isLast it has its whole body, otherwise chunks follow.
    response: nano.Response,
    /// A piece of a response's body: give its length back with Runtime.credit.
    chunk: []const u8,
    /// A response that came in pieces is complete.
    end,
    /// The request or invocation failed, perhaps in the middle of a body.
    failure: nano.Failure,
    /// There is room again in a body that was not taken whole.
    writable,
    /// What an invocation returned, in CBOR: nano.cbor.decode.
    result: []const u8,
    /// An app calls you: nano.Call.look.
    call: u64,
    /// A piece of the body of an app's call, empty at its end.
    call_chunk: []const u8,
    /// Nobody waits for the answer to this call any more.
    call_canceled,
    log: struct { app: []const u8, level: std.log.Level, text: []const u8, dropped: u64 },
    change: struct { app: []const u8, state: []const u8, reason: []const u8 },
    /// An app has given back an object of yours, once.
    released: struct { app: []const u8, class: []const u8 },
    /// The version of an app that you gave userData with has ended: it makes no more calls, and holds no object of yours.
    version_end,
    /// A type that is newer than this binding, or none: skip it.
    other,
};
