#!/usr/bin/env bash
# The Python binding, as people install it: builds the wheel, installs it into a virtual environment under target/, and runs its tests,
# the documentation's examples, and the type checkers: test.sh [debug|release]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
profile=${1:-debug}
root=$here/../..
venv=$root/target/python
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "bindings/python needs Python 3.10 or later" >&2; exit 1; }
stamp=$venv/requirements-$("$python" -c 'import sys; print(*sys.version_info[:3], sep=".")').txt
if ! cmp -s requirements-test.txt "$stamp"; then
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements-test.txt
  cp requirements-test.txt "$stamp"
fi
export PATH=$venv/bin:$PATH VIRTUAL_ENV=$venv
cargo_profile=dev
[ "$profile" = release ] && cargo_profile=release
rm -rf "$venv/wheels"
maturin build --quiet --locked --profile "$cargo_profile" --compatibility linux --interpreter "$venv/bin/python" --out "$venv/wheels"
pip install --quiet --disable-pip-version-check --no-deps --force-reinstall "$venv"/wheels/*.whl
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0
# From elsewhere, so that what is tested is what was installed.
(cd "$scratch" && python -m pytest -c "$here/pyproject.toml" --rootdir "$here" "$here/tests") || failed=1
(cd "$scratch" && python -m mypy.stubtest nano_isolates._nano) || failed=1
pyright --pythonpath "$venv/bin/python" -p . || failed=1
exit $failed
