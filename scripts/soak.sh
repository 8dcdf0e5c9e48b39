#!/usr/bin/env bash
# 200,000 lives of an app: memory must stay flat. `make test` runs 20,000.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo
NANO_SOAK_CYCLES=${NANO_SOAK_CYCLES:-200000} cargo test --release --locked -p nano-core --test soak -- --nocapture
