#!/usr/bin/env bash
# Cargo calls this in place of rustc: the crates of this repository are built with coverage for libFuzzer, what they depend on is not.
# The flags are those of `cargo fuzz --sanitizer none`.
set -euo pipefail
coverage=(
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0
    -Ccodegen-units=1
    --cfg=fuzzing
)
case " $* " in
*" --crate-name nano_"*" --target "* | *" --crate-name "*" fuzz_targets/"*" --target "*) exec "$@" "${coverage[@]}" ;;
*) exec "$@" ;;
esac
