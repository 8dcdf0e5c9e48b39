#!/usr/bin/env bash
# The Python binding, as people install it: builds the wheel, installs it into a virtual environment under target/, and runs its tests,
# the documentation's examples, and the type checkers: test.sh [debug|release]
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
profile=${1:-debug}
source ./venv.sh
mkdir -p "$venv/wheels"
./dist.sh "$profile" "$venv/wheels" >/dev/null
pip install --quiet --disable-pip-version-check --no-deps --force-reinstall "$venv"/wheels/*.whl
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
# From elsewhere, so that what is tested is what was installed.
(cd "$scratch" && python -m pytest -c "$here/pyproject.toml" --rootdir "$here" "$here/tests") || failed=1
(cd "$scratch" && python -m mypy.stubtest nano_isolates._nano) || failed=1
pyright --pythonpath "$venv/bin/python" -p . || failed=1
exit $failed
