#!/usr/bin/env bash
# Builds the wheel: dist.sh debug|release OUT_DIR
# maturin looks at which symbols of the C library are needed, and gives the wheel the oldest manylinux tag that is true.
set -euo pipefail
cd "$(dirname "$0")"
profile=$1 out=$2
source ./venv.sh
cargo_profile=dev
[ "$profile" = release ] && cargo_profile=release
rm -f "$out"/nano_isolates-*.whl
# Where pyproject.toml looks for what belongs to the wheel's licences.
trap 'rm -f THIRD-PARTY-NOTICES.txt' EXIT
../../scripts/notices.py nano-python >THIRD-PARTY-NOTICES.txt
maturin build --quiet --locked --profile "$cargo_profile" --auditwheel check --interpreter "$venv/bin/python" --out "$out" 2>/dev/null ||
  maturin build --locked --profile "$cargo_profile" --auditwheel check --interpreter "$venv/bin/python" --out "$out" >&2
ls "$out"/nano_isolates-*.whl
