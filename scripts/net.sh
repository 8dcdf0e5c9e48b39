#!/usr/bin/env bash
# The listener under attack and under load, for some minutes: net.sh [script...]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc
cargo build --release --locked -p nano-ffi -p nanod
exec tests/net/run.sh release long "$@"
