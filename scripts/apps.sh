#!/usr/bin/env bash
# Installs what the example apps take from npm: apps.sh [--optional]. With --optional an app that lacks its packages is named and passed over.
set -euo pipefail
cd "$(dirname "$0")/.."
optional=${1:-}
tries_max=3
flags=(--ignore-scripts --no-audit --no-fund --loglevel=error --prefer-offline)
flags+=(--fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --fetch-timeout=30000)

skip() {
  [ "$optional" = --optional ] || { echo "$*" >&2; exit 1; }
  echo "$* - not served" >&2
}

install() { # install FOLDER: exactly what its package-lock.json says; no package's script is run
  for _ in $(seq $tries_max); do
    (cd "$1" && timeout 120 npm ci "${flags[@]}") >"$log" 2>&1 && return
  done
  return 1
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
npm=yes
for lock in examples/apps/*/package-lock.json; do
  folder=$(dirname "$lock")
  # What npm ci leaves behind says from which file it was made.
  stamp=$folder/node_modules/.nano-lock
  cmp -s "$lock" "$stamp" && continue
  [ $npm = no ] || why=$(scripts/need.sh node 2>&1) || npm=no
  if [ $npm = no ]; then
    skip "$folder: its packages cannot be installed, npm is not there ($why)"
  elif install "$folder"; then
    cp "$lock" "$stamp"
  else
    skip "$folder: npm ci failed $tries_max times: $(sed -n 's/^npm error //p' "$log" | head -2 | tr '\n' ' ')"
  fi
done
