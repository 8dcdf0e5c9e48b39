#!/usr/bin/env bash
# What people install works where nothing else of NANO is, as the README says: run.sh [debug|release] [PART...]
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD profile=${1:-debug}
shift || true
parts=("$@")
[ $# -gt 0 ] || parts=(c python node go zig)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
out=$target/dist
passed=0 failed=0
same() { # same WHAT EXPECTED GOT
  if [ "$2" = "$3" ]; then
    echo "ok - $1"
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'not ok - %s\n    expected %s\n    got      %s\n' "$1" "$2" "$3"
  fi
}
# The indented block of the README that has a text in it, without its indentation.
snippet() { awk -v text="$1" '/^    |^$/ { block = block substr($0, 5) "\n"; next } { if (index(block, text)) print block; block = "" } END { if (index(block, text)) print block }' README.md; }

# The first block of a manual in its language: block LANGUAGE MANUAL
block() { awk -v fence='```'"$1" '/^```/ && inside { exit } inside; $0 == fence { inside = 1 }' "$2"; }
# Unpacks the tarball for C into a new folder, and says where its prefix is then.
prefix() {
  mkdir "$1" && tar -C "$1" -xzf "$out"/nano-*-linux-*.tar.gz
  echo "$1"/nano-*
}

# What others' licences ask to be passed on: notices WHAT FILE
notices() {
  local name
  same "the notices $1 name what it links" "V8 ICU aws-lc-sys webpki-roots Rust's" \
    "$(for name in V8 ICU aws-lc-sys webpki-roots "Rust's"; do grep -q "^$name [0-9s]" "$2" && echo "$name"; done | tr '\n' ' ' | sed 's/ $//')"
  same "the notices $1 say nothing of this machine" 0 "$(grep -c -F -e "$root" -e "${CARGO_HOME:-$HOME/.cargo}" "$2" || true)"
}

test_c() {
  command -v pkg-config >/dev/null || scripts/need.sh pkg-config
  local home
  home=$(prefix "$work/c")
  snippet '#include <nano.h>' | sed -n '/^#include <nano.h>/,/^}/p' >"$work/c/hello.c"
  (
    cd "$work/c"
    # Nothing of this repository, and nothing that is installed.
    export PKG_CONFIG_LIBDIR=$home/lib/pkgconfig
    cc hello.c $(pkg-config --cflags --libs nano) -o shared -Wl,-rpath,"$home/lib"
    cc hello.c $(pkg-config --cflags nano) "$home/lib/libnano.a" $(pkg-config --static --libs-only-l nano | sed 's/-lnano//') -o static
  )
  same "C, with the shared library" "200 Hello from http://example.com/" "$("$work/c/shared")"
  same "C, with the static library" "200 Hello from http://example.com/" "$("$work/c/static")"
  same "the static one stands alone" 0 "$(readelf -d "$work/c/static" | grep -c libnano || true)"
  same "what the tarball holds" \
    "include/nano.h lib/libnano.a lib/libnano.so lib/pkgconfig/nano.pc LICENSE-APACHE LICENSE-MIT \
share/doc/nano/LICENSE-APACHE share/doc/nano/LICENSE-MIT share/doc/nano/THIRD-PARTY-NOTICES.txt" \
    "$(cd "$home" && find . -type f -o -name libnano.so | sed 's|^\./||' | grep -v 'libnano.so\.' | LC_ALL=en_US.UTF-8 sort -f | xargs)"
  notices "of the tarball" "$home/share/doc/nano/THIRD-PARTY-NOTICES.txt"
}

# A Python of a version that the wheel is for: what is called so, or one of pyenv's, whose shims fail for a version that nobody has chosen.
python_of() { # python_of 3.10
  local python
  for python in "$(command -v "python$1")" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python"$1"; do
    if "$python" -c 'import ensurepip, sys, sysconfig, venv; sys.exit(bool(sysconfig.get_config_var("Py_GIL_DISABLED")))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  return 1
}

test_python() {
  local wheel tag needed python version tried=0
  wheel=$(echo "$out"/nano_isolates-*.whl)
  # The tag names the oldest C library with every symbol that is needed.
  tag=$(sed -n 's/.*manylinux_\([0-9]*\)_\([0-9]*\)_.*/\1.\2/p' <<<"$wheel")
  mkdir "$work/wheel" && python3 -m zipfile -e "$wheel" "$work/wheel"
  needed=$(readelf -W --version-info "$work"/wheel/nano_isolates/_nano.abi3.so | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -Vu | tail -1)
  same "the wheel's tag is at least the C library it needs, $needed" "$tag" "$(printf '%s\n' "$needed" "$tag" | sort -V | tail -1)"
  same "it is of the stable ABI" 1 "$(grep -c 'cp310-abi3' <<<"$wheel")"
  same "it has its types" yes "$([ -e "$work/wheel/nano_isolates/py.typed" ] && [ -e "$work/wheel/nano_isolates/_nano.pyi" ] && echo yes)"
  notices "of the wheel" "$(echo "$work"/wheel/nano_isolates-*.dist-info)/licenses/THIRD-PARTY-NOTICES.txt"
  snippet 'import nano_isolates' | sed '/^pip install/d' >"$work/hello.py"
  # Every Python that is here.
  for version in 10 11 12 13 14 15; do
    if ! python=$(python_of "3.$version"); then
      echo "skipped - Python 3.$version is not here"
      continue
    fi
    tried=$((tried + 1))
    "$python" -m venv "$work/venv-$version"
    "$work/venv-$version/bin/pip" install --quiet --disable-pip-version-check --no-index "$wheel"
    same "Python 3.$version, in a clean environment" "Hello from http://example.com/" "$(cd "$work" && "venv-$version/bin/python" hello.py)"
    rm -rf "$work/venv-$version"
  done
  same "some Python was here to be tried" yes "$([ $tried -gt 0 ] && echo yes)"
}

test_node() {
  local package platform
  package=$(echo "$out"/nano-isolates-[0-9]*.tgz) platform=$(echo "$out"/nano-isolates-linux-*.tgz)
  mkdir "$work/node"
  snippet "from 'nano-isolates'" | sed '/^npm install/d' >"$work/node/hello.mjs"
  (
    cd "$work/node"
    echo '{ "private": true }' >package.json
    # Both are here: nothing is asked of a registry.
    npm install --offline --silent --no-audit --no-fund "$platform" "$package"
  )
  same "Node, in a clean folder" "Hello from http://example.com/" "$(cd "$work/node" && node hello.mjs)"
  notices "of the package for Node" "$work/node/node_modules/@nano-isolates/linux-x64-gnu/THIRD-PARTY-NOTICES.txt"
  same "it has its types" yes "$([ -e "$work/node/node_modules/nano-isolates/index.d.ts" ] && echo yes)"
}

# What docs/embedding-go.md begins with, by a program of somebody who has the two tarballs and nothing else of NANO.
test_go() {
  scripts/need.sh go cc pkg-config
  local home
  home=$(prefix "$work/go")
  tar -C "$work/go" -xzf "$out"/nano-go-*.tar.gz
  mkdir "$work/go/hello"
  {
    printf 'package main\n\nimport (\n\t"fmt"\n\t"io"\n\t"log"\n\t"net/http"\n\n\t"nano-isolates/nano"\n)\n\n'
    block go docs/embedding-go.md
    printf '\nfunc main() { Example_request() }\n'
  } >"$work/go/hello/main.go"
  (
    cd "$work/go/hello"
    command -v go >/dev/null || PATH=$(echo "$target"/tools/venv/lib/python3*/site-packages/go/bin):$PATH
    # Nothing is asked of a proxy.
    export PKG_CONFIG_PATH=$home/lib/pkgconfig GOPROXY=off GOTOOLCHAIN=local GOFLAGS= GOWORK=off GOCACHE=${GOCACHE:-$target/go/cache}
    go mod init example.com/hello 2>/dev/null
    go mod edit -require=nano-isolates/nano@v0.0.0 -replace=nano-isolates/nano="$(echo ../nano-go-*)"
    go build .
  )
  same "Go, in a clean folder" "200 Hello from http://example.com/" "$(LD_LIBRARY_PATH=$home/lib "$work/go/hello/hello")"
}

# The same of docs/embedding-zig.md, whose blocks are tests.
test_zig() {
  scripts/need.sh zig cc pkg-config
  local home zig=("$target/tools/venv/bin/python" -m ziglang)
  command -v zig >/dev/null && zig=(zig)
  home=$(prefix "$work/zig")
  mkdir "$work/zig/hello"
  {
    printf 'const std = @import("std");\nconst nano = @import("nano");\nconst gpa = std.testing.allocator;\n\n'
    block zig docs/embedding-zig.md
  } >"$work/zig/hello/hello.zig"
  cat >"$work/zig/hello/build.zig" <<'EOF'
const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});
    const nano = b.dependency("nano", .{ .target = target, .optimize = optimize });
    const tests = b.addTest(.{ .root_module = b.createModule(.{ .root_source_file = b.path("hello.zig"), .target = target, .optimize = optimize }) });
    tests.root_module.addImport("nano", nano.module("nano"));
    b.step("test", "Run it").dependOn(&b.addRunArtifact(tests).step);
}
EOF
  # The upper half of a fingerprint is the sum of the name.
  cat >"$work/zig/hello/build.zig.zon" <<'EOF'
.{ .name = .hello, .version = "0.0.0", .fingerprint = 0x3610a68600000001, .minimum_zig_version = "0.17.0", .dependencies = .{}, .paths = .{""} }
EOF
  same "Zig, in a clean folder" "1 of 1" "$(
    cd "$work/zig/hello"
    export PKG_CONFIG_PATH=$home/lib/pkgconfig LD_LIBRARY_PATH=$home/lib
    "${zig[@]}" fetch --save "$(echo "$out"/nano-zig-*.tar.gz)" >&2
    "${zig[@]}" build test --summary all 2>&1 | sed -n 's|.* \([0-9]*\)/\([0-9]*\) tests passed.*|\1 of \2|p'
  )"
}

made=("${parts[@]}")
# What is not C's own links the library of its tarball.
case " ${parts[*]} " in *" c "*) ;; *" go "* | *" zig "*) made+=(c) ;; esac
scripts/dist.sh "$profile" "${made[@]}" >/dev/null
(cd "$out" && sha256sum --quiet -c SHA256SUMS)
for part in "${parts[@]}"; do "test_$part"; done
echo "$passed passed, $failed failed"
exit $((failed > 0))
