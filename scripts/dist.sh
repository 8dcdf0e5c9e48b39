#!/usr/bin/env bash
# Makes what people install, below target/dist: dist.sh [debug|release] [PART...]
# The part c is the tarball of header, libraries, nano.pc and notices; every other one is a folder of bindings with a dist.sh PROFILE OUT_DIR of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=release
case "${1:-}" in debug | release) profile=$1; shift ;; esac
parts=("$@")
if [ ${#parts[@]} = 0 ]; then
  parts=(c)
  for script in bindings/*/dist.sh; do parts+=("$(basename "$(dirname "$script")")"); done
fi
scripts/need.sh cargo cc
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
out=$target/dist
mkdir -p "$out"

dist_c() {
  local name work
  name=nano-$version-linux-$(uname -m)
  work=$(mktemp -d)
  DESTDIR=$work PROFILE=$profile scripts/install.sh "/$name" >/dev/null
  # Wherever it is unpacked.
  sed -i 's|^prefix=.*|prefix=${pcfiledir}/../..|' "$work/$name/lib/pkgconfig/nano.pc"
  cp LICENSE-MIT LICENSE-APACHE "$work/$name/"
  # The same bytes from the same files.
  tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf - "$name" | gzip -9n >"$out/$name.tar.gz"
  rm -rf "$work"
  echo "$out/$name.tar.gz"
}

for part in "${parts[@]}"; do
  if [ "$part" = c ]; then
    dist_c
  elif [ -x "bindings/$part/dist.sh" ]; then
    "bindings/$part/dist.sh" "$profile" "$out"
  else
    echo "dist.sh does not know $part" >&2
    exit 2
  fi
done
(cd "$out" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs -r sha256sum >SHA256SUMS)
