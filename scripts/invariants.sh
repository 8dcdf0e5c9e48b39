#!/usr/bin/env bash
# What ARCHITECTURE.md promises and grep can check.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
absent() { # absent WHY PATTERN PATH...
  local why=$1 pattern=$2
  shift 2
  if git grep -nE "$pattern" -- "$@"; then
    echo "invariant broken: $why" >&2
    failed=1
  fi
}
absent "no V8 type above nano-engine" '\bv8::' 'crates/nano-core/**.rs' 'crates/nano-base/**.rs' 'nano-ffi/**.rs' 'bindings/**.rs'
absent "no unsafe in nano-core" '\bunsafe\b' 'crates/nano-core/src/**.rs'
absent "no unsafe in the Python binding" '\bunsafe\b' 'bindings/python/src/**.rs'
absent "no unsafe in the Node binding but to be found by Node" '\bunsafe\b' 'bindings/node/src/**.rs' ':!bindings/node/src/register.rs'
absent "no unsafe in nano-crypto outside lc/" '\bunsafe\b' 'crates/nano-crypto/src/*.rs' ':!crates/nano-crypto/src/lc' ':!crates/nano-crypto/src/lib.rs'
absent "no socket, clock, V8 or unsafe code in nano-http" '\b(std::(net|time|thread|fs|io::Read)|mio::|v8::|unsafe [{f])' 'crates/nano-http/src/**.rs'
absent "no libc outside sys/" '\blibc::' 'crates/nano-core/**.rs' 'crates/nano-engine/**.rs' 'crates/nano-base/src/*.rs' ':!crates/nano-base/src/sys'
absent "no exported C function outside nano-ffi (but the linker's wrap)" 'no_mangle' 'crates/**.rs' ':!crates/nano-engine/src/engine' ':!crates/nano-base/src/sys/malloc.rs'
absent "nothing but crate::sync in the protocols between threads" 'std::(sync|thread|hint)' 'crates/nano-base/src/meet/*.rs'
absent "platform JavaScript is ASCII" '[^ -~	]' 'crates/nano-engine/src/web/js/*.js'
# A constructor that is not written spreads its arguments with the iterator of arrays, which an app can replace.
for file in crates/nano-engine/src/web/js/*.js crates/nano-engine/src/web/js/*/*.js; do
  awk -v file="$file" '
    function check() { if (class != "" && !constructed) { print file ": " class; bad = 1 } class = "" }
    /^ *class [A-Za-z]+ extends / { check(); class = $0; constructed = 0; indent = match($0, /[^ ]/) }
    /constructor\(/ { constructed = 1 }
    class != "" && match($0, /[^ ]/) == indent && /^ *}/ { check() }
    END { check(); exit bad }' "$file" || { echo "invariant broken: a class of the platform that extends another writes its constructor" >&2; failed=1; }
done
absent "no provider of cryptography for the whole process" 'install_default' 'crates/**.rs' 'nano-ffi/**.rs' 'bindings/**.rs'
absent "no tokio" '^name = "tokio"' Cargo.lock
absent "no printing from the library" '\b(e?println|dbg)!' 'crates/**.rs' 'nano-ffi/src/**.rs' ':!crates/*/build.rs' ':!**/tests/**'
for file in $(git ls-files '*.rs' '*.js' '*.c' | grep -v -e '^third_party/'); do
  lines=$(wc -l <"$file")
  if [ "$lines" -gt 800 ]; then
    echo "invariant broken: $file has $lines lines (800 at most)" >&2
    failed=1
  fi
done
(cd third_party/v8 && sha256sum --check --quiet SHA256SUMS) || { echo "invariant broken: third_party/v8 holds what its SHA256SUMS says" >&2; failed=1; }
[ "$(wc -l <ARCHITECTURE.md)" -le 250 ] || { echo "invariant broken: ARCHITECTURE.md is longer than 250 lines" >&2; failed=1; }
exit $failed
