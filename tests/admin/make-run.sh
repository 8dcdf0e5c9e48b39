#!/usr/bin/env bash
# What make run starts: every example app answers, and the address of the dashboard is said, with its token where somebody sits: make-run.sh [debug|release]
set -euo pipefail
cd "$(dirname "$0")/../.."
export PROFILE=${1:-debug} PORT=0
scripts/need.sh curl node
work=$(mktemp -d)
export XDG_RUNTIME_DIR=$work
unset NANOD_TOKEN RUNTIME_DIRECTORY
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
failed=0
check() { # check WHAT COMMAND...
  if "${@:2}"; then
    echo "ok - $1"
  else
    failed=1
    echo "not ok - $1"
  fi
}

# Not as a part of the make that may have started this.
[ "$(env -u MAKEFLAGS -u MAKELEVEL make -n run)" = scripts/run.sh ] || { echo "not ok - make run is scripts/run.sh"; exit 1; }
# The usual port of the admin listener may be somebody else's.
scripts/run.sh --admin 127.0.0.1:0 >"$work/log" 2>&1 &
server=$!
for _ in $(seq 6000); do
  grep -q ' apps on ' "$work/log" && break
  kill -0 $server 2>/dev/null || { cat "$work/log"; exit 1; }
  sleep 0.05
done
port=$(sed -n 's|.* apps on 127.0.0.1:\([0-9]*\) in .*|\1|p' "$work/log")
dashboard=$(sed -n 's|.*dashboard \(http://[^ ,]*\).*|\1|p' "$work/log")

for folder in examples/apps/*/; do
  name=$(basename "$folder")
  # kv says that it needs a host of another kind.
  expected='^(2..|3..|426)$'
  [ "$name" != kv ] || expected='^501$'
  answers() { [[ $(curl -sS -m 30 -o /dev/null -w '%{http_code}' --resolve "*:$port:127.0.0.1" "http://$name.localhost:$port/") =~ $expected ]]; }
  check "$name is named" grep -q "http://$name.localhost:$port/" "$work/log"
  check "$name answers" answers
done
page() { curl -sSf -m 30 "${dashboard%%#*}" | grep -q '<title>nanod</title>'; }
told() { grep -q "$work/nanod/admin-.*token" "$work/log" && ! grep -q '#token=' "$work/log"; }
opens() { [ "$(curl -sS -m 30 -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $(cat "$work"/nanod/admin-*.token)" "${dashboard%%#*}apps")" = 200 ]; }
check "the dashboard is where it is said to be" page
check "a log has the place of the token, and not the token" told
check "the token is that" opens
kill -INT $server
wait $server || { failed=1; echo "not ok - it ends in order"; }
server=
[ $failed = 0 ] || cat "$work/log"
exit $failed
