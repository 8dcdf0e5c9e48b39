#!/usr/bin/env bash
# The built-in listener against clients that mean it ill, and under load: run.sh debug|release [long] [script...]
# It needs target/PROFILE/nanod and libnano.so, and takes less than a minute; with "long" some minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
profile=${1:-debug}
shift || true
export NET_PROFILE=$profile
if [ "${1:-}" = long ]; then
  export NET_LONG=1
  shift
fi
scripts/need.sh cc node
# What cannot be installed is skipped, in a line that says so.
scripts/need.sh wrk h2load nginx 2>/dev/null || true
[ -z "${NET_LONG:-}" ] || scripts/need.sh slowhttptest 2>/dev/null || true

target=${CARGO_TARGET_DIR:-target}
out=$target/net/$profile
mkdir -p "$out"
# The loader looks for the soname.
ln -sf "$(realpath "$target/$profile/libnano.so")" "$out/libnano.so"
ln -sf libnano.so "$out/libnano.so.0"
gcc -std=c11 -O1 -Wall -Wextra -Werror -Iinclude tests/net/host.c -o "$out/host" -L"$out" -lnano -lpthread -Wl,-rpath,"$(realpath "$out")"

export PYTHONDONTWRITEBYTECODE=1
scripts=("$@")
if [ ${#scripts[@]} = 0 ]; then
  scripts=(smuggling chaos anything slow healthy ten_thousand reload)
fi
failed=0
for script in "${scripts[@]}"; do
  python3 "tests/net/$script.py" || failed=1
done
exit $failed
