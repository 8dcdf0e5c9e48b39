//! NANO: JavaScript apps inside this process, each in a V8 isolate of its own.
//!
//!     var runtime = try nano.Runtime.init(.{}, null);
//!     defer runtime.deinit();
//!     var app = try runtime.load(gpa, .{ .source = "export default { fetch: () => new Response('hello') }" }, null);
//!     defer app.deinit();
//!     var response = try app.fetch(gpa, .{ .url = "http://app.test/" }, null);
//!     defer response.deinit();
//!
//! A thin layer over nano.h, whose guarantees hold: dispatch never blocks, everything passed in is copied, events are moved about as
//! values. docs/embedding-zig.md is the manual.

const std = @import("std");

/// nano.h itself, for what is not here.
pub const c = @import("nano_h");

const errors = @import("errors.zig");
pub const Error = errors.Error;
pub const Failure = errors.Failure;
pub const Runtime = @import("runtime.zig").Runtime;
pub const App = @import("app.zig").App;
pub const Listener = @import("listener.zig").Listener;
pub const AppOptions = @import("options.zig").AppOptions;
pub const Binding = @import("options.zig").Binding;
pub const Consumer = @import("options.zig").Consumer;
pub const Certificate = @import("options.zig").Certificate;
pub const Header = @import("options.zig").Header;
pub const Limits = @import("options.zig").Limits;
pub const ListenOptions = @import("options.zig").ListenOptions;
pub const Request = @import("options.zig").Request;
pub const Route = @import("options.zig").Route;
pub const RuntimeOptions = @import("options.zig").RuntimeOptions;
pub const SourceKind = @import("options.zig").SourceKind;
pub const Variable = @import("options.zig").Variable;
pub const Response = @import("response.zig").Response;
pub const Account = @import("response.zig").Account;
pub const Event = @import("event.zig").Event;
pub const Payload = @import("event.zig").Payload;
pub const Call = @import("call.zig").Call;
pub const Value = @import("value.zig").Value;
pub const cbor = @import("cbor.zig");

/// The library's version, such as "nano/0.1.0 v8/15.2.27 abi/1".
pub fn version() []const u8 {
    return std.mem.span(c.nano_version());
}

/// Text or bytes of the library's, as a slice.
pub fn slice(bytes: c.nano_bytes) []const u8 {
    return if (bytes.len == 0) &.{} else bytes.ptr[0..bytes.len];
}

/// A slice, lent to the library for a call.
pub fn lend(bytes: []const u8) c.nano_bytes {
    return if (bytes.len == 0) .{} else .{ .ptr = bytes.ptr, .len = bytes.len };
}
