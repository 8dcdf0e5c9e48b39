#!/usr/bin/env bash
# The example apps do what they say, asked over HTTP through nanod and through the C example server, with packages from npm:
# run.sh [debug|release] [nanod|c]
set -euo pipefail
cd "$(dirname "$0")/../.."
profile=${1:-debug}
servers=${2:-nanod c}
scripts/need.sh node make
scripts/apps.sh

# Beside the apps lie folders that are none.
apps=$(mktemp -d)
log=$(mktemp)
ln -s "$PWD"/examples/apps/* "$apps"
mkdir -p "$apps/node_modules/hono" "$apps/.cache" "$apps/notes" "$apps/bare"
echo '{ "main": "index.js" }' >"$apps/node_modules/package.json"
echo 'not an app' >"$apps/notes/README.md"
cp examples/apps/itty/{package.json,package-lock.json,index.js} "$apps/bare"
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$apps" "$log"' EXIT

start() { # start LINE COMMAND...: until the log has such a line
  local ready=$1
  shift
  # Not what the server before it has said.
  : >"$log"
  "$@" >>"$log" 2>&1 &
  server=$!
  for _ in $(seq 1200); do
    grep -q "$ready" "$log" && return
    kill -0 $server 2>/dev/null || return
    sleep 0.05
  done
}

names=$(cd examples/apps && printf '%s\n' */ | tr -d /)
failed=0
for kind in $servers; do
  case $kind in
    nanod)
      flags=(--locked -p nanod)
      [ "$profile" = debug ] || flags+=(--release)
      cargo build --quiet "${flags[@]}"
      start ' apps on ' "target/$profile/nanod" serve "$apps" --no-admin --follow-links --threads 2 --listen 127.0.0.1:0
      NANO_PORT=$(sed -n 's|.* apps on 127.0.0.1:\([0-9]*\) in .*|\1|p' "$log")
      served=$(sed -n 's|^\([a-z]*\) *http://.*|\1|p' "$log" | sort)
      expected=$(sort <<<"$names")
      # What has no packages is told, and not served.
      grep -q '/bare: .*itty-router' "$log" || { failed=1; echo "not ok - bare is told to lack its packages"; }
      ;;
    c)
      make -C examples/c --no-print-directory -s PROFILE="$profile" build/server
      start '^wasm ' examples/c/build/server --port 0 --threads 2 "$apps"
      NANO_PORT=$(sed -n 's|^hello .*localhost:\([0-9]*\)/ .*|\1|p' "$log")
      served=$(awk 'NR > 1 && $2 ~ /^http:/ { sub(":$", "", $3); print $1 ":" $3 }' "$log")
      expected=$(sed -e '/^api$/s/$/:ready\nbare:skipped/;t' -e 's/$/:ready/' <<<"$names")
      ;;
  esac
  export NANO_PORT
  if [ "$served" != "$expected" ]; then
    failed=1
    printf 'not ok - every app is served by %s and nothing else\n    expected %s\n    got      %s\n' "$kind" "${expected//$'\n'/ }" "${served//$'\n'/ }"
  fi
  node --test --test-reporter=spec tests/apps/*.test.mjs || failed=1
  # A stream whose client has gone is canceled at once, not when its time is up.
  if grep 'NANO_E_' "$log" | grep -v '/bare: '; then
    failed=1
    echo "not ok - nothing ran into a limit"
  fi
  kill -INT $server
  wait $server || failed=1
  server=
  [ $failed = 0 ] || { echo "the log of $kind:"; cat "$log"; exit 1; }
done
exit $failed
