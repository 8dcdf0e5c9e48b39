#!/usr/bin/env bash
# Installs header, libraries, pkg-config file and notices below a prefix: install.sh [PREFIX], by default /usr/local.
# PROFILE=debug takes the debug build; DESTDIR is put before every path.
set -euo pipefail
prefix=${1:-}
prefix=${prefix:-/usr/local}
cd "$(dirname "$0")/.."
profile=${PROFILE:-release}
target=${CARGO_TARGET_DIR:-target}/$profile
# Always, because libraries that are there may be older than the header: cargo does nothing if they are not.
scripts/need.sh cargo cc
case "$profile" in release) flags=--release ;; *) flags= ;; esac
cargo build $flags --locked -p nano-ffi
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
major=${version%%.*}
to=${DESTDIR:-}$prefix
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

install -Dm644 include/nano.h "$to/include/nano.h"
install -Dm755 "$target/libnano.so" "$to/lib/libnano.so.$version"
strip --strip-unneeded "$to/lib/libnano.so.$version"
ln -sf "libnano.so.$version" "$to/lib/libnano.so.$major"
ln -sf "libnano.so.$major" "$to/lib/libnano.so"
mkdir -p "$to/lib/pkgconfig"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" nano-ffi/nano.pc.in >"$to/lib/pkgconfig/nano.pc"

# One object in which only nano_* is visible: another V8, another Rust or another libc++ in the program stays apart. Groups
# are resolved first, because a symbol that has become local can no longer stand for one. Of ICU's locks all that others refer to is
# wrapped, so nothing else would take them from the archive.
icu_locks=_ZN6icu_786UMutex8getMutexEv
ld -r --force-group-allocation $(cat third_party/v8/wraps*.txt | sed 's/^/--wrap=/') $(sed 's/^/-u /' nano-ffi/symbols.txt) -u $icu_locks \
  "$target/libnano.a" -o "$work/nano.o"
objcopy --strip-debug --keep-global-symbols=nano-ffi/symbols.txt "$work/nano.o"
rm -f "$to/lib/libnano.a"
# gcc-ar, because plain ar may try plugins of other compilers on the object.
gcc-ar rcs "$to/lib/libnano.a" "$work/nano.o"
chmod 644 "$to/lib/libnano.a"

# What others' licences ask to be passed on with the libraries.
command -v python3 >/dev/null || scripts/need.sh python
scripts/notices.py nano-ffi >"$work/THIRD-PARTY-NOTICES.txt"
install -Dm644 -t "$to/share/doc/nano" LICENSE-MIT LICENSE-APACHE "$work/THIRD-PARTY-NOTICES.txt"
echo "installed nano $version below $to"
