#!/usr/bin/env bash
# The example apps do what they say, asked over HTTP through the C example server, with packages from npm: run.sh [debug|release]
set -euo pipefail
cd "$(dirname "$0")/../.."
profile=${1:-debug}
scripts/need.sh node make
scripts/apps.sh
make -C examples/c --no-print-directory -s PROFILE="$profile" build/server

# Beside the apps lie folders that are none.
apps=$(mktemp -d)
ln -s "$PWD"/examples/apps/* "$apps"
mkdir -p "$apps/node_modules/hono" "$apps/.cache" "$apps/notes" "$apps/bare"
echo '{ "main": "index.js" }' >"$apps/node_modules/package.json"
echo 'not an app' >"$apps/notes/README.md"
cp examples/apps/itty/{package.json,package-lock.json,index.js} "$apps/bare"

examples/c/build/server --port 0 --threads 2 "$apps" >"$apps/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; rm -rf "$apps"' EXIT
for _ in $(seq 600); do
  grep -q '^wasm ' "$apps/log" && break
  kill -0 $server 2>/dev/null || break
  sleep 0.05
done
NANO_PORT=$(sed -n 's|^hello .*localhost:\([0-9]*\)/ .*|\1|p' "$apps/log")
export NANO_PORT
failed=0
served=$(awk 'NR > 1 && $2 ~ /^http:/ { sub(":$", "", $3); print $1 ":" $3 }' "$apps/log" | tr '\n' ' ')
expected="api:ready bare:skipped $(cd examples/apps && printf '%s\n' */ | sed -n '/^api/d; s|/$|:ready|p' | tr '\n' ' ')"
if [ "$served" != "$expected" ]; then
  failed=1
  printf 'not ok - every app is served and nothing else\n    expected %s\n    got      %s\n' "$expected" "$served"
fi
node --test --test-reporter=spec tests/apps/*.test.mjs || failed=1
# A stream whose client has gone is canceled at once, not when its time is up.
if grep 'NANO_E_' "$apps/log"; then
  failed=1
  echo "not ok - nothing ran into a limit"
fi
[ $failed = 0 ] || { echo "the server's log:"; cat "$apps/log"; }
kill -INT $server
wait $server || failed=1
exit $failed
