#!/usr/bin/env bash
# NANO's WebSockets against those of others, both ways: run.sh [debug|release]. What they need comes from npm and pip, pinned, into a folder
# below target.
set -euo pipefail
cd "$(dirname "$0")/../../.."
profile=${1:-debug}
here=$PWD/tests/net/websocket
cache=${CARGO_TARGET_DIR:-$PWD/target}/tools/websocket
scripts/need.sh node
mkdir -p "$cache"
if ! cmp -s "$here/package-lock.json" "$cache/package-lock.json" || [ ! -d "$cache/node_modules/ws" ]; then
  cp "$here/package.json" "$here/package-lock.json" "$cache"
  (cd "$cache" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --prefer-offline)
fi
if ! cmp -s "$here/requirements.txt" "$cache/requirements.txt"; then
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$cache"
fi

log=$(mktemp)
"${CARGO_TARGET_DIR:-target}/$profile/nanod" serve "$here/apps" --listen 127.0.0.1:0 --no-admin --no-watch >"$log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 300); do
  NANO_PORT=$(sed -n 's/.* on 127\.0\.0\.1:\([0-9]*\) in .*/\1/p' "$log")
  [ -z "$NANO_PORT" ] || break
  kill -0 $server 2>/dev/null || break
  sleep 0.1
done
if [ -z "$NANO_PORT" ]; then
  cat "$log" >&2
  exit 1
fi
export NANO_PORT
(cd "$cache" && timeout 60 node --test --test-reporter=dot "$here/node_peer.mjs") || { cat "$log" >&2; exit 1; }
timeout 60 "$cache/venv/bin/python" "$here/python_peer.py" || { cat "$log" >&2; exit 1; }
