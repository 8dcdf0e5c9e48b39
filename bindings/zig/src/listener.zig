//! Listeners: NANO's own HTTP server, for hosts that have none.

const std = @import("std");
const nano = @import("nano.zig");
const c = nano.c;
const check = @import("errors.zig").check;
const options = @import("options.zig");
const Allocator = std.mem.Allocator;

/// A listener. It is in its runtime, and closed with it; the handle is yours to deinit, before the runtime or after it. As with Runtime a copy is
/// the same handle: the one that deinit was called on is error.Invalid from then on, and no other may be used.
pub const Listener = struct {
    raw: ?*c.nano_listener,

    /// Closes it if it is not closed, and frees the handle.
    pub fn deinit(listener: *Listener) void {
        c.nano_listener_free(listener.raw);
        listener.raw = null;
    }

    /// Accepts no more connections. Those there are end with the request they are at, or one that comes within half a second. Does not
    /// wait for them; Runtime.drain does. A second close does nothing.
    pub fn close(listener: Listener) nano.Error!void {
        return check(c.nano_listener_close(listener.raw));
    }

    /// What clients connect to, with the port that port 0 has become. It lives as long as the handle.
    pub fn address(listener: Listener) []const u8 {
        return nano.slice(c.nano_listener_address(listener.raw));
    }

    /// Connections that are open.
    pub fn connections(listener: Listener) u64 {
        return c.nano_listener_connections(listener.raw);
    }

    /// Gives a listener that speaks TLS other certificates. Connections there are keep theirs. If one of them cannot be used nothing
    /// changes, and the failure says which. The allocator is for the call only.
    pub fn setCertificates(listener: Listener, gpa: Allocator, certificates: []const nano.Certificate, failure: ?*nano.Failure) (nano.Error || Allocator.Error)!void {
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        const raw = try options.certificatesOf(arena.allocator(), certificates);
        return check(c.nano_listener_set_certificates(listener.raw, raw, certificates.len, nano.Failure.out(failure)));
    }
};
