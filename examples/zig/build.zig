//! zig build run: a web server of std's that hosts apps. -Dnano-include= and -Dnano-lib= as in bindings/zig.
const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const include = b.option([]const u8, "nano-include", "the folder of nano.h");
    const library = b.option([]const u8, "nano-lib", "the folder of libnano.so");
    const nano = if (include != null and library != null)
        b.dependency("nano", .{ .target = target, .optimize = optimize, .@"nano-include" = include.?, .@"nano-lib" = library.? })
    else
        b.dependency("nano", .{ .target = target, .optimize = optimize });
    const server = b.addExecutable(.{ .name = "server", .root_module = b.createModule(.{
        .root_source_file = b.path("src/main.zig"),
        .target = target,
        .optimize = optimize,
        .imports = &.{.{ .name = "nano", .module = nano.module("nano") }},
    }) });
    b.installArtifact(server);
    const run = b.addRunArtifact(server);
    run.addPassthruArgs();
    b.step("run", "Run the server").dependOn(&run.step);
}
