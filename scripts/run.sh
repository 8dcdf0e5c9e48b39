#!/usr/bin/env bash
# Builds nanod, installs what the example apps take from npm, and serves them: http://NAME.localhost:8787, or another PORT.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc
cargo build --release --locked -p nanod
scripts/apps.sh --optional
exec target/release/nanod serve examples/apps --listen "127.0.0.1:${PORT:-8787}" "$@"
