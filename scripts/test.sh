#!/usr/bin/env bash
# Every test: Rust, the models of its threads, the Web Platform Tests, C, the library's own shape, the examples, the shells' completions, Python, Node, Go, Zig, what is
# published, the hazards of any host, the listener's clients, a short fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc c++ make curl readelf node python go zig
scripts/models.sh
cargo test --workspace --locked
scripts/wpt.sh --optional
cargo build --locked -p nano-ffi -p nanod
scripts/abi-check.sh debug
tests/c/run.sh debug
ASAN=1 tests/c/run.sh debug
tests/c/examples.sh debug
tests/completions/run.sh debug
tests/apps/run.sh debug
tests/net/h2/run.sh debug
tests/net/websocket/run.sh debug
tests/admin/run.sh debug
bindings/python/test.sh debug
bindings/node/test.sh debug
bindings/go/test.sh debug
bindings/zig/test.sh debug
tests/dist/run.sh debug
tests/hosts/run.sh debug
tests/net/run.sh debug
scripts/fuzz.sh 10 light
