#!/usr/bin/env bash
# Formatting, clippy with warnings as errors, the header, and the invariants a script can see.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc
for workspace in . fuzz models; do
  (cd "$workspace" && cargo fmt --all --check)
done
cargo clippy --workspace --all-targets --locked -- -D warnings
scripts/invariants.sh
scripts/header.sh --check
