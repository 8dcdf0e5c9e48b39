#!/usr/bin/env bash
# The Go binding against the library that was just built: vet, tests (the corpus, the hazards, the manual's examples), the same under the
# race detector, and the example: test.sh [debug|release]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
profile=${1:-debug}
root=$(cd "$here/../.." && pwd)
"$root/scripts/need.sh" go cc pkg-config
target=$(realpath "${CARGO_TARGET_DIR:-$root/target}")
command -v go >/dev/null || PATH=$(echo "$target"/tools/venv/lib/python3*/site-packages/go/bin):$PATH
library=$target/$profile/libnano.so
[ -e "$library" ] || { echo "no $library: cargo build -p nano-ffi first" >&2; exit 1; }
out=$target/go/$profile
mkdir -p "$out"
# What make install would lay down, over the library as it was built. The loader looks for the soname.
ln -sfn "$library" "$out/libnano.so"
ln -sfn libnano.so "$out/libnano.so.0"
sed -e "s|^libdir=.*|libdir=$out|" -e "s|^includedir=.*|includedir=$root/include|" -e "s|@VERSION@|0|" "$root/nano-ffi/nano.pc.in" >"$out/nano.pc"
export PKG_CONFIG_PATH=$out LD_LIBRARY_PATH=$out GOFLAGS=-mod=readonly GOWORK=off GOCACHE=${GOCACHE:-$target/go/cache}
cd "$here"
unformatted=$(gofmt -l . "$root/examples/go")
[ -z "$unformatted" ] || { echo "gofmt: $unformatted" >&2; exit 1; }
go vet ./...
go test ./...
go test -race ./...
cd "$root/examples/go"
go vet ./...
go test -race ./...
