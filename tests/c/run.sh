#!/usr/bin/env bash
# Builds the C tests against target/<profile>/libnano.so and runs them: run.sh [debug|release] [test...]
# With ASAN=1 the tests are built with AddressSanitizer. CC chooses the compiler.
set -euo pipefail
cd "$(dirname "$0")/../.."
profile=${1:-debug}
shift || true
target=${CARGO_TARGET_DIR:-target}
library=$target/$profile/libnano.so
[ -e "$library" ] || { echo "no $library: cargo build -p nano-ffi first" >&2; exit 1; }
out=$target/c-tests/$profile${ASAN:+-asan}
mkdir -p "$out"
# The loader looks for the soname.
ln -sf "$(realpath "$library")" "$out/libnano.so"
ln -sf libnano.so "$out/libnano.so.0"

flags=(-std=c11 -g -O1 -Wall -Wextra -Wpedantic -Werror -Iinclude -Iexamples/c -I"$out")
[ "$profile" = debug ] && flags+=(-DNANO_DEBUG_BUILD)
if [ -n "${ASAN:-}" ]; then
  flags+=(-fsanitize=address -fno-omit-frame-pointer)
  # V8 keeps what it allocates until the process ends, and handles no signals of ours.
  export ASAN_OPTIONS="detect_leaks=0:handle_segv=0:${ASAN_OPTIONS:-}"
fi
tests=("$@")
[ ${#tests[@]} -gt 0 ] || for file in tests/c/*.c; do tests+=("$(basename "$file" .c)"); done

failed=0
# The manual's blocks, for manual.c, which has a place for each.
rm -rf "$out/blocks"
mkdir "$out/blocks"
awk -v out="$out/blocks" '/^```c$/ { file = out "/" ++n ".c"; next } /^```/ { file = "" } file { print >file }' docs/embedding-c.md
for block in "$out"/blocks/*.c; do
  grep -q "^#include \"blocks/$(basename "$block")\"" tests/c/manual.c || { echo "not ok - tests/c/manual.c does not run block $(basename "$block" .c) of docs/embedding-c.md" >&2; failed=1; }
done
# What is true of all functions is tried with all of them.
for test in fork errors; do
  while read -r function; do
    grep -q "\b$function(" "tests/c/$test.c" || { echo "not ok - tests/c/$test.c does not call $function" >&2; failed=1; }
  done <nano-ffi/symbols.txt
done
for test in "${tests[@]}"; do
  "${CC:-gcc}" "${flags[@]}" "tests/c/$test.c" -o "$out/$test" -L"$out" -lnano -lpthread -Wl,-rpath,"$(realpath "$out")"
  if [ -n "${ASAN:-}" ] && ! nm -D "$out/$test" | grep __asan_init >/dev/null; then
    echo "not ok - $test is not built with AddressSanitizer" >&2
    exit 1
  fi
  if "$out/$test" >"$out/$test.tap" 2>&1; then
    echo "ok - $test ($(grep -c '^ok' "$out/$test.tap") checks)"
  else
    status=$?
    failed=1
    echo "not ok - $test (exit $status)"
    grep -v '^ok' "$out/$test.tap" | sed 's/^/    /' | tail -40
  fi
done
exit $failed
