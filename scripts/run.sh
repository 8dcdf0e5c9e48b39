#!/usr/bin/env bash
# Builds nanod, installs what the example apps take from npm, and serves them: http://NAME.localhost:8787, or another PORT. PROFILE=debug builds it faster.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo cc
profile=${PROFILE:-release}
flags=()
[ "$profile" = debug ] || flags=(--release)
cargo build "${flags[@]}" --locked -p nanod
scripts/apps.sh --optional
exec "${CARGO_TARGET_DIR:-target}/$profile/nanod" serve examples/apps --listen "127.0.0.1:${PORT:-8787}" "$@"
