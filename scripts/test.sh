#!/usr/bin/env bash
# Every test: Rust, C, the library's own shape, a short fuzz, a short soak.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc make readelf
cargo test --workspace --locked
cargo build --locked -p nano-ffi
scripts/abi-check.sh debug
tests/c/run.sh debug
ASAN=1 tests/c/run.sh debug
tests/hosts/run.sh debug
scripts/fuzz.sh 20
