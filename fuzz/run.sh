#!/usr/bin/env bash
# Builds one fuzz target and runs it for a bounded time: fuzz/run.sh TARGET SECONDS
#
# It ends well after RUNS inputs (default 5,000,000) or SECONDS, whichever comes first, and badly on the first input
# that panics, takes over 10 s or over MEMORY_MB (default 512). That input is kept in fuzz/artifacts/TARGET; SECONDS may be
# followed by the path of such an input, to run nothing else. Seeds, -seed and addresses are fixed and what is found is not
# kept, so the same binary tries the same inputs; where threads take part, what they do with them differs.
#
# Stable Rust is enough: cover.sh has the flags of `cargo fuzz --sanitizer none`. Only the sanitizers need nightly,
# and they look for faults that code without `unsafe` does not have; that of the C ABI runs under AddressSanitizer in
# tests/c. libFuzzer itself is C++ inside libfuzzer-sys: any C++17 compiler builds it.
set -euo pipefail

usage='usage: fuzz/run.sh TARGET SECONDS [INPUT]'
target=${1:?$usage}
seconds=${2:?$usage}
input=${3:+$(realpath "$3")}
cd "$(dirname "$0")"

features=()
[ "$target" != abi_sequences ] || features=(--features abi)
host=$(rustc -vV | sed -n 's/^host: //p')
# Naming the target triple keeps what cover.sh adds away from build scripts, which do not link with it.
RUSTC_WRAPPER=$PWD/cover.sh cargo build --locked --release --target "$host" --bin "$target" "${features[@]}"
binary=${CARGO_TARGET_DIR:-target}/$host/release/$target

limits=(-timeout=10 -rss_limit_mb="${MEMORY_MB:-512}")
if [[ $input ]]; then
    exec "$binary" "${limits[@]}" "$input"
fi

# libFuzzer hashes addresses into what it counts as new.
fixed_addresses=()
setarch -R true 2>/dev/null && fixed_addresses=(setarch -R)

found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
mkdir -p "artifacts/$target"
# Of the two corpora libFuzzer writes to the first; reading it again would happen by the clock.
"${fixed_addresses[@]}" "$binary" "${limits[@]}" -seed=1 -reload=0 -max_len=512 \
    -runs="${RUNS:-5000000}" -max_total_time="$seconds" -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="artifacts/$target/" "$found" "seeds/$target"
