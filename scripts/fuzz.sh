#!/usr/bin/env bash
# Fuzzes what reads foreign bytes, and the C ABI's functions in any order, each for a while: fuzz.sh [SECONDS] [light]
# With "light" the last is left out, which needs a build of everything.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc c++
RUNS=${RUNS:-1000000} fuzz/run.sh cbor_decode "${1:-60}"
RUNS=${RUNS:-1000000} fuzz/run.sh multipart "${1:-60}"
RUNS=${RUNS:-1000000} fuzz/run.sh http1 "${1:-60}"
RUNS=${RUNS:-1000000} fuzz/run.sh http2 "${1:-60}"
RUNS=${RUNS:-1000000} fuzz/run.sh websocket "${1:-60}"
[ "${2:-}" != light ] || exit 0
# V8 reserves its heaps and keeps what it once had.
MEMORY_MB=3000 fuzz/run.sh abi_sequences "${1:-60}"
