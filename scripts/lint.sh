#!/usr/bin/env bash
# Formatting, clippy with warnings as errors, the header, the invariants a script can see, and the licences of what is linked.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc
for workspace in . fuzz models; do
  (cd "$workspace" && cargo fmt --all --check)
done
cargo clippy --workspace --all-targets --locked -- -D warnings
scripts/invariants.sh
command -v python3 >/dev/null || scripts/need.sh python
scripts/notices.py --check
scripts/header.sh --check
