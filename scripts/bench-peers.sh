#!/usr/bin/env bash
# Installs what NANO is measured against into bench/peers, from npm, PyPI and Go's proxy; a peer that does not build here is left out.
set -euo pipefail
cd "$(dirname "$0")/../bench/peers"
../../scripts/need.sh node python c++ make
# Not npm ci: it refuses a lock without every other platform's binaries, which are not in every registry.
npm install --no-save --omit-lockfile-registry-resolved=true --no-fund --no-audit
{ python3 -m venv .venv && .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt; } ||
  { rm -rf .venv && echo "mini-racer is left out" >&2; }
{ command -v go >/dev/null && (cd v8go && go build -mod=readonly -o v8go .); } || echo "v8go is left out" >&2
