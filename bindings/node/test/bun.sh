#!/usr/bin/env bash
# The same tests by Bun: bun.sh BUN
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${1:-bun}" test ./test/conformance.test.js ./test/fetch.test.js ./test/values.test.js ./test/bindings.test.js ./test/lifecycle.test.js \
  ./test/servers.test.js \
  ./test/hazards.test.js
