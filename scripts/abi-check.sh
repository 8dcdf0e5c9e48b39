#!/usr/bin/env bash
# The binary interface is what it says it is: abi-check.sh [debug|release] [--update]
# With --update the lists of symbols and types are rewritten instead of compared.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=debug update=
for arg in "$@"; do
  case "$arg" in
    --update) update=1 ;;
    *) profile=$arg ;;
  esac
done
library=${CARGO_TARGET_DIR:-target}/$profile/libnano.so
[ -e "$library" ] || { echo "no $library: cargo build -p nano-ffi first" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "abi: $*" >&2; failed=1; }
# A tool that cannot be had leaves its check out, and one line says so.
have() { local why; why=$(scripts/need.sh "$1" 2>&1) || { echo "abi: SKIPPED a check: $why" >&2; return 1; }; }
scripts/need.sh cc readelf

# Exported: our functions and nothing else.
nm -D --defined-only "$library" | awk '{ print $3 }' | LC_ALL=C sort >"$work/symbols.txt"
[ -z "$update" ] || cp "$work/symbols.txt" nano-ffi/symbols.txt
diff -u nano-ffi/symbols.txt "$work/symbols.txt" || fail "exported symbols differ from nano-ffi/symbols.txt"
grep -qv '^nano_' "$work/symbols.txt" && fail "something is exported that is not nano_*"

# Undefined: nothing that a second V8 in the process could give us.
nm -D --undefined-only "$library" | grep -E '_ZN2v8|_ZN6icu|u_[a-z]+_[0-9]+|_ZN4absl|__Cr' && fail "symbols of V8's world are undefined"

readelf -d "$library" >"$work/dynamic"
grep -q STATIC_TLS "$work/dynamic" && fail "the library has static TLS: dlopen may refuse it"
grep -q 'SONAME.*\[libnano\.so\.0\]' "$work/dynamic" || fail "the soname is not libnano.so.0"
grep -q NODELETE "$work/dynamic" || fail "the library may be unloaded"
sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' "$work/dynamic" | grep -vE '^(libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|ld-linux-[a-z0-9-]+\.so\.[0-9])$' &&
  fail "other libraries are needed"

# The header compiles alone and twice, as C and as C++, without a warning.
warnings=(-Wall -Wextra -Wpedantic -Werror)
printf '#include "nano.h"\n#include "nano.h"\nint main(void) { nano_app_options o = NANO_APP_OPTIONS_INIT; return o.size == 0; }\n' >"$work/header.c"
cp "$work/header.c" "$work/header.cc"
header_is_c_and_cxx() { # header_is_c_and_cxx CC CXX
  "$1" -std=c11 "${warnings[@]}" -Iinclude -fsyntax-only "$work/header.c" || fail "nano.h is not C11 for $1"
  "$2" -std=c++17 "${warnings[@]}" -Iinclude -fsyntax-only "$work/header.cc" || fail "nano.h is not C++17 for $2"
}
have c++ && header_is_c_and_cxx gcc g++
have clang && header_is_c_and_cxx clang clang++

# Types of every function, against the committed ones: a variable of each function's type makes abidw see them.
{
  echo '#include "nano.h"'
  sed 's/.*/extern __typeof__(\&&) const abi_&; __typeof__(\&&) const abi_& = 0;/' nano-ffi/symbols.txt
} >"$work/abi.c"
gcc -std=gnu11 -g -O0 -Iinclude -fPIC -shared "$work/abi.c" -o "$work/libabi.so"
if have abigail; then
  abidw --no-corpus-path --no-comp-dir-path --no-show-locs "$work/libabi.so" --out-file "$work/nano.abi"
  [ -z "$update" ] || cp "$work/nano.abi" nano-ffi/nano.abi
  abidiff nano-ffi/nano.abi "$work/nano.abi" || fail "types differ from nano-ffi/nano.abi"
fi

if have zig; then
  zig=("${CARGO_TARGET_DIR:-target}/tools/venv/bin/python" -m ziglang)
  command -v zig >/dev/null && zig=(zig)
  "${zig[@]}" translate-c -lc include/nano.h >"$work/nano.zig" || fail "zig cannot read nano.h"
  while read -r symbol; do
    grep -q "pub extern fn $symbol(" "$work/nano.zig" || fail "zig does not see $symbol"
  done <nano-ffi/symbols.txt
fi

[ $failed = 0 ] && echo "abi: ok ($(wc -l <nano-ffi/symbols.txt) functions)"
exit $failed
