#!/usr/bin/env bash
# The same tests by Bun: bun.sh BUN
set -euo pipefail
cd "$(dirname "$0")/.."
# Four are about what its node:http and its node:cluster do in their own way: when a socket needs to drain, what a timeout holds for that a server is
# given later, what becomes of a request for an upgrade behind one that is not answered yet (there it is a plain request), and whether workers that
# listen on port 0 share one.
others='a client that does not read a response that is none is cut off'
others+='|the timeout of the server holds until there is a WebSocket'
others+='|a connection whose last request has not been answered is not given away'
others+='|child processes are their own: cluster'
exec "${1:-bun}" test --timeout 60000 --test-name-pattern "^(?!.*($others))" ./test/*.test.js
