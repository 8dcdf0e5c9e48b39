#!/usr/bin/env bash
# The module as others use it, a tarball of its sources, which no profile changes: dist.sh debug|release FOLDER
set -euo pipefail
cd "$(dirname "$0")"
out=$(mkdir -p "$2" && cd "$2" && pwd)
name=nano-go-$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' ../../Cargo.toml)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/$name"
cp go.mod ./*.go ./*.c ./*.h ../../LICENSE-MIT ../../LICENSE-APACHE "$work/$name"
rm "$work/$name"/*_test.go
# The same bytes from the same files.
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mode=u+w,go-w --mtime=@0 -cf - "$name" | gzip -9n >"$out/$name.tar.gz"
