#!/usr/bin/env bash
# Builds the library, installs what the apps take from npm, and serves examples/apps with the C example server on 127.0.0.1:8787.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc make
cargo build --release -p nano-ffi
scripts/apps.sh --optional
make -C examples/c --no-print-directory PROFILE=release
exec examples/c/build/server --port "${PORT:-8787}" examples/apps
