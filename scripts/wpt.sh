#!/usr/bin/env bash
# The Web Platform Tests: wpt.sh [--update] [--show] [--optional] [FILTER...]. WPT_DIR names a checkout; without it the tests that Node's source
# package in Debian carries are downloaded once, from the mirror apt is configured with or from NANO_DEBIAN_MIRROR. What a mirror no longer has,
# Debian's archive of everything has under its hash.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/need.sh cargo

# Path on a mirror, SHA-256, SHA-1 (the archive's name for it). The second has the one file that Debian takes out of the first.
tests=(pool/main/n/nodejs/nodejs_24.21.0+dfsg+~cs24.13.4.orig.tar.xz e6e0d1a00dfc9e31ab2b074fd99979a48be17c18e8e3edc14306736069bb8f54
  770210a6fe4f7626885ddc43cb7b16f59154629f)
pako=(pool/main/n/node-pako/node-pako_2.1.0+ds-1_all.deb 20e5a8b5bb13c6a9ae3b2a3493e74403f6fea2548773b60c061995a5a2cac85a
  1fc9502c0da88d67d63d445d79bde7367400ab7e)
archive=https://snapshot.debian.org/file
cache=${CARGO_TARGET_DIR:-target}/wpt

mirror() {
  if [ -n "${NANO_DEBIAN_MIRROR:-}" ]; then
    echo "$NANO_DEBIAN_MIRROR"
  elif command -v apt-get >/dev/null; then
    apt-get indextargets --format '$(REPO_URI)|$(ORIGIN)|$(LABEL)' 2>/dev/null | awk -F'|' '$2 == "Debian" && $3 == "Debian" { print $1; exit }'
  fi
}

download() { # download PATH SHA256 SHA1 FILE
  local from
  from=$(mirror)
  if [ -z "$from" ] || ! curl -sSfL --retry 2 --max-time 300 -o "$4" "${from%/}/$1"; then
    curl -sSfL --retry 2 --max-time 600 -o "$4" "$archive/$3" ||
      { echo "wpt: neither a Debian mirror (NANO_DEBIAN_MIRROR) nor Debian's archive gives $1 (WPT_DIR can name a checkout)" >&2; return 1; }
  fi
  echo "$2  $4" | sha256sum -c --quiet || { echo "wpt: $1 is not what it was" >&2; return 1; }
}

unpack() { # the tests, whole or not at all
  scripts/need.sh curl xz readelf
  local new=$cache/new
  rm -rf "$new"
  mkdir -p "$new"
  download "${tests[@]}" "$new/tests.tar.xz" && download "${pako[@]}" "$new/pako.deb" || return 1
  tar -xJf "$new/tests.tar.xz" -C "$new" --strip-components=4 --wildcards '*/test/fixtures/wpt/*' || return 1
  mkdir -p "$new/compression/third_party/pako"
  # binutils, which readelf is of, has ar.
  ar p "$new/pako.deb" data.tar.xz | tar -xJO ./usr/share/nodejs/pako/dist/pako_inflate.min.js \
    >"$new/compression/third_party/pako/pako_inflate.min.js" || return 1
  rm "$new/tests.tar.xz" "$new/pako.deb"
  rm -rf "$dir"
  mv "$new" "$dir"
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
dir=${WPT_DIR:-$cache/${tests[1]}}
if [ -z "${WPT_DIR:-}" ] && [ ! -d "$dir" ]; then
  if ! unpack; then
    [ -n "$optional" ] || exit 1
    echo "wpt: skipped, the tests cannot be had"
    exit 0
  fi
fi
exec cargo run -q --locked -p nano-wpt -- ${arguments[@]+"${arguments[@]}"} "$dir" ${filters[@]+"${filters[@]}"}
