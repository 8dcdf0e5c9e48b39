#!/usr/bin/env bash
# The listener against h2spec, over TLS and in the clear: run.sh [debug|release]
set -euo pipefail
cd "$(dirname "$0")/../../.."
profile=${1:-debug}
target=${CARGO_TARGET_DIR:-target}
scripts/need.sh h2spec || { echo "skipped: h2spec"; exit 0; }
work=$(mktemp -d)
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
failed=0

ask() { # ask NAME EXPECTED_FAILURES [OPTIONS OF NANOD] -- [OPTIONS OF H2SPEC]
  local name=$1 expected=$2 options=()
  shift 2
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  # Not what the server before it has said.
  : >"$work/log"
  "$target/$profile/nanod" serve tests/net/h2/apps --listen 127.0.0.1:0 --no-admin --no-watch "${options[@]}" >>"$work/log" 2>&1 &
  server=$!
  local port=
  for _ in $(seq 300); do
    port=$(sed -n 's/.* on 127\.0\.0\.1:\([0-9]*\) in .*/\1/p' "$work/log")
    [ -z "$port" ] && kill -0 $server 2>/dev/null || break
    sleep 0.1
  done
  [ -n "$port" ] || { cat "$work/log" >&2; exit 1; }
  timeout 120 "$target/tools/h2spec" -h 127.0.0.1 -p "$port" -o 5 "$@" >"$work/said" 2>&1 || true
  kill $server
  wait $server || true
  local summary found
  summary=$(grep ' tests, ' "$work/said" || echo "h2spec did not end")
  found=$(sed -n '/^Failures/,$p' "$work/said" | sed -n 's/^ *× *[0-9]*: //p')
  if [ "$found" = "$expected" ] && [ "$summary" != "h2spec did not end" ]; then
    echo "ok - h2spec $name: $summary"
  else
    cat "$work/said" >&2
    echo "not ok - h2spec $name: $summary"
    failed=1
  fi
}

ask "over TLS" "" --tls-cert "$work/cert.pem" --tls-key "$work/key.pem" -- -t -k
# Whoever does not speak HTTP/2 where it needs no TLS may speak HTTP/1.1, and is answered in that.
ask "in the clear" "Sends invalid connection preface" --
exit $failed
