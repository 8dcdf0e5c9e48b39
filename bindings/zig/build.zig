//! The module `nano` over libnano, and its tests.
//!
//! By default header and library are where pkg-config says; -Dnano-include= and -Dnano-lib= name their folders instead.
const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const include = b.option([]const u8, "nano-include", "the folder of nano.h");
    const library = b.option([]const u8, "nano-lib", "the folder of libnano.so");

    // nano.h as Zig reads it: nothing of it is written twice.
    const header = b.addTranslateC(.{
        .root_source_file = b.path("src/nano_h.h"),
        .target = target,
        .optimize = optimize,
    });
    if (include) |folder| header.addIncludePath(.{ .cwd_relative = folder }) else header.linkSystemLibrary("nano", .{});

    const module = b.addModule("nano", .{
        .root_source_file = b.path("src/nano.zig"),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
        .imports = &.{.{ .name = "nano_h", .module = header.createModule() }},
    });
    if (library) |folder| {
        module.addLibraryPath(.{ .cwd_relative = folder });
        module.addRPath(.{ .cwd_relative = folder });
    }
    module.linkSystemLibrary("nano", .{ .use_pkg_config = if (library == null) .yes else .no });

    const step = b.step("test", "Run the tests");
    const files = [_]?std.Build.LazyPath{
        b.path("test/behaviour.zig"),
        b.path("test/listen.zig"),
        b.path("test/values.zig"),
        b.path("test/conformance.zig"),
        if (b.option([]const u8, "manual", "the blocks of the manual, as tests")) |file| .{ .cwd_relative = file } else null,
    };
    for (files) |file| {
        const tests = b.addTest(.{ .root_module = b.createModule(.{
            .root_source_file = file orelse continue,
            .target = target,
            .optimize = optimize,
            .imports = &.{.{ .name = "nano", .module = module }},
        }) });
        const run = b.addRunArtifact(tests);
        run.setCwd(b.path("."));
        // What they test is built elsewhere.
        run.has_side_effects = true;
        step.dependOn(&run.step);
    }
}
