#!/usr/bin/env bash
# The Web Platform Tests: wpt.sh [--update] [--show] [--optional] [FILTER...]. WPT_DIR names a checkout; without it the tests of a source package
# that Debian keeps for good are downloaded once, from the mirror apt is configured with or from NANO_DEBIAN_MIRROR.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo

package=pool/main/n/nodejs/nodejs_20.19.2+dfsg.orig.tar.xz
sum=5e5559381ad031d245a8efa403458abbb73755f74c3e6380f185a4dd342b7949
cache=${CARGO_TARGET_DIR:-target}/wpt

mirror() {
  if [ -n "${NANO_DEBIAN_MIRROR:-}" ]; then
    echo "$NANO_DEBIAN_MIRROR"
  elif command -v apt-get >/dev/null; then
    apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)|$(LABEL)' 2>/dev/null | awk -F'|' '$2 == "Debian" && $3 == "Debian" { print $1; exit }'
  fi
}

download() { # the tests, whole or not at all
  local from
  from=$(mirror)
  [ -n "$from" ] || { echo "wpt: no Debian mirror is configured (set NANO_DEBIAN_MIRROR, or WPT_DIR to a checkout)" >&2; return 1; }
  scripts/need.sh curl xz
  rm -rf "$cache/new"
  mkdir -p "$cache/new"
  curl -sSfL --retry 2 --max-time 300 -o "$cache/new/tests.tar.xz" "${from%/}/$package" || { echo "wpt: cannot download $package" >&2; return 1; }
  echo "$sum  $cache/new/tests.tar.xz" | sha256sum -c --quiet || { echo "wpt: $package is not what it was" >&2; return 1; }
  tar -xJf "$cache/new/tests.tar.xz" -C "$cache/new" --strip-components=4 --wildcards '*/test/fixtures/wpt/*'
  rm "$cache/new/tests.tar.xz"
  rm -rf "$cache/$sum"
  mv "$cache/new" "$cache/$sum"
}

optional=
arguments=()
filters=()
for argument in "$@"; do
  case $argument in
    --optional) optional=1 ;;
    --*) arguments+=("$argument") ;;
    *) filters+=("$argument") ;;
  esac
done
dir=${WPT_DIR:-$cache/$sum}
if [ -z "${WPT_DIR:-}" ] && [ ! -d "$dir" ]; then
  if ! download; then
    [ -n "$optional" ] || exit 1
    echo "wpt: skipped, the tests cannot be had"
    exit 0
  fi
fi
exec cargo run -q --locked -p nano-wpt -- ${arguments[@]+"${arguments[@]}"} "$dir" ${filters[@]+"${filters[@]}"}
