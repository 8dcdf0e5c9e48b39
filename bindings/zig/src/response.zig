//! Responses: status, headers, body, and what they cost.

const std = @import("std");
const nano = @import("nano.zig");
const c = nano.c;

/// What a request used.
pub const Account = c.nano_account;

/// A response. Of App.fetch it is yours to deinit; of an event it lives as long as that.
pub const Response = struct {
    raw: ?*c.nano_response,

    pub fn deinit(response: *Response) void {
        c.nano_response_free(response.raw);
        response.raw = null;
    }

    pub fn status(response: Response) u16 {
        return c.nano_response_status(response.raw);
    }

    /// The reason phrase; often empty.
    pub fn statusText(response: Response) []const u8 {
        return nano.slice(c.nano_response_status_text(response.raw));
    }

    /// The headers in their order, names in lower case.
    pub fn headers(response: Response) Headers {
        var count: usize = 0;
        const all = c.nano_response_headers(response.raw, &count);
        return .{ .all = if (count == 0) &.{} else all[0..count] };
    }

    /// The first header with this name, whatever its case.
    pub fn header(response: Response, name: []const u8) ?[]const u8 {
        var all = response.headers();
        while (all.next()) |h| if (std.ascii.eqlIgnoreCase(h.name, name)) return h.value;
        return null;
    }

    /// The whole body; empty if it follows in pieces.
    pub fn body(response: Response) []const u8 {
        return nano.slice(c.nano_response_body(response.raw));
    }

    /// What the request used so far: all of it if the response is complete.
    pub fn account(response: Response) nano.Error!Account {
        var raw: Account = .{ .size = @sizeOf(Account) };
        try @import("errors.zig").check(c.nano_response_account(response.raw, &raw));
        return raw;
    }
};

/// Headers, one after the other.
pub const Headers = struct {
    all: []const c.nano_header,
    at: usize = 0,

    pub fn next(headers: *Headers) ?nano.Header {
        if (headers.at == headers.all.len) return null;
        defer headers.at += 1;
        const h = headers.all[headers.at];
        return .{ .name = nano.slice(h.name), .value = nano.slice(h.value) };
    }
};
