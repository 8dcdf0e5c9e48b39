#!/usr/bin/env bash
# The Zig binding against the library that was just built: its tests, the corpus, the manual's blocks, and the example behind a socket:
# test.sh [debug|release]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
profile=${1:-debug}
root=$(cd "$here/../.." && pwd)
"$root/scripts/need.sh" zig curl pkg-config
target=$(realpath "${CARGO_TARGET_DIR:-$root/target}")
library=$target/$profile/libnano.so
[ -e "$library" ] || { echo "no $library: cargo build -p nano-ffi first" >&2; exit 1; }
zig=("$target/tools/venv/bin/python" -m ziglang)
command -v zig >/dev/null && zig=(zig)
out=$target/zig/$profile
mkdir -p "$out"
# What make install would lay down, over the library as it was built. The loader looks for the soname.
ln -sfn "$library" "$out/libnano.so"
ln -sfn libnano.so "$out/libnano.so.0"
sed -e "s|^libdir=.*|libdir=$out|" -e "s|^includedir=.*|includedir=$root/include|" -e "s|@VERSION@|0|" "$root/nano-ffi/nano.pc.in" >"$out/nano.pc"
export PKG_CONFIG_PATH=$out LD_LIBRARY_PATH=$out
export ZIG_LOCAL_CACHE_DIR=$target/zig/cache
{
  printf 'const std = @import("std");\nconst nano = @import("nano");\nconst gpa = std.testing.allocator;\n'
  awk '/^```zig/ { inside = 1; next } /^```/ { inside = 0 } inside' "$root/docs/embedding-zig.md"
} >"$out/manual.zig"
[ "$(grep -c '^test ' "$out/manual.zig")" -ge 5 ] || { echo "the manual has lost its blocks" >&2; exit 1; }
cd "$here"
"${zig[@]}" fmt --check build.zig src test "$root/examples/zig/build.zig" "$root/examples/zig/src"
# The binding finds the library by pkg-config, the example by its folders.
"${zig[@]}" build test --summary all -Dmanual="$out/manual.zig"
cd "$root/examples/zig"
"${zig[@]}" build -Dnano-include="$root/include" -Dnano-lib="$out" --prefix "$out/example"
log=$(mktemp)
"$out/example/bin/server" 0 2>"$log" &
server=$!
trap 'kill $server 2>/dev/null || true; rm -f "$log"' EXIT
until port=$(sed -n 's|^listening on .*:\([0-9]*\)$|\1|p' "$log") && [ -n "$port" ]; do kill -0 $server && sleep 0.05; done
failed=0
same() { # same WHAT EXPECTED GOT
  if [ "$2" = "$3" ]; then echo "ok - $1"; else failed=1; printf 'not ok - %s\n    expected %s\n    got      %s\n' "$1" "$2" "$3"; fi
}
web() { curl -sS --max-time 60 --resolve "*:$port:127.0.0.1" "$@"; }
same "an app by its host" "Hello, Ada" "$(web "http://hello.localhost:$port/?name=Ada")"
same "a body arrives" "LOUD" "$(web -d loud "http://shout.localhost:$port/")"
same "no such app" 404 "$(web -o /dev/null -w '%{http_code}' "http://nobody.localhost:$port/")"
same "two requests on one connection" 200200 "$(web -o /dev/null -o /dev/null -w '%{http_code}' "http://hello.localhost:$port/1" "http://hello.localhost:$port/2")"
exit $failed
