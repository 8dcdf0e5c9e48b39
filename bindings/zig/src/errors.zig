//! Statuses as errors, and what the library says about them.

const std = @import("std");
const nano = @import("nano.zig");
const c = nano.c;

/// One error for each of NANO's statuses; docs/errors.md says what to do about each.
pub const Error = error{
    Timeout,
    Invalid,
    TooNew,
    NotFound,
    Busy,
    Canceled,
    CpuLimit,
    MemoryLimit,
    WallLimit,
    Exception,
    Compile,
    Overloaded,
    Capacity,
    Shutdown,
    Draining,
    Forked,
    Already,
    AddressSpace,
    Policy,
    Io,
    Panic,
    Unsupported,
    ShardLost,
    TooLarge,
    /// A status that is newer than this binding.
    Unknown,
};

/// The error of a status; none for success, and for NANO_AGAIN, which is not one.
pub fn check(status: c.nano_status) Error!void {
    return switch (status) {
        c.NANO_OK, c.NANO_AGAIN => {},
        c.NANO_TIMEOUT => error.Timeout,
        c.NANO_E_INVALID => error.Invalid,
        c.NANO_E_TOO_NEW => error.TooNew,
        c.NANO_E_NOT_FOUND => error.NotFound,
        c.NANO_E_BUSY => error.Busy,
        c.NANO_E_CANCELED => error.Canceled,
        c.NANO_E_CPU_LIMIT => error.CpuLimit,
        c.NANO_E_MEMORY_LIMIT => error.MemoryLimit,
        c.NANO_E_WALL_LIMIT => error.WallLimit,
        c.NANO_E_EXCEPTION => error.Exception,
        c.NANO_E_COMPILE => error.Compile,
        c.NANO_E_OVERLOADED => error.Overloaded,
        c.NANO_E_CAPACITY => error.Capacity,
        c.NANO_E_SHUTDOWN => error.Shutdown,
        c.NANO_E_DRAINING => error.Draining,
        c.NANO_E_FORKED => error.Forked,
        c.NANO_E_ALREADY => error.Already,
        c.NANO_E_ADDRESS_SPACE => error.AddressSpace,
        c.NANO_E_POLICY => error.Policy,
        c.NANO_E_IO => error.Io,
        c.NANO_E_PANIC => error.Panic,
        c.NANO_E_UNSUPPORTED => error.Unsupported,
        c.NANO_E_SHARD_LOST => error.ShardLost,
        c.NANO_E_TOO_LARGE => error.TooLarge,
        else => error.Unknown,
    };
}

/// What the library says about an error: sentences for your log. Functions that take a `?*Failure` fill it when they fail.
pub const Failure = struct {
    raw: ?*c.nano_error = null,

    pub fn deinit(failure: *Failure) void {
        c.nano_error_free(failure.raw);
        failure.raw = null;
    }

    /// The error that it is.
    pub fn code(failure: Failure) Error!void {
        return check(failure.status());
    }

    pub fn status(failure: Failure) c.nano_status {
        return c.nano_error_code(failure.raw);
    }

    /// The name of the status, such as "NANO_E_CPU_LIMIT".
    pub fn name(failure: Failure) []const u8 {
        return std.mem.span(c.nano_status_name(failure.status()));
    }

    /// Cause and remedy: an app's exception is quoted in it, so never for clients.
    pub fn message(failure: Failure) []const u8 {
        return nano.slice(c.nano_error_message(failure.raw));
    }

    /// The app's JavaScript stack, if it has to do with it.
    pub fn stack(failure: Failure) []const u8 {
        return nano.slice(c.nano_error_stack(failure.raw));
    }

    /// What an HTTP server answers its client with.
    pub fn httpStatus(failure: Failure) u16 {
        return c.nano_error_http_status(failure.raw);
    }

    /// Where a function of the library puts its error; what was there before is freed.
    pub fn out(failure: ?*Failure) [*c]?*c.nano_error {
        const f = failure orelse return null;
        f.deinit();
        return @ptrCast(&f.raw);
    }
};
