const nano=@import("nano");
test "x" { var r = try nano.Runtime.init(.{.threads=1}, null); defer r.deinit(); }
