#!/usr/bin/env bash
# The same tests by Bun: bun.sh BUN
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${1:-bun}" test ./test/{conformance,fetch,values,bindings,lifecycle,servers,hazards}.test.js
