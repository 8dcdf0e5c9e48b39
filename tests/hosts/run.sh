#!/usr/bin/env bash
# The hazards that any host has: run.sh debug|release
set -euo pipefail
cd "$(dirname "$0")/../.."
profile=${1:-debug}
out=target/$profile/hosts
mkdir -p "$out"
# The loader looks for the soname.
ln -sfn "$PWD/target/$profile/libnano.so" "$out/libnano.so.0"
cc=(gcc -std=gnu11 -O1 -Wall -Wextra -Werror -Iinclude)
"${cc[@]}" tests/hosts/any.c -o "$out/any" -Ltarget/"$profile" -lnano -Wl,-rpath,"$PWD/$out" -lpthread -ldl
"${cc[@]}" tests/hosts/dlopen.c -o "$out/dlopen" -ldl
for mode in threads recursion runtimes fork ulimit signals quiet; do
  echo "# any host: $mode"
  "$out/any" "$mode" | grep -v '^ok' || [ "${PIPESTATUS[0]}" = 0 ]
done
echo "# any host: dlopen, dlclose, dlopen"
"$out/dlopen" "$PWD/target/$profile/libnano.so" | grep -v '^ok' || [ "${PIPESTATUS[0]}" = 0 ]
echo "# any host: exit while an app loops, 100 times"
for _ in $(seq 100); do [ "$("$out/any" exit)" = exits ]; done
echo "9 passed, 0 failed"
