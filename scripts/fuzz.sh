#!/usr/bin/env bash
# Fuzzes for a while: fuzz.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc c++
RUNS=${RUNS:-1000000} fuzz/run.sh cbor_decode "${1:-60}"
