#!/usr/bin/env bash
# The Node binding: builds the addon, and runs its tests, the documentation's examples, and the type checker: test.sh [debug|release]
# With Bun on the PATH it is asked, too.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
profile=${1:-debug}
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "bindings/node needs Node 20 or later" >&2; exit 1; }
if ! cmp -s package-lock.json node_modules/.installed; then
  npm ci --silent --no-audit --no-fund
  cp package-lock.json node_modules/.installed
fi
cargo_profile=dev
[ "$profile" = release ] && cargo_profile=release
cargo build --quiet --locked --profile "$cargo_profile" -p nano-node
# A new file, not a changed one: a process may still have the old one mapped.
strip --strip-debug -o nano-isolates.node.new "${CARGO_TARGET_DIR:-../../target}/$profile/libnano_node.so"
mv nano-isolates.node.new nano-isolates.linux-x64-gnu.node
failed=0
node --test test/*.test.js || failed=1
node_modules/.bin/tsc -p . || failed=1
if command -v bun >/dev/null; then test/bun.sh bun || failed=1; fi
exit $failed
