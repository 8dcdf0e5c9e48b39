#!/usr/bin/env bash
# The admin listener as its users know it: Prometheus' own checker over the metrics and over what Grafana asks for, a browser over the dashboard, what make run
# starts: run.sh [debug|release]
# What cannot be installed is skipped, with a line that says so. The browser's pictures are in target/admin.
set -euo pipefail
cd "$(dirname "$0")/../.."
profile=${1:-debug}
target=${CARGO_TARGET_DIR:-target}
scripts/need.sh cargo node curl
flags=()
[ "$profile" = debug ] || flags=(--release)
cargo build --locked --quiet -p nanod "${flags[@]}"
NANOD=$(realpath "$target/$profile/nanod")
export NANOD
failed=0

if scripts/need.sh promtool; then
  PATH=$PATH:$(realpath -m "$target/tools")
  work=$(mktemp -d)
  tests/admin/apps.sh "$work/apps" 8
  "$NANOD" serve --listen 127.0.0.1:0 --admin "unix:$work/admin" --metrics-per-app all "$work/apps" >"$work/log" 2>&1 &
  server=$!
  trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
  for _ in $(seq 600); do
    grep -q ' apps on ' "$work/log" && break
    kill -0 $server 2>/dev/null || break
    sleep 0.05
  done
  # Whoever counts in milliseconds has asked for them; everything else is as Prometheus would have it.
  curl -sf --unix-socket "$work/admin" http://localhost/metrics >"$work/metrics"
  promtool check metrics <"$work/metrics" >"$work/lint" 2>&1 || true
  if grep -v '^nano_request_duration_ms ' "$work/lint"; then
    failed=1
    echo "not ok - promtool accepts the metrics"
  else
    echo "ok - promtool accepts the metrics"
  fi
  : >"$work/lint"
  if node tests/admin/grafana.mjs "$work/metrics" >"$work/rules.yml" && promtool check rules "$work/rules.yml" >"$work/lint" 2>&1; then
    echo "ok - promtool reads each expression of docs/grafana/nano.json, and its metrics are there"
  else
    failed=1
    echo "not ok - promtool reads each expression of docs/grafana/nano.json, and its metrics are there"
    cat "$work/lint"
  fi
  kill $server
  wait $server || true
else
  echo "skipped: promtool over the metrics and over what Grafana asks for"
fi

if scripts/need.sh chromium; then
  CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
  SHOTS=$(realpath -m "$target/admin")
  export CHROMIUM SHOTS
  node --test --test-reporter=spec --test-concurrency=1 tests/admin/dashboard.test.mjs tests/admin/figures.test.mjs || failed=1
else
  echo "skipped: the dashboard in a browser"
fi
tests/admin/make-run.sh "$profile" || failed=1
exit $failed
